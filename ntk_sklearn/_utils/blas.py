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
_PER_PAIR = 100.0

_C_TYPES = {bytes: ctypes.c_char, int: ctypes.c_int, float: ctypes.c_double}


@cache
def _routine(name: str, n_arguments: int):
    """Return a routine of SciPy's BLAS as a function that releases the lock."""
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * n_arguments)(address)


def _call(name: str, *arguments) -> None:
    """Call a routine; a matrix is passed as two arguments, its address and stride."""
    numbers: list = []  # keeps them alive until the routine has read them
    addresses = []
    for argument in arguments:
        value = argument
        if isinstance(value, np.ndarray):
            addresses.append(value.ctypes.data)
            value = max(value.strides[1] // value.itemsize, len(value))
        numbers.append(_C_TYPES[type(value)](value))
        addresses.append(ctypes.addressof(numbers[-1]))
    _routine(name, len(addresses))(*addresses)


def _pieces(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _check(out, *matrices) -> None:
    if not out.flags.writeable:  # BLAS would write to the address regardless
        raise ValueError("the matrix to overwrite is read-only.")
    for A in (out, *matrices):
        # The stride of an axis with fewer than two entries may be any number.
        in_order = len(A) < 2 or A.strides[0] == A.itemsize
        apart = A.shape[1] < 2 or A.strides[1] >= A.itemsize * len(A)
        if A.dtype != np.float64 or (A.size and not (in_order and apart)):
            raise TypeError("matrices must be float64 in Fortran order.")


def solve_lower(L: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return ``L^-1 B`` for a lower triangular matrix `L`; `B` is overwritten.

    Parameters
    ----------
    L : ndarray of shape (m, m)
        Matrix in Fortran order, of which only the lower triangle is read.
    B : ndarray of shape (m, n)
        Matrix in Fortran order.

    Returns
    -------
    ndarray of shape (m, n)
        `B` itself.
    """
    _check(B, L)
    m, n = B.shape

    def solve(columns):
        part = B[:, columns]
        _call("dtrsm", b"L", b"L", b"N", b"N", m, part.shape[1], 1.0, L, part)

    if B.size:
        run(_pieces(n, _COLUMNS), lambda: solve, m * m * n / _PER_PAIR)
    return B


def add_square(C: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Add ``A A'`` to the lower triangle of `C`, in place, and return `C`.

    Parameters
    ----------
    C : ndarray of shape (m, m)
        Matrix in Fortran order.
    A : ndarray of shape (m, n)
        Matrix in Fortran order.

    Returns
    -------
    ndarray of shape (m, m)
        `C` itself.
    """
    _check(C, A)
    m, n = A.shape
    pieces = _pieces(m, min(_SQUARE, max(-(-m // 2), 64)))
    pairs = [(rows, columns) for rows in pieces for columns in pieces]
    lower = [pair for pair in pairs if pair[0].start >= pair[1].start]
    lower.sort(key=lambda pair: pair[0] == pair[1])  # small pieces last

    def add(pair):
        rows, columns = pair
        out, left = C[rows, columns], A[rows]
        if rows == columns:
            _call("dsyrk", b"L", b"N", len(out), n, 1.0, left, 1.0, out)
        else:
            sizes = *out.shape, n
            _call("dgemm", b"N", b"T", *sizes, 1.0, left, A[columns], 1.0, out)

    if A.size:
        run(lower, lambda: add, m * m * n / _PER_PAIR)
    return C
