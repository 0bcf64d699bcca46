"""Ridge on a kernel matrix without factorising it in float64.

Both solvers are conjugate gradients, on ``K + alpha / sample_weight`` made symmetric in
the weights; they differ in the preconditioner: a Nyström approximation of K, or the
Cholesky factor of the whole matrix in float32, which makes them iterative refinement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve, lapack
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.utils import check_random_state

from .._utils.threads import factorising


class IterativeSolution(NamedTuple):
    """Dual coefficients (n, k), intercept (k,), and the number of iterations."""

    dual_coef: np.ndarray
    intercept: np.ndarray
    n_iter: int


def pivoted_features(K, diagonal, rank, random_state=0) -> np.ndarray:
    """Approximate a kernel matrix by ``F F'``: randomly pivoted Cholesky.

    Each pivot is drawn with probability proportional to what is still unexplained of
    its diagonal [1]_.

    References
    ----------
    .. [1] Chen, Epperly, Tropp and Webber, "Randomly pivoted Cholesky", 2022.
    """
    rng = check_random_state(random_state)
    n = len(K)
    F = np.zeros((n, rank), order="F")
    left = diagonal.copy()
    for r in range(rank):
        total = left.sum()
        if not total > 1e-14 * diagonal.sum():
            return F[:, :r]
        pivot = rng.choice(n, p=left / total)
        column = K[pivot] - F[:, :r] @ F[pivot, :r]
        # What is left is not negative; the column's own entry may be, by rounding.
        F[:, r] = column / np.sqrt(left[pivot])
        left = np.maximum(left - F[:, r] ** 2, 0.0)
        left[pivot] = 0.0
    return F


def _nystrom_inverse(F, alpha):
    """Return the function ``v -> (F F' + alpha)^-1 v``."""
    with factorising(F.shape[1]):
        A = blas.dsyrk(1.0, F, trans=1, lower=1)
        A.flat[:: len(A) + 1] += alpha
        factor = cho_factor(A, lower=True, overwrite_a=True)
    return lambda v: (v - F @ cho_solve(factor, F.T @ v)) / alpha


def _single_inverse(K, root, alpha):
    """Return the function ``v -> (K + alpha)^-1 v`` of a float32 factorisation."""
    A = np.multiply(K, root[:, None] * root, dtype=np.float32, casting="same_kind").T
    A.flat[:: len(A) + 1] += np.float32(alpha)
    with factorising(len(A)):
        factor, failed = lapack.spotrf(A, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError(
            "the kernel matrix is not positive definite in float32; raise alpha, or "
            'use solver="cholesky".'
        )

    def solve(v):
        size = float(np.abs(v).max())
        scaled = (v / (size or 1.0)).astype(np.float32)
        return lapack.spotrs(factor, scaled, lower=1)[0].astype(np.float64) * size

    return solve


def conjugate_solve(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    *,
    preconditioner="nystrom",
    rank=None,
    tol=1e-10,
    max_iter=1000,
    random_state=0,
) -> IterativeSolution:
    """Solve the ridge problem of `ntk_sklearn.solvers.solve` iteratively.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix; it is not changed.
    Y : ndarray of shape (n, k)
    alpha : float
    sample_weight : ndarray of shape (n,), default=None
        Positive weights.
    intercept : bool, default=True
    preconditioner : {"nystrom", "single"}, default="nystrom"
        Randomly pivoted Cholesky of `rank` columns, or Cholesky in float32.
    rank : int, default=None
        None means ``min(n, 100 + n // 20)``.
    tol : float, default=1e-10
        Norm of the residual, relative to that of the targets.
    max_iter : int, default=1000
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    IterativeSolution

    Raises
    ------
    numpy.linalg.LinAlgError
        If the residual is not reached.
    """
    n = len(K)
    root = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    if preconditioner == "single":
        inverse = _single_inverse(K, root, alpha)
    else:
        rank = min(n, 100 + n // 20) if rank is None else min(n, rank)
        F = pivoted_features(K, np.diag(K).copy(), rank, random_state)
        inverse = _nystrom_inverse(F * root[:, None], alpha)
    shape = (n, n)
    A = LinearOperator(
        shape, lambda v: root * (K @ (root * v)) + alpha * v, dtype=np.float64
    )
    M = LinearOperator(shape, inverse, dtype=np.float64)
    steps = 0

    def count(_):
        nonlocal steps
        steps += 1

    right = np.column_stack([Y, np.ones(n)]) if intercept else Y
    solved = np.empty(right.shape)
    for k, column in enumerate((root[:, None] * right).T):
        solved[:, k], failed = cg(
            A, column, rtol=tol, maxiter=max_iter, M=M, callback=count
        )
        if failed:
            raise np.linalg.LinAlgError(
                f"conjugate gradients did not reach a residual of {tol:.0e} in "
                f"{max_iter} iterations; raise the rank of the preconditioner or "
                'alpha, or use solver="cholesky".'
            )
    solved *= root[:, None]
    if not intercept:
        return IterativeSolution(solved, np.zeros(Y.shape[1]), steps)
    dual, ones = solved[:, :-1], solved[:, -1]
    b = (ones @ Y) / ones.sum()
    return IterativeSolution(dual - np.outer(ones, b), b, steps)
