"""Eight numbers at once compute what one after the other would."""

import math

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from ntk_sklearn._utils.eight import (
    load_eight,
    store_eight,
    store_four,
    turn_eight,
    where_less,
)
from ntk_sklearn._utils.jit import jit_exact
from ntk_sklearn.activations import _rectified


@jit_exact
def formula(x, y):
    a = where_less(x, y, 2.0 - x, x / y)
    b = math.sqrt(abs(a - x * y)) + (1.0 + a) * 3.0
    return where_less(0.5, b, -b, 0.0) + y / 4.0 + (b - 1.0) / (2.0 + y)


@numba.njit
def by_eights(x, y, out):
    for k in range(0, x.size, 8):
        store_eight(out, k, formula(load_eight(x, k), load_eight(y, k)))


@numba.njit
def one_by_one(x, y, out):
    for k in range(x.size):
        out[k] = formula(x[k], y[k])


def test_a_formula_of_eights_is_that_of_numbers():
    x, y = np.random.default_rng(0).uniform(0.1, 2.0, (2, 24))
    x[3] = y[3]
    x[5] = np.nan
    found, expected = np.empty((2, 24))
    by_eights(x, y, found)
    one_by_one(x, y, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_numbers_are_written_where_they_belong_and_no_further():
    @numba.njit
    def write(array):
        store_four(array, 1, 7.0)
        store_eight(array, 6, -0.5)
        store_eight(array, 14, turn_eight(load_eight(array, 0), 3))

    found = np.zeros(24)
    write(found[:23])
    turned = [7, 7, -0.0, -0.5, -0.5, 0, 7, 7]
    assert found.tolist() == [0, *[7] * 4, 0, *[-0.5] * 8, *turned, 0, 0]


def test_numbers_that_lie_apart_are_refused():
    @numba.njit
    def read(array):
        store_eight(array, 0, load_eight(array[::2], 0))

    with pytest.raises(TypingError, match="side by side"):
        read(np.zeros(16))


@pytest.mark.parametrize("slope", [0.0, 0.1, -1.0, 1.0])
def test_pairs_that_are_left_are_like_those_of_an_eight(slope):
    rng = np.random.default_rng(1)
    n, m = rng.uniform(0.5, 2.0, (2, 21))
    b = rng.uniform(-1.0, 1.0, 21) * n * m
    b[4], b[17], n[6] = n[4] * m[4], -n[17] * m[17], 0.0
    o, w = np.where(n > 0.0, 1.0 / np.where(n > 0.0, n, 1.0), 0.0), 1.0 / m
    p, found = np.array(_rectified.encode(slope)), np.empty((2, 21))
    _rectified.pairs(p, b, (n, o, m, w), *found)
    one = [_rectified.pair(p, *z) for z in zip(b, n, o, m, w, strict=True)]
    np.testing.assert_allclose(found, np.transpose(one), rtol=1e-15, atol=1e-16)
