"""Kernel matrices in single precision, on request."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn._engine.profile import profile_of
from ntk_sklearn._engine.recursion import unit_kernel
from ntk_sklearn._engine.tiles import gram

from ..cases import ALL_ACTIVATIONS, hard_rows

KERNELS = [NTKernel, NNGPKernel, WeightedNTKernel]


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize("n", [9, 300])
def test_entries_are_those_of_double_precision_rounded(activation, bias, n):
    X = np.vstack([hard_rows(), np.random.default_rng(1).standard_normal((n - 9, 3))])
    exact = NTKernel(3, activation, bias_variance=bias)
    kernel = NTKernel(3, activation, bias_variance=bias, dtype="float32")
    for Y in (None, X[:5].copy()):
        K, expected = kernel(X, Y), exact(X, Y)
        assert K.dtype == np.float32
        profile = profile_of(kernel.network(np.zeros((1, 3))), unit_kernel, K.dtype)
        in_single = profile is not None
        scale = np.sqrt(np.outer(exact.diag(X), exact.diag(X if Y is None else Y)))
        error = np.abs(K - expected)
        # A polynomial of degree 15 to 31 and some factors: several roundings.
        allowed = 1e-6 * scale if in_single else 1.2e-7 * np.abs(expected)
        assert (error <= allowed + 1e-30).all()


@pytest.mark.parametrize("activation", ["relu", "abs", ("leaky_relu", 0.2)], ids=str)
@pytest.mark.parametrize("depth", [1, 2, 5, 10, 30, 100])
def test_a_profile_in_single_precision(activation, depth):
    """It is used at every depth, and close pairs and antipodes keep their digits."""
    single = np.dtype("float32")

    def profile(kernel, X, Y=None, dtype="float64"):
        """The kernel in the profile lane, however few rows there are."""
        network = kernel.network(X)
        return gram(network, X, Y, np.dtype(dtype), profile_work=-1.0)

    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    X = np.vstack([X, X[:9] * 3.0, -X[:9], X[:9] + 1e-7, 1e-6 - X[:9], np.zeros(5)])
    kernel = NTKernel(depth, activation, bias_variance=0.0)
    assert profile_of(kernel.network(X), unit_kernel, single) is not None
    scale = np.sqrt(np.outer(kernel.diag(X), kernel.diag(X)))
    K = profile(kernel, X, dtype="float32")
    assert (np.abs(K - profile(kernel, X)) <= 1e-6 * scale).all()
    assert_array_equal(K, K.T)
    # Pairs a distance of 1e-7 apart.
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-6)):
        K = profile(kernel, X[:9], X[78:87], dtype)
        twin = profile(kernel, X[:9], X[78:87])
        assert_allclose(np.diag(K), np.diag(twin), rtol=tolerance)


def test_overflow_is_refused():
    X = 1e25 * hard_rows()
    with pytest.raises(ValueError, match=r"overflow float32; rescale X, or use dtype="):
        NTKernel(dtype="float32")(X)
    assert np.isfinite(NTKernel()(X)).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_double_precision_is_the_default(kernel):
    X = hard_rows()
    assert kernel()(X).dtype == np.float64
    assert kernel()(X.astype(np.float32)).dtype == np.float64
    assert kernel(dtype="float32")(X).dtype == np.float32


def test_gradients_and_diagonal_stay_in_double_precision():
    X = hard_rows()
    kernel, exact = NTKernel(dtype="float32"), NTKernel()
    K, gradient = kernel(X, eval_gradient=True)
    assert K.dtype == np.float32
    assert gradient.dtype == kernel.diag(X).dtype == np.float64
    assert np.array_equal(gradient, exact(X, eval_gradient=True)[1])
    assert np.array_equal(kernel.contract(X, np.eye(9)), exact.contract(X, np.eye(9)))


def test_memory_is_half():
    X = np.random.default_rng(0).standard_normal((1500, 5))
    kernel = NTKernel(dtype="float32")
    kernel(X)
    tracemalloc.start()
    K = kernel(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert K.nbytes == 4 * 1500**2
    assert peak <= 1.1 * K.nbytes + 4 * 2**20


@pytest.mark.parametrize("dtype", ["float16", "double", None, np.float32])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match=r'dtype must be "float64" or "float32", got'):
        NTKernel(dtype=dtype)(hard_rows())
