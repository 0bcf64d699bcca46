"""Suites of images, series and graphs, each with the models that can take them.

They are made of the digits that scikit-learn ships: the images; the rows of pixels from
the first with ink to the last, as a series; and the pixels with ink, as the nodes of a
graph. Where aeon is installed, the series are the JapaneseVowels that it ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import load_digits

from ..estimators._classifier import WNTKClassifier
from ..kernels._convolutional import ConvolutionalNTKernel
from ..kernels._graph_level import GraphNTKernel
from ..kernels._graphs import Graph, GraphCollection
from ..kernels._recurrent import RecurrentNTKernel
from ..preprocessing._sequence_packer import SequencePacker
from .data.datasets import CLASSIFICATION, Dataset
from .errors import StudyError
from .models.model import Job, Model, Tuner
from .models.structured_peers import peers_of_graphs, peers_of_rows, peers_of_series
from .models.tuning import as_is

Suite = tuple[Dataset, dict[str, Model]]

# A graph of each of so many digits: all pairs of their pixels are computed.
_GRAPHS = 200
_INK = 8.0  # of 16


def _images() -> Suite:
    X, y = load_digits(return_X_y=True)
    shape = (8, 8)
    kernels = {
        "cntk": ConvolutionalNTKernel(2, image_shape=shape),
        "cntk-average": ConvolutionalNTKernel(1, image_shape=shape, readout="average"),
    }
    return _suite("digits", X / 16.0, y, kernels, peers_of_rows())


def _series() -> Suite:
    if find_spec("aeon") is not None:
        found, labels = import_module("aeon.datasets").load_japanese_vowels()
        name, series = "JapaneseVowels", [one.T for one in found]
    else:
        X, labels = load_digits(return_X_y=True)
        name, series = "digits by rows", [_inked_rows(x) for x in X / 16.0]
    y = np.unique(labels, return_inverse=True)[1]
    n_channels = series[0].shape[1]
    kernels = {
        f"rntk-{readout}": RecurrentNTKernel(
            weight_variance=np.array([0.25, 1.0]),
            bias_variance=0.1,
            readout=readout,
            bidirectional=True,
            n_channels=n_channels,
        )
        for readout in ("last", "each")
    }
    peers = peers_of_rows() | peers_of_series(n_channels)
    return _suite(name, SequencePacker().fit_transform(series), y, kernels, peers)


def _inked_rows(image: np.ndarray) -> np.ndarray:
    """Return the rows of an image from the first with ink to the last."""
    rows = image.reshape(8, 8)
    inked = np.flatnonzero(rows.any(axis=1))
    return rows[inked[0] : inked[-1] + 1]


def _graphs() -> Suite:
    X, y = load_digits(return_X_y=True)
    X, y = X[:_GRAPHS], y[:_GRAPHS]
    places = [np.flatnonzero(x >= _INK).tolist() for x in X]
    listed = [_pixel_graph(x) for x in X]
    graphs = GraphCollection(listed)
    kernels = {
        f"gntk-{n_blocks}": GraphNTKernel(
            2, n_blocks=n_blocks, normalize=True, graphs=graphs
        )
        for n_blocks in (1, 2)
    }
    numbers = np.arange(len(y), dtype=float)[:, None]
    peers = peers_of_rows(X / 16.0) | peers_of_graphs(listed, places)
    return _suite("digits as graphs", numbers, y, kernels, peers)


def _pixel_graph(image: np.ndarray) -> Graph:
    """Return a graph whose nodes are the pixels with ink, beside each other."""
    rows, columns = np.nonzero(image.reshape(8, 8) >= _INK)
    place = np.full((9, 9), -1)  # nothing is below the last row or right of the last
    place[rows, columns] = np.arange(len(rows))
    edges = [
        (i, j)
        for i, (r, c) in enumerate(zip(rows, columns, strict=True))
        for j in (place[r + 1, c], place[r, c + 1])
        if j >= 0
    ]
    # Where a node is, from -1 to 1, and one, so that no node is zero.
    features = np.column_stack(
        [rows / 3.5 - 1.0, columns / 3.5 - 1.0, np.ones(len(rows))]
    )
    return Graph.from_edges(len(rows), edges, features)


def _suite(name, X, y, kernels, peers) -> Suite:
    """Return a set, and the models: ours and those of others."""
    ours = {
        key: Model(
            f"{type(kernel).__name__}, layer weights and ridge learned",
            partial(_ours, kernel=kernel),
            tasks=(CLASSIFICATION,),
            squares=8,
        )
        for key, kernel in kernels.items()
    }
    return Dataset(name, CLASSIFICATION, X, y, as_given=True), ours | peers


def _ours(job: Job, kernel) -> Tuner:
    return as_is(WNTKClassifier(kernel, random_state=job.seed))


SUITES: dict[str, Callable[[], Suite]] = {
    "images": _images,
    "series": _series,
    "graphs": _graphs,
}


def load_structured(
    name: str, names: Iterable[str] | None = None
) -> tuple[list[Dataset], dict[str, Model]]:
    """Load the wanted sets of a suite, by default all, and the models for them."""
    dataset, models = SUITES[name]()
    unknown = [wanted for wanted in names or () if wanted != dataset.name]
    if unknown:
        raise StudyError(
            f"unknown data set: {', '.join(unknown)}; suite {name} has {dataset.name!r}"
        )
    return [dataset], models
