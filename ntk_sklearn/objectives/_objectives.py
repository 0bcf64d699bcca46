"""What the layer weights and the ridge are learned by.

Each objective is a function ``(K, Y, alpha, sample_weight, intercept)`` of a kernel
matrix; it knows no kernel. It returns its value, its derivative in K as one symmetric
matrix, and its derivative in alpha, from one factorisation, in memory of its own unless
``overwrite_K``. With ``P`` the inverse of
``K + alpha / sample_weight`` (less its part along the constant, if there is an
intercept) and ``a = P Y``, everything is made of these two: ``dP = -P dK P`` in either
case.

A weight of s stands for s copies of the row, unless ``copies`` says how many there are.
The noise of each is ``alpha * copies / s``: with one copy of each row, weights say how
exact the targets are, and only their ratios matter where the ridge is free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas

from .._utils.threads import factorising, one_blas_thread
from ..solvers._cholesky import leave_one_out, mirror_lower, row_weights, solve


class Evaluation(NamedTuple):
    """An objective at one kernel matrix and ridge.

    Attributes
    ----------
    value : float
        To be minimised.
    dK : ndarray of shape (n, n)
        Derivative in the kernel matrix, symmetric.
    dalpha : float
        Derivative in the ridge.
    jitter : float
        What the diagonal needed beyond alpha.
    """

    value: float
    dK: np.ndarray
    dalpha: float
    jitter: float = 0.0


def _second_order(P, q, A, B, scale):
    """``scale * (P diag(q) P - (A B' + B A') / 2)``, half of it computed.

    P is symmetric, and overwritten; q is not negative. Both products go into the same
    triangle.
    """
    P *= np.sqrt(q)
    # In Fortran order the transposes are what BLAS reads, so nothing is copied.
    with factorising(len(P)):
        M = blas.dsyrk(scale, P.T, trans=1, lower=1)
    M = blas.dsyr2k(
        -0.5 * scale, A.T, B.T, beta=1.0, c=M, trans=1, lower=1, overwrite_c=1
    )
    return mirror_lower(M).T


@one_blas_thread()
def loo(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    overwrite_K=False,
    *,
    copies=None,
) -> Evaluation:
    """Exact leave-one-out squared error: its mean over rows, summed over outputs.

    Of each row one copy is left out, or all of it, if there is less than one.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge, in units of `K`; the noise of a row is ``alpha / sample_weight``.
    sample_weight : ndarray of shape (n,), default=None
        Positive weights; None means ones.
    intercept : bool, default=True
        Whether there is a constant that the ridge does not penalise.
    overwrite_K : bool, default=False
        Whether the derivative may take the place of `K`.
    copies : float or ndarray of shape (n,), default=None
        How many copies each row stands for; None means as many as its weight says.

    Returns
    -------
    Evaluation
        In squared units of the targets.

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``K + alpha / sample_weight`` is not positive definite.

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
    solved = solve(K, Y, alpha, sample_weight, intercept, overwrite_K)
    s, value, q, A, direct, scale = _loo_terms(solved, alpha, sample_weight, copies)
    M = _second_order(solved.P, q, A, solved.dual_coef, scale)
    dalpha = np.diag(M) @ (1.0 / s) + direct
    return Evaluation(value, M, float(dalpha), solved.jitter)


def _loo_terms(solved, alpha, sample_weight, copies):
    """Return the weights, the value, what `_second_order` takes, and what it adds to.

    In alpha itself, beyond its place on the diagonal, the derivative is `direct`.
    """
    P, a = solved.P, solved.dual_coef
    s, copies = row_weights(sample_weight, copies, len(P))
    total, share = s.sum(), np.minimum(1.0, copies) / copies
    E, room = leave_one_out(np.diag(P), a, alpha, sample_weight, copies)
    square = np.sum(E * E, axis=1)
    B = alpha * E / room[:, None]
    direct = s @ square / alpha - (square * share * np.diag(P) / room).sum()
    scale = 2.0 / total
    q = square * share * alpha / room
    return s, float(s @ square / total), q, P @ B, scale * direct, scale


def loo_along_alpha(
    solved, alpha, sample_weight=None, copies=None
) -> tuple[float, float]:
    """`loo` of a solved problem and its derivative in the ridge, in quadratic time.

    Parameters
    ----------
    solved : Solution
        From `ntk_sklearn.solvers.solve`, with this ridge and these weights.
    alpha : float
    sample_weight : ndarray of shape (n,), default=None
    copies : float or ndarray of shape (n,), default=None

    Returns
    -------
    value : float
    dalpha : float
    """
    s, value, q, A, direct, scale = _loo_terms(solved, alpha, sample_weight, copies)
    # The diagonal of `_second_order`, in no memory of its own.
    squares = np.einsum("ij,ij,j->i", solved.P, solved.P, q)
    diagonal = scale * (squares - np.sum(A * solved.dual_coef, axis=1))
    return value, float(diagonal @ (1.0 / s) + direct)


@one_blas_thread()
def gcv(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    overwrite_K=False,
    *,
    copies=None,
) -> Evaluation:
    """Generalised cross-validation: leave-one-out with the mean leverage for all rows.

    Without an intercept this is the kernel alignment risk estimate (KARE) of Jacot et
    al. 2020 and Schwab et al. 2025 at ``z = alpha / n``, identically.

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K, copies
        As for `loo`.

    Returns
    -------
    Evaluation
        In squared units of the targets.
    """
    s, copies = row_weights(sample_weight, copies, len(K))
    total = copies.sum()
    left_out = np.minimum(1.0, copies)
    q = left_out / s
    P, a, *_, jitter = solve(K, Y, alpha, sample_weight, intercept, overwrite_K)
    residual = alpha * a / s[:, None]
    N = float(s @ np.sum(residual**2, axis=1))
    T = float(np.diag(P) @ q)
    D = total - left_out.sum() + alpha * T
    value = N / s.sum() * (total / D) ** 2
    scale = 2.0 * value * alpha / D
    B = alpha * D / N * (P @ (a / s[:, None])) if N > 0 else np.zeros_like(a)
    M = _second_order(P, q, B, a, scale)
    dalpha = np.diag(M) @ (1.0 / s) + 2.0 * value * (1.0 / alpha - T / D)
    return Evaluation(value, M, float(dalpha), jitter)


@one_blas_thread()
def evidence(
    K,
    Y,
    alpha,
    sample_weight=None,
    intercept=True,
    overwrite_K=False,
    *,
    copies=None,
    free_scale=False,
) -> Evaluation:
    """Negative log marginal likelihood of a Gaussian process with noise alpha.

    Outputs are independent. The intercept has a flat prior (restricted likelihood).

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K, copies
        As for `loo`.
    free_scale : bool, default=False
        Whether kernel and noise have a common factor, one for each output, at its most
        likely value. Then neither units of the targets nor a factor of kernel and ridge
        change what is learned; outputs that do not vary count for nothing.

    Returns
    -------
    Evaluation
        In nats, summed over the outputs.

    Examples
    --------
    A factor of kernel and ridge changes nothing where the scale is free:

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
    s, copies = row_weights(sample_weight, copies, len(K))
    total = copies.sum()
    freedom = total - intercept
    free_scale = free_scale and freedom >= 1.0  # else there is nothing to tell it by
    if free_scale:
        Y = Y[:, np.ptp(Y, axis=0) > 0.0 if intercept else Y.any(axis=0)]
        units = np.abs(Y).max(axis=0)  # squares of tiny numbers vanish
        Y = Y / units
    k = Y.shape[1]
    P, a, b, logdet, _, constant, jitter = solve(
        K, Y, alpha, sample_weight, intercept, overwrite_K
    )
    repeats = total - len(K)
    logdet += np.log(copies).sum() + (copies - 1.0) @ np.log(alpha * copies / s)
    squares = np.sum((Y - b) * a, axis=0)
    value = 0.5 * k * (logdet + np.log(constant) + total * np.log(2.0 * np.pi))
    if free_scale:
        scale = np.maximum(squares / freedom, 1e-300)
        value += freedom * np.sum(0.5 + 0.5 * np.log(scale) + np.log(units))
        a /= np.sqrt(scale)
    else:
        value += 0.5 * squares.sum()
    # In place: the transpose of a symmetric matrix is what BLAS calls its own order.
    M = blas.dgemm(-0.5, a, a, beta=0.5 * k, c=P.T, trans_b=1, overwrite_c=1).T
    dalpha = np.diag(M) @ (1.0 / s) + 0.5 * k * repeats / alpha
    return Evaluation(float(value), M, float(dalpha), jitter)


@one_blas_thread()
def holdout(
    K, Y, alpha, sample_weight=None, intercept=True, overwrite_K=False, *, splits
) -> Evaluation:
    """Sum of squared errors on held-out rows.

    With one split, no intercept and no weights this is the objective of the authors of
    the weighted NTK (Tan et al. 2023).

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K
        As for `loo`.
    splits : list of pairs of integer arrays
        Rows to fit and rows to score.

    Returns
    -------
    Evaluation
        In squared units of the targets.
    """
    s, _ = row_weights(sample_weight, None, len(K))
    value, dalpha, jitter = 0.0, 0.0, 0.0
    M = np.zeros_like(K)
    for train, test in splits:
        cross = K[np.ix_(test, train)]
        part = solve(K[np.ix_(train, train)], Y[train], alpha, s[train], intercept)
        R = cross @ part.dual_coef + part.intercept - Y[test]
        weighted = s[test, None] * R
        value += float(np.sum(R * weighted))
        # Adjoint of the bordered system: what the residuals ask of the solution.
        back = part.P @ (cross.T @ weighted)
        back += np.outer(part.ones / part.constant, weighted.sum(axis=0))
        M[np.ix_(test, train)] += weighted @ part.dual_coef.T
        M[np.ix_(train, test)] += part.dual_coef @ weighted.T
        outer = back @ part.dual_coef.T
        M[np.ix_(train, train)] -= outer + outer.T
        dalpha -= 2.0 * float(np.sum(back * part.dual_coef / s[train, None]))
        jitter = max(jitter, part.jitter)
    return Evaluation(value, M, dalpha, jitter)


OBJECTIVES: dict[str, Callable] = {
    "loo": loo,
    "gcv": gcv,
    "evidence": evidence,
    "holdout": holdout,
}

__all__ = [
    "OBJECTIVES",
    "Evaluation",
    "evidence",
    "gcv",
    "holdout",
    "loo",
    "loo_along_alpha",
]
