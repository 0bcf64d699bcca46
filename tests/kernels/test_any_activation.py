"""Activations without a closed form, in the kernels of images, sequences, graphs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from ntk_sklearn import (
    ConvolutionalNTKernel,
    Graph,
    GraphConvolutionNTKernel,
    GraphNTKernel,
    MultiDepthNTKernel,
    NTKernel,
    RecurrentNTKernel,
    ResidualNTKernel,
    WNTKClassifier,
)
from ntk_sklearn.activations import ACTIVATIONS, Activation, get_activation

from ..cases import SERIES
from .structured_cases import assert_gradient

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 4, 3, 2))
IMAGES[0, :2] = 0.5  # flat sky
SEQUENCES = [RNG.standard_normal((n, 2)) for n in (3, 4, 1)]
RING = np.roll(np.eye(5), 1, axis=0)
GRAPHS = [
    Graph(A, RNG.standard_normal((len(A), 2)))
    for A in (np.ones((3, 3)) - np.eye(3), RING + RING.T)
]
NODES = np.arange(5)[:, None]
TABLE = RNG.standard_normal((4, 3))
BIASES = {"bias_variance": 0.2}

CASES = {
    "images": (ConvolutionalNTKernel(2, readout="average", **BIASES), IMAGES),
    "pooling": (ConvolutionalNTKernel(1, pooling=2, dense_depth=1), IMAGES),
    "sequences": (RecurrentNTKernel(2, **BIASES), SEQUENCES),
    "graphs": (GraphNTKernel(2, n_blocks=1, jumping_knowledge=True), GRAPHS),
    "nodes": (GraphConvolutionNTKernel(2, graph=GRAPHS[1], skip="alpha"), NODES),
    "residual": (ResidualNTKernel(2, **BIASES), TABLE),
    "all depths": (MultiDepthNTKernel(2, **BIASES), TABLE),
}
each = pytest.mark.parametrize("name", CASES)


def with_activation(name, activation, **others):
    kernel, X = CASES[name]
    kernel = kernel.clone_with_theta(kernel.theta)
    kernel.set_params(activation=activation, **others)
    if name == "nodes":
        kernel.set_params(skip_activation=activation)
    return kernel, X


def as_function(name):
    """The function of a closed form, without it."""
    record = get_activation(name)
    return Activation.from_function(
        lambda z: record.phi(z, *record.arguments),
        lambda z: record.phi_derivative(z, *record.arguments),
        kinks=(0.0,) if name == "relu" else (),
    )


@each
@pytest.mark.parametrize("activation", ["erf", "gelu", "relu"])
def test_a_function_with_a_closed_form(name, activation):
    """The closed form and the series of one function are the same kernel."""
    kernel, X = with_activation(name, activation)
    other, _ = with_activation(name, as_function(activation))
    for expected, found in (
        (kernel(X), other(X)),
        (kernel.components(X), other.components(X)),
        (kernel.diag(X), other.diag(X)),
    ):
        # Series stop at errors of 3e-13 of E[phi'^2], in each of up to three layers.
        assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@each
@pytest.mark.parametrize("activation", ["tanh", "elu", "sign"])
def test_gradients(name, activation):
    bounds = {"weight_variance_bounds": (0.1, 10.0)}
    kernel, X = with_activation(name, activation, **bounds)
    if activation == "sign":
        # Its own variance is one, whatever that of the layer before.
        K, gradient = kernel(X, eval_gradient=True)
        up = kernel.clone_with_theta(kernel.theta + 1e-6)
        down = kernel.clone_with_theta(kernel.theta - 1e-6)
        slope = (up(X) - down(X)) / 2e-6
        close = {"rtol": 1e-4, "atol": 1e-5 * np.abs(K).max()}
        assert_allclose(gradient.sum(axis=2), slope, **close)
        return
    assert_gradient(kernel, X)


@pytest.mark.parametrize("activation", [*SERIES, "sign", "step"])
def test_a_chain_is_a_dense_network(activation):
    """Blocks that keep nothing of what they are given are layers."""
    if activation == "polynomial":
        activation = ("polynomial", (0.1, 1.0, 0.3))
    kernel = ResidualNTKernel(2, activation, 1.5, bias_variance=0.1, skip_scale=0.0)
    dense = NTKernel(
        3, [activation, activation, "identity"], weight_variance=1.5, bias_variance=0.1
    )
    assert_allclose(kernel(TABLE), dense(TABLE), rtol=1e-9)
    assert_allclose(kernel(TABLE, TABLE[:2]), dense(TABLE, TABLE[:2]), rtol=1e-9)


def test_every_name_takes_part():
    """The registry is covered: closed forms elsewhere, the others above."""
    assert set(SERIES) | {"sign", "step"} >= {
        name for name, record in ACTIVATIONS.items() if record.code >= 5
    }


def test_exact_copies_stay_copies():
    """Copies of an image, and equal pixels within it, have equal rows of the kernel."""
    X = np.concatenate([IMAGES, IMAGES[:1]])
    K = ConvolutionalNTKernel(3, "tanh", readout="average")(X)
    assert_allclose(K[3], K[0], rtol=1e-12)
    flat = np.ones((2, 4, 4))
    flat[1] *= 0.3
    K = ConvolutionalNTKernel(2, "silu", padding="circular")(flat)
    dense = NTKernel(2, "silu", weight_variance=2.0, bias_variance=0.0)
    assert_allclose(K, dense(flat[:, 0, :1]), rtol=1e-11)


def test_an_estimator_learns_with_one():
    X, y = load_digits(n_class=3, return_X_y=True)
    kernel = ConvolutionalNTKernel(1, "silu", 2.0, image_shape=(8, 8))
    model = WNTKClassifier(kernel).fit(X[:60] / 16, y[:60])
    assert model.score(X[60:200] / 16, y[60:200]) > 0.85


def test_a_graph_tells_functions_of_one_name_apart():
    """A graph keeps its kernel matrices, whose keys once held the name alone."""
    kernel, X = CASES["nodes"]
    found = [
        kernel.clone_with_theta(kernel.theta).set_params(activation=phi)(X)
        for phi in (lambda z: np.tanh(z) + z, lambda z: np.arctan(z) + z)
    ]
    assert np.abs(found[0] - found[1]).max() > 1e-3
