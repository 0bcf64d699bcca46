"""Kernel matrices of networks on graphs: sums of covariances over neighbours.

A sum over neighbours is a product with a sparse matrix from both sides. The graphs of a
collection are one graph in many pieces, whose operator is block-diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..activations._base import Activation
from ..activations._pairs import PairActivation
from .aligned import means
from .linear_steps import Layer, Values
from .structured import State

# Numbers of one matrix that are held at once in the kernel of a collection.
HELD = 3_000_000


def both_sides(left, right, matrices: np.ndarray) -> np.ndarray:
    """Return ``left @ M @ right.T`` of every matrix M of a stack."""
    return np.stack([np.ascontiguousarray((right @ (left @ M).T).T) for M in matrices])


# -- nodes of one graph ---------------------------------------------------------------


class NodeNetwork(NamedTuple):
    """A graph convolutional network.

    Attributes
    ----------
    operator : sparse matrix of shape (n_nodes, n_nodes)
        The normalised adjacency.
    layers : list of Layer
        The layers, the output last.
    activations : sequence of Activation
        The activation between each layer and the next.
    skip : {None, "pc", "alpha"}
        How the fixed random features enter each layer.
    skip_activation : Activation
        The activation of these features.
    strength : float
        Their share in each layer, for ``"alpha"``.
    """

    operator: sparse.csr_matrix
    layers: list[Layer]
    activations: Sequence[Activation]
    skip: str | None
    skip_activation: Activation
    strength: float


def nodes(network: NodeNetwork, values: Values, inputs: np.ndarray) -> np.ndarray:
    """Return the kernel of all nodes, and its derivatives: (n_tangents, n, n).

    `inputs` are the inner products of the nodes' features.
    """
    q = np.zeros((values.n_covariances, *inputs.shape))
    q[0] = inputs
    state = State(values, q, *[np.einsum("kii->ki", q).copy()] * 2)
    if network.skip is not None:
        return _skipping(network, state).kernel(symmetric=True)
    for l, layer in enumerate(network.layers):
        _aggregate(state, network.operator, network.operator)
        state.layer(layer)
        if l < len(network.activations):
            _own_variances(state)
            state.activate(network.activations[l])
    return state.kernel(symmetric=True)


def _aggregate(state: State, left, right) -> None:
    """Sum over the neighbours of both nodes of each pair."""
    state.q = both_sides(left, right, state.q)
    state.t = both_sides(left, right, state.t)


def _own_variances(state: State) -> None:
    """Take the variance of each node from its pair with itself."""
    state.a = state.c = np.einsum("kii->ki", state.q).copy()  # never a view


def _skipping(network: NodeNetwork, state: State) -> State:
    """Pass the layers of a network with fixed random features H in each of them."""
    values, S, slot = state.values, network.operator, 0
    alpha = network.strength
    beta = 1.0 if network.skip == "pc" else 1.0 - alpha
    # The features H themselves, which nothing before them is learned for.
    mean = _means(values, state.a, network.skip_activation)
    state.activate(network.skip_activation)
    scale = Layer(network.layers[0].weight)
    state.layer(scale)
    slot = int(values.variance_slots[scale.weight])
    H, mean = state.q, _scaled(values, mean, scale.weight, slot)
    if network.skip == "pc":
        state.q = both_sides(S, S, H)
    else:
        once = _once(S, H)
        state.q = beta**2 * both_sides(S, S, H) + alpha**2 * H
        state.q += alpha * beta * (once + once.transpose(0, 2, 1))
    state.start(network.layers[0].weight_tensor, state.q)
    for layer, activation in zip(network.layers[1:], network.activations, strict=True):
        _own_variances(state)
        own = _means(values, state.a, activation)
        state.activate(activation)
        state.layer(Layer(layer.weight))
        slot = int(values.variance_slots[layer.weight])
        cross = _outer(_scaled(values, own, layer.weight, slot), mean)
        if network.skip == "pc":
            state.q += H + cross + cross.transpose(0, 2, 1)
            state.q = both_sides(S, S, state.q)
        else:
            once = _once(S, cross)
            state.q = beta**2 * both_sides(S, S, state.q) + alpha**2 * H
            state.q += alpha * beta * (once + once.transpose(0, 2, 1))
        state.t = beta**2 * both_sides(S, S, state.t)
        state.start(layer.weight_tensor, state.q)
    return state


def _once(S, matrices):
    """Return ``S @ M`` of every matrix of a stack."""
    return np.stack([S @ M for M in matrices])


def _means(values: Values, a, activation: Activation) -> np.ndarray:
    """Return the mean of an activation at each node, and its derivatives."""
    found = np.empty((2, a.shape[1]))
    means(PairActivation.of(activation), a[0], found)
    out = found[1] * a
    out[0] = found[0]
    return out


def _scaled(values: Values, mean, weight: int, slot: int) -> np.ndarray:
    """Return means times the root of a variance."""
    out = np.sqrt(values.variances[weight]) * mean
    if slot >= 0:
        out[1 + slot] += 0.5 * out[0]
    return out


def _outer(left, right) -> np.ndarray:
    """Return the outer product of two vectors, and its derivatives."""
    out = np.stack(
        [
            np.outer(l, right[0]) + np.outer(left[0], r)
            for l, r in zip(left, right, strict=True)
        ]
    )
    out[0] *= 0.5
    return out


# -- whole graphs ---------------------------------------------------------------------


class Collection(NamedTuple):
    """Graphs as one graph in many pieces.

    Attributes
    ----------
    operator : sparse matrix of shape (n_nodes, n_nodes)
        What sums over neighbours, block-diagonal.
    features : sparse matrix or ndarray of shape (n_nodes, n_features)
        The features of all nodes.
    starts : ndarray of int, shape (n_graphs + 1,)
        The first node of each graph, and the number of all nodes.
    """

    operator: sparse.csr_matrix
    features: np.ndarray | sparse.csr_matrix
    starts: np.ndarray

    def part(self, first: int, last: int) -> Collection:
        """Return some of the graphs."""
        i, j = self.starts[first], self.starts[last]
        starts = self.starts[first : last + 1] - i
        return Collection(self.operator[i:j, i:j], self.features[i:j], starts)


class GraphNetwork(NamedTuple):
    """A graph neural network of blocks: a sum over neighbours, then dense layers.

    Attributes
    ----------
    n_blocks : int
    n_layers : int
        Dense layers of each block.
    jumping : bool
        Whether the read-out sees every block, and the features of the nodes.
    mean : bool
        Whether it sees means over nodes instead of sums.
    activations : sequence of Activation
        One for each dense layer.
    """

    n_blocks: int
    n_layers: int
    jumping: bool
    mean: bool
    activations: Sequence[Activation]


def _products(X: Collection, Y: Collection) -> np.ndarray:
    found = X.features @ Y.features.T
    return found.toarray() if sparse.issparse(found) else np.asarray(found)


def _pooled(matrices, X: Collection, Y: Collection, mean: bool) -> np.ndarray:
    """Return the sums, or means, over the nodes of both graphs of each pair."""
    found = np.add.reduceat(matrices, X.starts[:-1], axis=1)
    found = np.add.reduceat(found, Y.starts[:-1], axis=2)
    if mean:
        found /= np.outer(np.diff(X.starts), np.diff(Y.starts))
    return found


def _layers(network: GraphNetwork, state: State, X: Collection, Y: Collection):
    """Pass all layers; yield before each activation, and return the read-outs.

    A generator, so that whoever runs it can look at the variances, or set them.
    """
    size = network.n_blocks * network.n_layers
    state.layer(Layer(0))
    shape = len(X.starts) - 1, len(Y.starts) - 1
    q = np.zeros((len(state.q), *shape))
    t = np.zeros((len(state.t), *shape))

    def read():
        for total, part in ((q, state.q), (t, state.t)):
            np.add(total, _pooled(part, X, Y, network.mean), out=total)

    if network.jumping:
        read()
    l = 0
    for block in range(network.n_blocks):
        _aggregate(state, X.operator, Y.operator)
        for _ in range(network.n_layers):
            state.start(l, state.q)
            yield state
            state.activate(network.activations[l])
            l += 1
            state.layer(Layer(l))
        if network.jumping or block == network.n_blocks - 1:
            read()
    out = State(state.values, q, state.a, state.c, t)
    out.start(size, q)
    yield out


def _first(values: Values, X: Collection, Y: Collection) -> State:
    products = _products(X, Y)
    q = np.zeros((values.n_covariances, *products.shape))
    q[0] = products
    a, c = (np.zeros((values.n_covariances, size)) for size in products.shape)
    return State(values, q, a, c)  # without variances: see `_layers`


def graph_variances(
    network: GraphNetwork, values: Values, X: Collection
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances of nodes in each layer, and each graph's own kernel.

    From the pairs of nodes of each graph, one graph after the other.

    Returns
    -------
    variances : ndarray of shape (n_layers, n_covariances, n_nodes)
    own : ndarray of shape (n_tangents, n_graphs)
    """
    size, n = network.n_blocks * network.n_layers, len(X.starts) - 1
    variances = np.empty((size, values.n_covariances, X.starts[-1]))
    own = np.empty((values.n_tangents, n))
    for g in range(n):
        part = X.part(g, g + 1)
        state = _first(values, part, part)
        for l, here in enumerate(_layers(network, state, part, part)):
            if l == size:
                own[:, g] = here.t[:, 0, 0]
                break
            _own_variances(here)
            variances[l, :, X.starts[g] : X.starts[g + 1]] = here.a
    return variances, own


def graphs(
    network: GraphNetwork, values: Values, X: Collection, Y: Collection | None = None
) -> np.ndarray:
    """Return the kernel of graphs, and its derivatives: (n_tangents, n, m)."""
    left, own = graph_variances(network, values, X)
    symmetric, other = Y is None, X if Y is None else Y
    right = left if Y is None else graph_variances(network, values, other)[0]
    out = np.empty((values.n_tangents, len(X.starts) - 1, len(other.starts) - 1))
    for i, j in _chunks(X, int(other.starts[-1])):
        rows = X.part(i, j)
        first = i if symmetric else 0
        columns = other.part(first, len(other.starts) - 1)
        state = _first(values, rows, columns)
        for l, here in enumerate(_layers(network, state, rows, columns)):
            if l == len(left):
                out[:, i:j, first:] = here.t
                break
            here.a = left[l][:, X.starts[i] : X.starts[j]].copy()
            here.c = right[l][:, other.starts[first] :].copy()
    if symmetric:
        state = State(values, out[:1], own, own, out)
        state.kernel(symmetric=True)
        for part, diagonal in zip(out, own, strict=True):
            np.fill_diagonal(part, diagonal)
    return out


def _chunks(X: Collection, n_columns: int) -> Iterator[tuple[int, int]]:
    """Yield groups of graphs, so that their nodes' pairs fit into memory."""
    most, first, n = max(1, HELD // max(n_columns, 1)), 0, len(X.starts) - 1
    while first < n:
        last = int(np.searchsorted(X.starts, X.starts[first] + most, "right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last
