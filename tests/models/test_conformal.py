"""Quantiles and sets from held-out rows, as functions of arrays."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn._models.base import HeldOut
from ntk_sklearn._models.conformal import (
    jackknife_interval,
    jackknife_set,
    upper_quantile,
)
from ntk_sklearn._models.left_out import LeftOut
from ntk_sklearn.solvers import RowWeights

NEW = np.zeros((3, 1))


def part(predictions, targets, without, likely_error=1.0):
    """Held-out rows with given predictions, and three new rows that are all alike."""
    weights = RowWeights.of(None, len(targets))
    held_out = HeldOut(np.asarray(predictions, float), np.asarray(targets), weights)
    return LeftOut(held_out, lambda X: np.stack([without] * len(X)), likely_error)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.8, 0.9, 0.95])
def test_mass_counts_copies(level):
    rng = np.random.default_rng(0)
    values, copies = rng.standard_normal((4, 19, 2)), rng.integers(1, 4, 19)
    found = upper_quantile(values, copies.astype(float), level)
    repeated = np.repeat(values, copies, axis=1)
    n = repeated.shape[1]
    rank = int(np.ceil(level * (n + 1) - 1e-9))
    assert_array_equal(found, np.sort(repeated, axis=1)[:, rank - 1])
    assert_array_equal(upper_quantile(repeated, np.ones(n), level), found)


def test_a_tenth_of_nineteen_and_one():
    """A whole number of rows is not rounded up: 0.95 of 20 are 19, however computed."""
    values = np.arange(19.0)[None, :, None]
    for n, level, expected in ((19, 0.95, 18), (19, 0.7, 13), (9, 0.9, 8), (9, 0.3, 2)):
        assert upper_quantile(values[:, :n], np.ones(n), level) == expected
    assert upper_quantile(values[:, :18], np.ones(18), 0.95) == np.inf
    assert upper_quantile(values[:, :2], np.array([9.0, 10.0]), 0.95) == 1.0


def test_intervals_of_known_errors():
    targets = np.arange(1.0, 10.0)[:, None]
    rows = part(np.zeros((9, 1)), targets, np.full((9, 1), 5.0))
    assert_allclose(jackknife_interval(rows, NEW, 0.9)[:, :, 0], [[-4.0, 14.0]] * 3)
    wide = rows._replace(likely_error=2.0)
    assert_allclose(jackknife_interval(wide, NEW, 0.9)[:, :, 0], [[-13.0, 23.0]] * 3)


def test_equal_probabilities_are_not_smaller():
    """Those of a row and of its twin differ by rounding only."""
    proba = np.tile([0.7, 0.3], (20, 1))
    targets = np.tile([1.0, 0.0], (20, 1))
    rows = part(proba, targets, proba * (1.0 - 1e-14))
    member = jackknife_set(rows, NEW, 0.9, lambda decisions: decisions)
    assert_array_equal(member, [[True, False]] * 3)
    less = part(proba, targets, proba * 0.99)
    assert not jackknife_set(less, NEW, 0.9, lambda decisions: decisions).any()
