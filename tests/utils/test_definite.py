"""Cholesky factors and inverses by blocks, against NumPy and LAPACK."""

import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import lapack
from threadpoolctl import threadpool_info, threadpool_limits

from ntk_sklearn._utils import definite
from ntk_sklearn._utils.definite import factorise_in_place, invert_in_place

FUNCTIONS = [factorise_in_place, invert_in_place]
BLOCK = 16
# One row, and sizes below, at and beyond one, two and many blocks.
SIZES = [1, 2, 15, 16, 17, 31, 32, 33, 48, 100, 161]


def matrix(n, ridge=0.1):
    """A positive definite matrix in Fortran order, with NaN in its upper triangle."""
    A = np.random.default_rng(n).standard_normal((n, n))
    A = np.asfortranarray(A @ A.T / n + ridge * np.eye(n))
    return A, hidden(A)


def hidden(A):
    """A copy, with numbers that must neither be read nor changed."""
    return np.asfortranarray(np.tril(A) + np.triu(np.full(A.shape, np.nan), 1))


def twin(A, function):
    """What NumPy makes of it."""
    L = np.linalg.cholesky(A)
    return (L if function is factorise_in_place else np.linalg.inv(A)), np.diag(L)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("block", [BLOCK, None])
def test_against_numpy(function, n, block):
    A, found = matrix(n)
    expected, diagonal = twin(A, function)
    pivots = function(found, block)
    # Condition numbers are below 50: rounding errors times a few.
    assert_allclose(np.tril(found), np.tril(expected), rtol=0, atol=1e-12)
    assert_allclose(pivots, diagonal, rtol=1e-13)
    assert np.isnan(found[np.triu_indices(n, 1)]).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "n",
    [
        definite._ONE_BLOCK,
        definite._ONE_BLOCK + 1,
        definite._BLOCK * 5,
        definite._BLOCK * 5 + 1,
    ],
)
def test_with_blocks_of_its_own_choice(function, n):
    A, found = matrix(n)
    expected, diagonal = twin(A, function)
    assert_allclose(function(found), diagonal, rtol=1e-12)
    assert_allclose(np.tril(found), np.tril(expected), rtol=0, atol=1e-11)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("bad", [0, 1, 15, 16, 17, 40, 99])
@pytest.mark.parametrize("block", [BLOCK, None])
def test_a_minor_that_is_not_positive_is_reported_as_by_lapack(function, bad, block):
    A, _ = matrix(100)
    A[bad, bad] = -1.0
    expected, failed = lapack.dpotrf(A, lower=1)
    assert failed == bad + 1
    pivots = function(hidden(A), block)
    assert np.flatnonzero(np.isnan(pivots))[0] == failed - 1
    assert_allclose(pivots[:bad], np.diag(expected)[:bad], rtol=1e-12)
    assert np.isnan(pivots[bad:]).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("block", [BLOCK, None])
def test_zeros_are_not_positive_definite(function, block):
    assert np.isnan(function(np.zeros((50, 50), order="F"), block)).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("where", [(0, 0), (20, 3), (20, 20), (99, 99)])
@pytest.mark.parametrize("block", [BLOCK, None])
def test_nan_shows_in_the_pivots(function, where, block):
    _, found = matrix(100)
    found[where] = np.nan
    pivots = function(found, block)
    assert np.isfinite(pivots[: where[1]]).all()
    assert np.isnan(pivots[where[0]])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_rows(function):
    assert function(np.empty((0, 0), order="F")).shape == (0,)


@pytest.mark.parametrize("ridge", [1e-4, 1e-8, 1e-12])
def test_the_inverse_is_as_accurate_as_lapacks(ridge):
    """Residuals of a smooth kernel matrix, whose condition is up to 1e14.

    Those of an inverse in one sweep are up to a million times larger.
    """
    x = np.linspace(0.0, 3.0, 200)
    A = np.exp(-((x[:, None] - x) ** 2)) + ridge * np.eye(200)
    found = np.asfortranarray(A.copy())
    invert_in_place(found, BLOCK)
    factor, _ = lapack.dpotrf(np.asfortranarray(A), lower=1)
    expected, _ = lapack.dpotri(factor, lower=1)

    def residual(G):
        G = np.tril(G) + np.tril(G, -1).T
        return np.linalg.norm(G @ A - np.eye(200)) / np.linalg.norm(G)

    assert residual(found) < 2.0 * residual(expected)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_digit(function, threads):
    _, expected = matrix(700)
    pivots = function(expected)
    for _ in range(3):
        _, found = matrix(700)
        with threadpool_limits(threads):
            assert_array_equal(function(found), pivots)
        assert_array_equal(np.tril(found), np.tril(expected))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("n", [100, 1000])
def test_blas_keeps_to_one_thread(function, n, monkeypatch):
    """Threads of BLAS would spin while they wait for each other."""
    seen, call = set(), definite.call

    def watched(*arguments):
        info = [d for d in threadpool_info() if d["user_api"] == "blas"]
        seen.update(d["num_threads"] for d in info)
        return call(*arguments)

    monkeypatch.setattr(definite, "call", watched)
    with threadpool_limits(2):
        function(matrix(n)[1])
    assert seen == {1}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_part_of_a_larger_matrix(function):
    A, expected = matrix(100)
    function(expected, BLOCK)
    whole = np.ones((200, 180), order="F")
    whole[30:130, 50:150] = A
    function(whole[30:130, 50:150], BLOCK)
    assert_array_equal(np.tril(whole[30:130, 50:150]), np.tril(expected))
    whole[30:130, 50:150] = 1.0
    assert (whole == 1.0).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_other_orders_types_and_read_only_memory_are_refused(function):
    A, _ = matrix(5)
    for wrong in (np.ascontiguousarray(A[:, ::-1]), A.astype(np.float32)):
        with pytest.raises(TypeError, match="must be float64 in Fortran order"):
            function(wrong)
    A.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(A)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_others_run_meanwhile(function):
    """The interpreter lock is free: this thread gets turns while the other computes."""
    _, A = matrix(1500)
    turns = 0
    with threadpool_limits(1):
        other = threading.Thread(target=function, args=(A,))
        other.start()
        while other.is_alive():
            time.sleep(0.001)
            turns += 1
    assert turns > 5
