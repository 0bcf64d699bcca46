"""Eigenvectors of symmetric matrices, in part on Python threads.

A third of LAPACK's time is the product of the eigenvectors of a tridiagonal matrix with
the reflections that led to it. Each thread computes it for columns of its own. The rest
runs on one thread. OpenBLAS would use all cores for it, but its threads wait for each
other in every step (see `definite`).
"""

from __future__ import annotations

import numpy as np

from .blas import PER_PAIR, call, check, pieces
from .threads import one_blas_thread, run

# Pieces of the columns, of equal size, so that a few threads have equal shares; and the
# number of rows below which one piece is faster.
_PIECES = 4
_SMALL = 400
# Columns or rows for which a routine of LAPACK may want memory at a time.
_AT_ONCE = 64


@one_blas_thread()
def decompose(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues and eigenvectors of a symmetric matrix.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Symmetric matrix in Fortran order, which is overwritten. Of the upper triangle
        only the size of the numbers matters.

    Returns
    -------
    values : ndarray of shape (n,)
        The eigenvalues, smallest first.
    vectors : ndarray of shape (n, n)
        The eigenvectors, orthonormal columns, in Fortran order.

    Raises
    ------
    ValueError
        If there is a number that is not finite in the matrix.
    numpy.linalg.LinAlgError
        If LAPACK does not find the eigenvalues.
    """
    check(A)
    n = len(A)
    if n == 0:
        return np.empty(0), np.empty((0, 0), order="F")
    # The largest number becomes about one, so that no square overflows.
    size = max(A.max(), -A.min())
    if not np.isfinite(size):
        raise ValueError("the matrix must not contain infinity or NaN.")
    unit = 2.0 ** max(int(np.frexp(size)[1]) - 1, -1000)
    A /= unit
    values, off, tau = np.empty(n), np.empty(max(n - 1, 1)), np.empty(max(n - 1, 1))
    work = np.empty(n * max(n + 5, _AT_ONCE))
    call("dsytrd", b"L", n, A, values, off, tau, work, len(work), 0)
    vectors = np.empty((n, n), order="F")
    numbers = np.empty(3 + 5 * n, np.intc)
    sizes = len(work), numbers, len(numbers)
    failed = call("dstedc", b"I", n, values, off, vectors, work, *sizes, 0)
    if failed:
        raise np.linalg.LinAlgError(f"LAPACK's dstedc failed, info = {failed}.")
    del work

    def make_worker():
        work = np.empty(_AT_ONCE * (n + _AT_ONCE + 1))

        def reflect(columns):
            part = vectors[:, columns]
            rest = A, tau, part, work, len(work), 0
            call("dormtr", b"L", b"L", b"N", *part.shape, *rest)

        return reflect

    if n < _SMALL:
        make_worker()(slice(n))
    else:
        run(pieces(n, -(-n // _PIECES)), make_worker, n**3 / PER_PAIR)
    values *= unit
    return values, vectors
