"""What each training row adds to the predictions of fitted ridge models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._learning.training_set import TrainingSet
from .._utils.threads import one_blas_thread
from ..solvers._attribution import contributions, group_changes, row_changes
from ..solvers._leave_one_out import leave_one_out
from .base import RidgeModel
from .ensemble import Ensemble
from .exact import ExactModel


@one_blas_thread()
def _model_contributions(model: RidgeModel, X, training) -> np.ndarray:
    rows = model.attributed(training)
    dual = rows.dual_coef
    out = np.empty((len(X), *dual.shape))
    for block in model.slices(X, len(dual)):
        out[block] = contributions(rows.kernel(X[block]), dual)
    return out


@one_blas_thread()
def _model_influence(model: RidgeModel, X, groups, training) -> np.ndarray:
    rows = model.attributed(training)
    facts = rows.dual_coef, model.alpha, rows.weights
    n, k = rows.dual_coef.shape
    out = np.empty((len(X), n if groups is None else len(groups), k))
    for block in model.slices(X, n):
        q = rows.smoother(X[block])
        if groups is None:
            out[block] = row_changes(q, rows.diagonal, *facts)
        else:
            out[block] = group_changes(q, rows.precision, *facts, groups)
    return out


@one_blas_thread()
def _model_loo(model: RidgeModel) -> np.ndarray:
    """Return the leave-one-out predictions of all training rows."""
    if isinstance(model, ExactModel):  # they are known, without a factorisation
        return model.held_out.predictions
    rows = model.attributed(None)
    facts = rows.dual_coef, model.alpha, rows.weights
    return rows.targets - leave_one_out(rows.diagonal, *facts)[0]


def _model_residuals(model: RidgeModel) -> np.ndarray:
    """Return the residuals of the training rows, fitted and leave-one-out."""
    rows = model.attributed(None)
    fitted = rows.weights.noise(model.alpha)[:, None] * rows.dual_coef
    return np.stack([fitted, rows.targets - _model_loo(model)])


def ensemble_contributions(
    ensemble: Ensemble, X: np.ndarray, training: TrainingSet | None
) -> np.ndarray:
    """Return the part of each training row in the blended predictions.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.
    X : ndarray of shape (m, n_features)
        Raw rows to predict.
    training : TrainingSet or None
        The raw training rows of Nyström models, which do not keep them.

    Returns
    -------
    ndarray of shape (m, n, k)
        Over training rows they sum to the predictions minus the constants.
    """
    return ensemble.blended(
        _model_contributions(model, X, training) for model in ensemble.models
    )


def ensemble_influence(
    ensemble: Ensemble,
    X: np.ndarray,
    groups: Sequence[np.ndarray] | None,
    training: TrainingSet | None,
) -> np.ndarray:
    """Return how blended predictions change if training rows are left out.

    The kernels, the ridges and the shares of the models stay as they are, and so do
    centres and clusters.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.
    X : ndarray of shape (m, n_features)
        Raw rows to predict.
    groups : sequence of ndarray of int or None
        Sets of training rows that are left out together. None means one copy of each
        row for itself.
    training : TrainingSet or None
        The raw training rows of Nyström models, which do not keep them.

    Returns
    -------
    ndarray of shape (m, n, k) or (m, n_groups, k)
        The predictions with all rows minus those without the row or group.
    """
    return ensemble.blended(
        _model_influence(model, X, groups, training) for model in ensemble.models
    )


def ensemble_loo(ensemble: Ensemble) -> np.ndarray:
    """Return the blended leave-one-out predictions of all training rows.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models, which keep their rows.

    Returns
    -------
    ndarray of shape (n, k)
    """
    return ensemble.blended(map(_model_loo, ensemble.models))


def own_influence(ensemble: Ensemble) -> np.ndarray:
    """Return by how much the squared error of each training row grows without it.

    It is that of the outputs before they are mixed, which predict the targets.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models, which keep their rows.

    Returns
    -------
    ndarray of shape (n, k)
    """
    unmixed = ensemble._replace(mixing=None)
    fitted, left = unmixed.blended(map(_model_residuals, ensemble.models))
    return left**2 - fitted**2


def blended_intercept(ensemble: Ensemble) -> np.ndarray:
    """Return the constant of the blended predictions, (k,)."""
    return ensemble.blended(model.intercept for model in ensemble.models)
