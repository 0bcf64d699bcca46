"""Products and triangular solves without the interpreter lock, against NumPy."""

import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from ntk_sklearn._utils.blas import add_square, mirror_lower, solve_lower

# Sizes below, at and beyond one piece of each kind.
ROWS = [1, 2, 63, 64, 65, 131, 700]
COLUMNS = [0, 1, 3, 399, 400, 401, 1201]


def problem(m, n):
    rng = np.random.default_rng(m + n)
    L = rng.standard_normal((m, m)) / np.sqrt(m) + 3.0 * np.eye(m)
    B = rng.standard_normal((m, n))
    return np.asfortranarray(L), np.asfortranarray(B)


@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("n", COLUMNS)
def test_solve_lower(m, n):
    """The upper triangle is not read: it holds numbers, and is no part of the twin."""
    L, B = problem(m, n)
    expected = np.linalg.solve(np.tril(L), B)
    found = solve_lower(L, B)
    assert found is B
    # A well-conditioned system: rounding, times the number of terms.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("n", COLUMNS)
def test_add_square(m, n):
    C, A = problem(m, n)
    before = C.copy()
    expected = np.tril(before + A @ A.T)
    found = add_square(C, A)
    assert found is C
    np.testing.assert_allclose(np.tril(found), expected, rtol=0, atol=1e-13 * (n + 100))
    assert_array_equal(np.triu(found, 1), np.triu(before, 1))


@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("n", COLUMNS)
def test_solve_for_rows(m, n):
    L, B = problem(m, n)
    rows = np.asfortranarray(B.T)
    expected = solve_lower(L, B).T
    assert solve_lower(L, rows, right=True) is rows
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("n", COLUMNS)
def test_add_square_of_the_transpose(m, n):
    C, A = problem(m, n)
    expected = np.tril(C - 0.25 * A @ A.T)
    found = add_square(C, np.asfortranarray(A.T), -0.25, transposed=True)
    np.testing.assert_allclose(np.tril(found), expected, rtol=0, atol=1e-13 * (n + 100))


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])
def test_mirror_lower(n):
    A = np.random.default_rng(n).standard_normal((n, n))
    expected = np.tril(A) + np.tril(A, -1).T
    assert mirror_lower(A) is A
    assert_array_equal(A, expected)


def test_parts_of_larger_matrices():
    L, B = problem(90, 50)
    whole, right = np.zeros((200, 200), order="F"), np.ones((200, 80), order="F")
    whole[30:120, 10:100] = L
    right[5:95, 20:70] = B
    solve_lower(whole[30:120, 10:100], right[5:95, 20:70])
    assert_array_equal(right[5:95, 20:70], solve_lower(L, B))
    right[5:95, 20:70] = 1.0
    assert (right == 1.0).all()  # nothing around it was touched


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_digit(threads):
    L, B = problem(700, 1201)
    expected = solve_lower(L, B.copy(order="F")), add_square(L.copy(order="F"), B)
    with threadpool_limits(threads):
        found = solve_lower(L, B.copy(order="F")), add_square(L.copy(order="F"), B)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("function", [solve_lower, add_square])
def test_other_orders_and_types_are_refused(function):
    A = np.eye(5, order="F") + 0.0
    wrong = [
        np.ascontiguousarray(np.ones((5, 3))),
        np.ones((5, 3), np.float32, order="F"),
        np.ones((10, 3), order="F")[::2],
    ]
    for B in wrong:
        with pytest.raises(TypeError, match="must be float64 in Fortran order"):
            function(A, B)


@pytest.mark.parametrize("function, out", [(solve_lower, 1), (add_square, 0)])
def test_what_is_read_only_stays_as_it_is(function, out):
    matrices = problem(5, 5)
    matrices[out].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(*matrices)
    matrices[out].flags.writeable = True
    matrices[1 - out].flags.writeable = False
    function(*matrices)


@pytest.mark.parametrize("function", [solve_lower, add_square])
def test_others_run_meanwhile(function):
    """The interpreter lock is free: this thread gets turns while the other computes."""
    L, B = problem(1000, 3000)
    turns = 0
    with threadpool_limits(1):
        other = threading.Thread(target=function, args=(L, B))
        other.start()
        while other.is_alive():
            time.sleep(0.001)
            turns += 1
    assert turns > 5


def test_nan_passes_through():
    L, B = problem(70, 5)
    B[3, 2] = np.nan
    assert np.isnan(solve_lower(L, B.copy(order="F"))[3:, 2]).all()
    assert np.isnan(add_square(L, B)[3, :4]).all()
