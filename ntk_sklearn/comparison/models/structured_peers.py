"""What others use for images, series and graphs, beside the kernels of this package.

The inputs of a suite are rows of numbers: of pixels, of series behind their lengths, or
the numbers of graphs. Each of these models is first given what it needs of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from ...kernels._graphs import Graph
from ..data.datasets import CLASSIFICATION
from .model import Job, Model, Tuner
from .tuning import as_is, by_grid

# Rounds of Weisfeiler and Lehman that are tried, and penalties.
_ROUNDS, _CS = (1, 2, 3), (1.0, 10.0, 100.0)


def peers_of_rows(table: np.ndarray | None = None) -> dict[str, Model]:
    """Return the models for rows of numbers, or for rows of a table by their numbers.

    Parameters
    ----------
    table : ndarray of shape (n, n_features), default=None
        What the models see. None means the rows that they are given.

    Returns
    -------
    dict of str to Model
    """
    given = None if table is None else partial(_looked_up, table)
    rows = FunctionTransformer(given)
    nearest = make_pipeline(rows, KNeighborsClassifier(1))
    return {
        "rbf-svm": _peer(
            "support vector machine, Gaussian kernel of rows",
            lambda job: _rbf(job, rows),
            squares=4,
        ),
        "1-nn": _peer("nearest row", lambda _: as_is(nearest)),
    }


def peers_of_series(n_channels: int) -> dict[str, Model]:
    """Return the models of aeon for series that `SequencePacker` has packed."""
    return {
        "rocket": _peer(
            "ridge classifier on random convolutions, series padded with zeros",
            lambda job: _rocket(job, n_channels),
            requires="aeon",
        ),
        "1-nn-dtw": _peer(
            "nearest series after dynamic time warping",
            lambda _: _nearest_series(n_channels),
            requires="aeon",
        ),
    }


def peers_of_graphs(
    graphs: Sequence[Graph], labels: Sequence[Sequence[int]]
) -> dict[str, Model]:
    """Return the model of GraKeL for numbers of graphs, whose nodes have labels."""
    return {
        "wl-svm": _peer(
            "support vector machine, kernel of Weisfeiler and Lehman",
            lambda _: _weisfeiler_lehman(graphs, labels),
            requires="grakel",
            squares=2 * len(_ROUNDS),
        )
    }


def _peer(about, tuner, **options) -> Model:
    return Model(about, tuner, tasks=(CLASSIFICATION,), **options)


def _rbf(job: Job, rows: FunctionTransformer) -> Tuner:
    grid = {
        "svc__C": list(_CS),
        "svc__gamma": ["scale"] if job.quick else ["scale", 0.003, 0.01, 0.03, 0.1],
    }
    return by_grid(make_pipeline(rows, SVC()), grid)


def _looked_up(table, numbers):
    return table[numbers[:, 0].astype(int)]


def _rocket(job: Job, n_channels: int) -> Tuner:
    rocket = import_module("aeon.classification.convolution_based").RocketClassifier
    count = 500 if job.quick else 10_000
    classifier = rocket(n_kernels=count, random_state=job.seed)
    return as_is(make_pipeline(_transformer(_padded, n_channels), classifier))


def _nearest_series(n_channels: int) -> Tuner:
    module = import_module("aeon.classification.distance_based")
    classifier = module.KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw")
    return as_is(make_pipeline(_transformer(_unpacked, n_channels), classifier))


def _transformer(function, n_channels: int) -> FunctionTransformer:
    return FunctionTransformer(partial(function, n_channels))


def _padded(n_channels: int, rows: np.ndarray) -> np.ndarray:
    """Return packed series as aeon takes them: (n, n_channels, n_times)."""
    return rows[:, 1:].reshape(len(rows), -1, n_channels).transpose(0, 2, 1).copy()


def _unpacked(n_channels: int, rows: np.ndarray) -> list[np.ndarray]:
    """Return packed series without padding, each (n_channels, n_times)."""
    lengths = rows[:, 0].astype(int)
    series = zip(_padded(n_channels, rows), lengths, strict=True)
    return [one[:, :length] for one, length in series]


def _weisfeiler_lehman(graphs, labels) -> Tuner:
    """Each kernel matrix is computed once: no kernel looks at targets."""
    grakel, kernels = import_module("grakel"), import_module("grakel.kernels")
    taken = [
        grakel.Graph(graph.adjacency.toarray(), node_labels=dict(enumerate(own)))
        for graph, own in zip(graphs, labels, strict=True)
    ]
    grams = []
    for rounds in _ROUNDS:
        kernel = kernels.WeisfeilerLehman(
            n_iter=rounds, normalize=True, base_graph_kernel=kernels.VertexHistogram
        )
        grams.append(partial(_entries, kernel.fit_transform(taken)))
    return by_grid(SVC(kernel=grams[0]), {"C": list(_CS), "kernel": grams})


def _entries(gram, left, right):
    """Return the kernel of graphs that are given by their numbers."""
    return gram[np.ix_(left[:, 0].astype(int), right[:, 0].astype(int))]
