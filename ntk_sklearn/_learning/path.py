"""The choice of the ridge on a grid, by the leave-one-out error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .._utils.arrays import Place
from ..kernels._on_rows import matrix_at
from ..objectives._loo import loo_along_alpha
from ..solvers._cholesky import solve
from ..solvers._on_arrays import submatrix
from ..solvers._spectrum import ridge_path
from .ridge import PATH_ALPHAS, kernel_unit
from .spec import LearnedKernel
from .subsets import in_order, spread_rows
from .training_set import TrainingSet

# With more rows than the first number, an eigendecomposition takes longer than a few
# Cholesky factorisations: then the whole path is computed for as many rows as the
# second number alone, and all rows walk from its minimum to the next of their own.
_MOST_ROWS, _FEW_ROWS = 1500, 1000
# Errors that differ by less are equal, and the larger ridge is taken.
_TIE = 1e-12


def best_on_path(
    kernel: Kernel,
    rows: TrainingSet,
    bounds: tuple[float, float],
    intercept: bool,
    place: Place | None = None,
) -> LearnedKernel:
    """Return the ridge with the smallest leave-one-out error, the kernel as it is.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    rows : TrainingSet
        The rows to learn from, their inputs encoded.
    bounds : pair of float
        The bounds of the ridge.
    intercept : bool
        Whether a constant that the ridge does not penalise is fitted.
    place : Place, default=None
        Where the kernel matrix is held; None means NumPy.

    Returns
    -------
    LearnedKernel
        Its path has two values: at the first ridge that was tried on all rows (the
        largest of a whole grid), and at the best.
    """
    K = matrix_at(place, kernel, rows.X)
    alphas = PATH_ALPHAS * kernel_unit(K, rows.weights)
    alphas = np.unique(np.clip(alphas, *bounds))
    if rows.n_rows <= _MOST_ROWS or np.ndim(rows.X) != 2:
        tried = ridge_path(K, rows.Y, alphas, rows.weights, intercept)
        path = [float(tried.errors[-1]), float(tried.errors.min())]
        best = tried.best_alpha
    else:
        first = _best_of_few(K, rows, alphas, intercept)

        def along(alpha):
            found = solve(K, rows.Y, alpha, rows.weights, intercept)
            return loo_along_alpha(found, alpha, rows.weights)

        best, path = _walk(along, alphas, first)
    n_rows = [rows.n_rows] * 2
    return LearnedKernel(kernel, best, bounds, path, n_rows)


def _best_of_few(K, rows: TrainingSet, alphas, intercept: bool) -> int:
    """Return the position of the best ridge of a subset of the rows."""
    some = spread_rows(in_order(rows.X, rows.Y), _FEW_ROWS)
    few = rows.take(some)
    tried = ridge_path(submatrix(K, some), few.Y, alphas, few.weights, intercept)
    return int(np.searchsorted(alphas, tried.best_alpha))


def _walk(along: Callable, alphas, place: int) -> tuple[float, list[float]]:
    """Walk along a grid, downhill, to the next minimum.

    Parameters
    ----------
    along : callable
        ``along(alpha)`` returns the error and its slope.
    alphas : ndarray of shape (n_alphas,)
        The grid, smallest first.
    place : int
        The position to start from.

    Returns
    -------
    best : float
        The ridge at the minimum.
    path : list of float
        The error at the start and at the minimum.
    """
    value, slope = along(alphas[place])
    step, start = (-1 if slope > 0.0 else 1), value
    while 0 <= place + step < len(alphas):
        other, _ = along(alphas[place + step])
        if other > value * (1.0 + step * _TIE):
            break
        place, value = place + step, other
    return float(alphas[place]), [start, value]
