"""Predictions of new rows by models that are fitted without one of their rows.

Nothing is fitted again but with conjugate gradients. If ``q(x)`` are the weights of the
targets in the prediction f(x), and row i is left out, the prediction is
``f(x) - q_i(x) e_i``, with ``e_i`` the leave-one-out residual of the row. For the exact
solution this is the formula of `ntk_sklearn.solvers.influence`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import NamedTuple

import numpy as np

from .._utils.arrays import Place
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._attribution import smoother
from ..solvers._conjugate_gradient import IterativeSolution
from ..solvers._features import multiply
from ..solvers._one_matrix import solve_in_place
from .base import HeldOut, RidgeModel, row_slices
from .clustered import ClusteredModel
from .dual import SolvedRows
from .ensemble import Ensemble
from .exact import ExactModel
from .iterative import IterativeModel
from .nystrom import NystromModel

# Folds of a model that was solved by conjugate gradients, each of which is fitted anew.
_FOLDS = 5
# Numbers that are held for each held-out row, output and row to predict.
_PER_PAIR = 8


class LeftOut(NamedTuple):
    """Held-out rows, and the predictions of new rows without each of them.

    Attributes
    ----------
    held_out : HeldOut
        The s held-out rows, each with its prediction by a model fitted without it.
    predict : callable
        Function from b raw rows to an array of shape (b, s, k): the prediction of each
        row by the model that was fitted without each held-out row.
    likely_error : float
        The size of a usual error on new rows, in units of the errors of held-out ones,
        which have taken part in learning the kernel.
    """

    held_out: HeldOut
    predict: Callable[[np.ndarray], np.ndarray]
    likely_error: float


@singledispatch
def left_out(model: RidgeModel, place: Place | None = None) -> LeftOut:
    """Return the held-out rows of a model, and its predictions without each of them.

    Parameters
    ----------
    model : RidgeModel
        The fitted model. All rows of an exact model are held out in turn, and the rows
        that the kernel was learned from of a Nyström or clustered one. A model that was
        solved by conjugate gradients is fitted again without each of five folds.
    place : Place, default=None
        Where matrices are computed; None means by NumPy, which computes those of
        clustered models in any case.

    Returns
    -------
    LeftOut
    """
    raise TypeError(f"no leave-one-out predictions by a {type(model).__name__}.")


def _without_one(held_out: HeldOut, fitted, weights) -> np.ndarray:
    """Return predictions without each held-out row, (b, s, k).

    Parameters
    ----------
    held_out : HeldOut
        The held-out rows.
    fitted : ndarray of shape (b, k)
        The predictions with all rows.
    weights : ndarray of shape (b, s)
        The weights of the held-out targets in these predictions, of the part of each
        row that is left out.
    """
    residuals = held_out.targets - held_out.predictions
    return fitted[:, None] - weights[:, :, None] * residuals


@left_out.register
def _exact(model: ExactModel, place: Place | None = None) -> LeftOut:
    rows = SolvedRows(model, place)

    @one_blas_thread()
    def predict(X):
        K = rows.kernel(X)
        fitted = multiply(K, model.dual_coef) + model.intercept
        q = smoother(rows.solution, K) * rows.weights.left_out
        return _without_one(model.held_out, fitted, q)

    return LeftOut(model.held_out, predict, model.likely_error)


@left_out.register
def _nystrom(model: NystromModel, place: Place | None = None) -> LeftOut:
    held_out, scored = model.held_out, model.scored
    covariance = model.system_at(place).covariance(scored.X, model.alpha)
    share = held_out.weights.weight * held_out.weights.left_out

    @one_blas_thread()
    def predict(X):
        fitted = model.predict(X, place)
        return _without_one(held_out, fitted, covariance(X) * share)

    return LeftOut(held_out, predict, model.likely_error)


@left_out.register
def _clustered(model: ClusteredModel, _place: Place | None = None) -> LeftOut:
    held_out = model.held_out

    @one_blas_thread()
    def predict(X):
        q = model.target_weights(X) * held_out.weights.left_out
        return _without_one(held_out, model.predict(X), q)

    return LeftOut(held_out, predict, model.likely_error)


@left_out.register
def _iterative(model: IterativeModel, place: Place | None = None) -> LeftOut:
    rows = model.rows
    if rows.n_rows < 2:
        raise ValueError(
            f"leave-one-out predictions need at least 2 rows, got {rows.n_rows}."
        )
    fold = np.arange(rows.n_rows) % min(_FOLDS, rows.n_rows)
    np.random.RandomState(0).shuffle(fold)
    folds = range(fold.max() + 1)
    fits = [_without_fold(model, fold == number, place) for number in folds]
    duals = np.hstack([fit.dual_coef for fit in fits])
    constants = np.stack([fit.intercept for fit in fits])

    @one_blas_thread()
    def by_fold(Z):
        """Return the predictions of encoded rows without each fold, (b, folds, k)."""
        K = matrix_at(place, model.kernel, Z, model.X)
        return multiply(K, duals).reshape(len(Z), *constants.shape) + constants

    held_out = np.empty(rows.Y.shape)
    for block in row_slices(rows.n_rows, rows.n_rows):
        mine = fold[block]
        held_out[block] = by_fold(model.X[block])[np.arange(len(mine)), mine]
    return LeftOut(
        HeldOut(held_out, rows.Y, rows.solve_weights),
        lambda X: by_fold(model.encode(X))[:, fold],
        model.likely_error,
    )


@one_blas_thread()
def _without_fold(
    model: IterativeModel, fold: np.ndarray, place: Place | None
) -> IterativeSolution:
    """Fit a model again without the rows of a fold, whose coefficients are zero."""
    rows, kept = model.rows, np.flatnonzero(~fold)
    found = solve_in_place(
        matrix_at(place, model.kernel, model.X[kept]),
        rows.Y[kept],
        model.alpha,
        rows.solve_weights.take(kept),
        model.fit_intercept,
    )
    dual_coef = np.zeros(rows.Y.shape)
    dual_coef[kept] = found.dual_coef
    return found._replace(dual_coef=dual_coef)


def left_out_blocks(part: LeftOut, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of raw rows, and their predictions without each held-out row.

    Parameters
    ----------
    part : LeftOut
        The held-out rows and the predictions.
    X : ndarray of shape (n, n_features)
        Raw rows, of which as many are predicted at a time as fit scikit-learn's working
        memory.

    Yields
    ------
    block : slice
    predictions : ndarray of shape (b, s, k)
    """
    pairs = part.held_out.targets.size
    for block in row_slices(len(X), _PER_PAIR * pairs):
        yield block, part.predict(X[block])


def ensemble_left_out(ensemble: Ensemble, place: Place | None = None) -> LeftOut:
    """Return the blended predictions of an ensemble without each held-out row.

    The kernels, the ridges, the shares of the models and their mixing stay as they are.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.
    place : Place, default=None
        As for `left_out`.

    Returns
    -------
    LeftOut
    """
    parts = [left_out(model, place) for model in ensemble.models]
    predictions = ensemble.blended(part.held_out.predictions for part in parts)

    def predict(X):
        return ensemble.blended(part.predict(X) for part in parts)

    held_out = parts[0].held_out._replace(predictions=predictions)
    likely = float(ensemble.shares @ [part.likely_error for part in parts])
    return LeftOut(held_out, predict, likely)
