"""The solution of the ridge problem by preconditioned conjugate gradients.

The matrix ``K + alpha / weight`` is multiplied by the roots of the weights on both
sides. The preconditioner is a Nyström approximation of K.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.utils import check_random_state

from .._utils.blas import add_square
from ._cholesky import ridge_factor
from ._on_arrays import diagonal, row, times
from ._row_weights import RowWeights


class NotConverged(np.linalg.LinAlgError):
    """The error of conjugate gradients that end before they are accurate enough."""


class IterativeSolution(NamedTuple):
    """The solution of a ridge problem by conjugate gradients.

    Attributes
    ----------
    dual_coef : ndarray of shape (n, k)
        The dual coefficients.
    intercept : ndarray of shape (k,)
        The constant of each output; zeros without an intercept.
    n_iter : int
        Number of iterations, summed over all right-hand sides.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import conjugate_solve
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> found = conjugate_solve(NTKernel()(X), np.sin(3.0 * X), alpha=0.1)
    >>> found.n_iter < 20
    True
    """

    dual_coef: np.ndarray
    intercept: np.ndarray
    n_iter: int


def pivoted_features(K, own, rank, random_state=0) -> np.ndarray:
    """Approximate a kernel matrix by ``F F'``, by a randomly pivoted Cholesky.

    Each pivot is drawn with a probability proportional to the part of its diagonal
    entry that is not approximated yet [1]_. `own` is the diagonal.

    References
    ----------
    .. [1] Chen, Epperly, Tropp and Webber, "Randomly pivoted Cholesky", 2022.
    """
    if (own < 0.0).any():
        raise np.linalg.LinAlgError(
            f"The kernel matrix of {len(own)} rows is not positive definite: there are "
            "negative numbers on its diagonal; check that the kernel is a valid one."
        )
    rng = check_random_state(random_state)
    n = len(own)
    F = np.zeros((n, rank), order="F")
    left = own.copy()
    for r in range(rank):
        total = left.sum()
        if not total > 1e-14 * own.sum():
            return F[:, :r]
        pivot = rng.choice(n, p=left / total)
        column = row(K, pivot) - F[:, :r] @ F[pivot, :r]
        # The pivot `left` is positive, whereas the entry of the column may be negative
        # by rounding.
        F[:, r] = column / np.sqrt(left[pivot])
        left = np.maximum(left - F[:, r] ** 2, 0.0)
        left[pivot] = 0.0
    return F


def _nystrom_inverse(F, alpha):
    """Return the function ``v -> (F F' + alpha I)^-1 v``."""
    A = np.zeros((F.shape[1],) * 2, order="F")
    add_square(A, np.asfortranarray(F), transposed=True)
    factor = ridge_factor(A, alpha)
    return lambda v: (v - F @ cho_solve(factor, F.T @ v)) / alpha


def conjugate_solve(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    *,
    rank: int | None = None,
    tol: float = 1e-10,
    max_iter: int = 1000,
) -> IterativeSolution:
    """Solve the kernel ridge problem by conjugate gradients.

    The problem is that of `ntk_sklearn.solvers.solve`.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix; it is not changed. One of another library, such as PyTorch, is
        multiplied on its device.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    rank : int, default=None
        Number of columns of the preconditioner, a randomly pivoted Cholesky
        factorisation. None means ``min(n, 100 + n // 20)``.
    tol : float, default=1e-10
        The iterations stop when the norm of the residual is less than `tol` times that
        of the right-hand side.
    max_iter : int, default=1000
        Maximum number of iterations for each right-hand side.

    Returns
    -------
    IterativeSolution

    Raises
    ------
    numpy.linalg.LinAlgError
        If the residual is still larger after `max_iter` iterations.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import conjugate_solve, solve
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found, exact = conjugate_solve(K, Y, 0.1), solve(K, Y, 0.1)
    >>> np.allclose(found.dual_coef, exact.dual_coef)
    True
    """
    n = K.shape[0]
    root = np.sqrt(RowWeights.of(sample_weight, n).weight)
    rank = min(n, 100 + n // 20) if rank is None else min(n, rank)
    F = pivoted_features(K, diagonal(K), rank)
    inverse = _nystrom_inverse(F * root[:, None], alpha)
    shape = (n, n)
    A = LinearOperator(
        shape, lambda v: root * times(K, root * v) + alpha * v, dtype=np.float64
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
            raise NotConverged(
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
