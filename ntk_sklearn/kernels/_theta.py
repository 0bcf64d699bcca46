"""Theta, the logarithms of hyperparameters, of kernels and of their combinations.

This module does not depend on inputs, so that kernels on inputs of any kind can use it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import (
    Exponentiation,
    Hyperparameter,
    Kernel,
    KernelOperator,
    Product,
    Sum,
)

from .._utils.validation import check_bounds, check_positive
from ._repr import same, show

# Logarithm of a weight so small that it adds nothing to a kernel, in place of zero.
_NEXT_TO_NOTHING = np.log(1e-290)


class ThetaKernel(Kernel):
    """Base class of kernels whose theta holds logarithms of positive hyperparameters.

    For each hyperparameter ``x``, a subclass has the constructor parameters ``x``, a
    number or an array, and ``x_bounds``, and a property ``hyperparameter_x``. Numbers
    that are zero have no logarithm: they are fixed, and not part of theta.
    """

    # Names of the parameters that `repr` shows, in this order.
    _shown: tuple[str, ...] = ()

    def value(self, name: str):
        """Return the value of a hyperparameter, with defaults filled in.

        Parameters
        ----------
        name : str
            Such as ``"layer_weights"``.

        Returns
        -------
        float or array-like
        """
        return getattr(self, name)

    def _free(self, name: str) -> np.ndarray:
        """Return the mask of a hyperparameter's numbers that are not zero."""
        return np.atleast_1d(check_positive(name, self.value(name), zero=True)) > 0

    def _hyperparameter(self, name: str) -> Hyperparameter:
        """Return the hyperparameter as scikit-learn describes it."""
        free = self._free(name)
        bounds = check_bounds(
            f"{name}_bounds", getattr(self, f"{name}_bounds"), free.size
        )
        n_free = int(free.sum())
        if isinstance(bounds, str) or n_free == 0:
            return Hyperparameter(name, "numeric", "fixed", max(n_free, 1))
        if len(bounds) > 1:
            bounds = bounds[free]
        return Hyperparameter(name, "numeric", bounds, n_free)

    @property
    def theta(self) -> np.ndarray:
        """Logarithms of the free hyperparameters, in alphabetical order of names."""
        values = [
            np.atleast_1d(np.asarray(self.value(h.name), dtype=float))[
                self._free(h.name)
            ]
            for h in self.hyperparameters
            if not h.fixed
        ]
        return np.log(np.concatenate(values)) if values else np.array([])

    @theta.setter
    def theta(self, theta):
        theta = np.asarray(theta, dtype=np.float64)
        if theta.shape != (self.n_dims,):
            raise ValueError(
                f"theta must have shape ({self.n_dims},), one entry per free "
                f"hyperparameter of {self!r}, got shape {theta.shape}."
            )
        changed = {}
        for name, places in self._places().items():
            if not places.size:
                continue
            changed[name] = np.exp(theta[places])
            if np.ndim(self.value(name)) == 0:
                changed[name] = changed[name][0]
            else:
                value = np.array(self.value(name), dtype=np.float64)
                value[self._free(name)] = changed[name]
                changed[name] = value
        self.set_params(**changed)

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """All hyperparameters, in alphabetical order of names."""
        names = _hyperparameter_names(type(self))  # type: ignore[arg-type]
        return [getattr(self, name) for name in names]

    @property
    def n_dims(self) -> int:
        """Number of free hyperparameters."""
        return sum(h.n_elements for h in self.hyperparameters if not h.fixed)

    def positions(self, name: str) -> np.ndarray:
        """Return the entries of theta that belong to one hyperparameter.

        Parameters
        ----------
        name : str
            Such as ``"layer_weights"``.

        Returns
        -------
        ndarray of int
            Positions in theta; empty if the hyperparameter is fixed, or if the kernel
            has none of this name.
        """
        return self._places().get(name, np.empty(0, dtype=int))

    def _places(self) -> dict[str, np.ndarray]:
        """Return the entries of theta that belong to each hyperparameter."""
        hyperparameters = self.hyperparameters
        sizes = [0 if h.fixed else h.n_elements for h in hyperparameters]
        places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        return dict(zip([h.name for h in hyperparameters], places, strict=True))

    # Name of the hyperparameter in which the kernel matrix is linear, if there is one.
    _linear_hyperparameter: str | None = None

    @property
    def linear(self) -> np.ndarray:
        """Mask of the entries of theta in whose exponentials the kernel is linear."""
        places = self._places()
        linear = np.zeros(sum(place.size for place in places.values()), dtype=bool)
        if self._linear_hyperparameter is not None:
            linear[places[self._linear_hyperparameter]] = True
        return linear

    @property
    def is_homogeneous(self) -> bool:
        """True if multiplying all linear hyperparameters multiplies the kernel too."""
        return bool(self.linear.any())

    def switch_off(self, off) -> None:
        """Set some linear hyperparameters to zero.

        As zero has no logarithm, the other numbers of the same hyperparameter become
        fixed at their current values.

        Parameters
        ----------
        off : ndarray of bool, shape (n_dims,)
            Mask of the entries of theta to switch off.
        """
        name = self._linear_hyperparameter
        if name is not None and off.any():
            value = np.array(self.value(name), dtype=np.float64)
            value[self._free(name)] *= ~off[self.positions(name)]
            self.set_params(**{name: value, f"{name}_bounds": "fixed"})

    def __eq__(self, other):
        if type(self) is not type(other):
            return False
        mine, theirs = self.get_params(), other.get_params()
        return all(same(mine[name], theirs[name]) for name in mine)

    # As in scikit-learn: kernels are mutable, so they have no hash.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        parts = [f"{name}={show(getattr(self, name))}" for name in self._shown]
        return f"{type(self).__name__}({', '.join(parts)})"


@cache
def _hyperparameter_names(kind: type[ThetaKernel]) -> list[str]:
    """Return the properties that describe hyperparameters: scikit-learn's own rule."""
    return [name for name in dir(kind) if name.startswith("hyperparameter_")]


# -- kernels of kernels ---------------------------------------------------------------


def parts_of(kernel: Kernel) -> list[Kernel]:
    """Return the kernels that a kernel combines, in the order of its theta."""
    if isinstance(kernel, KernelOperator):
        return [kernel.k1, kernel.k2]
    return [kernel.kernel] if isinstance(kernel, Exponentiation) else []


def refuse_gradient(eval_gradient: bool, Y) -> None:
    """Raise if a gradient is asked for of a kernel between two sets of inputs."""
    if eval_gradient and Y is not None:
        raise ValueError(
            "Gradient can only be evaluated when Y is None: eval_gradient=True "
            "needs the kernel of X with itself."
        )


def linear_entries(kernel: Kernel) -> np.ndarray:
    """Return the mask of the entries of theta in whose exponentials a kernel is linear.

    For a product of two kernels, only the entries of the first kernel that has any are
    marked, because the product is not linear in both kernels at once.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.

    Returns
    -------
    ndarray of bool, shape (n_dims,)
    """
    if isinstance(kernel, (Sum, Product)):
        first, second = linear_entries(kernel.k1), linear_entries(kernel.k2)
        if isinstance(kernel, Product) and first.any():
            second = np.zeros_like(second)
        return np.append(first, second)
    found = getattr(kernel, "linear", None)
    return np.zeros(kernel.n_dims, dtype=bool) if found is None else found


def is_homogeneous(kernel: Kernel) -> bool:
    """Return whether multiplying all linear hyperparameters multiplies the kernel too.

    If so, a common factor of these hyperparameters and of the ridge changes no
    prediction.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.

    Returns
    -------
    bool
    """
    if isinstance(kernel, Sum):
        return is_homogeneous(kernel.k1) and is_homogeneous(kernel.k2)
    if isinstance(kernel, Product):
        linear = [part for part in parts_of(kernel) if linear_entries(part).any()]
        return bool(linear) and is_homogeneous(linear[0])
    return bool(getattr(kernel, "is_homogeneous", False))


def kernel_at(kernel: Kernel, theta: np.ndarray) -> Kernel:
    """Return a clone of a kernel with the given theta.

    Entries of minus infinity become 1e-290, because a weight of exactly zero would be
    treated as fixed.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.
    theta : ndarray of shape (n_dims,)
        Logarithms of the free hyperparameters.

    Returns
    -------
    Kernel
    """
    kernel = clone(kernel)
    if theta.size:
        kernel.theta = np.maximum(theta, _NEXT_TO_NOTHING)
    return kernel


def switch_off(kernel: Kernel, off: np.ndarray) -> None:
    """Set some of a kernel's linear hyperparameters to zero, in place.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel.
    off : ndarray of bool, shape (n_dims,)
        Mask of the entries of theta to switch off, all of them linear.
    """
    if not off.any():
        return
    parts = parts_of(kernel)
    if not parts:
        kernel.switch_off(off)
        return
    ends = np.cumsum([part.n_dims for part in parts])[:-1]
    for part, mine in zip(parts, np.split(off, ends), strict=True):
        switch_off(part, mine)
