"""The ridge path: leave-one-out errors of every alpha, by one eigendecomposition."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, eigh

from .._utils.threads import factorising
from ._cholesky import row_weights


class RidgePath(NamedTuple):
    """Cross-validation along a grid of ridges.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
    errors : ndarray of shape (n_alphas,)
        Mean squared error, by leave-one-out or its generalised form, summed over
        outputs.
    """

    alphas: np.ndarray
    errors: np.ndarray

    @property
    def best_alpha(self) -> float:
        """The ridge with the smallest error; the largest one among ties."""
        smallest = self.errors.min()
        return float(self.alphas[self.errors <= smallest * (1 + 1e-12)].max())


def ridge_path(
    K: np.ndarray,
    Y: np.ndarray,
    alphas,
    sample_weight=None,
    intercept=True,
    *,
    copies=None,
) -> RidgePath:
    """Return the leave-one-out error at each of `alphas`.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix; it is not changed.
    Y : ndarray of shape (n, k)
        Targets.
    alphas : array-like of shape (n_alphas,)
        Positive ridges.
    sample_weight : ndarray of shape (n,), default=None
        Positive weights.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    copies : float or ndarray of shape (n,), default=None
        How many copies each row stands for, of which one (or all, if there is less
        than one) is left out at a time. None means as many as its weight says.

    Returns
    -------
    RidgePath
    """
    n = len(K)
    s, copies = row_weights(sample_weight, copies, n)
    total, root = s.sum(), np.sqrt(s)
    # In place, and in the order of LAPACK: its own work takes two matrices more.
    A = np.array(K.T, np.float64, order="F")
    if intercept:  # the constant is fitted by centring, in the weighted mean
        p = s / total
        mean = K @ p
        A -= mean[:, None]
        A -= mean
        A += p @ mean
        Y = Y - p @ Y
    A *= root[:, None]
    A *= root
    lift = 0.0
    if intercept:
        # The constant is in the null space: lifted to the matrix's own size, it cannot
        # be confused with what rounding leaves of small eigenvalues.
        lift = max(float(np.trace(A)), np.finfo(float).tiny)
        A = blas.dger(lift / total, root, root, a=A, overwrite_a=1)
    with factorising(n):
        values, U = eigh(A, driver="evd", overwrite_a=True)
    values = np.maximum(values, 0.0)
    projected = U.T @ (root[:, None] * Y)
    squares = U * U
    share = np.minimum(1.0, copies) / copies
    alphas = np.asarray(alphas, dtype=np.float64)
    errors = np.empty(len(alphas))
    for k, alpha in enumerate(alphas):
        filtered = 1.0 / (values + alpha)
        residual = alpha * (U @ (filtered[:, None] * projected)) / root[:, None]
        leverage = 1.0 - alpha * (squares @ filtered)
        if intercept:
            leverage += alpha / (lift + alpha) * s / total
        room = np.maximum(1.0 - share * leverage, np.finfo(float).eps)
        errors[k] = s @ np.sum((residual / room[:, None]) ** 2, axis=1) / total
    return RidgePath(alphas, errors)
