"""Matrix products and triangular solves on Python threads.

`scipy.linalg.blas` holds the interpreter lock while it computes, so that Python threads
would take turns; and BLAS's own threads keep spinning after each call, which slows
other threads down. Here the same routines are called without the lock, at the addresses
that SciPy exports. The size of the pieces does not depend on the number of threads, and
so results do not either.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from numba.extending import get_cython_function_address

from .threads import run

# Columns of a right-hand side, and rows and columns of a product, in one piece.
_COLUMNS = 400
_SQUARE = 1024
# Number of multiplications that take as long as one pair-layer, the unit of `run`.
PER_PAIR = 100.0

_LAPACK = {"dlauum", "dpotrf", "dpotri", "dtrtri"}
_LAPACK |= {"dormtr", "dstedc", "dsytrd"}
_C_TYPES = {bytes: ctypes.c_char, int: ctypes.c_int, float: ctypes.c_double}


@cache
def _routine(name: str, n_arguments: int):
    """Return a routine of SciPy's BLAS or LAPACK as a function that frees the lock."""
    library = "cython_lapack" if name in _LAPACK else "cython_blas"
    address = get_cython_function_address(f"scipy.linalg.{library}", name)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * n_arguments)(address)


def call(name: str, *arguments) -> int | float:
    """Call a routine of BLAS or LAPACK without the interpreter lock.

    Parameters
    ----------
    name : str
        The name of the routine.
    *arguments : bytes, int, float or ndarray
        Its arguments. A vector is passed as its address. A matrix in Fortran order is
        passed as two arguments, its address and its stride.

    Returns
    -------
    int or float
        The last argument after the call: routines of LAPACK report failures in it.
    """
    numbers: list = []  # keeps them alive until the routine has read them
    addresses = []
    for argument in arguments:
        value = argument
        if isinstance(value, np.ndarray):
            addresses.append(value.ctypes.data)
            if value.ndim == 1:
                continue
            value = max(value.strides[1] // value.itemsize, len(value))
        numbers.append(_C_TYPES[type(value)](value))
        addresses.append(ctypes.addressof(numbers[-1]))
    _routine(name, len(addresses))(*addresses)
    return numbers[-1].value


def pieces(n: int, size: int) -> list[slice]:
    """Divide the numbers below `n` into slices of `size`; the last may be smaller."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def check(out: np.ndarray, *matrices: np.ndarray) -> None:
    """Raise an error unless all are float64 in Fortran order and the first writeable.

    BLAS would read and write at their addresses regardless.
    """
    if not out.flags.writeable:
        raise ValueError("the matrix to overwrite is read-only.")
    for A in (out, *matrices):
        # The stride of an axis with fewer than two entries may be any number.
        in_order = len(A) < 2 or A.strides[0] == A.itemsize
        apart = A.shape[1] < 2 or A.strides[1] >= A.itemsize * len(A)
        if A.dtype != np.float64 or (A.size and not (in_order and apart)):
            raise TypeError("matrices must be float64 in Fortran order.")


def mirror_lower(A: np.ndarray, block: int = 64) -> np.ndarray:
    """Copy the lower triangle into the upper one, in place, by blocks."""
    n = A.shape[0]
    for start in range(0, n, block):
        stop = min(start + block, n)
        square = A[start:stop, start:stop]
        square[:] = np.tril(square) + np.tril(square, -1).T
        A[start:stop, stop:] = A[stop:, start:stop].T
    return A


def solve_lower(L: np.ndarray, B: np.ndarray, right: bool = False) -> np.ndarray:
    """Return ``L^-1 B`` for a lower triangular matrix `L`; `B` is overwritten.

    Parameters
    ----------
    L : ndarray of shape (m, m)
        Matrix in Fortran order, of which only the lower triangle is read.
    B : ndarray of shape (m, n)
        Matrix in Fortran order; (n, m) if `right` is true.
    right : bool, default=False
        Whether to return ``B L'^-1`` instead, the solution for the rows of `B`.

    Returns
    -------
    ndarray of the shape of B
        `B` itself.
    """
    check(B, L)
    m, n = L.shape[0], B.shape[0 if right else 1]
    how = (b"R", b"L", b"T", b"N") if right else (b"L", b"L", b"N", b"N")

    def solve(piece):
        part = B[piece] if right else B[:, piece]
        call("dtrsm", *how, *part.shape, 1.0, L, part)

    if B.size:
        run(pieces(n, _COLUMNS), lambda: solve, m * m * n / PER_PAIR)
    return B


def add_square(
    C: np.ndarray, A: np.ndarray, scale: float = 1.0, transposed: bool = False
) -> np.ndarray:
    """Add ``scale * A A'`` to the lower triangle of `C`, in place, and return `C`.

    Parameters
    ----------
    C : ndarray of shape (m, m)
        Matrix in Fortran order.
    A : ndarray of shape (m, n)
        Matrix in Fortran order; (n, m) if `transposed` is true.
    scale : float, default=1.0
        Factor of the product.
    transposed : bool, default=False
        Whether to add ``scale * A' A`` instead.

    Returns
    -------
    ndarray of shape (m, m)
        `C` itself.
    """
    check(C, A)
    scale = float(scale)
    m, n = A.shape[::-1] if transposed else A.shape
    first, second = (b"T", b"N") if transposed else (b"N", b"T")
    parts = pieces(m, min(_SQUARE, max(-(-m // 2), 64)))
    pairs = [(rows, columns) for rows in parts for columns in parts]
    lower = [pair for pair in pairs if pair[0].start >= pair[1].start]
    lower.sort(key=lambda pair: pair[0] == pair[1])  # small pieces last

    def add(pair):
        out = C[pair]
        left, right = (A[:, part] if transposed else A[part] for part in pair)
        if pair[0] == pair[1]:
            call("dsyrk", b"L", first, len(out), n, scale, left, 1.0, out)
        else:
            sizes = *out.shape, n
            call("dgemm", first, second, *sizes, scale, left, right, 1.0, out)

    if A.size:
        run(lower, lambda: add, m * m * n / PER_PAIR)
    return C
