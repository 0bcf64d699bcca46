"""Kernels on graphs and on their nodes: reference values, gradients, sentences."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC

from ntk_sklearn import (
    Graph,
    GraphCollection,
    GraphConvolutionNTKernel,
    GraphNTKernel,
    WNTKClassifier,
    WNTKRegressor,
)

from .structured_cases import ARRAYS, CASES, assert_gradient, assert_terms, terms

GRAPHS = [Graph(ARRAYS[f"graph_G{k}_A"], ARRAYS[f"graph_G{k}_F"]) for k in range(5)]
BY_KIND = {
    kind: [case for case in CASES["graph"] if case["kind"] == kind]
    for kind in ("gcn", "gcn_skip", "gntk")
}


def random_graph(n, rng, features=3):
    A = np.triu(rng.random((n, n)) < 0.4, 1)
    return Graph((A + A.T).astype(float), rng.standard_normal((n, features)))


# -- nodes ----------------------------------------------------------------------------


def node_kernel(case):
    A, F = (ARRAYS[f"graph_{side}_{case['graph']}"] for side in "AF")
    options = {
        "graph": Graph(A, sparse.csr_matrix(F)),
        "activation": case["act"],
        "normalization": case["normalisation"],
        "self_loops": case["self_loops"],
    }
    if case["kind"] == "gcn":
        weights, biases = np.square(case["layers"]).T
        options |= {"weight_variance": weights, "bias_variance": biases}
        return GraphConvolutionNTKernel(len(weights) - 1, **options)
    first = case["c0"] * F.shape[1]  # the reference does not divide by features
    return GraphConvolutionNTKernel(
        case["depth"],
        weight_variance=[first] + [case["c"]] * case["depth"],
        skip=case["form"],
        skip_activation=case["skip"],
        skip_strength=case["alpha"],
        **options,
    )


@pytest.mark.parametrize(
    "case", BY_KIND["gcn"] + BY_KIND["gcn_skip"], ids=lambda c: str(c["index"])
)
def test_reference_terms_of_nodes(case):
    kernel, expected = node_kernel(case), terms("graph", case, "")
    X = np.arange(expected.shape[1])[:, None]
    Y = X[::-2]
    assert_terms(kernel, X, Y, expected, expected[:, :, Y[:, 0]])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "gelu", "cos"])
@pytest.mark.parametrize("skip", [None, "pc", "alpha"])
def test_gradients_of_nodes(activation, skip):
    graph = random_graph(9, np.random.default_rng(0))
    kernel = GraphConvolutionNTKernel(
        2,
        activation,
        [1.2, 1.5, 0.8],
        weight_variance_bounds=(0.1, 10.0),
        bias_variance=0.0 if skip else [0.1, 0.0, 0.3],
        bias_variance_bounds=(0.01, 10.0),
        layer_weights=[0.5, 1.0, 2.0],
        graph=graph,
        skip=skip,
        skip_activation="gelu",
    )
    assert_gradient(kernel, np.arange(8)[:, None])


def test_the_graph_keeps_its_kernel(monkeypatch):
    from ntk_sklearn.kernels import _graph_nodes

    calls, compute = [], _graph_nodes.nodes
    monkeypatch.setattr(
        _graph_nodes, "nodes", lambda *args: calls.append(1) or compute(*args)
    )
    graph = random_graph(12, np.random.default_rng(0))
    kernel = GraphConvolutionNTKernel(2, graph=graph)
    X, y = np.arange(12)[:, None], np.arange(12) % 2
    cross_val_score(SVC(kernel=kernel), X, y, cv=3)
    assert clone(kernel).graph is graph
    assert pickle.loads(pickle.dumps(kernel)).graph is graph
    kernel(X[:3], X), kernel.diag(X)
    assert len(calls) == 1
    clone(kernel).set_params(layer_weights=[1, 2, 3])(X)
    kernel(X)
    assert len(calls) == 2  # both are kept
    for activation in ("erf", "gelu"):
        clone(kernel).set_params(activation=activation)(X)
    kernel(X)
    assert len(calls) == 5  # but no more than two


def test_a_pickle_elsewhere_is_a_whole_graph():
    graph = random_graph(5, np.random.default_rng(0))
    K = GraphConvolutionNTKernel(graph=graph)(np.arange(5))
    stored = pickle.dumps(graph)
    del graph
    revived = pickle.loads(stored)
    assert_allclose(GraphConvolutionNTKernel(graph=revived)(np.arange(5)), K, 1e-14)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_numbering_of_nodes_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    graph, order = random_graph(8, rng), rng.permutation(8)
    A = graph.adjacency.toarray()[np.ix_(order, order)]
    moved = Graph(A, graph.features[order])
    K = GraphConvolutionNTKernel(2, graph=graph)(order[:, None])
    other = GraphConvolutionNTKernel(2, graph=moved)(np.arange(8)[:, None])
    assert_allclose(other, K, rtol=1e-11, atol=1e-12 * K.max())
    graphs = [graph, moved]
    for scale in ("uniform", "degree"):
        K = GraphNTKernel(scale=scale, n_blocks=2)(graphs)
        assert_allclose(K, np.full((2, 2), K[0, 0]), rtol=1e-12)


def test_features_may_be_absent_or_labels():
    A = random_graph(6, np.random.default_rng(0)).adjacency
    X = np.arange(6)
    absent = GraphConvolutionNTKernel(graph=Graph(A))(X)
    rows = Graph(A, np.sqrt(6) * np.eye(6))
    assert_allclose(absent, GraphConvolutionNTKernel(graph=rows)(X), rtol=1e-12)
    labels = Graph(A, list("abcabc"))
    one_hot = Graph(A, np.sqrt(3) * np.tile(np.eye(3), (2, 1)))
    kernels = [GraphConvolutionNTKernel(graph=g) for g in (labels, one_hot)]
    assert_allclose(kernels[0](X), kernels[1](X), rtol=1e-12)


# -- whole graphs ---------------------------------------------------------------------


@pytest.mark.parametrize("case", BY_KIND["gntk"], ids=lambda c: str(c["index"]))
def test_reference_terms_of_graphs(case):
    size = case["blocks"] * case["mlp_layers"]
    kernel = GraphNTKernel(
        case["mlp_layers"],
        case.get("act", "relu"),
        [1.0] + [case.get("c", 2.0)] * size,
        n_blocks=case["blocks"],
        scale=case["scale"],
        jumping_knowledge=case["jumping"],
        pooling=case.get("pool", "sum"),
    )
    expected = terms("graph", case, "")
    assert_terms(kernel, GRAPHS, GRAPHS[1:4], expected, expected[:, :, 1:4])
    for graphs in (GRAPHS, GraphCollection(GRAPHS)):
        numbered = clone(kernel).set_params(graphs=graphs)
        X, Y = np.array([[2], [0], [2], [4]]), np.array([[1], [1.0]])
        close = {"rtol": 1e-12, "atol": 0}
        K = kernel(GRAPHS)
        assert_allclose(numbered(X), K[np.ix_(X[:, 0], X[:, 0])], **close)
        assert_allclose(numbered(X, Y), K[np.ix_(X[:, 0], [1, 1])], **close)
        assert_allclose(numbered.diag(X), np.diag(K)[X[:, 0]], **close)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu"])
def test_gradients_of_graphs(activation, normalize):
    kernel = GraphNTKernel(
        2,
        activation,
        [1.0, 1.5, 0.8, 1.2, 2.0],
        weight_variance_bounds=(0.1, 10),
        layer_weights=[0.5, 1.0, 2.0, 0.3, 1.0],
        jumping_knowledge=True,
        normalize=normalize,
    )
    assert_gradient(kernel, GRAPHS)
    assert_gradient(kernel.set_params(weight_variance_bounds="fixed"), GRAPHS)
    assert kernel.is_homogeneous is not normalize
    if normalize:
        assert_allclose(np.diag(kernel(GRAPHS)), 1.0)
        assert_allclose(kernel.diag(GRAPHS), 1.0)


def test_memory_is_bounded_by_chunks(monkeypatch):
    from ntk_sklearn._engine import graphs

    kernel = GraphNTKernel(2, activation="erf", jumping_knowledge=True)
    K, XY = kernel(GRAPHS), kernel(GRAPHS, GRAPHS[:2])
    monkeypatch.setattr(graphs, "HELD", 100)
    assert_allclose(kernel(GRAPHS), K, rtol=1e-12)
    assert_allclose(kernel(GRAPHS, GRAPHS[:2]), XY, rtol=1e-12)


def test_identical_nodes_keep_their_digits():
    """A star whose leaves are copies of each other, against one leaf's own angle."""
    star = Graph.from_edges(7, [(0, i) for i in range(1, 7)], list("CHHHHHH"))
    pair = Graph.from_edges(2, [(0, 1)], list("HH"))
    for depth in (1, 3):
        kernel = GraphNTKernel(depth, n_blocks=3)
        K = kernel([star, star, pair])
        assert_allclose(K[0, 1], K[0, 0], rtol=1e-14)
        assert_allclose(kernel.diag([star, pair]), np.diag(K)[[0, 2]], rtol=1e-14)
    # Both nodes of the pair are one point of squared length 2^6 after three sums.
    linear = GraphNTKernel(1, "identity", [1, 1, 1, 1], n_blocks=3)
    assert_allclose(linear.components([pair])[-1], 4 * 4.0**3, rtol=1e-13)


def test_graphs_of_other_libraries():
    edges = [(0, 1), (1, 2), (2, 0), (2, 3)]
    own = Graph.from_edges(4, edges, list("CCNO"))
    labels = dict(enumerate("CCNO"))
    both_ways = {e for u, v in edges for e in ((u, v), (v, u))}
    matrix = own.adjacency.toarray()
    pairs = [
        (both_ways, labels),
        [dict.fromkeys(both_ways, 1.0), labels, {}],
        (matrix, labels),
        (edges, labels),
        (matrix, np.array(list("CCNO"))),
    ]
    K = GraphNTKernel()([own, *pairs])
    assert_allclose(K, np.full((6, 6), K[0, 0]), rtol=1e-13)


class Networkx:
    """What a graph of networkx offers, of which the package uses no more."""

    def __init__(self):
        self._nodes = {"a": {"label": 1}, "b": {"label": 2}}

    @property
    def nodes(self):
        class View(dict):
            def __call__(self, data):
                return self.items()

        return View(self._nodes)

    def edges(self, data):
        return [("a", "b", {"weight": 2.0})]


def test_graphs_of_networkx():
    own = Graph([[0, 2], [2, 0]], [1, 2])
    K = GraphNTKernel()([own, Networkx()])
    assert_allclose(K, np.full((2, 2), K[0, 0]))


def molecules(n=40):
    """Rings and chains of three kinds of atoms; which of both is the class."""
    rng, graphs, ring = np.random.default_rng(0), [], np.arange(n) % 2
    for closed in ring:
        size = rng.integers(4, 9)
        edges = [(i, i + 1) for i in range(size - 1)] + [(size - 1, 0)] * closed
        graphs.append(Graph.from_edges(size, edges, rng.choice(list("CNO"), size)))
    return GraphCollection(graphs), ring


def test_machines_by_substitution():
    graphs, y = molecules()
    kernel = GraphNTKernel(n_blocks=2, graphs=graphs)
    X = np.arange(40)[:, None]
    K = GraphNTKernel(n_blocks=2)(list(graphs))
    for machine in (SVC(C=10.0), KernelRidge(alpha=0.1)):
        given = clone(machine).set_params(kernel="precomputed").fit(K[:30, :30], y[:30])
        found = clone(machine).set_params(kernel=kernel).fit(X[:30], y[:30])
        expected = given.predict(K[30:, :30])
        assert_allclose(found.predict(X[30:]), expected, rtol=1e-7, atol=1e-9)
    grid = {"kernel__n_blocks": [1, 2], "kernel__normalize": [False, True]}
    search = GridSearchCV(SVC(C=10.0, kernel=kernel), grid, cv=2, error_score="raise")
    assert search.fit(X, y).best_score_ > 0.6


def test_estimators_on_numbers_and_on_graphs():
    graphs, y = molecules()
    X = np.arange(40)[:, None]
    kernel = GraphNTKernel(n_blocks=2, normalize=True)
    numbered = clone(kernel).set_params(graphs=graphs)
    first = WNTKClassifier(numbered).fit(X[:30], y[:30])
    assert first.predict_proba(X[30:]).shape == (10, 2)
    second = WNTKClassifier(kernel).fit(list(graphs)[:30], y[:30])
    assert second.predict(list(graphs)[30:]).shape == (10,)
    model = WNTKRegressor(numbered).fit(X[:30], [graphs[i].n_nodes for i in range(30)])
    _, deviation = model.predict(X[30:], return_std=True)
    assert deviation.min() > 0
    process = GaussianProcessRegressor(kernel, alpha=0.1)
    assert process.fit(list(graphs)[:20], y[:20]).predict(list(graphs)[20:]).size == 20


def test_estimators_on_nodes():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    A = np.triu(rng.random((40, 40)) < np.where(y[:, None] == y, 0.3, 0.03), 1)
    kernel = GraphConvolutionNTKernel(graph=Graph((A + A.T).astype(float)))
    X = np.arange(40)[:, None]
    train = np.r_[0:8, 20:28]
    model = WNTKClassifier(kernel).fit(X[train], y[train])
    assert model.score(X, y) > 0.8
    assert model.kernel_.graph is kernel.graph


# -- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Graph(np.zeros((0, 0))), "at least one node, got a graph without"),
        (lambda: Graph(np.ones((2, 3))), r"adjacency must be a square .* \(2, 3\)"),
        (lambda: Graph([[0, np.nan], [1, 0]]), "adjacency must be .* finite"),
        (lambda: Graph([[0, -1], [1, 0]]), "adjacency must not be negative"),
        (lambda: Graph(None), "adjacency must be a square .* got None"),
        (lambda: Graph("edges"), "adjacency must be a square .* got 'edges'"),
        (lambda: Graph([[0, 1j], [1j, 0]]), "adjacency must be a square matrix"),
        (lambda: Graph(np.ones(3)), r"adjacency must be a square .* shape \(3,\)"),
        (lambda: Graph(np.eye(3), np.ones((2, 3))), "each of the 3 nodes"),
        (lambda: Graph(np.eye(3), 7), r"features must have a row .* got shape \(\)"),
        (lambda: Graph(np.eye(3), np.ones((3, 0))), r"features .* shape \(3, 0\)"),
        (lambda: Graph(np.eye(2), [["a"], ["b"]]), "features must .* got dtype <U1"),
        (lambda: Graph(np.eye(2), [1.0, np.nan]), "features must .* got NaN"),
        (lambda: Graph(np.eye(1), [[1e200]]), "features must not have numbers as"),
        (lambda: Graph.from_edges(0, []), "n_nodes must be a positive integer, got 0"),
        (lambda: Graph.from_edges(2.0, []), "n_nodes must be a positive .* got 2.0"),
        (lambda: Graph.from_edges(3, [0, 1]), r"edges must be an array .* \(2,\)"),
        (lambda: Graph.from_edges(3, [("a", "b")]), "edges must be an array .*'a'"),
        (
            lambda: Graph.from_edges(3, [(0, 0.5)]),
            r"edge \(0, 0.5\) leads to a missing",
        ),
        (lambda: Graph.from_edges(3, [(0, 3)]), r"edge \(0, 3\) leads to a missing"),
        (
            lambda: GraphNTKernel()([({(0, 5)}, {0: "a", 1: "b"})]),
            r"edge \(0, 5\) leads to a missing node",
        ),
        (lambda: GraphNTKernel()([]), "X must be a list of at least one graph"),
        (lambda: GraphNTKernel()(None), "X must be a list of graphs, got NoneType"),
        (lambda: GraphNTKernel()(GRAPHS[0]), "X must be a list of graphs, got Graph"),
        (lambda: GraphNTKernel()([3]), "X must hold Graph objects, .* got int"),
        (lambda: GraphCollection([]), "graphs must be a list of at least one graph"),
        (lambda: GraphCollection([3]), "graphs must hold Graph objects, .* got int"),
        (lambda: GraphNTKernel(graphs="x")([0]), "graphs must be a list of graphs"),
        (
            lambda: GraphNTKernel()([({0: [1], 1: [0]}, {0: "a", 1: "b"})]),
            "X has a pair whose edges are neither",
        ),
        (
            lambda: GraphNTKernel()(GRAPHS, [Graph(np.eye(2))]),
            "X and Y must hold graphs with features of one kind",
        ),
        (
            lambda: GraphConvolutionNTKernel(
                graph=GRAPHS[0], skip="alpha", skip_strength=None
            )([0]),
            "skip_strength must be a number from 0 to 1, got None",
        ),
        (
            lambda: GraphNTKernel()([GRAPHS[0], Graph(np.eye(2))]),
            r"features of one kind, .* got \['3', 'none'\]",
        ),
        (
            lambda: GraphNTKernel(graphs=GRAPHS)([[5]]),
            "X must be a column of numbers of graphs, from 0 to 4, got 5",
        ),
        (
            lambda: GraphNTKernel(graphs=GRAPHS)([0.5]),
            "numbers of graphs, .* got .*0.5",
        ),
        (lambda: GraphNTKernel(graphs=GRAPHS)(np.ones((2, 2))), r"got shape \(2, 2\)"),
        (lambda: GraphNTKernel(n_blocks=0)(GRAPHS), "n_blocks must be a positive"),
        (lambda: GraphNTKernel(scale="log")(GRAPHS), "scale must be one of"),
        (lambda: GraphNTKernel(pooling="max")(GRAPHS), "pooling must be one of"),
        (
            lambda: GraphConvolutionNTKernel()([0]),
            "graph must be a Graph, got NoneType",
        ),
        (
            lambda: GraphConvolutionNTKernel(graph=GRAPHS[0])([4]),
            "X must be a column of numbers of nodes, from 0 to 3, got 4",
        ),
        (
            lambda: GraphConvolutionNTKernel(graph=GRAPHS[0], normalization="l2")([0]),
            "normalization must be one of",
        ),
        (
            lambda: GraphConvolutionNTKernel(graph=GRAPHS[0], skip="beta")([0]),
            "skip must be one of",
        ),
        (
            lambda: GraphConvolutionNTKernel(
                graph=GRAPHS[0], skip="pc", bias_variance=0.1
            )([0]),
            "bias_variance must be 0 with skip='pc'",
        ),
        (
            lambda: GraphConvolutionNTKernel(graph=GRAPHS[0], skip_strength=2)([0]),
            "skip_strength must be a number from 0 to 1",
        ),
        (
            lambda: GraphNTKernel()([[0, 1], [1, 2]]),
            "X must hold Graph objects, .* or pairs of edges .*, got list",
        ),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        make()
