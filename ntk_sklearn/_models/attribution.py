"""What each training row adds to the predictions of fitted ridge models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._attribution import contributions, influence
from ..solvers._cholesky import solve
from .base import DualModel, RidgeModel
from .ensemble import Ensemble
from .exact import ExactModel


def _dual(model: RidgeModel) -> DualModel:
    if not isinstance(model, DualModel):
        raise ValueError(
            "contributions of training rows need a coefficient for each of them, which "
            f"a {type(model).__name__} does not have; fit it, or a sample of the rows, "
            'with solver="cholesky" or "cg".'
        )
    return model


def _exact(model: RidgeModel) -> ExactModel:
    if not isinstance(model, ExactModel):
        raise ValueError(
            "the influence of training rows needs a factorisation of their kernel "
            f"matrix, which a {type(model).__name__} goes without; fit it, or a sample "
            'of the rows, with solver="cholesky".'
        )
    return model


@one_blas_thread()
def _model_contributions(model: RidgeModel, X) -> np.ndarray:
    model = _dual(model)
    out = np.empty((len(X), *model.dual_coef.shape))
    for block in model.slices(X, len(model.X)):
        K = model.kernel(model.encode(X[block]), model.X)
        out[block] = contributions(K, model.dual_coef)
    return out


@one_blas_thread()
def _model_influence(model: RidgeModel, X, groups) -> np.ndarray:
    model = _exact(model)
    weights, K = model.rows.solve_weights, model.kernel(model.X)
    solution = solve(K, model.rows.Y, model.alpha, weights, model.fit_intercept, True)
    n_columns = len(model.X) if groups is None else len(groups)
    out = np.empty((len(X), n_columns, model.dual_coef.shape[1]))
    for block in model.slices(X, len(model.X)):
        K = model.kernel(model.encode(X[block]), model.X)
        out[block] = influence(solution, K, model.alpha, weights, groups)
    return out


def _model_residuals(model: RidgeModel) -> np.ndarray:
    model = _exact(model)
    return model.rows.solve_weights.noise(model.alpha)[:, None] * model.dual_coef


def ensemble_contributions(ensemble: Ensemble, X: np.ndarray) -> np.ndarray:
    """Return the part of each training row in the blended predictions.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.
    X : ndarray of shape (m, n_features)
        Raw rows to predict.

    Returns
    -------
    ndarray of shape (m, n, k)
        Over training rows they sum to the predictions minus the constants.
    """
    return ensemble.blended(_model_contributions(model, X) for model in ensemble.models)


def ensemble_influence(
    ensemble: Ensemble, X: np.ndarray, groups: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Return how blended predictions change if training rows are left out.

    The kernels, the ridges and the shares of the models stay as they are.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.
    X : ndarray of shape (m, n_features)
        Raw rows to predict.
    groups : sequence of ndarray of int or None
        Sets of training rows that are left out together. None means one copy of each
        row for itself.

    Returns
    -------
    ndarray of shape (m, n, k) or (m, n_groups, k)
        The predictions with all rows minus those without the row or group.
    """
    return ensemble.blended(
        _model_influence(model, X, groups) for model in ensemble.models
    )


def own_influence(ensemble: Ensemble) -> np.ndarray:
    """Return by how much the squared error of each training row grows without it.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models, all exact.

    Returns
    -------
    ndarray of shape (n, k)
    """
    residuals = ensemble.blended(_model_residuals(model) for model in ensemble.models)
    held_out = ensemble.held_out
    return (held_out.targets - held_out.predictions) ** 2 - residuals**2


def blended_intercept(ensemble: Ensemble) -> np.ndarray:
    """Return the constant of the blended predictions, (k,)."""
    return ensemble.blended(model.intercept for model in ensemble.models)
