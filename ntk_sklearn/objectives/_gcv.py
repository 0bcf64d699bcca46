"""Generalised cross-validation."""

from __future__ import annotations

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._cholesky import solve
from ..solvers._on_arrays import diagonal, times
from ..solvers._row_weights import RowWeights
from ._base import Evaluation, second_order


@one_blas_thread()
def gcv(
    K, Y, alpha, sample_weight=None, intercept=True, overwrite_K=False
) -> Evaluation:
    """Generalised cross-validation: leave-one-out with the mean leverage for all rows.

    Without an intercept it equals the kernel alignment risk estimate (KARE) of Jacot et
    al. 2020 and Schwab et al. 2025 at ``z = alpha / n``.

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K
        As for `loo`.

    Returns
    -------
    Evaluation
        In squared units of the targets.

    Examples
    --------
    If all rows have the same leverage, it equals the leave-one-out error:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.objectives import gcv, loo
    >>> angles = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
    >>> K = NTKernel()(np.column_stack([np.cos(angles), np.sin(angles)]))
    >>> Y = np.sin(3.0 * angles)[:, None]
    >>> bool(np.isclose(gcv(K, Y, 0.1).value, loo(K, Y, 0.1).value))
    True
    """
    weights = RowWeights.of(sample_weight, len(Y))
    s, copies = weights
    total, left_out = copies.sum(), np.minimum(1.0, copies)
    q = left_out / s
    solved = solve(K, Y, alpha, weights, intercept, overwrite_K)
    P, a = solved.P, solved.dual_coef
    residual = alpha * a / s[:, None]
    N = float(s @ np.sum(residual**2, axis=1))
    T = float(diagonal(P) @ q)
    D = total - left_out.sum() + alpha * T
    value = N / s.sum() * (total / D) ** 2
    scale = 2.0 * value * alpha / D
    B = alpha * D / N * times(P, a / s[:, None]) if N > 0 else np.zeros_like(a)
    M = second_order(P, q, B, a, scale)
    dalpha = diagonal(M) @ weights.noise(1.0) + 2.0 * value * (1.0 / alpha - T / D)
    return Evaluation(value, M, float(dalpha))
