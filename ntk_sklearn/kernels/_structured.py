"""The base of the kernels of networks on images, sequences and graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .._engine.linear_steps import Values
from .._utils.validation import check_positive, check_samples
from ._layer_weights import LayerWeights
from ._on_rows import KernelOnRows, called_on_rows
from ._repr import same, show
from ._terms_on_rows import TermsOnRows, normalised, normalised_tangents
from ._theta import refuse_gradient

Inputs = TypeVar("Inputs")


@dataclass(frozen=True)
class Architecture(Generic[Inputs]):
    """A network whose parameters are checked, in the form that the base needs.

    Attributes
    ----------
    gram : callable
        ``gram(values, X, Y)`` returns the kernel and its derivatives, an array of shape
        (n_tangents, n, m); Y is None for X with itself.
    diagonal : callable
        ``diagonal(values, X)`` returns their diagonals, (n_tangents, n).
    tensors : tuple of int
        The layer of each tensor of parameters.
    variances : dict of str to ndarray
        The variances by the name of the hyperparameter, in the order of `Values`.
    """

    gram: Callable[[Values, Inputs, Inputs | None], np.ndarray]
    diagonal: Callable[[Values, Inputs], np.ndarray]
    tensors: tuple[int, ...]
    variances: dict[str, np.ndarray]

    @property
    def n_layers(self) -> int:
        """Number of layers that have parameters."""
        return max(self.tensors) + 1


@dataclass(eq=False, repr=False)
class StructuredKernel(LayerWeights, Generic[Inputs]):
    """Base class of the kernels of networks on images, sequences and graphs.

    A subclass implements `_architecture` and `_inputs`. The parameters are described in
    `ConvolutionalNTKernel`.
    """

    depth: int = 3
    activation: str | Sequence = "relu"
    weight_variance: float | ArrayLike = 2.0
    weight_variance_bounds: str | ArrayLike = "fixed"
    layer_weights: ArrayLike | None = None
    layer_weights_bounds: str | ArrayLike = (1e-5, 1e5)

    def _architecture(self) -> Architecture[Inputs]:
        """Return the network, with checked parameters."""
        raise NotImplementedError

    def _inputs(self, X, name: str) -> Inputs:
        """Return checked inputs."""
        raise NotImplementedError

    def _pair(self, X, Y) -> tuple[Inputs, Inputs | None]:
        """Return both sides, checked; the second is None if it is the first."""
        left = self._inputs(X, "X")
        return left, None if Y is None or Y is X else self._inputs(Y, "Y")

    # -- theta ------------------------------------------------------------------------

    @property
    def hyperparameter_weight_variance(self):
        """The weight variance, as scikit-learn describes it."""
        return self._hyperparameter("weight_variance")

    def _n_terms(self) -> int:
        return self._architecture().n_layers

    def _weights(self, network: Architecture[Inputs]) -> np.ndarray:
        """Return the checked layer weights: one for each layer, or for each tensor."""
        if self.layer_weights is None:
            return np.ones(network.n_layers)
        weights = np.atleast_1d(
            check_positive("layer_weights", self.value("layer_weights"), zero=True)
        )
        sizes = sorted({network.n_layers, len(network.tensors)})
        if weights.size not in sizes:
            raise ValueError(
                f"layer_weights has {weights.size} entries, but this network needs "
                f"{' or '.join(map(str, sizes))} (one for each layer, or for each of "
                "its tensors); pass None for equal values."
            )
        if not weights.any():
            raise ValueError(
                "layer_weights must have at least one positive entry, got "
                f"{self.layer_weights!r}: with no layer learning the kernel is zero."
            )
        return weights

    def _owners(self, network: Architecture[Inputs], size: int) -> np.ndarray:
        """Return the entry of the layer weights that each tensor has."""
        if size == network.n_layers:
            return np.array(network.tensors)
        return np.arange(len(network.tensors))

    # -- what the engine needs --------------------------------------------------------

    def _values(self, network: Architecture[Inputs]) -> Values:
        """Return the numbers of the network, without derivatives."""
        weights = self._weights(network)
        variances = np.concatenate(list(network.variances.values()))
        return Values(
            variances,
            weights[self._owners(network, weights.size)],
            np.full(variances.size, -1),
            np.full(len(network.tensors), -1),
        )

    def _with_terms(self, network: Architecture[Inputs]) -> Values:
        """Return the numbers, with the derivative in each layer weight."""
        owners = self._owners(network, self._weights(network).size)
        return self._values(network)._replace(rate_slots=owners)

    def _with_theta(self, network: Architecture[Inputs]):
        """Return the numbers, with the derivatives in theta.

        Also the entry of theta that each derivative is for, and its factor.
        """
        values, places = self._values(network), self._places()
        weights = self._weights(network)
        slots = np.full(weights.size, -1)
        place = places["layer_weights"]
        if place.size:
            slots[self._free("layer_weights")] = np.arange(place.size)
        columns, factors = [place], [weights[slots >= 0]]
        rate_slots = slots[self._owners(network, weights.size)]
        variance_slots, count = [], 0
        for name, array in network.variances.items():
            place = places.get(name, np.empty(0, dtype=int))
            slots = np.full(self._free(name).size, -1)
            if place.size:
                slots[self._free(name)] = count + np.arange(place.size)
            count += place.size
            variance_slots.append(np.broadcast_to(slots, array.size))
            columns.append(place)
            factors.append(np.ones(place.size))
        values = values._replace(
            variance_slots=np.concatenate(variance_slots), rate_slots=rate_slots
        )
        return values, np.concatenate(columns), np.concatenate(factors)

    # -- the kernel -------------------------------------------------------------------

    def __call__(self, X, Y=None, eval_gradient=False):
        """Return the kernel matrix, and its gradient if asked for.

        Parameters
        ----------
        X : array-like or sequence
            First set of inputs, in a form that the class describes.
        Y : array-like or sequence, default=None
            Second set of inputs; None means `X`.
        eval_gradient : bool, default=False
            Whether to return the derivatives by ``theta`` as well; `Y` must be None.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            The kernel matrix.
        K_gradient : ndarray of shape (n_samples_X, n_samples_X, n_dims)
            The derivatives of the kernel matrix; only if `eval_gradient` is true.
        """
        refuse_gradient(eval_gradient, Y)
        network = self._architecture()
        X, Y = self._pair(X, Y)
        if not eval_gradient:
            values = self._values(network)
            K = network.gram(values, X, Y)[0]
            if not self.normalize:
                return K
            left = network.diagonal(values, X)[0]
            right = left if Y is None else network.diagonal(values, Y)[0]
            return normalised(K, left, right)
        values, columns, factors = self._with_theta(network)
        found = network.gram(values, X, None)
        if self.normalize:
            found = normalised_tangents(found, network.diagonal(values, X))
        gradient = np.empty((*found.shape[1:], self.n_dims))
        for column, factor, part in zip(columns, factors, found[1:], strict=True):
            gradient[..., column] = factor * part
        return found[0].copy(), gradient

    def diag(self, X):
        """Return ``k(x, x)`` of every input, in time linear in their number.

        Parameters
        ----------
        X : array-like or sequence
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,)
            Equal to ``np.diag(self(X))``.
        """
        network = self._architecture()
        found = network.diagonal(self._values(network), self._inputs(X, "X"))[0]
        return self._normalised_diagonal(found)

    def components(self, X, Y=None):
        """Return the terms of the layers, without layer weights.

        Parameters
        ----------
        X : array-like or sequence
            First set of inputs.
        Y : array-like or sequence, default=None
            Second set of inputs; None means `X`.

        Returns
        -------
        ndarray of shape (n_terms, n_samples_X, n_samples_Y)
            One term for each entry of the layer weights. The sum of all terms is the
            NTK, and the term of the read-out's weights is the NNGP kernel but for the
            variance of a read-out's bias.
        """
        network = self._architecture()
        return network.gram(self._with_terms(network), *self._pair(X, Y))[1:]

    def _only_weights(self) -> bool:
        """Return whether nothing but layer weights is learned."""
        return self.positions("layer_weights").size == self.n_dims

    @property
    def n_held_matrices(self) -> int:
        """Number of kernel matrices that `on_rows` holds."""
        n_weights = self._weights(self._architecture()).size
        return n_weights if self._only_weights() else 2 * self.n_dims

    def on_rows(self, X) -> KernelOnRows:
        """Return this kernel on fixed inputs, for repeated changes of theta.

        If only layer weights are learned, the terms of the layers are computed once.

        Parameters
        ----------
        X : array-like or sequence
            The inputs.

        Returns
        -------
        KernelOnRows
            An object with the methods ``set_theta(theta)``, which changes the
            hyperparameters, ``gram()``, which returns the kernel matrix, and
            ``contract(G)``, which returns ``sum(G * dK / dtheta)`` for a symmetric G.
        """
        if not self._only_weights():
            return called_on_rows(self, X)
        free = np.flatnonzero(self._free("layer_weights"))
        if not self.positions("layer_weights").size:
            free = free[:0]
        weights = self._weights(self._architecture())
        return TermsOnRows(self.components(X), weights, free, bool(self.normalize))

    def contract(self, X, G):
        """Return ``sum(G * dK / dtheta)``.

        Parameters
        ----------
        X : array-like or sequence
            The inputs.
        G : array-like of shape (n_samples, n_samples)
            A symmetric matrix.

        Returns
        -------
        ndarray of shape (n_dims,)
        """
        G = check_samples(G, "G")
        if self._only_weights():
            rows = self.on_rows(X)
            _check_pairs(G, len(rows.gram()))
            return rows.contract(G)
        K, gradient = self(X, eval_gradient=True)
        _check_pairs(G, len(K))
        return np.einsum("ij,ijk->k", G, gradient)

    # -- manners ----------------------------------------------------------------------

    def is_stationary(self):
        """Return False, as the kernel does not depend on differences of inputs only."""
        return False

    def __repr__(self):
        usual, parts = type(self)(), []
        for name, value in self.get_params().items():
            if not same(value, getattr(usual, name)):
                parts.append(f"{name}={show(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _check_pairs(G: np.ndarray, n: int) -> None:
    """Raise unless a matrix has an entry for each pair of inputs."""
    if G.shape != (n, n):
        raise ValueError(
            f"G must have shape ({n}, {n}), a row and a column per input of X, got "
            f"{G.shape}."
        )


@dataclass(eq=False, repr=False)
class BiasedKernel(StructuredKernel[Inputs]):
    """Base class of the kernels of networks whose layers have biases."""

    bias_variance: float | ArrayLike = 0.0
    bias_variance_bounds: str | ArrayLike = "fixed"

    @property
    def hyperparameter_bias_variance(self):
        """The bias variance, as scikit-learn describes it."""
        return self._hyperparameter("bias_variance")
