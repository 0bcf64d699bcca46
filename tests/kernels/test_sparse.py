"""Sparse rows: the numbers of dense ones, without ever being dense."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, vstack

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel

D = 60
KERNELS = [
    NTKernel(),
    NTKernel(depth=1, bias_variance=0.0, length_scale=0.2),
    NTKernel(activation="erf", length_scale=0.01),  # long rows, all digits
    NNGPKernel(activation="gelu"),
    NTKernel(depth=1, length_scale=np.linspace(0.2, 3.0, D)),
    WeightedNTKernel(depth=2, activation="sin"),
]
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=repr)


def words(n, seed=0):
    """Few words a row; some rows equal, opposite, nearly equal or empty."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.05, (n, D)) * rng.uniform(0.5, 2.0, (n, D))
    X = csr_array(counts)
    return csr_array(vstack([X, X[:3], -X[:2], X[3:6] * (1 + 1e-9), csr_array((2, D))]))


X, Y = words(300), words(40, seed=1)


def close(found, expected, kernel, Y=None):
    """Equal to 1e-12 of the root of both diagonals."""
    dense = X.toarray()
    left = np.sqrt(kernel.diag(dense))
    right = left if Y is None else np.sqrt(kernel.diag(Y.toarray()))
    scale = np.outer(left, right)
    error = np.abs(found - expected)
    assert (error <= 1e-12 * scale).all()


@each_kernel
def test_values(kernel):
    close(kernel(X), kernel(X.toarray()), kernel)
    close(kernel(X, Y), kernel(X.toarray(), Y.toarray()), kernel, Y)
    assert_allclose(kernel.diag(X), kernel.diag(X.toarray()), rtol=1e-14)
    found, expected = kernel.components(X, Y), kernel.components(*map(dense, (X, Y)))
    assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def dense(X):
    return X.toarray()


@pytest.mark.parametrize("bounds", ["fixed", (1e-3, 1e3)])
@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_contracted_gradients(bounds, bias, activation):
    kernel = WeightedNTKernel(
        depth=2,
        activation=activation,
        bias_variance=bias,
        bias_variance_bounds=(1e-3, 1e3) if bias else "fixed",
        length_scale=0.3,
        length_scale_bounds=bounds,
    )
    G = np.random.default_rng(0).standard_normal((X.shape[0],) * 2)
    G += G.T
    expected = kernel.contract(X.toarray(), G)
    assert_allclose(kernel.contract(X, G), expected, rtol=1e-9)
    assert expected.size == 3 + (bias > 0) + (bounds != "fixed")


@pytest.mark.parametrize("kind", [csr_matrix, csc_array, coo_array, np.asarray])
def test_every_form_and_one_dense_side(kind):
    kernel, same = NTKernel(depth=1), X.toarray()
    rows = kind(same)
    assert_allclose(kernel(rows), kernel(same), rtol=1e-12, atol=1e-14)
    assert_allclose(kernel(rows, Y), kernel(same, Y.toarray()), rtol=1e-12, atol=1e-14)


def test_repeated_entries_and_stored_zeros():
    parts = ([1.0, 2.0, 0.0, 4.0], ([0, 0, 1, 1], [3, 3, 0, 1]))
    stored = coo_array(parts, shape=(2, 5))
    before = stored.data.copy()
    for form in (stored, csr_array(stored)):
        assert_allclose(NTKernel()(form), NTKernel()(stored.toarray()), rtol=1e-14)
    assert_array_equal(stored.data, before)


def test_rows_never_become_dense():
    rng = np.random.default_rng(0)
    n, d, filled = 600, 200_000, 30  # 915 MiB as a dense array
    columns = rng.integers(0, d, n * filled)
    rows = np.arange(n).repeat(filled)
    big = csr_array((rng.uniform(0.5, 1.5, n * filled), (rows, columns)), shape=(n, d))
    kernel = NTKernel(depth=1)
    kernel(X)
    tracemalloc.start()
    K = kernel(big)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < K.nbytes + 24 * 2**20  # the kernel, and some numbers for each column
    assert np.linalg.eigvalsh(K)[0] > 0


def test_what_sparse_rows_cannot_do():
    kernel = WeightedNTKernel(length_scale=np.ones(D), length_scale_bounds=(0.1, 10.0))
    with pytest.raises(TypeError, match="X must be dense to learn a length_scale for"):
        kernel.on_rows(X)
    with pytest.raises(TypeError, match="X must be dense for eval_gradient=True; use"):
        NTKernel()(X, eval_gradient=True)
    with pytest.raises(ValueError, match="n_ranks must be 0 for sparse rows"):
        NTKernel(n_ranks=1)(X)
    bad = X.copy()
    bad.data[0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        NTKernel()(bad)
    with pytest.raises(ValueError, match="X has 60 features, but Y has 59"):
        NTKernel()(X, Y[:, :59])
