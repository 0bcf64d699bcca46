"""The exact leave-one-out error."""

from __future__ import annotations

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._cholesky import Solution, solve
from ..solvers._leave_one_out import leave_one_out
from ..solvers._row_weights import RowWeights
from ._base import Evaluation, second_order


@one_blas_thread()
def loo(
    K, Y, alpha, sample_weight=None, intercept=True, overwrite_K=False
) -> Evaluation:
    """Exact leave-one-out squared error: its mean over rows, summed over outputs.

    Of each row one copy is left out, or all of it if there is less than one.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge, in units of `K`; the noise of a row is ``alpha / weight``.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights. Integers count copies of a row; numbers of floating type say
        how much its error matters. None means ones.
    intercept : bool, default=True
        Whether there is a constant that the ridge does not penalise.
    overwrite_K : bool, default=False
        Whether the derivative may take the place of `K`.

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
    weights = RowWeights.of(sample_weight, len(K))
    solved = solve(K, Y, alpha, weights, intercept, overwrite_K)
    value, q, A, direct, scale = _terms(solved, alpha, weights)
    M = second_order(solved.P, q, A, solved.dual_coef, scale)
    dalpha = np.diag(M) @ weights.noise(1.0) + direct
    return Evaluation(value, M, float(dalpha))


def loo_along_alpha(
    solved: Solution, alpha: float, sample_weight=None
) -> tuple[float, float]:
    """Return `loo` of a solved problem and its derivative in the ridge alone.

    This takes quadratic time, as the derivative in the kernel matrix is not computed.

    Parameters
    ----------
    solved : Solution
        From `ntk_sklearn.solvers.solve`, with this ridge and these weights.
    alpha : float
    sample_weight : array-like of shape (n,) or RowWeights, default=None

    Returns
    -------
    value : float
    dalpha : float
    """
    weights = RowWeights.of(sample_weight, len(solved.P))
    value, q, A, direct, scale = _terms(solved, alpha, weights)
    # The diagonal of `second_order`, in no memory of its own.
    squares = np.einsum("ij,ij,j->i", solved.P, solved.P, q)
    diagonal = scale * (squares - np.sum(A * solved.dual_coef, axis=1))
    return value, float(diagonal @ weights.noise(1.0) + direct)


def _terms(solved, alpha, weights):
    """Return the value, what `second_order` takes, and what it adds to.

    In alpha itself, beyond its place on the diagonal, the derivative is `direct`.
    """
    P, s = solved.P, weights.weight
    total, left_out = s.sum(), weights.left_out
    E, left = leave_one_out(np.diag(P), solved.dual_coef, alpha, weights)
    square = np.sum(E * E, axis=1)
    B = alpha * E / left[:, None]
    direct = s @ square / alpha - (square * left_out * np.diag(P) / left).sum()
    scale = 2.0 / total
    q = square * left_out * alpha / left
    return float(s @ square / total), q, P @ B, scale * direct, scale
