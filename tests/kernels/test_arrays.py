"""Kernels called with arrays of other libraries."""

import numpy as np
import pytest

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel

from ..array_libraries import dispatch, each_library, host, namespace_of, needs_dispatch

X = np.random.default_rng(0).standard_normal((30, 4))
Y = np.random.default_rng(1).standard_normal((20, 4))
KERNELS = [NTKernel(), NNGPKernel(depth=2), WeightedNTKernel(depth=1, n_ranks=0)]
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=repr)


@needs_dispatch
@each_library
@each_kernel
def test_results_are_those_of_numpy_in_the_library(library, kernel):
    xp = namespace_of(library)
    with dispatch():
        A, B, G = xp.asarray(X), xp.asarray(Y), xp.asarray(np.ones((30, 30)))
        found = [kernel(A), kernel(A, B), kernel.diag(A), kernel.components(A, B)]
        combined = (kernel + kernel * kernel)(A, B)
        gradient = kernel.contract(A, G)
    expected = [kernel(X), kernel(X, Y), kernel.diag(X), kernel.components(X, Y)]
    for ours, theirs in zip(
        [*found, combined],
        [*expected, (kernel + kernel * kernel)(X, Y)],
        strict=True,
    ):
        size = np.abs(theirs).max()
        np.testing.assert_allclose(host(ours), theirs, rtol=0, atol=1e-12 * size)
    expected = kernel.contract(X, np.ones((30, 30)))
    np.testing.assert_allclose(gradient, expected, rtol=1e-11)


@needs_dispatch
@each_library
def test_single_precision(library):
    """Inputs of float32 are exact floats; a kernel of float32 is rounded at the end."""
    xp, kernel = namespace_of(library), NTKernel(dtype="float32")
    with dispatch():
        K = kernel(xp.asarray(X.astype(np.float32)))
        assert K.dtype == xp.float32
    expected = NTKernel()(X.astype(np.float32))
    np.testing.assert_allclose(host(K), expected, atol=1e-5 * np.diag(expected).max())


@needs_dispatch
@each_library
def test_without_the_option_they_are_converted(library):
    xp = namespace_of(library)
    K = NTKernel()(xp.asarray(X))
    assert isinstance(K, np.ndarray)
    np.testing.assert_array_equal(K, NTKernel()(X))


@needs_dispatch
def test_arrays_in_different_places_are_refused():
    strict, kernel = namespace_of("array_api_strict"), NTKernel()
    A = strict.asarray(X)
    there = strict.asarray(Y, device=strict.Device("device1"))
    with dispatch():
        with pytest.raises(ValueError, match=r"Y is one of .* on the device .*device1"):
            kernel(A, there)
        with pytest.raises(ValueError, match="Y is one of NumPy; move one"):
            kernel(A, Y)
        with pytest.raises(
            ValueError, match=r"Y is an array of .* but X is one of Num"
        ):
            kernel(X, A)
        with pytest.raises(ValueError, match="G is one of NumPy"):
            kernel.contract(A, np.eye(30))
        with pytest.raises(TypeError, match="for eval_gradient=True"):
            kernel(A, eval_gradient=True)
    with pytest.raises(TypeError, match=r"on the device .*device1.*, which NumPy"):
        kernel(there)
