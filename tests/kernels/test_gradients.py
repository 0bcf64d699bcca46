"""Gradients of every hyperparameter, against central differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel

from ..cases import ALL_ACTIVATIONS, hard_rows

FREE = (1e-6, 1e6)
ALL_FREE = {
    "weight_variance_bounds": FREE,
    "bias_variance_bounds": FREE,
    "length_scale_bounds": FREE,
}
BIASES = {
    "scalar": 0.1,
    "vector": [0.3, 0.1, 0.2, 0.05],
    "some zero": [0.3, 0.0, 0.2, 0.0],
    "zero": 0.0,
}


def differences(kernel, X, h=1e-5):
    """The gradient by central differences in theta."""
    theta = kernel.theta
    out = np.empty((len(X), len(X), theta.size))
    for k in range(theta.size):
        step = h * np.eye(theta.size)[k]
        high = kernel.clone_with_theta(theta + step)(X)
        low = kernel.clone_with_theta(theta - step)(X)
        out[:, :, k] = (high - low) / (2 * h)
    return out


def check(kernel, X, n_dims):
    """Full gradient, contraction and differences agree; everything is finite."""
    assert kernel.n_dims == kernel.theta.size == n_dims
    K, gradient = kernel(X, eval_gradient=True)
    assert gradient.shape == (len(X), len(X), n_dims)
    assert np.isfinite(K).all() and np.isfinite(gradient).all()
    assert_allclose(K, kernel(X), rtol=1e-15)
    assert_allclose(gradient, gradient.transpose(1, 0, 2), atol=1e-13 * np.abs(K).max())
    # Differences at a step of 1e-5 leave 1e-10 of the kernel's size, plus rounding.
    atol = 1e-6 * min(1.0, np.abs(K).max())
    assert_allclose(gradient, differences(kernel, X), rtol=1e-6, atol=atol)
    G = np.random.default_rng(1).standard_normal(K.shape)
    G += G.T
    contracted = kernel.contract(X, G)
    assert contracted.shape == (n_dims,)
    assert_allclose(
        contracted,
        np.einsum("ij,ijk", G, gradient),
        atol=1e-12 * np.abs(G).sum() * np.abs(K).max(),
    )
    # Moved there and back it is the same as made there: nothing is left of the way.
    moving = kernel.on_rows(X)
    for away in (0.3, 0.0):
        theta = kernel.theta + away * np.cos(np.arange(n_dims))
        made = kernel.clone_with_theta(theta)
        moving.set_theta(theta)
        assert_allclose(moving.gram(), made(X), rtol=1e-14)
        assert_allclose(moving.contract(G), made.contract(X, G), rtol=1e-14)


def test_moving_switches_layers_off():
    X = hard_rows()
    kernel = WeightedNTKernel(depth=2, length_scale_bounds=FREE)
    theta = kernel.theta.copy()
    weights = kernel.positions("layer_weights")
    theta[weights] = [-np.inf, 0.5, -np.inf]
    moving = kernel.on_rows(X)
    moving.set_theta(theta)
    made = clone(kernel).set_params(
        layer_weights=[0.0, np.exp(0.5), 0.0], layer_weights_bounds="fixed"
    )
    assert_allclose(moving.gram(), made(X), rtol=1e-14)
    G = np.ones((len(X), len(X)))
    gradient = moving.contract(G)
    assert_array_equal(gradient[weights] == 0.0, [True, False, True])
    others = np.delete(gradient, weights)
    assert_allclose(others, made.contract(X, G), rtol=1e-12)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_every_hyperparameter_at_once(activation, bias):
    """One per layer and per feature, on x, x again, -x, 2x and a zero row."""
    value = BIASES[bias]
    kernel = WeightedNTKernel(
        depth=3,
        activation=activation,
        weight_variance=[1.7, 2.0, 1.3, 0.9],
        bias_variance=value,
        length_scale=[0.8, 1.5, 3.0],
        layer_weights=[0.3, 0.7, 1.1, 0.2],
        **ALL_FREE,
    )
    check(kernel, hard_rows(3), 4 + 4 + 3 + np.count_nonzero(value))


@pytest.mark.parametrize("kind", [NTKernel, NNGPKernel, WeightedNTKernel])
@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_one_number_for_all_layers(kind, activation):
    kernel = kind(
        depth=2,
        activation=activation,
        weight_variance=1.6,
        bias_variance=0.2,
        length_scale=1.4,
        **ALL_FREE,
    )
    check(kernel, hard_rows(4, seed=3), 6 if kind is WeightedNTKernel else 3)


@pytest.mark.parametrize("name", ["weight_variance", "bias_variance", "length_scale"])
def test_each_alone(name):
    """A fixed hyperparameter leaves no column; the free one keeps its own."""
    X = hard_rows(3)
    values = {"weight_variance": 1.5, "bias_variance": 0.3, "length_scale": 2.0}
    fixed = {f"{other}_bounds": "fixed" for other in values}
    alone = NTKernel(depth=2, **values, **{**fixed, f"{name}_bounds": FREE})
    check(alone, X, 1)
    together = NTKernel(depth=2, **values, **ALL_FREE)
    column = sorted(values).index(name)
    assert_allclose(
        alone(X, eval_gradient=True)[1][:, :, 0],
        together(X, eval_gradient=True)[1][:, :, column],
        atol=1e-13,
    )


def test_biases_that_learn_at_their_own_rate():
    kernel = WeightedNTKernel(
        depth=2,
        layer_weights=[0.5, 2.0, 1.0],
        bias_weights=[3.0, 0.0, 0.2],
        bias_variance=[0.4, 0.2, 0.1],
        **ALL_FREE,
    )
    check(kernel, hard_rows(3), 3 + 3 + 1 + 1)


def test_frozen_layers():
    kernel = WeightedNTKernel(
        depth=3,
        layer_weights=[0, 0, 1, 0.5],
        layer_weights_bounds="fixed",
        **ALL_FREE,
    )
    check(kernel, hard_rows(3), 3)


def test_nothing_free():
    kernel = NTKernel(depth=2, bias_variance=0.0)
    X = hard_rows(3)
    K, gradient = kernel(X, eval_gradient=True)
    assert gradient.shape == (9, 9, 0)
    assert kernel.contract(X, np.eye(9)).shape == (0,)
    assert_allclose(K, kernel(X), rtol=0)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_more_than_one_tile(activation):
    """600 rows are six tiles; the columns of a few rows tell."""
    X = np.random.default_rng(5).standard_normal((600, 3))
    kernel = WeightedNTKernel(
        depth=2,
        activation=activation,
        layer_weights=[0.3, 1.0, 2.0],
        length_scale=[1.0, 2.0, 3.0],
        **ALL_FREE,
    )
    K, gradient = kernel(X, eval_gradient=True)
    rows = [0, 1, 263, 264, 300, 527, 528, 599]
    some = kernel(X[rows], eval_gradient=True)[1]
    assert_allclose(gradient[np.ix_(rows, rows)], some, atol=1e-12)
    G = np.random.default_rng(1).standard_normal((600, 600))
    G += G.T
    expected = np.einsum("ij,ijk", G, gradient)
    tolerance = 1e-13 * np.abs(G).sum() * np.abs(K).max()
    assert_allclose(kernel.contract(X, G), expected, atol=tolerance)
    # What sums up over 180 000 pairs must also be right relative to its own size.
    assert_allclose(
        kernel.contract(X, np.ones_like(G)), gradient.sum(axis=(0, 1)), rtol=1e-11
    )


def test_only_the_symmetric_half_of_g_counts():
    kernel, X = NTKernel(depth=2), hard_rows(3)
    G = np.random.default_rng(0).standard_normal((9, 9))
    G += G.T
    upper = G.copy()
    expected = kernel.contract(X, G)
    assert_allclose(kernel.contract(X.tolist(), np.asfortranarray(upper)), expected)
    assert_allclose(clone(kernel).contract(X, 2 * G), 2 * expected, rtol=1e-14)
