"""The kernel between whole graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np
from scipy import sparse

from .._engine.graphs import Collection, GraphNetwork, graph_variances, graphs
from .._utils.validation import check_depth, check_list, per_layer
from ..activations._registry import get_activations
from ._graphs import GraphCollection, as_graph
from ._structured import Architecture, StructuredKernel

SCALES = ("uniform", "degree")
POOLINGS = ("sum", "mean")


@dataclass(eq=False, repr=False)
class GraphNTKernel(StructuredKernel):
    r"""Neural tangent kernel of an infinitely wide network on graphs.

    The kernel compares graphs, such as molecules, whose nodes have features or labels.
    It is that of a graph neural network [1]_ of `n_blocks` blocks. In each, every node
    sums over itself and its neighbours, and passes `depth` dense layers. The read-out
    sums over the nodes of a graph. The kernel is the sum of one term for each layer,
    with a weight each; with a weight for the read-out alone it is the NNGP kernel.

    Parameters
    ----------
    depth : int, default=1
        Number of dense layers of each block, at least 1.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all layers; or a list of one for each layer.
    weight_variance : float or array-like of shape (n_layers,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each. There are ``n_blocks * depth`` dense
        layers, and the read-out. The code of [1]_ has 1 for the first layer and 2 for
        the others, and returns twice the kernel.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
    layer_weights : array-like of shape (n_layers,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        None means ones.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    n_blocks : int, default=2
        Number of sums over neighbours.
    scale : {"uniform", "degree"}, default="uniform"
        Whether a node takes the sum over itself and its neighbours, or divides it by
        their number.
    jumping_knowledge : bool, default=False
        Whether the read-out sees the nodes after every block, and their features,
        instead of those of the last block alone.
    pooling : {"sum", "mean"}, default="sum"
        Whether the read-out sums over nodes, or takes the mean.
    normalize : bool, default=False
        Whether the kernel is divided by :math:`\sqrt{k(G, G) \, k(G', G')}`. Its values
        are then cosines, and it is no longer linear in the layer weights.
    graphs : GraphCollection, sequence of graphs or None, default=None
        Graphs that rows of numbers refer to. With it the kernel takes a column of the
        numbers of graphs, from 0 on, as most estimators of scikit-learn need it; and
        the kernel matrix of a :class:`GraphCollection` is computed once. None means
        lists of graphs: `Graph` objects, graphs of networkx, or pairs of edges and
        node labels as GraKeL has them.

    See Also
    --------
    GraphConvolutionNTKernel : The kernel between the nodes of one graph.

    References
    ----------
    .. [1] Du, Hou, Salakhutdinov, Poczos, Wang and Xu, "Graph Neural Tangent Kernel:
       Fusing Graph Neural Networks with Graph Kernels", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import Graph, GraphNTKernel
    >>> triangle = Graph.from_edges(3, [(0, 1), (1, 2), (2, 0)], ["C", "C", "O"])
    >>> chain = Graph.from_edges(3, [(0, 1), (1, 2)], ["C", "C", "O"])
    >>> kernel = GraphNTKernel(n_blocks=1, normalize=True)
    >>> kernel([triangle, chain]).round(2)
    array([[1.  , 0.98],
           [0.98, 1.  ]])
    """

    depth: int = 1
    n_blocks: int = 2
    scale: str = "uniform"
    jumping_knowledge: bool = False
    pooling: str = "sum"
    normalize: bool = False
    graphs: GraphCollection | Sequence | None = None

    @property
    def requires_vector_input(self):
        """Whether the kernel takes rows of numbers: if `graphs` is given."""
        return self.graphs is not None

    def _architecture(self):
        depth, n_blocks = check_depth(self.depth), self.n_blocks
        whole = isinstance(n_blocks, Integral) and not isinstance(n_blocks, bool)
        if not whole or n_blocks < 1:
            raise ValueError(f"n_blocks must be a positive integer, got {n_blocks!r}.")
        for name, known in (("scale", SCALES), ("pooling", POOLINGS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, got {getattr(self, name)!r}."
                )
        size = depth * int(n_blocks)
        network = GraphNetwork(
            int(n_blocks),
            depth,
            bool(self.jumping_knowledge),
            self.pooling == "mean",
            get_activations(self.activation, size),
        )
        variances = per_layer("weight_variance", self.weight_variance, size, zero=False)
        return Architecture(
            partial(self._gram, network),
            partial(self._diagonal, network),
            tuple(range(size + 1)),
            {"weight_variance": variances},
        )

    def _inputs(self, X, name):
        """Return a list of graphs, or the numbers of graphs."""
        if self.graphs is None:
            if hasattr(X, "nodes"):
                raise TypeError(f"{name} must be a list of graphs, got one graph.")
            check_list(X, name, "graph")
            return [as_graph(graph, name) for graph in X]
        check_list(self.graphs, "graphs", "graph")
        return checked_numbers(X, name, len(self.graphs), "graphs")

    def _gram(self, network, values, X, Y):
        if self.graphs is None:
            return self._between(network, values, X, Y)
        columns = X if Y is None else Y
        if isinstance(self.graphs, GraphCollection):
            key = (type(self).__name__, self.scale, *key_of(network, values))
            whole = self.graphs.kept(
                key, lambda: self._between(network, values, self.graphs, None)
            )
            return np.ascontiguousarray(whole[:, X[:, None], columns])
        # Each graph once, however often it is asked for.
        rows, at = np.unique(X, return_inverse=True)
        left = [as_graph(self.graphs[i]) for i in rows]
        if Y is None:
            found = self._between(network, values, left, None)
            return np.ascontiguousarray(found[:, at[:, None], at])
        others, to = np.unique(Y, return_inverse=True)
        right = [as_graph(self.graphs[i]) for i in others]
        found = self._between(network, values, left, right)
        return np.ascontiguousarray(found[:, at[:, None], to])

    def _between(self, network, values, X, Y):
        left, right = collections(X, Y, self.scale)
        return graphs(network, values, left, right)

    def _diagonal(self, network, values, X):
        if self.graphs is not None:
            X = [as_graph(self.graphs[i]) for i in X]
        left, _ = collections(X, None, self.scale)
        return graph_variances(network, values, left)[1]


def key_of(network, values) -> tuple:
    """Return what a kernel matrix depends on, as something to look it up by."""
    activations = tuple(function_key(a) for a in network.activations)
    plain = tuple(p for p in network if isinstance(p, (int, float, str, type(None))))
    return (plain, activations, *(part.tobytes() for part in values))


def function_key(activation) -> tuple:
    """Return what tells an activation from others, whatever their names."""
    return activation.code, activation.parameters.tobytes()


def checked_numbers(X, name: str, count: int, what: str) -> np.ndarray:
    """Return a column of numbers from 0 to `count` - 1 as integers.

    Parameters
    ----------
    X : array-like of shape (n,) or (n, 1)
        The numbers.
    name : str
        The name of the argument in messages.
    count : int
        How many there are.
    what : str
        What they number.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    found = np.asarray(X)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    needed = f"{name} must be a column of numbers of {what}, from 0 to {count - 1}"
    if found.ndim != 1 or not found.size or found.dtype.kind not in "iuf":
        raise ValueError(f"{needed}, got shape {np.shape(X)}, dtype {found.dtype}.")
    bad = ~((found >= 0) & (found < count) & (found == np.floor(found)))
    if bad.any():
        raise ValueError(f"{needed}, got {found[bad][0].item()!r}.")
    return found.astype(np.intp)


def collections(X, Y, scale: str) -> tuple[Collection, Collection | None]:
    """Return two lists of graphs as one graph each, with features of one space."""
    both = [*X, *(Y or [])]
    kinds = {_kind(graph) for graph in both}
    if len(kinds) > 1:
        names = "X" if Y is None else "X and Y"
        raise ValueError(
            f"{names} must hold graphs with features of one kind, all labels, all none "
            f"or rows of one length, got {sorted(map(str, kinds))}."
        )
    features = _common(both, next(iter(kinds)))
    operators = [_operator(graph.adjacency, scale) for graph in both]
    starts = np.concatenate([[0], np.cumsum([graph.n_nodes for graph in both])])
    whole = Collection(
        sparse.csr_matrix(sparse.block_diag(operators, format="csr")), features, starts
    )
    if Y is None:
        return whole, None
    return whole.part(0, len(X)), whole.part(len(X), len(both))


def _kind(graph):
    """Return the number of features, or "label" or "none"."""
    if graph.features is None:
        return "none"
    return "label" if graph.features.ndim == 1 else graph.features.shape[1]


def _common(both, kind):
    """Return the features of all nodes; labels become columns of zeros and ones."""
    if kind not in ("none", "label"):
        if any(sparse.issparse(graph.features) for graph in both):
            return sparse.csr_matrix(sparse.vstack([g.features for g in both]))
        return np.concatenate([graph.features for graph in both])
    if kind == "none":
        labels = np.concatenate([np.diff(graph.adjacency.indptr) for graph in both])
    else:
        labels = np.concatenate([graph.features for graph in both])
    codes = np.unique(labels, return_inverse=True)[1].ravel()
    n = len(codes)
    return sparse.csr_matrix((np.ones(n), (np.arange(n), codes)))


def _operator(adjacency, scale: str):
    """Return what sums over a node and its neighbours."""
    looped = adjacency + sparse.eye(adjacency.shape[0], format="csr")
    if scale == "uniform":
        return looped
    return sparse.diags(1.0 / np.asarray(looped.sum(axis=1)).ravel()) @ looped
