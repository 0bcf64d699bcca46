"""Kernels on fixed rows while theta changes: the protocol that learning uses.

The kernels of networks check rows and parameters once, and contract their gradient in
one pass. Sums, products and powers pass these operations on to the kernels they consist
of. Any other scikit-learn kernel is evaluated by its ``__call__``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from sklearn.gaussian_process.kernels import Exponentiation, Kernel, Product, Sum

from .._utils.arrays import Array, Place, to_numpy
from ._theta import kernel_at, parts_of


class KernelOnRows(Protocol):
    """A kernel together with the rows that it is evaluated on."""

    def set_theta(self, theta: np.ndarray) -> None:
        """Set theta; minus infinity switches a linear hyperparameter off."""

    def gram(self) -> np.ndarray:
        """Return the kernel matrix at the current theta: a new array."""

    def contract(self, G: np.ndarray) -> np.ndarray:
        """Return ``sum(G * dK / dtheta)`` for a symmetric G; call `gram` before."""


class _Called:
    """Any scikit-learn kernel on fixed rows, evaluated by its ``__call__``."""

    def __init__(self, kernel: Kernel, X):
        self._kernel, self._X = kernel, X
        self._off = np.zeros(kernel.n_dims, dtype=bool)

    def set_theta(self, theta):
        self._kernel, self._off = kernel_at(self._kernel, theta), np.isneginf(theta)

    def gram(self):
        return self._kernel(self._X)

    def contract(self, G):
        if not self._off.size:
            return np.empty(0)
        if hasattr(self._kernel, "contract"):
            out = self._kernel.contract(self._X, G)
        else:  # most kernels have only the full gradient
            _, gradient = self._kernel(self._X, eval_gradient=True)
            out = np.einsum("ij,ijk->k", G, gradient)
        return np.where(self._off, 0.0, out)


def called_on_rows(kernel: Kernel, X) -> KernelOnRows:
    """Return a kernel on fixed inputs that is evaluated by its ``__call__``.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.
    X : ndarray or sequence
        Inputs that the kernel takes.

    Returns
    -------
    KernelOnRows
    """
    return _Called(kernel, X)


class _Combined:
    """Two kernels on the same rows; theta holds that of the first, then the second."""

    def __init__(self, kernel: Sum | Product, X):
        self._split = kernel.k1.n_dims
        self._first = kernel_on_rows(kernel.k1, X)
        self._second = kernel_on_rows(kernel.k2, X)

    def set_theta(self, theta):
        self._first.set_theta(theta[: self._split])
        self._second.set_theta(theta[self._split :])


class _Added(_Combined):
    """A sum of two kernels: both contract the same G."""

    def gram(self):
        first, second = self._first.gram(), self._second.gram()
        # In place: fresh pages cost more than the sum.
        return np.add(first, second, out=first if first.dtype == second.dtype else None)

    def contract(self, G):
        return np.append(self._first.contract(G), self._second.contract(G))


class _Multiplied(_Combined):
    """A product of two kernels: each contracts G times the matrix of the other."""

    def gram(self):
        self._K = self._first.gram(), self._second.gram()
        return self._K[0] * self._K[1]

    def contract(self, G):
        first = self._first.contract(G * self._K[1])
        return np.append(first, self._second.contract(G * self._K[0]))


class _Raised:
    """A kernel raised to a power, elementwise."""

    def __init__(self, kernel: Exponentiation, X):
        self._exponent = kernel.exponent
        self._base = kernel_on_rows(kernel.kernel, X)

    def set_theta(self, theta):
        self._base.set_theta(theta)

    def gram(self):
        self._K = self._base.gram()
        return self._K**self._exponent

    def contract(self, G):
        slope = self._exponent * self._K ** (self._exponent - 1)
        return self._base.contract(G * slope)


# The class for each combination of kernels, and how many (n, n) matrices it holds
# besides those of its parts.
_COMBINATIONS: dict[type, tuple[Callable[..., KernelOnRows], int]] = {
    Sum: (_Added, 1),
    Product: (_Multiplied, 3),
    Exponentiation: (_Raised, 3),
}


def kernel_on_rows(kernel: Kernel, X: np.ndarray | Sequence) -> KernelOnRows:
    """Return a kernel on fixed rows, for repeated changes of theta.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.
    X : ndarray of shape (n, n_features) or sequence
        Checked rows that the kernel takes.

    Returns
    -------
    KernelOnRows
    """
    if type(kernel) in _COMBINATIONS:
        return _COMBINATIONS[type(kernel)][0](kernel, X)
    return kernel.on_rows(X) if _has_own_rows(kernel) else called_on_rows(kernel, X)


def gradient_matrices(kernel: Kernel) -> int:
    """Return the number of (n, n) matrices that contracting a kernel's gradient holds.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.

    Returns
    -------
    int
    """
    if type(kernel) in _COMBINATIONS:
        own = _COMBINATIONS[type(kernel)][1]
        return own + sum(gradient_matrices(part) for part in parts_of(kernel))
    # The full gradient, and temporaries of the same size.
    own = getattr(kernel, "n_held_matrices", 0)
    return own if _has_own_rows(kernel) else 2 * kernel.n_dims


def _has_own_rows(kernel: Kernel) -> bool:
    """Return whether a kernel has a method `on_rows` that belongs to its values.

    It does not if a subclass has overridden ``__call__`` or ``contract`` without
    overriding `on_rows`. Such a kernel is evaluated by its ``__call__``.
    """
    owners = type(kernel).__mro__

    def height(name):
        return next((k for k, o in enumerate(owners) if name in vars(o)), len(owners))

    if height("on_rows") == len(owners):
        return False
    return height("on_rows") <= min(height("__call__"), height("contract"))


# -- rows of NumPy whose matrices are held elsewhere ----------------------------------


def takes_arrays(kernel: Kernel) -> bool:
    """Return whether a kernel takes arrays of any library.

    Those of fully connected networks do, and their sums, products and powers.
    """
    if type(kernel) in _COMBINATIONS:
        return all(map(takes_arrays, parts_of(kernel)))
    return getattr(kernel, "takes_arrays", False)


def matrix_at(place: Place | None, kernel: Kernel, X, Y=None) -> Array:
    """Return a kernel matrix of rows of NumPy at a place.

    Parameters
    ----------
    place : Place or None
        Where it is computed; None means NumPy.
    kernel : Kernel
        Any scikit-learn kernel. One that takes no arrays of other libraries is computed
        by NumPy, and its matrix is moved.
    X, Y : ndarray of shape (n, n_features) and (m, n_features)
        The rows; Y is X if it is None.

    Returns
    -------
    array of shape (n, m)
    """
    if place is None:
        return kernel(X) if Y is None else kernel(X, Y)
    if not takes_arrays(kernel):
        return place.move(np.asarray(kernel(X) if Y is None else kernel(X, Y)))
    K = kernel(place.move(X)) if Y is None else kernel(place.move(X), place.move(Y))
    return place.xp.astype(K, place.dtype, copy=False)


def placed_kernel(place: Place, kernel: Kernel) -> Callable[..., Array]:
    """Return a kernel as a function whose matrices of rows of NumPy are at a place."""
    return partial(matrix_at, place, kernel)


class _Moved:
    """A kernel on fixed rows of NumPy, whose matrices are moved to a place."""

    def __init__(self, place: Place, kernel: Kernel, X):
        self._place, self._on_rows = place, kernel_on_rows(kernel, X)

    def set_theta(self, theta):
        self._on_rows.set_theta(theta)

    def gram(self):
        return self._place.move(np.asarray(self._on_rows.gram()))

    def contract(self, G):
        return self._on_rows.contract(to_numpy(G))


def on_rows_at(place: Place | None, kernel: Kernel, X) -> KernelOnRows:
    """Return a kernel on fixed rows of NumPy, whose matrices are held at a place."""
    if place is None:
        return kernel_on_rows(kernel, X)
    if type(kernel) not in _COMBINATIONS and takes_arrays(kernel):
        return kernel_on_rows(kernel, place.move(X))
    return _Moved(place, kernel, X)
