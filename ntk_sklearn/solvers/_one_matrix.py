"""The solution of a ridge problem with no other matrix than the kernel's."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve
from sklearn.exceptions import ConvergenceWarning

from .._utils.arrays import is_elsewhere
from .._utils.warnings import warn
from ._cholesky import centred_kernel, kernel_factor, solve, warn_jitter
from ._conjugate_gradient import IterativeSolution, NotConverged, conjugate_solve
from ._row_weights import RowWeights

# An iteration takes about as long as this share of a factorisation, times the number of
# rows; with more iterations for all outputs a factorisation would have been faster.
_SHARE, _FEWEST_ITERATIONS = 20, 100


def solve_in_place(K, Y, alpha: float, weights: RowWeights, intercept: bool):
    """Solve a ridge problem by conjugate gradients, or else by a factorisation.

    If the iterations do not converge, the kernel matrix is factorised in its own
    memory. The solution is the same.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix. Its memory may be used, if it is one of NumPy.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge.
    weights : RowWeights
        Weights of the rows.
    intercept : bool
        Whether a constant that the ridge does not penalise is fitted.

    Returns
    -------
    IterativeSolution
    """
    n = K.shape[0]
    most = max(n // _SHARE, _FEWEST_ITERATIONS)
    try:
        return conjugate_solve(K, Y, alpha, weights, intercept, max_iter=most)
    except NotConverged:
        warn(
            f"conjugate gradients did not converge in {most} iterations, because the "
            f"ridge, {alpha:.2g}, is small beside the kernel matrix of {n} rows. "
            "The matrix is factorised instead: the model is the same, and takes "
            "longer. A larger alpha, or a larger lower one of alpha_bounds, would let "
            "them converge.",
            ConvergenceWarning,
        )
    return _factorised(K, Y, alpha, weights, intercept)


def _factorised(K, Y, alpha, weights, intercept) -> IterativeSolution:
    """Solve a ridge problem by a factorisation in the memory of the kernel matrix."""
    if is_elsewhere(K):
        found = solve(K, Y, alpha, weights, intercept)
        warn_jitter(found.jitter, alpha)
        return IterativeSolution(found.dual_coef, found.intercept, 0)
    noise = weights.noise(alpha)
    shift, offset = np.zeros(len(K)), 0.0
    if intercept:
        K, shift, offset = centred_kernel(K, overwrite_K=True)
    factor, jitter = kernel_factor(K, noise, overwrite_K=True)
    warn_jitter(jitter, alpha)
    lower = factor, True
    if not intercept:
        dual = cho_solve(lower, Y)
        return IterativeSolution(dual, np.zeros(Y.shape[1]), 0)
    solved = cho_solve(lower, np.column_stack([Y, np.ones(len(Y))]))
    ones = solved[:, -1]
    mean = (ones @ Y) / ones.sum()
    dual = solved[:, :-1] - np.outer(ones, mean)
    b = mean - shift @ dual - offset * dual.sum(axis=0)
    return IterativeSolution(dual, b, 0)
