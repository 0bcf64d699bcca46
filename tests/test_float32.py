"""Kernel matrices in single precision, on request."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel

from .cases import ALL_ACTIVATIONS, hard_rows

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
        assert_allclose(K, expected, rtol=1.2e-7, atol=1e-30)


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
