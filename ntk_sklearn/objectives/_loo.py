"""The exact leave-one-out error."""

from __future__ import annotations

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._cholesky import Solution, solve
from ..solvers._leave_one_out import leave_one_out
from ..solvers._on_arrays import diagonal, times, weighted_squares
from ..solvers._row_weights import RowWeights
from ._base import Evaluation, second_order


@one_blas_thread()
def loo(
    K, Y, alpha, sample_weight=None, intercept=True, overwrite_K=False
) -> Evaluation:
    """Exact leave-one-out squared error: its mean over rows, summed over outputs.

    One copy of each row is left out at a time; a row that counts for less than one copy
    is left out as a whole.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge, which is added to the diagonal of `K` after division by the weights.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights of the rows. Integers count copies of a row; floating numbers
        say how much its error matters. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    overwrite_K : bool, default=False
        Whether the memory of `K` may be used for the derivative.

    Returns
    -------
    Evaluation
        In squared units of the targets.

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``K + alpha / weight`` is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.objectives import loo
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> found = loo(NTKernel()(X), np.sin(3.0 * X), alpha=0.1)
    >>> bool(found.value < np.var(np.sin(3.0 * X)))
    True
    >>> found.dK.shape
    (20, 20)
    """
    weights = RowWeights.of(sample_weight, len(Y))
    solved = solve(K, Y, alpha, weights, intercept, overwrite_K)
    value, q, A, direct, scale = _terms(solved, alpha, weights)
    M = second_order(solved.P, q, A, solved.dual_coef, scale)
    dalpha = diagonal(M) @ weights.noise(1.0) + direct
    return Evaluation(value, M, float(dalpha))


def loo_along_alpha(
    solved: Solution, alpha: float, sample_weight=None
) -> tuple[float, float]:
    """Return `loo` of a solved problem, and its derivative with respect to the ridge.

    It takes quadratic time, because the derivative with respect to the kernel matrix is
    not computed.

    Parameters
    ----------
    solved : Solution
        The result of `ntk_sklearn.solvers.solve` with this ridge and these weights.
    alpha : float
        The ridge.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        The weights of the rows.

    Returns
    -------
    value : float
        The leave-one-out error.
    dalpha : float
        Its derivative.
    """
    weights = RowWeights.of(sample_weight, len(solved.dual_coef))
    value, q, A, direct, scale = _terms(solved, alpha, weights)
    # The diagonal of `second_order`, without computing the matrix.
    squares = weighted_squares(solved.P, q)
    diagonal = scale * (squares - np.sum(A * solved.dual_coef, axis=1))
    return value, float(diagonal @ weights.noise(1.0) + direct)


def _terms(solved, alpha, weights):
    """Return the value, the arguments of `second_order`, and one more derivative.

    Returns
    -------
    value : float
        The leave-one-out error.
    q, A : ndarray
        Arguments of `second_order`; its argument B is the dual coefficients.
    direct : float
        The derivative with respect to alpha where it is not on the diagonal of K.
    scale : float
        Argument of `second_order`.
    """
    P, s = solved.P, weights.weight
    total, left_out = s.sum(), weights.left_out
    E, left = leave_one_out(diagonal(P), solved.dual_coef, alpha, weights)
    square = np.sum(E * E, axis=1)
    B = alpha * E / left[:, None]
    direct = s @ square / alpha - (square * left_out * diagonal(P) / left).sum()
    scale = 2.0 / total
    q = square * left_out * alpha / left
    return float(s @ square / total), q, times(P, B), scale * direct, scale
