"""Neural tangent kernels of random networks of finite width."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.gaussian_process.kernels import RBF

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.approximation import finite_width_kernel

X = np.random.default_rng(0).standard_normal((6, 3))
Y = np.random.default_rng(1).standard_normal((4, 3))
KERNELS = [
    NTKernel(depth=1),
    NTKernel(depth=2, activation="erf", length_scale=[1.0, 2.0, 0.5]),
    NNGPKernel(depth=2, activation="gelu", weight_variance=[1.5, 2.0, 1.0]),
    WeightedNTKernel(
        depth=2, activation="sin", layer_weights=[0.3, 2.0, 1.0], bias_variance=0.4
    ),
    WeightedNTKernel(
        depth=2, layer_weights=[0.3, 2.0, 0.0], bias_weights=[1.0, 0.5, 0.1]
    ),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_wide_networks_have_the_kernel(kernel):
    drawn = finite_width_kernel(kernel, X, Y, width=600, n_networks=40, random_state=0)
    assert drawn.shape == (40, 6, 4)
    scale = np.sqrt(np.outer(kernel.diag(X), kernel.diag(Y)))
    error = np.abs(drawn.mean(axis=0) - kernel(X, Y)) / scale
    noise = drawn.std(axis=0) / np.sqrt(40) / scale
    # Four standard errors, and a bias of the order of depth over width.
    assert (error < 4 * noise + 5 * kernel.depth / 600).all()


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_the_kernel_is_that_of_the_derivatives(kernel):
    """Against finite differences in every parameter, each with its own rate."""
    widths = [5, 4, 3][: kernel.depth]
    found = finite_width_kernel(kernel, X, width=widths, random_state=3)[0]
    rng = np.random.RandomState(3)
    sizes = [3, *widths, 1]
    weights = [rng.standard_normal((b, a)) for a, b in pairwise(sizes)]
    biases = [rng.standard_normal(b) for b in sizes[1:]]
    layers, depth = kernel.network(X).layers, kernel.depth
    (phi, *_) = kernel.network(X).activations

    def output():
        h = X / np.asarray(kernel.length_scale)
        for l in range(depth + 1):
            spread = np.sqrt(layers.weight_variance[l] / h.shape[1])
            h = spread * h @ weights[l].T + np.sqrt(layers.bias_variance[l]) * biases[l]
            if l < depth:
                h = phi.phi(h, *phi.arguments)
        return h[:, 0]

    expected, step = np.zeros((6, 6)), 1e-6
    for l in range(depth + 1):
        for rate, arrays in (
            (layers.weights[l], weights[l]),
            (layers.bias_weights[l], biases[l]),
        ):
            for place in np.ndindex(arrays.shape):
                arrays[place] += step
                high = output()
                arrays[place] -= 2 * step
                slope = (high - output()) / (2 * step)
                arrays[place] += step
                expected += rate * np.outer(slope, slope)
    # Differences are exact to about 1e-9.
    assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert_allclose(found, found.T, rtol=1e-12, atol=1e-14)


def test_networks_are_reproduced_by_their_seed():
    kernel = NTKernel(depth=1)
    draws = [
        finite_width_kernel(kernel, X, width=8, n_networks=2, random_state=s)
        for s in (0, 0, 1)
    ]
    assert np.array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])
    assert not np.allclose(draws[0][0], draws[0][1])
    both = finite_width_kernel(kernel, X[:2], X[2:], width=8, random_state=0)
    assert_allclose(both[0], draws[0][0][:2, 2:], rtol=1e-12)


def test_what_is_refused():
    with pytest.raises(TypeError, match="kernel must be an NTKernel"):
        finite_width_kernel(RBF(), X)
    with pytest.raises(ValueError, match="must have no ranks, got n_ranks=1"):
        finite_width_kernel(NTKernel(n_ranks=1), np.abs(X) / 9)
    for width in ([3], 0, [3, 0]):
        with pytest.raises(ValueError, match="width must be a positive integer"):
            finite_width_kernel(NTKernel(depth=2), X, width=width)
