"""The terms of an empirical kernel: one for each layer or tensor of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from .._engine.trained import NetworkArrays, layer_inputs, output_signals
from .._engine.trained_terms import layer_diagonals, layer_terms

# A term's number and its kernel matrix, or the diagonal of it: a new array.
Terms = Iterator[tuple[np.intp | int, np.ndarray]]


@runtime_checkable
class LayerFeatures(Protocol):
    """A network of another library, which computes its own Jacobian features."""

    n_layers: int

    def layer_features(self, X: np.ndarray) -> Sequence[np.ndarray]:
        """Return the derivatives of the outputs by the parameters of each layer.

        An array of shape (n_samples, n_outputs, n_parameters) for each layer, the
        read-out last; a network with one output may leave out the second axis.
        """


class KernelTerms(Protocol):
    """The terms whose weighted sum is an empirical kernel."""

    def matrices(
        self, X: np.ndarray, Y: np.ndarray | None, wanted: np.ndarray
    ) -> Terms:
        """Yield the kernel matrix of every wanted term."""

    def diagonals(self, X: np.ndarray) -> Terms:
        """Yield ``k(x, x)`` of every term."""


class ArrayTerms(NamedTuple):
    """The terms of the neural tangent kernel of a network given as arrays.

    Attributes
    ----------
    network : NetworkArrays
        The network.
    direction : ndarray of shape (n_outputs,) or None
        The combination of outputs; None means the sum over all outputs.
    factor : float
        The factor of all terms.
    first : int
        The first layer that has a term.
    per_tensor : bool
        Whether weights and biases have a term each, weights first.
    """

    network: NetworkArrays
    direction: np.ndarray | None = None
    factor: float = 1.0
    first: int = 0
    per_tensor: bool = False

    def _layers(self, wanted: np.ndarray) -> np.ndarray:
        """Return the mask of the layers that have a wanted term."""
        mask = wanted.reshape(-1, 2).any(axis=1) if self.per_tensor else wanted
        return np.append(np.zeros(self.first, dtype=bool), mask)

    def _split(self, l: int, A, G) -> Terms:
        """Turn the two factors of a layer into its terms."""
        l -= self.first
        if self.factor != 1.0:
            G *= self.factor
        if self.per_tensor:
            A *= G
            yield 2 * l, A
            yield 2 * l + 1, G
        else:
            A += 1.0
            A *= G
            del G
            yield l, A

    def matrices(self, X, Y, wanted) -> Terms:
        """Yield the kernel matrix of every wanted term."""
        layers = self._layers(wanted)
        factors = layer_terms(
            self.network, X, Y, direction=self.direction, wanted=layers
        )
        for l, A, G in factors:
            terms = self._split(l, A, G)
            del A, G  # a matrix that is added is not held while the next is made
            for i, term in terms:
                if wanted[i]:
                    yield i, term
                del term

    def diagonals(self, X) -> Terms:
        """Yield ``k(x, x)`` of every term."""
        for l, A, G in layer_diagonals(self.network, X, self.direction):
            if l >= self.first:
                yield from self._split(l, A, G)


class PreconditionedTerms(NamedTuple):
    """The terms of a network whose parameters have a learning rate each.

    Attributes
    ----------
    network : NetworkArrays
        The network.
    rates : NetworkArrays
        The learning rate of every parameter, in the shape of the network.
    direction : ndarray of shape (n_outputs,) or None
        The combination of outputs; None means the sum over all outputs.
    factor : float
        The factor of all terms.
    """

    network: NetworkArrays
    rates: NetworkArrays
    direction: np.ndarray | None = None
    factor: float = 1.0

    def _side(self, X):
        H = layer_inputs(self.network, X)
        B = output_signals(self.network, H)
        if self.direction is not None:
            B = [np.einsum("ncu,c->nu", b, self.direction)[:, None] for b in B]
        return H, B

    def matrices(self, X, Y, wanted) -> Terms:
        """Yield the kernel matrix of every wanted term, summed unit by unit."""
        H, B = self._side(X)
        K, C = (H, B) if Y is None else self._side(Y)
        for l in np.flatnonzero(wanted):
            out = np.zeros((len(X), len(K[l])))
            for unit, rate in enumerate(self.rates.coefs[l].T):
                A = (H[l] * rate) @ K[l].T
                A += self.rates.intercepts[l][unit]
                A *= B[l][:, :, unit] @ C[l][:, :, unit].T
                out += A
            out *= self.factor
            yield l, out

    def diagonals(self, X) -> Terms:
        """Yield ``k(x, x)`` of every term."""
        H, B = self._side(X)
        rates = zip(self.rates.coefs, self.rates.intercepts, strict=True)
        for l, (weights, biases) in enumerate(rates):
            A = H[l] ** 2 @ weights + biases
            yield l, self.factor * np.einsum("nu,ncu->n", A, B[l] ** 2)


class HiddenTerms(NamedTuple):
    """The inner products of the values of each hidden layer.

    Attributes
    ----------
    network : NetworkArrays
        The network.
    """

    network: NetworkArrays

    def matrices(self, X, Y, wanted) -> Terms:
        """Yield the kernel matrix of every wanted term."""
        left = layer_inputs(self.network, X)[1:]
        right = left if Y is None else layer_inputs(self.network, Y)[1:]
        for i in np.flatnonzero(wanted):
            yield i, left[i] @ right[i].T

    def diagonals(self, X) -> Terms:
        """Yield ``k(x, x)`` of every term."""
        for i, H in enumerate(layer_inputs(self.network, X)[1:]):
            yield i, np.einsum("ij,ij->i", H, H)


class FeatureTerms(NamedTuple):
    """The terms of a network that computes its own Jacobian features.

    Attributes
    ----------
    network : LayerFeatures
        The network.
    kind : {"ntk", "pntk", "conjugate"}
        The kernel.
    output : int or "sum"
        The output whose kernel is wanted.
    """

    network: LayerFeatures
    kind: str
    output: int | str

    def _features(self, X) -> list[np.ndarray]:
        found = layer_features(self.network, X)
        direction, factor = direction_of(self.kind, self.output, found[0].shape[1])
        if self.kind == "conjugate":
            found = found[-1:]
        if direction is None:
            return [F.reshape(len(F), -1) for F in found]
        direction = np.sqrt(factor) * direction
        return [np.einsum("ncp,c->np", F, direction) for F in found]

    def matrices(self, X, Y, wanted) -> Terms:
        """Yield the kernel matrix of every wanted term."""
        left = self._features(X)
        right = left if Y is None else self._features(Y)
        for i in np.flatnonzero(wanted):
            yield i, left[i] @ right[i].T

    def diagonals(self, X) -> Terms:
        """Yield ``k(x, x)`` of every term."""
        for i, F in enumerate(self._features(X)):
            yield i, np.einsum("ij,ij->i", F, F)


def direction_of(
    kind: str, output: int | str, n_outputs: int
) -> tuple[np.ndarray | None, float]:
    """Return the combination of outputs whose kernel is wanted, and its factor.

    Parameters
    ----------
    kind : {"ntk", "pntk", "conjugate"}
        The kernel.
    output : int or "sum"
        The output whose kernel is wanted.
    n_outputs : int
        The number of outputs of the network.

    Returns
    -------
    direction : ndarray of shape (n_outputs,) or None
        None means the sum over the kernels of all outputs.
    factor : float
        The number by which the kernel is multiplied.
    """
    if kind == "pntk":
        return np.ones(n_outputs), 1.0 / n_outputs
    if kind == "conjugate":  # the same for each output
        output = 0
    if isinstance(output, str):
        return None, 1.0
    if not 0 <= output < n_outputs:
        raise ValueError(
            f'output must be "sum" or from 0 to {n_outputs - 1}, as the network has '
            f"{n_outputs} outputs, got {output!r}."
        )
    return np.eye(n_outputs)[output], 1.0


def layer_features(network: LayerFeatures, X: np.ndarray) -> list[np.ndarray]:
    """Return the features of every layer, of three dimensions each, checked.

    Parameters
    ----------
    network : LayerFeatures
        The network.
    X : ndarray of shape (n, n_features)
        Rows.

    Returns
    -------
    list of ndarray of shape (n, n_outputs, n_parameters)
    """
    found = [np.asarray(F, dtype=np.float64) for F in network.layer_features(X)]
    found = [F[:, None] if F.ndim == 2 else F for F in found]
    shapes = {F.shape[:2] if F.ndim == 3 else () for F in found}
    if (
        len(found) != network.n_layers
        or len(shapes) != 1
        or (len(X),) != (next(iter(shapes))[:1])
    ):
        raise ValueError(
            "network.layer_features(X) must return an array of shape (n_samples, "
            "n_outputs, n_parameters) for each of its n_layers layers, here "
            f"{network.n_layers} arrays of {len(X)} rows, got shapes "
            f"{[F.shape for F in found]}."
        )
    return found
