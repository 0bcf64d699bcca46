"""Ridge problems whose matrices are arrays of another library, on its device.

Vectors and small matrices of the result are arrays of NumPy. The functions that take a
matrix of either kind leave one of NumPy to the same operations as ever.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from .._utils.arrays import Array, Place, is_elsewhere, place_at, to_numpy
from .._utils.blas import add_square, solve_lower


def diagonal(M: Array) -> np.ndarray:
    """Return the diagonal of a matrix."""
    if not is_elsewhere(M):
        return np.diag(M)
    return to_numpy(place_at(M).xp.linalg.diagonal(M))


def times(M: Array, B: np.ndarray) -> np.ndarray:
    """Return the product of a large matrix and a small one, or a vector."""
    if not is_elsewhere(M):
        return M @ B
    place = place_at(M)
    return to_numpy(M @ place.xp.astype(place.move(np.asarray(B)), M.dtype))


def row_sums(M: Array) -> np.ndarray:
    """Return the sum of each row of a matrix."""
    return times(M, np.ones(M.shape[0])) if is_elsewhere(M) else M.sum(axis=1)


def submatrix(M: Array, rows: np.ndarray) -> Array:
    """Return some rows of a matrix, and the same columns."""
    if not is_elsewhere(M):
        return M[np.ix_(rows, rows)]
    place = place_at(M)
    some = place.move(rows)
    return place.xp.take(place.xp.take(M, some, axis=0), some, axis=1)


def weighted_squares(P: Array, q: np.ndarray) -> np.ndarray:
    """Return the diagonal of ``P diag(q) P`` for a symmetric P."""
    if not is_elsewhere(P):
        return np.einsum("ij,ij,j->i", P, P, q)
    place = place_at(P)
    return to_numpy(place.xp.sum(P * P * place.move(q), axis=1))


def row(M: Array, i: int) -> np.ndarray:
    """Return a row of a matrix."""
    return to_numpy(M[i, :]) if is_elsewhere(M) else M[i]


def moved_to(M: Array, values: np.ndarray) -> Array:
    """Return numbers as an array of the kind of a matrix, at its place."""
    return place_at(M).move(values) if is_elsewhere(M) else values


def stacked(upper: Array, lower: Array) -> Array:
    """Return a matrix whose first rows are those of one, and the others of another."""
    if not is_elsewhere(upper):
        return np.vstack([upper, lower])
    return place_at(upper).xp.concat([upper, lower], axis=0)


def column_squares(Z: Array) -> np.ndarray:
    """Return the squared length of each column of a matrix."""
    if not is_elsewhere(Z):
        return np.einsum("ij,ij->j", Z, Z)
    return to_numpy(place_at(Z).xp.sum(Z * Z, axis=0))


def columns(M: Array) -> Array:
    """Return a matrix whose columns are the rows of another, for `solved_lower`.

    The result of one of NumPy is in Fortran order, and often the same memory.
    """
    return M.T if is_elsewhere(M) else np.require(M, np.float64, ["C", "W"]).T


def solved_lower(L: Array, B: Array) -> Array:
    """Return ``L^-1 B`` for a lower triangular L; a B of NumPy is overwritten.

    L may be one of NumPy in any case. Only its lower triangle is read.
    """
    if not is_elsewhere(B):
        return solve_lower(L, B)
    place = place_at(B)
    xp, L = place.xp, place.move(L)
    if hasattr(xp.linalg, "solve_triangular"):  # of torch
        return xp.linalg.solve_triangular(L, B, upper=False)
    return xp.linalg.solve(xp.tril(L), B)


def plus_square(C: Array, A: Array) -> Array:
    """Return ``C + A A'`` in the memory of C, which is at the place of A.

    Of matrices of NumPy, in Fortran order, only the lower triangle is added to.
    """
    if not is_elsewhere(A):
        return add_square(C, A)
    C += A @ A.T
    return C


def zeros(m: int, place: Place | None) -> Array:
    """Return a matrix of zeros, of shape (m, m), for `plus_square`."""
    if place is None:
        return np.zeros((m, m), order="F")
    return place.xp.zeros((m, m), dtype=place.dtype, device=place.device)


def with_outer(P: Array, scale: float, A, B, factor: float) -> Array:
    """Return ``scale * P + factor * (A B' + B A') / 2`` at the place of P."""
    place = place_at(P)
    outer = place.move(A) @ place.xp.matrix_transpose(place.move(B))
    outer = outer + place.xp.matrix_transpose(outer)
    return float(scale) * P + float(0.5 * factor) * outer


def scaled_square(P: Array, q: np.ndarray, scale: float) -> Array:
    """Return ``scale * P diag(q) P`` for a symmetric P."""
    place = place_at(P)
    return float(scale) * ((P * place.move(q)) @ P)


def _cholesky(place: Place, A):
    """Return the Cholesky factor of a matrix, or None if it is not positive definite.

    Raises
    ------
    MemoryError
        If the device has too little memory.
    """
    try:
        factor = place.xp.linalg.cholesky(A)
    except Exception as error:
        refuse_memory(error, place, A.shape[0])
        if not isinstance(error, (np.linalg.LinAlgError, RuntimeError)):
            raise
        return None
    pivots = place.xp.linalg.diagonal(factor)
    return factor if bool(place.xp.all(place.xp.isfinite(pivots))) else None


def refuse_memory(error: Exception, place: Place, n: int) -> None:
    """Raise in plain words if an error says that a device has too little memory."""
    if "outofmemory" not in type(error).__name__.lower():
        return
    raise MemoryError(
        f"the device {place.device} has too little free memory for matrices of shape "
        f"({n}, {n}), each of {8.0 * n * n / 2**30:.2f} GiB; fit fewer rows, use "
        'solver="nystrom", or pass arrays on the CPU.'
    ) from error


def _inverse(place: Place, factor):
    """Return the inverse of a matrix, from its Cholesky factor."""
    if hasattr(place.xp, "cholesky_inverse"):  # of torch
        return place.xp.cholesky_inverse(factor)
    one = place.xp.eye(factor.shape[0], dtype=factor.dtype, device=place.device)
    half = place.xp.linalg.solve(factor, one)
    return place.xp.matrix_transpose(half) @ half


def factor_on_arrays(A: Array, noise: np.ndarray, ladder) -> tuple[Array, float]:
    """Return the Cholesky factor of ``A + diag(noise)``, and the jitter.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite even with the largest jitter.
    """
    place = place_at(A)
    A = place.xp.astype(A, place.dtype, copy=False)
    scale = float(np.mean(np.abs(diagonal(A) + noise)))
    one = place.xp.eye(A.shape[0], dtype=A.dtype, device=place.device)
    for step in ladder:
        factor = _cholesky(place, A + one * place.move(noise + step * scale))
        if factor is not None:
            return factor, step * scale
    raise np.linalg.LinAlgError(
        f"The kernel matrix of {A.shape[0]} rows is not positive definite, even with "
        f"{ladder[-1] * scale:.1e} added to its diagonal; raise alpha or the lower one "
        "of alpha_bounds, and check that the kernel is a valid one."
    )


def inverse_on_arrays(
    A: Array, noise: np.ndarray, ladder
) -> tuple[Array, float, float]:
    """Return the inverse of ``A + diag(noise)``, its log determinant and the jitter.

    Parameters
    ----------
    A : array of shape (n, n)
        Symmetric matrix.
    noise : ndarray of shape (n,)
        The numbers to add to the diagonal.
    ladder : tuple of float
        Jitters to try, relative to the mean diagonal.

    Returns
    -------
    inverse : array of shape (n, n)
    logdet : float
        That of ``A + diag(noise)``.
    jitter : float
    """
    place = place_at(A)
    factor, jitter = factor_on_arrays(A, noise, ladder)
    pivots = np.asarray(diagonal(factor), dtype=np.float64)
    return _inverse(place, factor), 2.0 * float(np.log(pivots).sum()), jitter


def centred_on_arrays(K: Array) -> tuple[Array, np.ndarray, float]:
    """Do what `centred_kernel` does, for a matrix on a device."""
    place = place_at(K)
    xp = place.xp
    K = xp.astype(K, place.dtype, copy=False)
    offset = float(xp.mean(K))
    centred = K - offset
    shift = np.asarray(to_numpy(xp.mean(centred, axis=1)), dtype=np.float64)
    size = max(float(np.mean(diagonal(centred)) - shift.mean()), 0.0)
    shift = shift - 0.5 * (shift.mean() + size / len(shift))
    moved = place.move(shift)
    return centred - moved[:, None] - moved, shift, offset


def less_outer(G: Array, ones: np.ndarray, constant: float) -> Array:
    """Return ``G - ones ones' / constant`` for a symmetric G; one of NumPy is lost."""
    if not is_elsewhere(G):
        # In place: the transpose of a symmetric matrix is in the order of BLAS.
        return blas.dger(-1.0 / constant, ones, ones, a=G.T, overwrite_a=1).T
    moved = place_at(G).move(ones)
    return G - moved[:, None] * (moved / constant)
