"""Graphs, collections of them, and what other libraries have instead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .._utils.validation import check_list, check_squares, is_positive_integer
from ._kept import Kept


class Graph(Kept):
    """A graph: its edges, and the features or labels of its nodes.

    Kernels on graphs take objects of this class. Do not change an object after it has
    been made.

    Parameters
    ----------
    adjacency : array-like or sparse matrix of shape (n_nodes, n_nodes)
        The non-negative weights of the edges; entry (u, v) is that from v to u.
    features : array-like or sparse matrix, default=None
        A row of numbers for each node, or one label for each node, which may be a
        string; nodes with the same label have the same features. None means that all
        nodes have different features, for a kernel on nodes, or that nodes with the
        same number of neighbours have the same features, for a kernel on graphs.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import Graph
    >>> triangle = Graph(1 - np.eye(3), features=["C", "C", "O"])
    >>> triangle
    Graph(n_nodes=3, n_edges=3)
    >>> Graph.from_edges(3, [(0, 1), (1, 2), (2, 0)]).adjacency.toarray()
    array([[0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]])
    """

    def __init__(self, adjacency, features=None):
        super().__init__()
        found = _square(adjacency)
        n = found.shape[0]
        if n == 0:
            raise ValueError(
                "adjacency must have at least one node, got a graph without nodes."
            )
        if found.nnz and found.data.min() < 0:
            raise ValueError(
                "adjacency must not be negative, got weights down to "
                f"{found.data.min():.3g}."
            )
        self.adjacency = found
        self.features = _features(features, n)

    @classmethod
    def from_edges(cls, n_nodes: int, edges, features=None) -> Graph:
        """Return the graph of some undirected edges.

        Parameters
        ----------
        n_nodes : int
            Number of nodes.
        edges : array-like of shape (n_edges, 2) or (n_edges, 3)
            The two nodes of each edge, numbers from 0 on, and its weight.
        features : array-like or sparse matrix, default=None
            As for the class.

        Returns
        -------
        Graph
        """
        if not is_positive_integer(n_nodes):
            raise ValueError(f"n_nodes must be a positive integer, got {n_nodes!r}.")
        edges = _pairs(edges)
        ends = edges[:, :2]
        bad = (ends != np.floor(ends)) | (ends < 0) | (ends >= n_nodes)
        if bad.any():
            u, v = ends[bad.any(axis=1)][0]
            raise ValueError(
                f"edges must join nodes from 0 to {n_nodes - 1}, but the edge "
                f"({u:g}, {v:g}) leads to a missing node."
            )
        weights = edges[:, 2] if edges.shape[1] > 2 else np.ones(len(edges))
        u, v = ends.astype(int).T
        loops = u == v
        rows, columns = np.append(u, v[~loops]), np.append(v, u[~loops])
        data = np.append(weights, weights[~loops])
        found = sparse.coo_matrix((data, (rows, columns)), (n_nodes, n_nodes)).tocsr()
        # An edge that is given in both directions is one edge.
        twice = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), found.shape)
        found.data /= twice.tocsr().data
        return cls(found, features)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.adjacency.shape[0]

    def __repr__(self):
        loops = np.count_nonzero(self.adjacency.diagonal())
        n_edges = (self.adjacency.nnz + loops) // 2
        return f"Graph(n_nodes={self.n_nodes}, n_edges={n_edges})"


def _numbers(array) -> np.ndarray:
    """Return real numbers as an array of floats; others raise."""
    found = np.asarray(array)
    if found.dtype.kind not in "biufO" or (found.size and found.flat[0] is None):
        raise TypeError(f"numbers of dtype {found.dtype}")
    return np.ascontiguousarray(found, dtype=np.float64)


def _square(adjacency) -> sparse.csr_matrix:
    """Return a checked adjacency matrix."""
    needed = (
        "adjacency must be a square matrix of finite numbers, a row and a column for "
        "each node"
    )
    try:
        dense = None if sparse.issparse(adjacency) else _numbers(adjacency)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{needed}, got {adjacency!r}.") from error
    shape = np.shape(adjacency) if dense is None else dense.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{needed}, got shape {shape}.")
    found = sparse.csr_matrix(adjacency if dense is None else dense, dtype=np.float64)
    found.sum_duplicates()
    if not np.isfinite(found.data).all():
        raise ValueError(f"{needed}, got NaN or infinity.")
    return found


def _pairs(edges) -> np.ndarray:
    """Return edges as an array of two or three columns."""
    needed = "edges must be an array of shape (n_edges, 2) or (n_edges, 3)"
    try:
        found = _numbers(edges)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{needed} of numbers, got {edges!r}.") from error
    if found.size == 0:
        return np.empty((0, 2))
    if found.ndim != 2 or found.shape[1] not in (2, 3):
        raise ValueError(f"{needed}, got shape {found.shape}.")
    return found


def _features(features, n: int):
    """Return features as a matrix, labels as an array, or None."""
    if features is None:
        return None
    needed = (
        f"features must have a row of finite numbers or a label for each of the {n} "
        "nodes"
    )
    if sparse.issparse(features):
        found = sparse.csr_matrix(features, dtype=np.float64)
        numbers = found.data
    else:
        found = np.asarray(features)
        if found.ndim == 2:
            try:
                found = _numbers(found)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{needed}, got dtype {found.dtype}.") from error
        numbers = found if found.dtype.kind == "f" else np.empty(0)
    if found.ndim not in (1, 2) or found.shape[0] != n or 0 in found.shape:
        raise ValueError(f"{needed}, got shape {found.shape}.")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{needed}, got NaN or infinity.")
    check_squares(numbers, "features")
    return found


class GraphCollection(Kept, Sequence):
    """A collection of graphs, to which inputs refer by the numbers of graphs.

    Most estimators of scikit-learn accept only rows of numbers. A kernel that is given
    a collection takes a column of graph numbers instead of graphs. The kernel matrix of
    the whole collection is computed once, and kept as long as no parameter changes.

    Parameters
    ----------
    graphs : sequence of graphs
        :class:`Graph` objects, graphs of networkx, or pairs of edges and node labels as
        GraKeL has them.

    Examples
    --------
    >>> from ntk_sklearn import Graph, GraphCollection
    >>> graphs = GraphCollection([Graph([[0, 1], [1, 0]]), Graph([[0]])])
    >>> len(graphs), graphs[0]
    (2, Graph(n_nodes=2, n_edges=1))
    """

    def __init__(self, graphs):
        super().__init__()
        check_list(graphs, "graphs", "graph")
        self._graphs = [as_graph(graph, "graphs") for graph in graphs]

    def __len__(self):
        return len(self._graphs)

    def __getitem__(self, index):
        return self._graphs[index]

    def __repr__(self):
        return f"GraphCollection of {len(self)} graphs"


def as_graph(graph, name: str = "X") -> Graph:
    """Return a graph of another library as a `Graph`.

    Parameters
    ----------
    graph : Graph, networkx graph, or pair
        A graph of networkx may have node attributes "features" or "label" and edge
        attributes "weight". A pair, as GraKeL has it, is of edges (a dictionary from
        pairs of nodes to weights, a collection of pairs of nodes, or an adjacency
        matrix) and a dictionary from nodes to labels or attributes.
    name : str, default="X"
        The name of the argument in messages.

    Returns
    -------
    Graph
    """
    if isinstance(graph, Graph):
        return graph
    if hasattr(graph, "nodes") and hasattr(graph, "edges"):
        return _from_networkx(graph)
    if isinstance(graph, (tuple, list)) and len(graph) in (2, 3):
        edges, labels = graph[:2]
        if np.iterable(edges) and (labels is None or np.iterable(labels)):
            return _from_pair(edges, labels, name)
    raise TypeError(
        f"{name} must hold Graph objects, graphs of networkx, or pairs of edges and "
        f"node labels, got {type(graph).__name__}."
    )


def _from_networkx(graph) -> Graph:
    place = {node: i for i, node in enumerate(graph.nodes)}
    edges = [
        (place[u], place[v], data.get("weight", 1.0))
        for u, v, data in graph.edges(data=True)
    ]
    known: dict = {"features": None, "label": None}
    for name in known:
        found = [data.get(name) for _, data in graph.nodes(data=True)]
        known[name] = None if any(value is None for value in found) else found
    features = known["features"] if known["features"] is not None else known["label"]
    return Graph.from_edges(len(place), np.reshape(edges, (-1, 3)), features)


def _from_pair(edges, labels, name: str) -> Graph:
    if labels is not None and len(labels) == 0:
        labels = None
    if not isinstance(edges, (dict, set, list, tuple)):
        if not isinstance(labels, dict):
            return Graph(edges, labels)
        n = np.shape(edges)[0]
        return Graph(edges, [labels[i] for i in range(n)])
    if not all(isinstance(edge, tuple) and len(edge) == 2 for edge in edges):
        raise TypeError(
            f"{name} has a pair whose edges are neither an adjacency matrix nor tuples "
            "of two nodes, nor a dictionary from these to weights."
        )
    weights = dict(edges) if isinstance(edges, dict) else dict.fromkeys(edges, 1.0)
    ends = {node for edge in weights for node in edge}
    nodes = sorted(labels) if labels else sorted(ends)
    place = {node: i for i, node in enumerate(nodes)}
    for edge in weights:
        if not set(edge) <= place.keys():
            raise ValueError(
                f"{name} has a graph whose edge {tuple(edge)} leads to a missing node: "
                f"its node labels are of {len(place)} others."
            )
    rows = [(place[u], place[v], float(w)) for (u, v), w in weights.items()]
    features = [labels[node] for node in nodes] if labels else None
    return Graph.from_edges(len(nodes), np.reshape(rows, (-1, 3)), features)
