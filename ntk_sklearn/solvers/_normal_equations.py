"""Whitened Nyström features of a block of rows, and their running sums."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.blas import add_square, solve_lower
from .._utils.threads import one_blas_thread
from ._cholesky import factorise

# Added to the diagonal of K(C, C), as a multiple of its mean: the root of the smallest
# pivot magnifies the rounding of the kernel by 1e6 then, and no more.
_JITTER = 1e-12


class Sums(NamedTuple):
    """Weighted sums over rows: all that a ridge solve needs to know of them.

    Attributes
    ----------
    zz : ndarray of shape (m, m)
        ``Z' W Z``, the lower triangle only, in Fortran order.
    zy : ndarray of shape (m, k)
        ``Z' W Y``.
    z : ndarray of shape (m,)
        ``Z' W 1``.
    y, yy : ndarray of shape (k,)
        ``Y' W 1`` and the diagonal of ``Y' W Y``.
    weight : float
        Sum of the weights.
    rows : int
        Number of rows of positive weight.
    """

    zz: np.ndarray
    zy: np.ndarray
    z: np.ndarray
    y: np.ndarray
    yy: np.ndarray
    weight: float
    rows: int

    @classmethod
    def zeros(cls, m: int, k: int) -> Sums:
        """Return the sums over no rows."""
        zz = np.zeros((m, m), order="F")
        parts = np.zeros((m, k)), np.zeros(m), np.zeros(k), np.zeros(k)
        return cls(zz, *parts, 0.0, 0)

    def add(self, Zt, Y, ones) -> Sums:
        """Return the sums with more rows; `zz` may be overwritten.

        Parameters
        ----------
        Zt : ndarray of shape (m, n_rows)
            Features, in Fortran order; like all three, times the root of the weight.
        Y : ndarray of shape (n_rows, k)
        ones : ndarray of shape (n_rows,)
            What has become of a column of ones.
        """
        found = Zt @ np.column_stack([Y, ones])  # in one pass over the features
        return Sums(
            add_square(self.zz, Zt),
            self.zy + found[:, :-1],
            self.z + found[:, -1],
            self.y + ones @ Y,
            self.yy + np.einsum("ij,ij->j", Y, Y),
            self.weight + float(ones @ ones),
            self.rows + int(np.count_nonzero(ones)),
        )

    def merge(self, other: Sums) -> Sums:
        """Return the sums over the rows of both; `self` may be overwritten."""
        zz = self.zz
        zz += other.zz
        return Sums(
            zz,
            self.zy + other.zy,
            self.z + other.z,
            self.y + other.y,
            self.yy + other.yy,
            self.weight + other.weight,
            self.rows + other.rows,
        )


def multiply(K, coef) -> np.ndarray:
    """Return ``K @ coef`` in the precision of `K`: a mixed product would copy it."""
    return K @ coef.astype(K.dtype, copy=False)


def whitening(K_cc: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of the centres' kernel, in Fortran order.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite to rounding.
    """
    scale = float(np.mean(np.diag(K_cc)))
    ladder = (_JITTER, 100 * _JITTER, 1e4 * _JITTER)
    A = np.array(K_cc, dtype=np.float64, order="F")
    what = f"the kernel matrix of the {len(K_cc)} centres"
    advice = "check that the kernel is a valid one."
    return np.asfortranarray(np.tril(factorise(A, 0.0, scale, what, advice, ladder)[0]))


def whiten(kernel, centres, factor, X) -> np.ndarray:
    """Return the features of a block of rows as columns: (m, n_rows), Fortran order."""
    tile = np.require(kernel(X, centres), np.float64, ["C", "W"])
    return solve_lower(factor, tile.T)  # in the order that BLAS wants


@one_blas_thread()
def add_block(sums: Sums, kernel, centres, factor, X, Y, weight=None) -> Sums:
    """Add a block of rows to the sums, in place where it is large.

    Parameters
    ----------
    sums : Sums
    kernel : callable
        ``kernel(X, centres)``, an array of shape (n_rows, m).
    centres : ndarray of shape (m, n_features)
    factor : ndarray of shape (m, m)
        From `whitening`.
    X : ndarray of shape (n_rows, n_features)
    Y : ndarray of shape (n_rows, k)
    weight : ndarray of shape (n_rows,), default=None
        Non-negative; None means ones.
    """
    Zt = whiten(kernel, centres, factor, X)
    if weight is None:
        return sums.add(Zt, Y, np.ones(len(X)))
    root = np.sqrt(weight)
    Zt *= root
    return sums.add(Zt, root[:, None] * Y, root)
