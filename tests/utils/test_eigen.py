"""Eigenvectors of symmetric matrices, against NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from ntk_sklearn._utils.eigen import decompose

SIZES = [1, 2, 3, 64, 65, 129, 399, 400, 401]


def matrix(n, rank=None):
    """A symmetric matrix, and its lower triangle with NaN above."""
    A = np.random.default_rng(n).standard_normal((n, n if rank is None else rank))
    A = A @ A.T / n - 0.1 * np.eye(n)
    return A, A.copy(order="F")


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rank", [None, 1])
@pytest.mark.parametrize("scale", [1.0, 1e-250, 1e200])
def test_against_numpy(n, rank, scale):
    A, lower = matrix(n, rank)
    lower *= scale
    lower[np.triu_indices(n, 1)] = 0.0
    values, vectors = decompose(lower)
    assert_allclose(values / scale, np.linalg.eigvalsh(A), rtol=0, atol=1e-13 * n)
    assert_allclose(vectors.T @ vectors, np.eye(n), rtol=0, atol=1e-13 * n)
    assert_allclose(vectors * (values / scale), A @ vectors, rtol=0, atol=1e-13 * n)
    assert vectors.flags.f_contiguous


def test_zeros():
    values, vectors = decompose(np.zeros((70, 70), order="F"))
    assert_array_equal(values, np.zeros(70))
    assert_allclose(vectors.T @ vectors, np.eye(70), rtol=0, atol=1e-14)


def test_no_rows():
    values, vectors = decompose(np.empty((0, 0), order="F"))
    assert (values.shape, vectors.shape) == ((0,), (0, 0))


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_digit(threads):
    _, A = matrix(500)
    expected = decompose(A.copy(order="F"))
    with threadpool_limits(threads):
        found = decompose(A)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    _, A = matrix(10)
    A[7, 2] = bad
    with pytest.raises(ValueError, match="must not contain infinity or NaN"):
        decompose(A)


def test_other_orders_are_refused():
    with pytest.raises(TypeError, match="must be float64 in Fortran order"):
        decompose(np.ascontiguousarray(matrix(10)[0][:, ::-1]))
