"""What the kernels of fully connected networks share: parameters, theta, calls."""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from .._engine.forward import diagonal
from .._engine.full_gradient import full_gradient
from .._engine.network import Network
from .._engine.tiles import components, gram
from .._utils.validation import (
    check_bounds,
    check_depth,
    check_pair,
    check_positive,
    check_ranks,
    check_samples,
    per_feature,
    per_layer,
)
from ..activations import get_activation
from ._parameters import HYPERPARAMETERS, MovingKernel, Numbers
from ._repr import same, show


class NetworkKernel(Kernel):
    """Base of the kernels of an infinitely wide fully connected network.

    A subclass has the constructor parameters ``depth``, ``activation``,
    ``weight_variance``, ``bias_variance`` and ``length_scale`` (the last three with
    their bounds) and ``n_ranks``, and says in `_layer_weights` how its layers are
    weighted.
    """

    # Public parameters whose values `repr` shows, in this order.
    _shown: tuple[str, ...] = (
        "depth",
        "activation",
        "weight_variance",
        "bias_variance",
        "length_scale",
    )

    def _layer_weights(self, depth: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Weights of the layers' weights, and of their biases if they are others."""
        raise NotImplementedError

    # -- hyperparameters ------------------------------------------------------------

    def _free(self, name: str) -> np.ndarray:
        """Which entries of a hyperparameter can move: a value of 0 has no logarithm."""
        return np.atleast_1d(check_positive(name, self._value(name), zero=True)) > 0

    def _value(self, name: str):
        return getattr(self, name)

    def _hyperparameter(self, name: str) -> Hyperparameter:
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
    def hyperparameter_weight_variance(self):
        """The weight variance, as scikit-learn describes it."""
        return self._hyperparameter("weight_variance")

    @property
    def hyperparameter_bias_variance(self):
        """The bias variance, as scikit-learn describes it."""
        return self._hyperparameter("bias_variance")

    @property
    def hyperparameter_length_scale(self):
        """The length scale, as scikit-learn describes it."""
        return self._hyperparameter("length_scale")

    @property
    def theta(self) -> np.ndarray:
        """Logarithms of the free hyperparameters, in alphabetical order of names."""
        values = [
            np.atleast_1d(np.asarray(self._value(h.name), dtype=float))[
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
            if np.ndim(self._value(name)) == 0:
                changed[name] = changed[name][0]
            else:
                value = np.array(self._value(name), dtype=np.float64)
                value[self._free(name)] = changed[name]
                changed[name] = value
        self.set_params(**changed)

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
            Empty if the hyperparameter is fixed.
        """
        return self._places()[name]

    def _places(self) -> dict[str, np.ndarray]:
        """Return the entries of theta that belong to each hyperparameter."""
        hyperparameters = self.hyperparameters
        sizes = [0 if h.fixed else h.n_elements for h in hyperparameters]
        places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        return dict(zip([h.name for h in hyperparameters], places, strict=True))

    # -- the engine -----------------------------------------------------------------

    def _numbers(self, X, Y=None) -> Numbers:
        """Check every parameter and spread it over the layers or features."""
        depth = check_depth(self.depth)
        weights, bias_weights = self._layer_weights(depth)
        return Numbers(
            weights,
            per_layer("weight_variance", self.weight_variance, depth, zero=False),
            per_layer("bias_variance", self.bias_variance, depth, zero=True),
            per_feature("length_scale", self.length_scale, X.shape[1]),
            bias_weights,
            get_activation(self.activation),
            check_ranks(self.n_ranks, X, Y),
        )

    def _network(self, X, Y=None) -> Network:
        return self._numbers(X, Y).network()

    def _moving(self, X) -> MovingKernel:
        """Return this kernel on checked rows that stay, while its theta moves."""
        numbers = self._numbers(X)  # checks what the rest takes for granted
        columns = self._columns(X.shape[1])
        return MovingKernel(numbers, columns, self.n_dims, X, self._dtype())

    def __call__(self, X, Y=None, eval_gradient=False):
        """Return the kernel between the rows of X and Y, and optionally its gradient.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            Finite real numbers; scale the columns to about unit variance.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            The other side; None means `X`.
        eval_gradient : bool, default=False
            Whether to return the gradient in ``theta`` (the logarithms of the free
            hyperparameters) as well. Only with ``Y=None``.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            The kernel: a new, writable array.
        K_gradient : ndarray of shape (n_samples_X, n_samples_X, n_dims)
            Only if `eval_gradient`.

        Raises
        ------
        ValueError
            If the data or a parameter is not as described, or `eval_gradient` is
            asked for with `Y`.
        TypeError
            If the data are sparse or a parameter has the wrong type.
        """
        if eval_gradient and Y is not None:
            raise ValueError(
                "Gradient can only be evaluated when Y is None: eval_gradient=True "
                "needs the kernel of X with itself."
            )
        X, Y = check_pair(X, Y)
        network, dtype = self._network(X, Y), self._dtype()
        if not eval_gradient:
            return gram(network, X, Y, dtype)
        columns = self._columns(X.shape[1])
        gradient = full_gradient(network, X, columns, self.n_dims)
        return gram(network, X, dtype=dtype), gradient

    def _dtype(self) -> np.dtype:
        """Check and return the type of the kernel matrix."""
        if not isinstance(self.dtype, str) or self.dtype not in {"float64", "float32"}:
            raise ValueError(
                f'dtype must be "float64" or "float32", got {self.dtype!r}.'
            )
        return np.dtype(self.dtype)

    def _columns(self, n_features: int) -> list[np.ndarray]:
        """Return which entry of theta each layer and feature counts in, or -1."""
        positions = {}
        for name, places in self._places().items():
            if name not in HYPERPARAMETERS and places.size:
                raise NotImplementedError(
                    f"{type(self).__name__} has the free hyperparameter {name}, in "
                    "which the engine has no gradient; fix it by its bounds, or "
                    "override __call__ and contract."
                )
            free = self._free(name)
            positions[name] = np.full(free.size, -1)
            if places.size:
                positions[name][free] = places
        sizes = [self.depth + 1] * 3 + [n_features]
        nowhere = np.array([-1])
        return [
            np.broadcast_to(positions.get(name, nowhere), size)
            for name, size in zip(HYPERPARAMETERS, sizes, strict=True)
        ]

    def diag(self, X):
        """Return ``k(x, x)`` of every row, in time linear in the number of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            Equal to ``np.diag(self(X))``.
        """
        X = check_samples(X)
        return diagonal(self._network(X), X)

    def components(self, X, Y=None):
        """Return each layer's own term of the neural tangent kernel, unweighted.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
        Y : array-like of shape (n_samples_Y, n_features), default=None
            The other side; None means `X`.

        Returns
        -------
        ndarray of shape (depth + 1, n_samples_X, n_samples_Y)
            First layer first, read-out last. Their sum is the NTK, the last one is the
            NNGP kernel.
        """
        X, Y = check_pair(X, Y)
        return components(self._network(X, Y), X, Y)

    def contract(self, X, G):
        """Return ``sum(G * dK / dtheta)``, without the derivatives' (n, n, p) array.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        G : array-like of shape (n_samples, n_samples)
            Symmetric, such as the derivative of an objective in the kernel matrix.

        Returns
        -------
        ndarray of shape (n_dims,)
            The gradient in ``theta``.
        """
        X = check_samples(X)
        G = check_samples(G, "G")
        if G.shape != (len(X), len(X)):
            raise ValueError(
                f"G must have shape ({len(X)}, {len(X)}), a row and a column per row "
                f"of X, got {G.shape}."
            )
        return self._moving(X).contract(G)

    # -- manners --------------------------------------------------------------------

    def is_stationary(self):
        """Return False: the kernel depends on where the inputs are."""
        return False

    def __eq__(self, other):
        if type(self) is not type(other):
            return False
        mine, theirs = self.get_params(), other.get_params()
        return all(same(mine[name], theirs[name]) for name in mine)

    # As in scikit-learn: kernels are mutable, so they have no hash.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        parts = [f"{name}={show(getattr(self, name))}" for name in self._shown]
        if self.n_ranks:
            parts.append(f"n_ranks={self.n_ranks}")
        if self.dtype != "float64":
            parts.append(f"dtype={self.dtype!r}")
        return f"{type(self).__name__}({', '.join(parts)})"
