"""The look at which columns matter, and the starts that follow from it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ntk_sklearn import WeightedNTKernel, WNTKRegressor
from ntk_sklearn._learning.look import columns_that_matter
from ntk_sklearn._learning.starts import look, starts
from ntk_sklearn.objectives import evidence

from ..learning_cases import problem_of


def _signal(n, d, kind="normal", k=3.0, seed=0):
    rng = np.random.default_rng(seed)
    shape = n, d
    X = (
        rng.standard_normal(shape)
        if kind == "normal"
        else rng.uniform(-1.7, 1.7, shape)
    )
    return X, X[:, 0] * np.sin(k * X[:, 1]), rng


class TestLook:
    @pytest.mark.parametrize("kind", ["normal", "uniform"])
    @pytest.mark.parametrize("k", [2.0, 3.0, 4.0])
    def test_a_pair_is_found_though_neither_tells_the_mean(self, kind, k):
        X, signal, rng = _signal(250, 32, kind, k)
        y = signal + 0.2 * rng.standard_normal(250)
        found = np.flatnonzero(columns_that_matter(X, y[:, None]))
        assert set(found) >= {0, 1}
        assert len(found) <= 4

    @pytest.mark.parametrize(
        "rule",
        [
            lambda X: X[:, 4] > 0.3,  # a step
            lambda X: np.sin(9.0 * X[:, 4]) > 0.0,  # many steps
            lambda X: np.abs(X[:, 4]) > 1.0,  # even
        ],
    )
    def test_a_column_alone(self, rule):
        X = np.random.default_rng(1).standard_normal((300, 20))
        labels = rule(X)
        Y = np.column_stack([labels, ~labels]).astype(float)
        assert_array_equal(np.flatnonzero(columns_that_matter(X, Y)), [4])

    def test_classes_that_two_columns_tell_together(self):
        X = np.random.default_rng(1).standard_normal((300, 50))
        labels = X[:, 7] * X[:, 30] > 0
        Y = np.column_stack([labels, ~labels]).astype(float)
        assert_array_equal(np.flatnonzero(columns_that_matter(X, Y)), [7, 30])

    @pytest.mark.parametrize("heavy", [False, True])
    def test_noise_has_no_columns(self, heavy):
        # 40 tables of 32 columns and 496 pairs; a few may seem to matter.
        rng = np.random.default_rng(2)
        seen = 0
        for _ in range(40):
            X = rng.standard_normal((200, 32))
            y = rng.standard_t(2, (200, 1)) if heavy else rng.standard_normal((200, 1))
            seen += columns_that_matter(X, y).any()
        assert seen <= 4

    def test_only_ranks_and_units_do_not_count(self):
        X, signal, rng = _signal(250, 12)
        y = signal + 0.2 * rng.standard_normal(250)
        here = columns_that_matter(X, y[:, None])
        rows, columns = rng.permutation(250), rng.permutation(12)
        there = columns_that_matter(np.exp(X), 3.0 * y[:, None])
        assert_array_equal(there, here)
        moved = columns_that_matter(X[rows][:, columns], y[rows, None])
        assert_array_equal(moved, here[columns])

    @pytest.mark.parametrize("n", [3, 5, 17])
    def test_few_rows_constant_columns_and_constant_targets(self, n):
        X = np.column_stack([np.zeros(n), np.arange(n) % 2, np.arange(n)])
        for Y in (np.ones((n, 1)), np.arange(n)[:, None] % 2.0, np.ones((n, 3))):
            found = columns_that_matter(X.astype(float), Y)
            assert found.shape == (3,)
            assert not found[0]


def _problem(X, y, length_scale):
    kernel = WeightedNTKernel(
        depth=1, length_scale=length_scale, length_scale_bounds=(1e-2, 1e3)
    )
    return problem_of(kernel, X, y[:, None], evidence)


class TestStarts:
    def test_what_matters_starts_with_short_length_scales(self):
        X, y, _ = _signal(200, 8)
        problem = _problem(X, y, np.full(8, 3.0))
        matters = look(problem)
        assert_array_equal(np.flatnonzero(matters), [0, 1])
        first, *_, last = starts(problem, matters)
        places = problem.kernel.positions("length_scale")
        assert_array_equal(first[places], np.log(3.0))
        # Two columns of eight are as far apart as all eight were.
        np.testing.assert_allclose(np.exp(last[places][:2]), 1.5, rtol=1e-12)
        assert (last[places][2:] > np.log(3.0)).all()

    def test_no_look_without_a_length_scale_for_each_column(self):
        X, y, _ = _signal(200, 8)
        assert look(_problem(X, y, 3.0)) is None

    @pytest.mark.parametrize("kind", ["normal", "uniform"])
    def test_a_signal_in_few_of_many_columns_is_learned(self, kind):
        # With the first start alone, both predict the mean: errors of 1.0.
        X, signal, rng = _signal(1300, 32, kind, 4.0, seed=1)
        y = signal + 0.2 * rng.standard_normal(1300)
        model = WNTKRegressor().fit(X[:300], y[:300])
        error = np.sqrt(np.mean((model.predict(X[300:]) - signal[300:]) ** 2))
        assert error < 0.5 * signal.std()

    def test_a_subset_that_sees_nothing_hands_nothing_on(self, monkeypatch):
        # Without a look, a hundred rows show nothing of a product of three columns.
        monkeypatch.setattr("ntk_sklearn._learning.course.look", lambda problem: None)
        rng = np.random.default_rng(3)
        X = rng.standard_normal((2000, 12))
        signal = X[:, 0] * X[:, 1] * X[:, 2]
        y = signal + 0.3 * rng.standard_normal(2000)
        model = WNTKRegressor().fit(X[:1000], y[:1000])
        error = np.sqrt(np.mean((model.predict(X[1000:]) - signal[1000:]) ** 2))
        assert error < 0.8 * signal.std()
