"""Convolutional kernels: reference values, gradients, invariances, sentences."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC, SVR

from ntk_sklearn import ConvolutionalNTKernel, WNTKClassifier, WNTKRegressor

from ..cases import CLOSED_FORMS as PAIRED
from .structured_cases import ARRAYS, CASES, assert_gradient, assert_terms, terms

DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS / 16
IMAGES = np.random.default_rng(3).standard_normal((4, 5, 4, 2))


def kernel_of(layers):
    """The kernel of a stored architecture: a list of layers, with their numbers."""
    convolutions = [layer for layer in layers if layer[0] == "conv"]
    depth, given = len(convolutions), []
    pooling, steps = [1] * depth, [None] * depth
    seen, readout, activations = 0, "flatten", []
    for layer in layers:
        kind = layer[0]
        if kind in ("conv", "dense"):
            given.append((layer[-2] ** 2, layer[-1] ** 2))
            activations.append("identity")
            seen += kind == "conv"
        if kind == "act":
            activations[-1] = layer[1]
        if kind == "avgpool":
            pooling[seen - 1], steps[seen - 1] = layer[1:3]
        if kind in ("flatten", "gap"):
            readout = "average" if kind == "gap" else "flatten"
    weights, biases = np.array(given).T
    return ConvolutionalNTKernel(
        depth,
        activations[:-1],
        weights,
        bias_variance=biases,
        filter_size=[layer[1] for layer in convolutions],
        strides=[layer[2] for layer in convolutions],
        padding=[layer[3].lower() for layer in convolutions],
        pooling=pooling,
        pooling_strides=steps,
        readout=readout,
        dense_depth=len(given) - depth - 1,
    )


@pytest.mark.parametrize("case", CASES["conv"], ids=lambda c: str(c["index"]))
def test_reference_terms(case):
    X, Y = (ARRAYS[f"conv_{side}_{case['images']}"] for side in "XY")
    kernel = kernel_of(case["layers"])
    assert_terms(kernel, X, Y, terms("conv", case), terms("conv", case, "_XY"))


@pytest.mark.parametrize("activation", PAIRED)
@pytest.mark.parametrize("readout", ["flatten", "average"])
def test_gradients(activation, readout):
    kernel = ConvolutionalNTKernel(
        2,
        activation,
        [1.2, 1.5, 0.8],
        weight_variance_bounds=(0.1, 10.0),
        bias_variance=[0.1, 0.0, 0.3],
        bias_variance_bounds=(0.01, 10.0),
        layer_weights=[0.5, 1.0, 2.0],
        readout=readout,
    )
    assert_gradient(kernel, IMAGES)


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": [2, 1]},
        {"pooling": [1, 2], "readout": "average"},
        {"dense_depth": 1, "readout": "average", "layer_weights": np.ones(8)},
        {"strides": [2, 1], "weight_variance": 1.5, "layer_weights": [1, 2, 0.5]},
        {"padding": "circular", "layer_weights_bounds": "fixed"},
    ],
)
def test_gradients_of_other_architectures(options):
    kernel = ConvolutionalNTKernel(
        2, "gelu", weight_variance_bounds=(0.1, 10), bias_variance=0.2, **options
    )
    assert_gradient(kernel.set_params(bias_variance_bounds=(0.01, 10)), IMAGES)


def test_only_weights_are_learned_by_default():
    kernel = ConvolutionalNTKernel(2, layer_weights=[0.3, 1.0, 0.5])
    assert kernel.n_dims == 3
    assert kernel.n_held_matrices == 3
    assert kernel.is_homogeneous
    assert_gradient(kernel, IMAGES)


def test_series_are_images_of_height_one():
    """A filter of width k on a flat image is one of k x k, seen through one row."""
    series = np.random.default_rng(0).standard_normal((3, 1, 9, 2))
    wide = ConvolutionalNTKernel(2, filter_size=(1, 3))
    square = ConvolutionalNTKernel(2, filter_size=3, weight_variance=[6.0, 6.0, 2.0])
    assert_allclose(wide(series), square(series), rtol=1e-13)


def finite_network(image, kernel, rng):
    """Outputs and squared derivatives by tensor of a network of 400 channels."""
    v, b = np.sqrt(kernel.weight_variance), np.sqrt(kernel.bias_variance)
    h = image
    for l in range(kernel.depth):
        W = rng.standard_normal((3, 3, h.shape[-1], 400))
        padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
        _, height, width, c = h.shape
        z = sum(
            padded[:, i : i + height, j : j + width] @ W[i, j]
            for i in range(3)
            for j in range(3)
        )
        z = v[l] / np.sqrt(9 * c) * z + b[l] * rng.standard_normal(400)
        h = np.maximum(z, 0)
    return h


def test_monte_carlo():
    """The read-out's term is the mean of features of random networks, both ways."""
    kernel = ConvolutionalNTKernel(2, bias_variance=0.3, weight_variance=[1.5, 2, 1.2])
    kernel.set_params(bias_variance=[0.3, 0.2, 0.1])
    rng, found = np.random.default_rng(0), []
    for _ in range(40):
        h = finite_network(IMAGES, kernel, rng)
        flat = h.reshape(len(h), -1)
        found.append(1.2 * flat @ flat.T / flat.shape[1] + 0.1)
    mean = np.mean(found, axis=0)
    error = np.std(found, axis=0) / np.sqrt(40)
    kernel.set_params(layer_weights=[0, 0, 1], layer_weights_bounds="fixed")
    z = (mean - kernel(IMAGES)) / error
    assert np.abs(z).max() < 4.5  # sixteen dependent entries
    assert np.abs(z).max() > 0.1


def test_flat_skies_keep_their_digits():
    """Pixels that are exact copies of each other, in images that are not."""
    rng = np.random.default_rng(0)
    X = np.zeros((3, 6, 6, 2))
    X[0, :3] = [0.3, 0.7]
    X[1, :, :3] = [0.6, 1.4]  # a multiple of the sky
    X[2] = rng.standard_normal((6, 6, 2))
    X[2, 4:] = [-0.3, -0.7]  # and its antipode
    kernel = ConvolutionalNTKernel(3, readout="average")
    once = kernel(X)
    scale = np.array([1.0, 3.0, 1 / 7])
    scaled = kernel(X * scale[:, None, None, None])
    assert_allclose(scaled / np.outer(scale, scale), once, rtol=1e-12)
    same = np.concatenate([X, X])
    assert_allclose(kernel(same), np.tile(once, (2, 2)), rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 3))
def test_averages_of_circular_networks_ignore_shifts(seed, down, right):
    X = np.random.default_rng(seed).standard_normal((2, 5, 4, 1))
    moved = np.roll(X, (down, right), axis=(1, 2))
    kernel = ConvolutionalNTKernel(2, padding="circular", readout="average")
    assert_allclose(kernel(X, moved), kernel(X, X.copy()), rtol=1e-12)
    flat = ConvolutionalNTKernel(2, padding="circular")
    assert_allclose(flat(moved), flat(X), rtol=1e-12)


def test_positive_semi_definite():
    X = DIGITS[:80].reshape(-1, 8, 8)
    for readout in ("flatten", "average"):
        values = np.linalg.eigvalsh(ConvolutionalNTKernel(2, readout=readout)(X))
        assert values[0] > -1e-12 * values[-1]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("padding", ["same", "circular"])
@pytest.mark.parametrize("readout", ["flatten", "average"])
def test_blocks_and_threads_do_not_matter(readout, padding, channels):
    """Numbers of images around the block of eight, both triangles and the diagonal."""
    kernel = ConvolutionalNTKernel(
        2, readout=readout, padding=padding, image_shape=(4, 4, channels)
    )
    X = np.random.default_rng(0).standard_normal((19, 16 * channels))
    K = kernel(X)
    assert_allclose(kernel(X, X.copy()), K, rtol=1e-13)
    assert_allclose(kernel.diag(X), np.diag(K), rtol=1e-13)
    for n in (1, 7, 8, 9, 16, 17):
        assert_allclose(kernel(X[:n]), K[:n, :n], rtol=1e-13)
        assert_allclose(kernel(X, X[:n]), K[:, :n], rtol=1e-13)
    assert_array_equal(kernel(X), K)
    free = {"weight_variance_bounds": (0.1, 10), "bias_variance_bounds": (0.1, 10)}
    kernel.set_params(bias_variance=0.1, **free)
    gradient = kernel(X[3:16], eval_gradient=True)[1]
    for n in (1, 4, 13):
        part = kernel(X[3 : 3 + n], eval_gradient=True)[1]
        assert_allclose(part, gradient[:n, :n], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "machine",
    [SVC(C=2.0), SVR(), KernelRidge(alpha=0.1)],
    ids=lambda machine: type(machine).__name__,
)
def test_machines_by_substitution(machine):
    kernel = ConvolutionalNTKernel(2, image_shape=(8, 8))
    X, Z, y = DIGITS[:60], DIGITS[60:90], LABELS[:60]
    given = clone(machine).set_params(kernel="precomputed").fit(kernel(X), y)
    found = clone(machine).set_params(kernel=kernel).fit(X, y)
    assert_allclose(found.predict(Z), given.predict(kernel(Z, X)), rtol=1e-9)


def test_gaussian_processes_learn_layer_weights():
    kernel = ConvolutionalNTKernel(1, image_shape=(8, 8))
    y = LABELS[:60].astype(float)
    model = GaussianProcessRegressor(kernel, alpha=0.1).fit(DIGITS[:60], y)
    held = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None)
    assert model.log_marginal_likelihood_value_ > (
        held.fit(DIGITS[:60], y).log_marginal_likelihood_value_
    )
    two = LABELS[:90] < 2
    classifier = GaussianProcessClassifier(
        ConvolutionalNTKernel(1, image_shape=(8, 8), layer_weights_bounds="fixed")
    ).fit(DIGITS[:90][two], LABELS[:90][two])
    assert classifier.score(DIGITS[:90][two], LABELS[:90][two]) == 1.0


def test_estimators():
    kernel = ConvolutionalNTKernel(2, image_shape=(8, 8))
    model = WNTKClassifier(kernel).fit(DIGITS[:150], LABELS[:150])
    assert model.score(DIGITS[150:350], LABELS[150:350]) > 0.9
    assert_allclose(model.predict_proba(DIGITS[:5]).sum(axis=1), 1.0)
    regressor = WNTKRegressor(kernel).fit(DIGITS[:150], LABELS[:150])
    mean, deviation = regressor.predict(DIGITS[150:200], return_std=True)
    assert mean.shape == deviation.shape == (50,)
    assert deviation.min() > 0
    assert not np.allclose(regressor.kernel_.layer_weights, 1.0)


def test_estimators_take_images_as_they_are():
    X, y = DIGITS[:120].reshape(-1, 8, 8), LABELS[:120]
    rows = WNTKClassifier(ConvolutionalNTKernel(1, image_shape=(8, 8)))
    flat = rows.fit(DIGITS[:100], y[:100]).decision_function(DIGITS[100:120])
    model = WNTKClassifier(ConvolutionalNTKernel(1)).fit(X[:100], y[:100])
    assert_array_equal(model.predict(X[100:]), flat.argmax(axis=1))
    assert model.kernel_.n_dims == 2


def test_grid_search_over_the_architecture():
    grid = {"kernel__depth": [1, 2], "kernel__padding": ["same", "circular"]}
    kernel = ConvolutionalNTKernel(image_shape=(8, 8))
    search = GridSearchCV(SVC(kernel=kernel), grid, cv=2, error_score="raise")
    assert search.fit(DIGITS[:60], LABELS[:60]).best_score_ > 0.5


def test_clones_pickles_and_text():
    kernel = ConvolutionalNTKernel(2, ["relu", "erf"], layer_weights=[1, 0.5, 2])
    for copy in (clone(kernel), pickle.loads(pickle.dumps(kernel))):
        assert copy == kernel
        assert copy is not kernel
    assert repr(kernel) == (
        "ConvolutionalNTKernel(depth=2, activation=['relu', 'erf'], "
        "layer_weights=[1, 0.5, 2])"
    )
    assert kernel != clone(kernel).set_params(padding="valid")
    assert not kernel.requires_vector_input
    assert ConvolutionalNTKernel(image_shape=(2, 2)).requires_vector_input


def test_progress_is_printed_if_asked_for(capsys):
    ConvolutionalNTKernel(1)(IMAGES)
    assert capsys.readouterr().out == ""
    ConvolutionalNTKernel(1, verbose=True)(IMAGES)
    assert "s of processor time" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "X", "sentence"),
    [
        ({}, np.ones((3, 16)), "image_shape must be given for rows of numbers"),
        ({"image_shape": (3, 3)}, np.ones((3, 16)), r"image_shape=.* needs 9 numbers"),
        ({"image_shape": 4}, np.ones((3, 16)), r"image_shape must be \(height, width"),
        ({"image_shape": (4, 0)}, np.ones((3, 16)), "image_shape must be .* positive"),
        ({"image_shape": (3, 3)}, IMAGES, r"X has images of shape \(5, 4, 2\)"),
        ({}, np.ones(3), "X must be images of shape"),
        ({}, np.full((1, 3, 3), np.nan), "X must be a dense matrix of finite"),
        ({}, [IMAGES[0], IMAGES[0, :2]], "X must be images of one shape"),
        ({}, [IMAGES[0], IMAGES[0, ..., :1]], "X must be images of one shape"),
        ({}, IMAGES * 1e200, "X must not have numbers as large as"),
        ({"image_shape": (4, 4)}, np.full((1, 16), 1e200), "X must not have numbers"),
        ({}, np.array([[["a"]]]), "X must be a dense matrix of finite"),
        ({"padding": "valid"}, IMAGES, r"filter_size must fit .* convolution 2"),
        ({"pooling": 3}, IMAGES, "pooling must fit .* use a smaller one.$"),
        ({"padding": "reflect"}, IMAGES, "padding must be one of .* got 'reflect'"),
        ({"readout": "max"}, IMAGES, "readout must be one of .* got 'max'"),
        ({"filter_size": 0}, IMAGES, "filter_size must be a positive integer"),
        ({"strides": [1, 2, 1]}, IMAGES, "strides must be one value .* a list of 3"),
        ({"dense_depth": -1}, IMAGES, "dense_depth must be an integer of at least 0"),
        ({"depth": 0}, IMAGES, "depth must be at least 1"),
        ({"layer_weights": [1, 1]}, IMAGES, "layer_weights has 2 entries, .* 3 or 6"),
        ({"layer_weights": [0, 0, 0]}, IMAGES, "at least one positive entry"),
        (
            {"activation": ["relu"]},
            IMAGES,
            "activation must be one activation, .*got 1:",
        ),
    ],
)
def test_bad_input(options, X, sentence):
    options = {"depth": 2, "layer_weights_bounds": "fixed"} | options
    kernel = ConvolutionalNTKernel(**options)
    with pytest.raises((ValueError, TypeError), match=sentence):
        kernel(X)


def test_both_sides_need_images_of_one_shape():
    with pytest.raises(ValueError, match=r"X has images of shape \(5, 4, 2\), but Y"):
        ConvolutionalNTKernel(1)(IMAGES, IMAGES[:, :4])
