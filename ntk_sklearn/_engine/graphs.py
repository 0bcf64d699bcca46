"""Kernel matrices of whole graphs: sums of covariances over neighbours, and over nodes.

The graphs of a collection are one graph in many pieces, whose operator is
block-diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..activations._base import Activation
from .linear_steps import Layer, Values
from .nodes import aggregate, own_variances
from .structured import State

# Numbers of one matrix that are held at once in the kernel of a collection.
HELD = 3_000_000


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
        aggregate(state, X.operator, Y.operator)
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
            own_variances(here)
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
