"""Kernels on images, sequences, graphs and nodes in every consumer, by substitution."""

import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.cluster import SpectralClustering
from sklearn.datasets import load_digits
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import PairwiseKernel
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.manifold import SpectralEmbedding
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelPropagation, LabelSpreading
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from ntk_sklearn import (
    ConvolutionalNTKernel,
    Graph,
    GraphCollection,
    GraphConvolutionNTKernel,
    GraphNTKernel,
    RecurrentNTKernel,
    SequencePacker,
    WNTKClassifier,
    WNTKRegressor,
)

N, TRAIN, TEST = 45, np.arange(30), np.arange(30, 45)


def images():
    X, y = load_digits(n_class=2, return_X_y=True)
    return ConvolutionalNTKernel(1, image_shape=(8, 8)), X[:N] / 16, y[:N]


def sequences():
    rng, y = np.random.default_rng(0), np.arange(N) % 2
    rising = [
        rng.standard_normal((rng.integers(3, 8), 2)) + label * np.arange(2)
        for label in y
    ]
    kernel = RecurrentNTKernel(readout="average", bias_variance=0.1, n_channels=2)
    return kernel, SequencePacker().fit_transform(rising), y


def graphs():
    rng, y, found = np.random.default_rng(0), np.arange(N) % 2, []
    for label in y:
        n = int(rng.integers(4, 8))
        edges = [(i, i + 1) for i in range(n - 1)] + [(n - 1, 0)] * int(label)
        found.append(
            Graph.from_edges(n, edges, rng.standard_normal((n, 2)) + 2.0 * label)
        )
    kernel = GraphNTKernel(n_blocks=1, normalize=True, graphs=GraphCollection(found))
    return kernel, np.arange(N)[:, None], y


def nodes():
    rng, y = np.random.default_rng(0), np.arange(N) % 2
    A = np.triu(rng.random((N, N)) < np.where(y[:, None] == y, 0.3, 0.03), 1)
    # The features are positive, and so is the kernel, as clustering wants it.
    graph = Graph((A + A.T).astype(float), rng.random((N, 3)) + 0.3 * y[:, None])
    return GraphConvolutionNTKernel(graph=graph), np.arange(N)[:, None], y


INPUTS = {make.__name__: make() for make in (images, sequences, graphs, nodes)}
ARCHITECTURES = {
    "images": {"depth": [1, 2], "readout": ["flatten", "average"]},
    "sequences": {"depth": [1, 2], "readout": ["last", "average"]},
    "graphs": {"n_blocks": [1, 2], "normalize": [True, False]},
    "nodes": {"depth": [1, 2], "skip": [None, "alpha"]},
}
each_input = pytest.mark.parametrize("inputs", INPUTS)


def fixed(kernel):
    """The kernel, whose layer weights nothing learns."""
    return clone(kernel).set_params(layer_weights_bounds="fixed")


class Given(PairwiseKernel):
    """A kernel of row numbers that answers from a matrix."""

    def __init__(self, matrix=None, gamma=1.0, gamma_bounds="fixed"):
        super().__init__(gamma, gamma_bounds)
        self.matrix = matrix

    def __call__(self, A, B=None, eval_gradient=False):
        rows = (
            np.asarray(part)[:, 0].astype(int) for part in (A, A if B is None else B)
        )
        K = self.matrix[np.ix_(*rows)].copy()
        return (K, np.empty((*K.shape, 0))) if eval_gradient else K

    def diag(self, A):
        return np.diag(self.matrix)[np.asarray(A)[:, 0].astype(int)].copy()


def predicted(model, X, y, method="predict"):
    return getattr(model.fit(X[TRAIN], y[TRAIN]), method)(X[TEST])


def given_matrix(model, K, y, method="predict"):
    model.fit(K[np.ix_(TRAIN, TRAIN)], y[TRAIN])
    return getattr(model, method)(K[np.ix_(TEST, TRAIN)])


def absolute(found):
    """Coordinates, but for the signs of axes."""
    return np.abs(found)


# Consumers that take a matrix, and what they answer by.
WITH_MATRICES = {
    "SVC": (SVC(C=2.0), "decision_function"),
    "NuSVC": (NuSVC(nu=0.2), "decision_function"),
    "SVR": (SVR(C=2.0), "predict"),
    "NuSVR": (NuSVR(), "predict"),
    "OneClassSVM": (OneClassSVM(nu=0.3), "decision_function"),
    "KernelRidge": (KernelRidge(alpha=0.5), "predict"),
    "KernelPCA": (KernelPCA(2), "transform"),
}
# Consumers that take a function or a kernel object only.
PROCESS = {"optimizer": None}
WITH_OBJECTS = {
    "GaussianProcessRegressor": (
        partial(GaussianProcessRegressor, alpha=0.1, **PROCESS),
        "predict",
    ),
    "GaussianProcessClassifier": (
        partial(GaussianProcessClassifier, **PROCESS),
        "predict_proba",
    ),
    "LabelPropagation": (LabelPropagation, "predict_proba"),
    "LabelSpreading": (LabelSpreading, "predict_proba"),
    "WNTKRegressor": (partial(WNTKRegressor, alpha=0.1), "predict"),
    "WNTKClassifier": (partial(WNTKClassifier, alpha=0.1), "predict_proba"),
}


@each_input
@pytest.mark.parametrize("name", WITH_MATRICES)
def test_consumers_of_matrices(name, inputs):
    """With the object, cloned and pickled: as with the matrix."""
    (kernel, X, y), (model, method) = INPUTS[inputs], WITH_MATRICES[name]
    K = kernel(X)
    same = absolute if name == "KernelPCA" else np.asarray
    expected = same(
        given_matrix(clone(model).set_params(kernel="precomputed"), K, y, method)
    )
    found = clone(model).set_params(kernel=kernel).fit(X[TRAIN], y[TRAIN])
    for one in (found, pickle.loads(pickle.dumps(found))):
        # Machines stop at a tolerance, from matrices equal to rounding.
        close = {"rtol": 1e-6, "atol": 1e-7 * np.abs(expected).max()}
        assert_allclose(same(getattr(one, method)(X[TEST])), expected, **close)


@each_input
@pytest.mark.parametrize("name", WITH_OBJECTS)
def test_consumers_of_objects(name, inputs):
    (kernel, X, y), (make, method) = INPUTS[inputs], WITH_OBJECTS[name]
    kernel, numbers = fixed(kernel), np.arange(N, dtype=float)[:, None]
    expected = make(kernel=Given(kernel(X))).fit(numbers[TRAIN], y[TRAIN])
    found = make(kernel=kernel).fit(X[TRAIN], y[TRAIN])
    wanted = getattr(expected, method)(numbers[TEST])
    for one in (found, pickle.loads(pickle.dumps(found))):
        assert_allclose(getattr(one, method)(X[TEST]), wanted, rtol=1e-6, atol=1e-8)


@each_input
def test_consumers_without_predictions(inputs):
    """Nystroem, spectral clustering and embedding, and nearest neighbours."""
    kernel, X, y = INPUTS[inputs]
    K = kernel(X)
    sampler = Nystroem(kernel, n_components=12, random_state=0).fit(X[TRAIN])
    features, basis = sampler.transform(X[TEST]), sampler.components_
    cross = kernel(X[TEST], basis)
    expected = cross @ np.linalg.pinv(kernel(basis), hermitian=True) @ cross.T
    assert_allclose(features @ features.T, expected, rtol=1e-5, atol=1e-6 * K.max())

    if (K >= 0.0).all():  # both want similarities of at least zero
        options = {"n_clusters": 2, "random_state": 0}
        found = SpectralClustering(affinity=kernel, **options).fit_predict(X)
        given = SpectralClustering(affinity="precomputed", **options).fit_predict(K)
        assert np.array_equal(found, given)
        found = SpectralEmbedding(2, affinity=kernel, random_state=0).fit_transform(X)
        given = SpectralEmbedding(2, affinity="precomputed", random_state=0)
        close = {"rtol": 1e-5, "atol": 1e-7}
        assert_allclose(np.abs(found), np.abs(given.fit_transform(K)), **close)

    def distance(a, b):
        (aa, ab), (_, bb) = kernel(np.stack([a, b]))
        return np.sqrt(max(aa + bb - 2.0 * ab, 0.0))

    squares = np.add.outer(np.diag(K), np.diag(K)) - 2.0 * K
    D = np.sqrt(np.maximum(squares, 0.0))
    np.fill_diagonal(D, 0.0)
    given = KNeighborsClassifier(3, metric="precomputed")
    expected = given_matrix(given, D, y, "predict_proba")
    found = KNeighborsClassifier(3, metric=distance, algorithm="brute")
    assert_allclose(predicted(found, X, y, "predict_proba"), expected)


def test_some_inputs_can_be_clustered():
    """The test above is none for kernels with negative entries."""
    positive = [name for name, (kernel, X, _) in INPUTS.items() if kernel(X).min() >= 0]
    assert {"images", "nodes"} <= set(positive)


@each_input
def test_grid_search_over_the_architecture(inputs):
    """Each candidate's score is that of the kernel it names."""
    kernel, X, y = INPUTS[inputs]
    grid = {f"kernel__{name}": values for name, values in ARCHITECTURES[inputs].items()}
    search = GridSearchCV(KernelRidge(kernel=kernel), grid, cv=2, error_score="raise")
    search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(np.unique(scores)) > 1
    for parameters, score in zip(search.cv_results_["params"], scores, strict=True):
        alone = clone(KernelRidge(kernel=kernel)).set_params(**parameters)
        assert_allclose(score, cross_val_score(alone, X, y, cv=2).mean(), rtol=1e-9)


@each_input
def test_estimators_learn_and_tell_how_sure_they_are(inputs):
    """Weights, probabilities, intervals, and leave-one-out by refits without a row."""
    kernel, X, y = INPUTS[inputs]
    classifier = WNTKClassifier(kernel).fit(X[TRAIN], y[TRAIN])
    assert classifier.score(X[TEST], y[TEST]) > 0.7
    sure = classifier.predict_proba(X[TEST])
    assert_allclose(sure.sum(axis=1), 1.0)
    assert np.ptp(sure[:, 1]) > 0.1
    weights = np.asarray(classifier.kernel_.layer_weights)
    assert weights.size > 1 and not np.allclose(weights, weights[0])

    target = y + 0.1 * np.random.default_rng(0).standard_normal(N)
    regressor = WNTKRegressor(kernel).fit(X[TRAIN], target[TRAIN])
    _, deviation = regressor.predict(X[TEST], return_std=True)
    assert deviation.min() > 0.0
    low, high = regressor.predict_interval(X[TEST], 0.8).T
    assert (low < high).all()
    assert np.mean((low <= target[TEST]) & (target[TEST] <= high)) > 0.5

    held = WNTKRegressor(fixed(kernel), alpha=0.1, alpha_bounds="fixed")
    whole = clone(held).fit(X[TRAIN], target[TRAIN])
    for k in (0, 7):
        rest = np.delete(TRAIN, k)
        without = clone(held).fit(X[rest], target[rest])
        # The targets are scaled anew without the row: not to the last digit.
        assert_allclose(
            without.predict(X[TRAIN[k : k + 1]]), whole.loo_predictions_[k], atol=0.05
        )
