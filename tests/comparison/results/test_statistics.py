"""Statistics over many sets, against values worked out by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from ntk_sklearn.comparison.results import statistics

ACCURACY = np.array(
    [
        [0.90, 0.80, 0.90],
        [1.00, 0.94, 0.50],
        [0.60, 0.60, 0.60],
        [0.50, 0.80, 0.76],
    ]
)


def test_ranks_share_ties():
    expected = [[1.5, 3, 1.5], [1, 2, 3], [2, 2, 2], [3, 1, 2]]
    assert np.array_equal(statistics.ranks(ACCURACY, True), expected)
    assert np.array_equal(statistics.ranks(-ACCURACY, False), expected)


def test_shares_of_the_best_by_hand():
    # Of the best: .9 -> 1, .8889, 1; 1 -> 1, .94, .5; .6 -> 1, 1, 1;
    # .8 -> .625, 1, .95.
    pma = [100 * (3 + 0.625) / 4, 100 * (0.8 / 0.9 + 0.94 + 2) / 4, 100 * 3.45 / 4]
    assert np.allclose(statistics.percent_of_maximum(ACCURACY), pma)
    assert np.array_equal(statistics.p_at(ACCURACY, 0.9), [75, 75, 75])
    # 0.76 is 95 % of 0.8 to the last digit, and rounding must not decide.
    assert np.array_equal(statistics.p_at(ACCURACY, 0.95), [75, 50, 75])


def test_a_set_on_which_all_fail_counts_as_a_tie():
    assert np.array_equal(statistics.percent_of_maximum([[0.0, 0.0]]), [100, 100])


def test_friedman():
    expected = stats.friedmanchisquare(*ACCURACY.T).pvalue
    assert statistics.friedman_p(ACCURACY) == pytest.approx(expected)
    assert np.isnan(statistics.friedman_p(ACCURACY[:, :2]))
    assert statistics.friedman_p(np.ones((5, 3))) == 1.0


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1: .04 .06 .06 .04, made increasing.
    adjusted = statistics.holm([0.04, 0.01, 0.03, 0.02])
    assert np.allclose(adjusted, [0.06, 0.04, 0.06, 0.06])
    assert np.array_equal(statistics.holm([0.9, 0.8]), [1.0, 1.0])


def test_wilcoxon_equals_scipy_and_survives_equal_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 20))
    assert statistics.wilcoxon_p(x - y) == pytest.approx(stats.wilcoxon(x, y).pvalue)
    assert statistics.wilcoxon_p(x - x) == 1.0
    # All five differences of one sign: 2 / 2**5.
    assert statistics.wilcoxon_p(np.arange(1.0, 6.0)) == 0.0625


def test_contests():
    contests = statistics.against(ACCURACY, ["a", "b", "c"], "a", True)
    first, second = contests
    assert (first.other, first.wins, first.ties, first.losses) == ("b", 2, 1, 1)
    assert (second.other, second.wins, second.ties, second.losses) == ("c", 1, 2, 1)
    assert first.mean_difference == pytest.approx((0.1 + 0.06 - 0.3) / 4)
    p = [
        statistics.wilcoxon_p((ACCURACY[:, 0] - ACCURACY[:, j]).round(12))
        for j in (1, 2)
    ]
    assert [c.p_holm for c in contests] == pytest.approx(statistics.holm(p))
    flipped = statistics.against(ACCURACY, ["a", "b", "c"], "a", False)[0]
    assert (flipped.wins, flipped.losses) == (1, 2)


def test_critical_difference_of_the_published_table():
    # Demsar 2006, Table 5: q = 2.569 for 4 models at 5 %; his example has 14 sets.
    expected = 2.569 * np.sqrt(4 * 5 / (6 * 14))
    assert statistics.critical_difference(4, 14) == pytest.approx(expected, abs=1e-3)
