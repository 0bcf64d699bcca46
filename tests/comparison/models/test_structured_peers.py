"""The models of other packages get series and graphs in the form that they take."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import KFold

from ntk_sklearn import Graph, SequencePacker
from ntk_sklearn.comparison.models import structured_peers
from ntk_sklearn.comparison.models.model import Job

N = 24
Y = np.arange(N) % 2


class Loudest(ClassifierMixin, BaseEstimator):
    """Tells which of two channels is louder, of arrays (n_channels, n_times)."""

    def __init__(self, n_kernels=0, random_state=None, n_neighbors=1, distance=""):
        self.n_kernels, self.random_state = n_kernels, random_state
        self.n_neighbors, self.distance = n_neighbors, distance

    def fit(self, X, y):
        self.classes_, self.shapes_ = np.unique(y), [x.shape for x in X]
        return self

    def predict(self, X):
        return np.array([np.argmax(np.abs(x).sum(axis=1)) for x in X])


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((rng.integers(5, 9), 2))
        * ([0.1, 1.0] if up else [1.0, 0.1])
        for up in Y
    ]


def fitted(model, X):
    tuned = model.tuner(Job("classification", N))(X, Y, list(KFold(3).split(X)))
    return tuned.fit(X[: N // 2], Y[: N // 2])


@pytest.mark.parametrize(("name", "even"), [("rocket", True), ("1-nn-dtw", False)])
def test_series(name, even, series, monkeypatch):
    """Random convolutions need one length; warping takes each series as it is."""
    fake = SimpleNamespace(
        RocketClassifier=Loudest, KNeighborsTimeSeriesClassifier=Loudest
    )
    monkeypatch.setattr(structured_peers, "import_module", lambda _: fake)
    rows = SequencePacker().fit_transform(series)
    model = fitted(structured_peers.peers_of_series(2)[name], rows)
    assert model.score(rows, Y) == 1.0
    lengths = [8 if even else len(one) for one in series[: N // 2]]
    assert model[-1].shapes_ == [(2, n) for n in lengths]
    if not even:
        assert np.array_equal(model[0].transform(rows)[3], series[3].T)


def rings_and_paths():
    graphs, labels = [], []
    for k, closed in enumerate(Y):
        n = 5 + k % 4
        edges = [(i, i + 1) for i in range(n - 1)] + [(n - 1, 0)] * int(closed)
        graphs.append(Graph.from_edges(n, edges))
        labels.append([0] * n)
    return graphs, labels


def test_graphs(monkeypatch):
    """A kernel that counts leaves is looked up by the numbers of graphs."""

    class Leaves:
        def __init__(self, n_iter, normalize, base_graph_kernel):
            pass

        def fit_transform(self, graphs):
            leaves = np.array([(A.sum(axis=1) == 1).sum() for A, _ in graphs])
            return 1.0 + np.outer(leaves, leaves)

    fake = SimpleNamespace(
        Graph=lambda A, node_labels: (A, node_labels),
        WeisfeilerLehman=Leaves,
        VertexHistogram=None,
    )
    monkeypatch.setattr(structured_peers, "import_module", lambda _: fake)
    model = structured_peers.peers_of_graphs(*rings_and_paths())["wl-svm"]
    numbers = np.arange(N, dtype=float)[:, None]
    assert fitted(model, numbers).score(numbers[N // 2 :], Y[N // 2 :]) == 1.0


def test_graphs_of_grakel():
    pytest.importorskip("grakel")
    model = structured_peers.peers_of_graphs(*rings_and_paths())["wl-svm"]
    numbers = np.arange(N, dtype=float)[:, None]
    assert fitted(model, numbers).score(numbers, Y) == 1.0


def test_without_their_packages_they_are_left_out():
    peers = structured_peers.peers_of_series(2) | structured_peers.peers_of_graphs(
        [], []
    )
    assert {peer.requires for peer in peers.values()} == {"aeon", "grakel"}
    assert structured_peers.peers_of_rows()["1-nn"].available
