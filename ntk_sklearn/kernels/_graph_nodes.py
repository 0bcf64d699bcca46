"""The kernel between the nodes of one graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np
from scipy import sparse

from .._engine.linear_steps import Layer
from .._engine.nodes import NodeNetwork, nodes
from .._utils.validation import check_depth, per_layer
from ..activations import get_activation
from ..activations._registry import get_activations
from ._graph_level import checked_numbers, function_key, key_of
from ._graphs import Graph
from ._structured import Architecture, BiasedKernel

NORMALIZATIONS = ("sym", "row", "column", "none")
SKIPS = (None, "pc", "alpha")


@dataclass(eq=False, repr=False)
class GraphConvolutionNTKernel(BiasedKernel):
    r"""Neural tangent kernel of an infinitely wide graph convolutional network.

    The kernel compares the nodes of one graph, for example papers that cite each other,
    of which some have a known subject. Its inputs are a column of node numbers, from 0
    on, which scikit-learn can split into training and test nodes. The features and
    edges of all nodes are known from the start. The network takes sums over neighbours
    before each layer [1]_,

    .. math:: q^{l+1} = \sigma_w^2 \, S A^l S^\top + \sigma_b^2 ,

    where S is the normalised adjacency. The kernel matrix of all nodes is computed once
    for each set of parameters, also for copies and clones of the kernel.

    Parameters
    ----------
    depth : int, default=1
        Number of hidden layers, at least 1. There are depth + 1 layers with weights,
        and as many sums over neighbours.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all hidden layers; or a list of one for each.
    weight_variance : float or array-like of shape (depth + 1,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
    layer_weights : array-like of shape (n_layers,) or (2 * n_layers,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        With two numbers for each layer, its weights have the first and its biases the
        second. None means ones for the layers.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    bias_variance : float or array-like of shape (depth + 1,), default=0.0
        Variance of the biases at initialisation, for all layers or for each. Networks
        with `skip` have none.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the bias variance.
    graph : Graph
        The graph.
    normalization : {"sym", "row", "column", "none"}, default="sym"
        What S is, with the adjacency A and the row sums D:
        :math:`D^{-1/2} A D^{-1/2}`, :math:`D^{-1} A`, :math:`A D^{-1}`, or A.
    self_loops : bool, default=True
        Whether each node is its own neighbour.
    skip : {None, "pc", "alpha"}, default=None
        How fixed random features H of the nodes enter every layer [2]_: not at all; as
        :math:`S (H + h)`; or as :math:`(1 - \alpha) S h + \alpha H`, where h are the
        hidden units of the layer below.
    skip_activation : str or tuple of (str, float), default="identity"
        The activation of these features.
    skip_strength : float, default=0.1
        The number :math:`\alpha`, from 0 to 1.

    References
    ----------
    .. [1] Kipf and Welling, "Semi-Supervised Classification with Graph Convolutional
       Networks", ICLR 2017.
    .. [2] Sabanayagam, Esser and Ghoshdastidar, "Representation Power of Graph
       Convolutions: Neural Tangent Kernel Analysis", 2022. Its kernels of networks with
       skips leave out terms, which finite networks have and this kernel too.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.svm import SVC
    >>> from ntk_sklearn import Graph, GraphConvolutionNTKernel
    >>> ring = [(i, (i + 1) % 5) for i in range(5)]
    >>> other = [(i + 5, j + 5) for i, j in ring]
    >>> graph = Graph.from_edges(10, [*ring, *other, (0, 5)])
    >>> nodes, side = np.arange(10)[:, None], np.repeat([0, 1], 5)
    >>> svc = SVC(kernel=GraphConvolutionNTKernel(2, graph=graph))
    >>> svc.fit(nodes[[2, 7]], side[[2, 7]]).predict(nodes)
    array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    """

    depth: int = 1
    graph: Graph | None = None
    normalization: str = "sym"
    self_loops: bool = True
    skip: str | None = None
    skip_activation: str | tuple = "identity"
    skip_strength: float = 0.1

    def _known_graph(self) -> Graph:
        if not isinstance(self.graph, Graph):
            raise TypeError(
                f"graph must be a Graph, got {type(self.graph).__name__}; use "
                "Graph(adjacency, features)."
            )
        return self.graph

    def _architecture(self):
        depth, graph = check_depth(self.depth), self._known_graph()
        for name, known in (("normalization", NORMALIZATIONS), ("skip", SKIPS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, got {getattr(self, name)!r}."
                )
        strength = self.skip_strength
        real = isinstance(strength, Real) and not isinstance(strength, bool)
        if not real or not 0 <= float(strength) <= 1:
            raise ValueError(
                f"skip_strength must be a number from 0 to 1, got {strength!r}."
            )
        count, skips = depth + 1, self.skip is not None
        biases = per_layer("bias_variance", self.bias_variance, depth, zero=True)
        if skips and biases.any():
            raise ValueError(
                f"bias_variance must be 0 with skip={self.skip!r}, got "
                f"{self.bias_variance!r}."
            )
        weights = per_layer("weight_variance", self.weight_variance, depth, zero=False)
        layers = [
            Layer(l, -1, l) if skips else Layer(l, count + l, 2 * l, 2 * l + 1)
            for l in range(count)
        ]
        network = NodeNetwork(
            normalized(graph.adjacency, self.normalization, bool(self.self_loops)),
            layers,
            get_activations(self.activation, depth),
            self.skip,
            get_activation(self.skip_activation),
            float(strength),
        )
        return Architecture(
            partial(self._gram, network),
            partial(self._diagonal, network),
            tuple(np.repeat(np.arange(count), 1 if skips else 2).tolist()),
            {"weight_variance": weights, "bias_variance": biases},
        )

    def _inputs(self, X, name):
        return checked_numbers(X, name, self._known_graph().n_nodes, "nodes")

    def _whole(self, network, values) -> np.ndarray:
        """Return the kernel of all nodes, which the graph keeps."""
        graph = self._known_graph()
        key = (
            type(self).__name__,
            self.normalization,
            bool(self.self_loops),
            function_key(network.skip_activation),
            *key_of(network, values),
        )
        return graph.kept(key, lambda: nodes(network, values, products(graph)))

    def _gram(self, network, values, X, Y):
        columns = X if Y is None else Y
        return self._whole(network, values)[:, X[:, None], columns]

    def _diagonal(self, network, values, X):
        return self._whole(network, values)[:, X, X]


def normalized(adjacency, how: str, self_loops: bool) -> sparse.csr_matrix:
    """Return the normalised adjacency; nodes without neighbours have zeros.

    Parameters
    ----------
    adjacency : sparse matrix of shape (n_nodes, n_nodes)
    how : {"sym", "row", "column", "none"}
    self_loops : bool
        Whether each node is made its own neighbour first.

    Returns
    -------
    sparse matrix of shape (n_nodes, n_nodes)
    """
    n = adjacency.shape[0]
    found = adjacency + sparse.eye(n, format="csr") if self_loops else adjacency
    degrees = np.asarray(found.sum(axis=1)).ravel()
    inverse = np.divide(1.0, degrees, out=np.zeros(n), where=degrees > 0)
    if how == "row":
        found = sparse.diags(inverse) @ found
    elif how == "column":
        found = found @ sparse.diags(inverse)
    elif how == "sym":
        root = sparse.diags(np.sqrt(inverse))
        found = root @ found @ root
    return sparse.csr_matrix(found)


def products(graph: Graph) -> np.ndarray:
    """Return the inner products of nodes' features over their number.

    Nodes of the same label have an inner product of 1, others of 0.
    """
    features = graph.features
    if features is None:
        return np.eye(graph.n_nodes)
    if features.ndim == 1:
        return (features[:, None] == features).astype(np.float64)
    found = features @ features.T
    dense = found.toarray() if sparse.issparse(found) else np.asarray(found)
    return dense / features.shape[1]
