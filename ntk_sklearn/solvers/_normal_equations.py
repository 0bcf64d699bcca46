"""Normal equations: sums over rows from which a ridge problem can be solved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array, Place, to_numpy
from ._on_arrays import moved_to, plus_square, times, zeros
from ._row_weights import RowWeights


class NormalEquations(NamedTuple):
    """Weighted sums over rows with features Z, targets Y and weights W.

    A ridge problem with these features can be solved from the sums alone. The sums over
    two sets of rows are added by `plus`, so that rows may come in blocks, in any order
    and from different places. Features may be arrays of another library on its device:
    then ``Z' W Z``, the only large sum, is added up there.

    Attributes
    ----------
    zz : ndarray of shape (m, m)
        ``Z' W Z``, in the lower triangle, in Fortran order; or whole, of another
        library.
    zy : ndarray of shape (m, k)
        ``Z' W Y``.
    z : ndarray of shape (m,)
        ``Z' W 1``.
    y, yy : ndarray of shape (k,)
        ``Y' W 1``, and the diagonal of ``Y' W Y``.
    weight : float
        Sum of the weights.
    n_rows : float
        Number of rows of positive weight, all copies counted.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import NormalEquations
    >>> Zt, Y = np.asfortranarray([[1.0, 2.0, 3.0]]), np.array([[1.0], [0.0], [1.0]])
    >>> sums = NormalEquations.of(Zt, Y).plus(NormalEquations.of(Zt, Y))
    >>> float(sums.zz[0, 0]), float(sums.zy[0, 0]), sums.n_rows
    (28.0, 8.0, 6.0)
    """

    zz: Array
    zy: np.ndarray
    z: np.ndarray
    y: np.ndarray
    yy: np.ndarray
    weight: float
    n_rows: float

    @classmethod
    def zeros(cls, m: int, k: int, place: Place | None = None) -> NormalEquations:
        """Return the sums over no rows, for m features at a place and k outputs."""
        parts = np.zeros((m, k)), np.zeros(m), np.zeros(k), np.zeros(k)
        return cls(zeros(m, place), *parts, 0.0, 0.0)

    @classmethod
    def of(cls, Zt, Y, sample_weight=None) -> NormalEquations:
        """Return the sums over rows.

        Parameters
        ----------
        Zt : ndarray of shape (m, n)
            Features as columns, in Fortran order. They are overwritten if there are
            weights.
        Y : ndarray of shape (n, k)
            Targets.
        sample_weight : array-like of shape (n,) or RowWeights, default=None
            Non-negative weights: integers count copies. None means ones.
        """
        return cls.zeros(len(Zt), Y.shape[1]).absorb_rows(Zt, Y, sample_weight)

    def plus(self, other: NormalEquations) -> NormalEquations:
        """Return the sums over the rows of both, of NumPy; neither is changed."""
        zz = np.array(to_numpy(self.zz), order="F")
        return self._replace(zz=zz).absorb(other._replace(zz=to_numpy(other.zz)))

    def absorb(self, other: NormalEquations) -> NormalEquations:
        """Return the sums over the rows of both, in the memory of `self`.

        `self` must not be used after this call.
        """
        zz = self.zz
        zz += other.zz
        return NormalEquations(
            zz,
            self.zy + other.zy,
            self.z + other.z,
            self.y + other.y,
            self.yy + other.yy,
            self.weight + other.weight,
            self.n_rows + other.n_rows,
        )

    def absorb_rows(self, Zt, Y, sample_weight=None) -> NormalEquations:
        """Return the sums with more rows (see `of`), in the memory of `self`."""
        if sample_weight is None:
            return self.absorb_weighted(Zt, Y, np.ones(len(Y)), float(len(Y)))
        weights = RowWeights.of(sample_weight, len(Y))
        root = np.sqrt(weights.weight)
        Zt *= moved_to(Zt, root)
        return self.absorb_weighted(Zt, root[:, None] * Y, root, weights.n_rows)

    def absorb_weighted(self, Zt, Y, ones, n_rows: float) -> NormalEquations:
        """Return the sums with more rows, already weighted, in the memory of `self`.

        Rows are weighted by multiplying them by the roots of their weights, or by
        whitening them.

        Parameters
        ----------
        Zt : ndarray of shape (m, n)
            Weighted features as columns, in Fortran order.
        Y : ndarray of shape (n, k)
            Weighted targets.
        ones : ndarray of shape (n,)
            A column of ones, weighted in the same way.
        n_rows : float
            Number of rows, all copies counted.
        """
        found = times(Zt, np.column_stack([Y, ones]))  # in one pass over the features
        return NormalEquations(
            plus_square(self.zz, Zt),
            self.zy + found[:, :-1],
            self.z + found[:, -1],
            self.y + ones @ Y,
            self.yy + np.einsum("ij,ij->j", Y, Y),
            self.weight + float(ones @ ones),
            self.n_rows + n_rows,
        )

    def centred(self, intercept: bool):
        """Return ``Z'WZ``, ``Z'WY`` and the diagonal of ``Y'WY`` of centred rows.

        The first is a new array in Fortran order, with its lower triangle only. Without
        an intercept the rows are not centred.
        """
        if not self.weight > 0:
            raise ValueError("the system holds no row of positive weight yet.")
        A = np.triu(self.zz.T).T  # in Fortran order, as np.tril's result would not be
        if not intercept:
            return A, self.zy, self.yy
        A -= np.triu(np.outer(self.z / self.weight, self.z)).T
        b = self.zy - np.outer(self.z, self.y / self.weight)
        return A, b, self.yy - self.y**2 / self.weight
