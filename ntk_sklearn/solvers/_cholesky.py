"""The exact solution of the ridge problem by a Cholesky factorisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgWarning

from .._utils.blas import mirror_lower
from .._utils.definite import factorise_in_place, invert_in_place
from .._utils.warnings import warn
from ._on_arrays import (
    centred_on_arrays,
    factor_on_arrays,
    inverse_on_arrays,
    is_elsewhere,
    less_outer,
    row_sums,
    times,
)
from ._row_weights import RowWeights

# Multiples of the mean diagonal that are added to the diagonal, one after the other,
# until the matrix can be factorised.
_JITTER_LADDER = (0.0, 1e-14, 1e-12, 1e-10, 1e-8)


class Solution(NamedTuple):
    """The solution of a ridge problem, with the inverse of its matrix.

    Attributes
    ----------
    P : ndarray of shape (n, n)
        Without an intercept, the inverse G of ``K + alpha / sample_weight``. With an
        intercept, ``G - G 1 1' G / 1' G 1``: the inverse minus its part along the
        constant.
    dual_coef : ndarray of shape (n, k)
        The dual coefficients, ``P Y``.
    intercept : ndarray of shape (k,)
        The constant of each output; zeros without an intercept.
    intercept_weights : ndarray of shape (n,)
        The weights of the targets in the constant, which are ``G 1 / 1' G 1``; zeros
        without an intercept.
    logdet : float
        Logarithm of the determinant of ``K + alpha / sample_weight``; with an
        intercept, plus the logarithm of ``1' G 1``, as in restricted maximum
        likelihood.
    jitter : float
        The number that was added to the diagonal so that the matrix could be
        factorised; 0 if it was not needed.

    Examples
    --------
    The residuals are the dual coefficients times the ridge:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = solve(K, Y, alpha=0.1)
    >>> residuals = Y - (K @ found.dual_coef + found.intercept)
    >>> np.allclose(residuals, 0.1 * found.dual_coef)
    True
    """

    P: np.ndarray
    dual_coef: np.ndarray
    intercept: np.ndarray
    intercept_weights: np.ndarray
    logdet: float
    jitter: float


def factorise(A, noise, scale, what, advice, ladder=_JITTER_LADDER):
    """Factorise ``A + diag(noise)`` in place, with the smallest jitter that suffices.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Symmetric matrix in Fortran order. Its lower triangle becomes the factor. Its
        upper triangle is kept, to restore the lower one before each new attempt.
    noise : float or ndarray of shape (n,)
        The numbers to add to the diagonal.
    scale : float
        The size of the diagonal, by which the steps of the `ladder` are multiplied.
    what, advice : str
        Beginning and end of the error message.
    ladder : tuple of float
        Jitters to try, relative to `scale`.

    Returns
    -------
    factor : ndarray of shape (n, n)
        The memory of `A`, with the factor in its lower triangle.
    jitter : float
        The number that was added to the diagonal besides `noise`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite even with the largest jitter.
    """
    _, jitter = _replace(factorise_in_place, A, noise, scale, ladder, (what, advice))
    return A, jitter


def _replace(replace, A, noise, scale, ladder, words):
    """Replace a matrix with the smallest jitter that makes it positive definite.

    Parameters
    ----------
    replace : callable
        `factorise_in_place` or `invert_in_place`.
    A, noise, scale, ladder
        As for `factorise`.
    words : tuple of str
        Beginning and end of the error message.

    Returns
    -------
    pivots : ndarray of shape (n,)
        The diagonal of the Cholesky factor.
    jitter : float
        The number that was added to the diagonal besides `noise`.
    """
    diagonal = np.diag(A) + noise
    for step in ladder:
        np.fill_diagonal(A, diagonal + step * scale)
        pivots = replace(A)
        if np.isfinite(pivots).all():
            return pivots, step * scale
        mirror_lower(A.T)
    what, advice = words
    raise np.linalg.LinAlgError(
        f"{what} is not positive definite, even with {ladder[-1] * scale:.1e} added to "
        f"its diagonal; {advice}"
    )


def ridge_factor(A: np.ndarray, ridge: float) -> tuple[np.ndarray, bool]:
    """Return the Cholesky factor of normal equations with a ridge, for `cho_solve`.

    Parameters
    ----------
    A : ndarray of shape (m, m)
        The lower triangle of ``Z' W Z``, in Fortran order; it is overwritten.
    ridge : float
        The number to add to the diagonal.

    Returns
    -------
    factor : ndarray of shape (m, m)
        `A` itself, with the factor in its lower triangle.
    lower : bool
        True.
    """
    A.flat[:: len(A) + 1] += ridge
    if not np.isfinite(factorise_in_place(A)).all():
        raise np.linalg.LinAlgError(
            f"the normal equations of {len(A)} features are not positive definite with "
            f"a ridge of {ridge:.1e}; raise alpha."
        )
    return A, True


RAISE_ALPHA = (
    "raise alpha or the lower one of alpha_bounds, and check that the kernel is a "
    "valid one."
)


def kernel_factor(
    K: np.ndarray, noise, overwrite_K: bool = False
) -> tuple[np.ndarray, float]:
    """Return the Cholesky factor of ``K + diag(noise)``, and the jitter.

    If `overwrite_K` is true, the memory of `K` may be used for the factor.

    Returns
    -------
    factor : ndarray of shape (n, n)
        The factor in the lower triangle of an array, at the place of `K`.
    jitter : float
        The number that was added to the diagonal besides `noise`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite even with the largest jitter.
    """
    if is_elsewhere(K):
        return factor_on_arrays(K, noise, _JITTER_LADDER)
    factor, _, jitter = _replaced(factorise_in_place, K, noise, overwrite_K)
    return factor, jitter


def _replaced(replace, K, noise, overwrite_K):
    """Replace ``K + diag(noise)``, and return the memory, the pivots and the jitter."""
    scale = float(np.mean(np.abs(np.diag(K) + noise)))
    # The transpose of a symmetric matrix is the same matrix, in the order of LAPACK.
    as_array = np.asarray if overwrite_K else np.array  # the second always copies
    A = as_array(K.T, dtype=np.float64, order="F")
    words = f"The kernel matrix of {len(K)} rows", RAISE_ALPHA
    return A, *_replace(replace, A, noise, scale, _JITTER_LADDER, words)


def inverse(
    K: np.ndarray, noise, overwrite_K: bool = False
) -> tuple[np.ndarray, float, float]:
    """Invert ``K + diag(noise)``.

    If `overwrite_K` is true, the memory of `K` may be used for the inverse.

    Returns
    -------
    G : ndarray of shape (n, n)
        The inverse.
    logdet : float
        The logarithm of the determinant of the matrix.
    jitter : float
        As returned by `kernel_factor`, which also raises the same error.
    """
    if is_elsewhere(K):
        return inverse_on_arrays(K, noise, _JITTER_LADDER)
    G, pivots, jitter = _replaced(invert_in_place, K, noise, overwrite_K)
    return mirror_lower(G).T, 2.0 * float(np.log(pivots).sum()), jitter


def solve(
    K: np.ndarray,
    Y: np.ndarray,
    alpha: float,
    sample_weight=None,
    intercept=True,
    overwrite_K: bool = False,
) -> Solution:
    """Solve the kernel ridge problem by a Cholesky factorisation.

    It minimises ``sum(sample_weight * |Y - f - b|^2) + alpha * |f|_K^2`` over the
    functions f and the constants b.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix. One of another library, such as PyTorch, is factorised on its
        device, and `Solution.P` stays there.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge, added to the diagonal of `K`.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights of the rows. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    overwrite_K : bool, default=False
        Whether the memory of `K` may be used for the result.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        If `Y` does not have a row for each row of `K`.
    numpy.linalg.LinAlgError
        If the matrix is not positive definite, even with 1e-8 of its mean diagonal
        added to the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import solve
    >>> kernel, X = NTKernel(), np.linspace(-1.0, 1.0, 20)[:, None]
    >>> found = solve(kernel(X), np.sin(3.0 * X), alpha=1e-3)
    >>> new = np.array([[0.05], [0.55]])
    >>> predicted = kernel(new, X) @ found.dual_coef + found.intercept
    >>> np.allclose(predicted, np.sin(3.0 * new), atol=0.02)
    True
    """
    if Y.shape[0] != K.shape[0]:
        raise ValueError(
            f"Y must have a row for each of the {K.shape[0]} rows of K, got shape "
            f"{tuple(Y.shape)}."
        )
    noise = RowWeights.of(sample_weight, K.shape[0]).noise(alpha)
    if not intercept:
        G, logdet, jitter = inverse(K, noise, overwrite_K)
        none = np.zeros(G.shape[0])
        return Solution(G, times(G, Y), none @ Y, none, logdet, jitter)
    K, shift, offset = centred_kernel(K, overwrite_K)
    G, logdet, jitter = inverse(K, noise, overwrite_K=True)
    ones = row_sums(G)
    constant = float(ones.sum())
    mean = (ones @ Y) / constant
    dual_coef = times(G, Y - mean)
    P = less_outer(G, ones, constant)
    return Solution(
        P,
        dual_coef,
        # The sum of the dual coefficients is zero but for rounding.
        mean - shift @ dual_coef - offset * dual_coef.sum(axis=0),
        ones / constant - times(P, shift),
        logdet + np.log(constant),
        jitter,
    )


def centred_kernel(K, overwrite_K):
    """Return a kernel matrix with rows of the same small mean, and what was subtracted.

    Adding ``a 1' + 1 a'`` to a kernel matrix, for any vector a, only changes the
    constant of a fit. The constant is usually by far the largest eigenvector, and
    swamps the others with its rounding errors. It gets the mean eigenvalue here.

    Returns
    -------
    centred : ndarray of shape (n, n)
        The matrix, in the memory of `K` if `overwrite_K` is true.
    shift : ndarray of shape (n,)
        What was subtracted from rows and from columns.
    offset : float
        What was subtracted from all entries before.
    """
    if is_elsewhere(K):
        return centred_on_arrays(K)
    offset = float(K.mean())
    centred = np.subtract(K, offset, out=K if overwrite_K else None)
    shift = centred.mean(axis=1)
    size = max(float(np.mean(np.diag(centred)) - shift.mean()), 0.0)
    shift -= 0.5 * (shift.mean() + size / len(K))
    centred -= shift[:, None]
    centred -= shift
    return centred, shift, offset


def warn_jitter(jitter: float, alpha: float) -> None:
    """Warn that a number had to be added to the diagonal of the kernel matrix."""
    if jitter > 0:
        warn(
            f"the kernel matrix with alpha={alpha:.2g} was not numerically positive "
            f"definite; {jitter:.2g} was added to its diagonal. Duplicated rows or a "
            "tiny alpha are the usual reasons; a larger alpha avoids this.",
            LinAlgWarning,
        )
