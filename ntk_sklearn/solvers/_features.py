"""Whitened Nyström features of rows, from their kernel with a few centres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .._utils.arrays import Array, Place, is_elsewhere
from ._cholesky import factorise
from ._on_arrays import columns, solved_lower, times

# This multiple of the mean diagonal of K(C, C) is added to its diagonal. Rounding
# errors of the kernel are then magnified by at most 1e6, the inverse root of the
# smallest pivot.
_JITTER = 1e-12


class Kernel(Protocol):
    """A function that returns the kernel matrix of one or two sets of rows."""

    def __call__(self, X, Y=None, /) -> np.ndarray: ...


class KernelWithDiagonal(Kernel, Protocol):
    """A kernel with a method for the diagonal of its matrix."""

    def diag(self, X, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class NystromFeatures:
    """The whitened features of a Nyström model.

    With centres C and ``K(C, C) = L L'``, a row x has the features ``L^-1 k(C, x)``.
    Their inner products are the Nyström approximation of the kernel. Use
    `NystromFeatures.of` to make them from a kernel and centres.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, centres)``, an array of shape (n_rows, m).
    centres : ndarray of shape (m, n_encoded)
        Rows that the kernel compares all others with.
    factor : ndarray of shape (m, m)
        The matrix L, in the lower triangle, in Fortran order. See `at` for one of
        another library.
    transform : callable, default=None
        Function that encodes raw rows for the kernel. It must be picklable if tasks run
        in other processes. None leaves rows as they are.
    n_features : int, default=None
        Number of columns of raw rows; None means that of the centres.
    allow_nan : bool, default=False
        Whether raw rows may hold NaN, which `transform` encodes.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import NystromFeatures
    >>> kernel, X = NTKernel(), np.linspace(-1.0, 1.0, 20)[:, None]
    >>> Z = NystromFeatures.of(kernel, X[::2])(X)
    >>> Z.shape
    (10, 20)
    >>> np.allclose((Z.T @ Z)[:, ::2], kernel(X, X[::2]))
    True
    """

    kernel: Kernel
    centres: np.ndarray
    factor: np.ndarray
    transform: Callable[[np.ndarray], np.ndarray] | None = None
    n_features: int | None = None
    allow_nan: bool = False

    @classmethod
    def of(
        cls, kernel: Kernel, centres, transform=None, n_features=None, allow_nan=False
    ) -> NystromFeatures:
        """Return the features of a kernel with given centres.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the kernel matrix of the centres is not positive definite to rounding.
        """
        centres = np.ascontiguousarray(centres, dtype=np.float64)
        factor = _whitener(kernel(centres))
        return cls(kernel, centres, factor, transform, n_features, allow_nan)

    def at(self, place: Place, kernel: Kernel) -> NystromFeatures:
        """Return the same features as arrays of another library, on one of its devices.

        Parameters
        ----------
        place : Place
            The library and the device.
        kernel : callable
            The kernel, whose matrices of rows of NumPy are computed there.
        """
        return replace(self, kernel=kernel, factor=place.move(self.factor))

    @property
    def width(self) -> int:
        """Number of columns of raw rows."""
        return self.centres.shape[1] if self.n_features is None else self.n_features

    def tile(self, X) -> Array:
        """Return the kernel between raw rows and the centres, (n_rows, m)."""
        return self.kernel(
            X if self.transform is None else self.transform(X), self.centres
        )

    def __call__(self, X) -> Array:
        """Return the features of raw rows as columns: (m, n_rows), in Fortran order."""
        return solved_lower(self.factor, columns(self.tile(X)))


def _whitener(K: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of the centres' kernel, in Fortran order."""
    scale = float(np.mean(np.diag(K)))
    ladder = (_JITTER, 100 * _JITTER, 1e4 * _JITTER)
    A = np.array(K, dtype=np.float64, order="F")
    what = f"the kernel matrix of the {len(K)} centres"
    advice = "check that the kernel is a valid one."
    return np.asfortranarray(np.tril(factorise(A, 0.0, scale, what, advice, ladder)[0]))


def multiply(K, coef) -> np.ndarray:
    """Return ``K @ coef`` in the precision of `K`, as mixed dtypes would copy `K`."""
    if is_elsewhere(K):
        return times(K, coef)
    return K @ coef.astype(K.dtype, copy=False)
