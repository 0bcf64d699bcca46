"""Weights of rows in every form."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ntk_sklearn.solvers import RowWeights


class TestRowWeights:
    def test_what_each_type_means(self):
        ones, counts = np.ones(3), np.array([1, 0, 3])
        for given, weight, copies in (
            (None, ones, ones),
            (counts, counts, counts),
            (counts.tolist(), counts, counts),
            (counts.astype(np.uint8), counts, counts),
            (counts > 0, [1, 0, 1], [1, 0, 1]),
            (counts.astype(float), counts, ones),
            (counts.astype(np.float32), counts, ones),
            (np.column_stack([ones / 4, counts]), ones / 4, counts),
        ):
            found = RowWeights.of(given, 3)
            assert_array_equal(found.weight, weight)
            assert_array_equal(found.multiplicity, copies)
            assert found.weight.dtype == found.multiplicity.dtype == np.float64
            assert RowWeights.of(found, 3) is found
            assert_array_equal(RowWeights.of(found.columns, 3), found)

    @pytest.mark.parametrize("given", [np.ones(3), np.ones((4, 3)), 2.0])
    def test_one_for_each_row(self, given):
        with pytest.raises(ValueError, match=r"a weight for each of 4 rows, got shape"):
            RowWeights.of(given, 4)
        with pytest.raises(ValueError, match=r"each of 3 rows"):
            RowWeights.of(RowWeights.of(None, 4), 3)

    def test_sums_shares_and_parts(self):
        weights = RowWeights(np.array([0.0, 1.0, 4.0]), np.array([2.0, 0.5, 2.0]))
        assert (weights.total, weights.n_rows) == (5.0, 2.5)
        assert_array_equal(weights.left_out, [0.5, 1.0, 0.5])
        assert_array_equal(weights.take([1, 2]).noise(2.0), [2.0, 0.5])
        assert_array_equal(weights.take([2, 1]), [[4.0, 1.0], [2.0, 0.5]])
        assert_array_equal(weights.scaled(3.0), [[0.0, 3.0, 12.0], [2.0, 0.5, 2.0]])
