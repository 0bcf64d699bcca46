"""The marginal likelihood of a Gaussian process."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from .._utils.arrays import is_elsewhere
from .._utils.threads import one_blas_thread
from ..solvers._cholesky import solve
from ..solvers._on_arrays import diagonal, with_outer
from ..solvers._row_weights import RowWeights
from ._base import Evaluation


@one_blas_thread()
def evidence(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    overwrite_K=False,
    *,
    free_scale=False,
) -> Evaluation:
    """Negative log marginal likelihood of a Gaussian process.

    The covariance of the process is the kernel matrix, and `alpha` is the variance of
    the noise. Outputs are independent. The intercept has a flat prior, as in restricted
    maximum likelihood.

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K
        As for `loo`.
    free_scale : bool, default=False
        Whether kernel and noise of each output have a common factor, which takes its
        most likely value. What is learned then depends neither on the units of the
        targets nor on a common factor of kernel and ridge. Outputs that do not vary are
        left out.

    Returns
    -------
    Evaluation
        In nats, summed over the outputs.

    Examples
    --------
    If the scale is free, a common factor of kernel and ridge changes nothing:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.objectives import evidence
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> here = evidence(K, Y, 0.1, free_scale=True).value
    >>> there = evidence(5.0 * K, Y, 0.5, free_scale=True).value
    >>> bool(np.isclose(here, there))
    True
    """
    weights = RowWeights.of(sample_weight, len(Y))
    s, copies = weights
    total = copies.sum()
    freedom = total - intercept
    free_scale = free_scale and freedom >= 1.0  # else the scale cannot be estimated
    if free_scale:
        Y = Y[:, np.ptp(Y, axis=0) > 0.0 if intercept else Y.any(axis=0)]
        units = np.abs(Y).max(axis=0)  # else squares of tiny numbers would underflow
        Y = Y / units
    k = Y.shape[1]
    solved = solve(K, Y, alpha, weights, intercept, overwrite_K)
    a, logdet = solved.dual_coef, solved.logdet
    # All copies of a row but one add the likelihood of their noise only.
    logdet += np.log(copies).sum() + (copies - 1.0) @ np.log(alpha * copies / s)
    squares = np.sum((Y - solved.intercept) * a, axis=0)
    value = logdet + total * np.log(2.0 * np.pi)
    value *= 0.5 * k
    if free_scale:
        scale = np.maximum(squares / freedom, 1e-300)
        value += freedom * np.sum(0.5 + 0.5 * np.log(scale) + np.log(units))
        a /= np.sqrt(scale)
    else:
        value += 0.5 * squares.sum()
    # In place: the transpose of a symmetric matrix is in the order that BLAS expects.
    if is_elsewhere(solved.P):
        M = with_outer(solved.P, 0.5 * k, a, a, -0.5)
    else:
        P = solved.P.T
        M = blas.dgemm(-0.5, a, a, beta=0.5 * k, c=P, trans_b=1, overwrite_c=1).T
    dalpha = diagonal(M) @ weights.noise(1.0) + 0.5 * k * (total - len(Y)) / alpha
    return Evaluation(float(value), M, float(dalpha))
