"""What each training row adds to the predictions of a ridge problem that is solved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._utils.arrays import to_numpy
from ._cholesky import Solution
from ._row_weights import RowWeights


def contributions(K_test: np.ndarray, dual_coef: np.ndarray) -> np.ndarray:
    """Return the terms, one for each training row, that sum to a prediction.

    Parameters
    ----------
    K_test : ndarray of shape (m, n)
        The kernel of the rows to predict with the training rows.
    dual_coef : ndarray of shape (n, k)
        The coefficients of the training rows.

    Returns
    -------
    ndarray of shape (m, n, k)
        Over training rows they sum to the predictions minus the constant.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import contributions, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K = NTKernel()(X)
    >>> found = solve(K, np.sin(3.0 * X), alpha=0.1)
    >>> parts = contributions(K, found.dual_coef)
    >>> np.allclose(parts.sum(axis=1), K @ found.dual_coef)
    True
    """
    return K_test[:, :, None] * dual_coef


def smoother(solution: Solution, K_test: np.ndarray) -> np.ndarray:
    """Return the weights of the training targets in predictions.

    They are the derivatives of the predictions with respect to the targets.

    Parameters
    ----------
    solution : Solution
        The solution of the ridge problem.
    K_test : ndarray of shape (m, n)
        The kernel of the rows to predict with the training rows.

    Returns
    -------
    ndarray of shape (m, n)
        With an intercept, the weights of each row to predict sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import smoother, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = solve(K, Y, alpha=0.1)
    >>> predicted = K @ found.dual_coef + found.intercept
    >>> np.allclose(smoother(found, K) @ Y, predicted)
    True
    """
    return to_numpy(K_test @ solution.P) + solution.intercept_weights


def influence(
    solution: Solution,
    K_test: np.ndarray,
    alpha: float,
    sample_weight=None,
    groups: list[np.ndarray] | None = None,
) -> np.ndarray:
    r"""Return the exact change of predictions if training rows were left out.

    With q the weights of `smoother`, a the coefficients and P the matrix of the
    solution, leaving out the rows I changes the prediction by
    :math:`q_I P_{II}^{-1} a_I`. Nothing is fitted again.

    Parameters
    ----------
    solution : Solution
        The solution of the ridge problem.
    K_test : ndarray of shape (m, n)
        The kernel of the rows to predict with the training rows.
    alpha : float
        The ridge of the solution.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        The weights of the solution: integers count copies. None means ones.
    groups : list of ndarray of int, default=None
        Sets of rows that are left out together, each row number as often as copies of
        it are left out. None means one copy of each row for itself.

    Returns
    -------
    ndarray of shape (m, n, k), or (m, n_groups, k)
        The predictions with all rows minus those without the row or group.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import influence, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = solve(K, Y, alpha=0.1)
    >>> change = influence(found, K, alpha=0.1)
    >>> rest = solve(K[1:, 1:], Y[1:], alpha=0.1)  # without the first row
    >>> before = K @ found.dual_coef + found.intercept
    >>> after = K[:, 1:] @ rest.dual_coef + rest.intercept
    >>> np.allclose(change[:, 0], before - after)
    True
    """
    q, dual = smoother(solution, K_test), solution.dual_coef
    weights = RowWeights.of(sample_weight, len(dual))
    if groups is None:
        return row_changes(q, np.diag(solution.P), dual, alpha, weights)
    P = solution.P
    return group_changes(
        q, lambda rows: P[np.ix_(rows, rows)], dual, alpha, weights, groups
    )


def row_changes(q, precision, dual_coef, alpha, weights: RowWeights) -> np.ndarray:
    """Return the changes of predictions if one copy of a row is left out.

    Parameters
    ----------
    q : ndarray of shape (m, n)
        The weights with which predictions are means of targets.
    precision : ndarray of shape (n,)
        The diagonal of the matrix P of the problem.
    dual_coef : ndarray of shape (n, k)
        The coefficients of the rows.
    alpha : float
        The ridge.
    weights : RowWeights
        The weights of the rows.

    Returns
    -------
    ndarray of shape (m, n, k)
    """
    kept = _kept(weights.left_out, weights.noise(alpha))
    return q[:, :, None] * (dual_coef / (kept + precision)[:, None])


def group_changes(
    q, precision: Callable, dual_coef, alpha, weights: RowWeights, groups
) -> np.ndarray:
    """Return the changes of predictions if groups of rows are left out.

    Parameters
    ----------
    q, dual_coef, alpha, weights
        As for `row_changes`.
    precision : callable
        A function of the numbers of some rows that returns the block of the matrix P of
        these rows.
    groups : list of ndarray of int
        The groups: each row number as often as copies of it are left out.

    Returns
    -------
    ndarray of shape (m, n_groups, k)
    """
    noise = weights.noise(alpha)
    changes = np.empty((len(q), len(groups), dual_coef.shape[1]))
    for place, group in enumerate(groups):
        rows, copies = np.unique(np.asarray(group, dtype=int), return_counts=True)
        left = np.minimum(copies / weights.multiplicity[rows], 1.0)
        A = precision(rows) + np.diag(_kept(left, noise[rows]))
        changes[:, place] = q[:, rows] @ np.linalg.solve(A, dual_coef[rows])
    return changes


def _kept(left_out, noise):
    """Return the number that stands for what is kept of a row: zero for nothing.

    A row that loses one of its copies keeps the others, with more noise.
    """
    return (1.0 - left_out) / (left_out * noise)
