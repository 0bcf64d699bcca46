"""What the estimators fit when no kernel is given."""

import warnings
from functools import cache

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import LinAlgWarning

from ntk_sklearn import WNTKClassifier, WNTKRegressor
from ntk_sklearn._learning.prior import Prior
from ntk_sklearn._learning.ridge import PATH_ALPHAS
from ntk_sklearn._models.ensemble import blend
from ntk_sklearn.estimators._defaults import classification_specs, regression_specs
from ntk_sklearn.objectives import evidence
from ntk_sklearn.solvers import ridge_path

from ..learning_cases import problem_of, training_set


def _data(n=70, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + 0.1 * rng.standard_normal(n)


def _table_with_ties(n=120):
    """A table with a constant, few values, sums that differ by rounding, many zeros."""
    rng = np.random.default_rng(0)
    tenths = 0.1 * rng.integers(0, 6, n) + 0.1 * rng.integers(0, 3, n)
    X = np.column_stack(
        [
            rng.standard_normal(n),
            np.full(n, 3.3),
            rng.integers(0, 2, n),
            rng.integers(0, 5, n) / 10,
            tenths,
            np.maximum(0.0, rng.standard_normal(n)),
        ]
    )
    return X, (X[:, 0] + X[:, 5] - tenths + rng.standard_normal(n) > 0.0) + X[:, 2]


class TestBlend:
    def test_one_member_is_everything(self):
        assert_array_equal(blend([3.0]), [1.0])

    def test_equal_errors_share_equally(self):
        assert_allclose(blend([2.0, 2.0]), [0.5, 0.5], rtol=1e-15)

    def test_by_hand(self):
        # An error a tenth higher is worth exp(-1) of the best one.
        found = blend([1.0, 1.1])
        assert_allclose(found, np.array([1, np.exp(-1)]) / (1 + np.exp(-1)), rtol=1e-12)

    @pytest.mark.parametrize("scale", [1e-6, 1e6])
    def test_units_do_not_matter(self, scale):
        errors = np.array([0.3, 0.5, 0.31])
        assert_allclose(blend(scale * errors), blend(errors), rtol=1e-9)

    def test_sum_and_order(self):
        found = blend([0.5, 0.2, 0.9, 0.21])
        assert_allclose(found.sum(), 1, rtol=1e-15)
        assert_array_equal(np.argsort(-found), [1, 3, 0, 2])

    def test_no_error_at_all(self):
        found = blend([0.0, 1.0])
        assert_allclose(found, [1, 0], atol=1e-300)
        assert_allclose(blend([0.0, 0.0]), [0.5, 0.5])


class TestRegression:
    def _problem(self):
        X, y = _data()
        (spec,) = regression_specs(training_set(X, y))
        Z, Y = spec.encode(X), (y - y.mean()) / y.std()
        return problem_of(spec.kernel, Z, Y, evidence, spec.prior), spec

    def test_gradient_with_ranks_and_priors(self):
        problem, _ = self._problem()
        rng = np.random.default_rng(0)
        u = problem.start + 0.2 * rng.standard_normal(problem.start.size)
        _, gradient = problem.evaluate(u)
        h = 1e-5
        numeric = [
            (problem.evaluate(u + h * e)[0] - problem.evaluate(u - h * e)[0]) / 2 / h
            for e in np.eye(u.size)
        ]
        scale = np.abs(numeric).max()
        assert_allclose(gradient, numeric, rtol=0, atol=1e-7 * scale)

    def test_one_length_scale_per_column_and_per_rank(self):
        X, y = _data()
        model = WNTKRegressor().fit(X, y)
        kernel, encoding = model.kernel_, model.models_[0].encoder
        assert model.X_fit_.shape == (len(X), 6)
        assert kernel.n_ranks == encoding.n_ranks_ == 3
        assert_array_equal(model.X_fit_[:, 3:].min(axis=0), 0.0)
        assert_array_equal(model.X_fit_[:, 3:].max(axis=0), 1.0)
        assert len(set(kernel.length_scale / encoding.length_scale_)) == 6

    def test_the_prior_is_about_where_length_scales_start(self):
        problem, spec = self._problem()
        scales = spec.kernel.positions("length_scale")
        assert_allclose(np.exp(problem.prior.mean[scales]), spec.encoder.length_scale_)
        assert_array_equal(problem.prior.penalty(problem.start)[1][scales], 0.0)

    def test_the_ridge_may_only_be_raised(self):
        X, y = _data()
        machine = WNTKRegressor().fit(X, y).models_[0]
        Y = ((y - y.mean()) / y.std())[:, None]
        alphas = machine.alpha * np.exp([0.0, 0.5, 1.0, 2.0])
        errors = ridge_path(machine.kernel(machine.X), Y, alphas).errors
        # The cubic between points e^2 apart misses the minimum by a little.
        assert errors[0] <= errors.min() * (1 + 2e-3)

    def test_prior(self):
        deviation = np.array([2.0, 0.5, np.inf])
        prior = Prior(np.array([1.0, 0.0, 5.0]), deviation, np.full(3, np.inf))
        value, slope = prior.penalty(np.array([3.0, 1.0, -7.0]))
        assert_allclose(value, 0.5 * 1 + 0.5 * 4)
        assert_allclose(slope, [0.5, 4.0, 0.0])
        # A layer that is off has none.
        assert prior.penalty(np.array([3.0, 1.0, -np.inf]))[0] == value

    def test_a_prior_is_normal_near_its_mean_and_grows_linearly_far_from_it(self):
        prior = Prior(np.zeros(1), np.array([0.5]), np.array([0.6]))

        def value(u):
            return prior.penalty(np.array([u]))[0]

        # (z^2 / 2) (1 - (z / tail)^2 / 4 + ...), with z = 2e-3
        assert_allclose(value(1e-3), 0.5 * 4e-6 * (1 - 4e-6 / 0.36 / 4), rtol=1e-9)
        # sqrt(1 + x^2) = x + 1 / 2x: far out, the slope is tail over deviation.
        assert_allclose(value(900.0) - value(800.0), 100 * 0.6 / 0.5, rtol=1e-6)
        for u in (-3.0, -0.2, 0.1, 5.0):
            numeric = (value(u + 1e-5) - value(u - 1e-5)) / 2e-5
            assert_allclose(prior.penalty(np.array([u]))[1], numeric, rtol=1e-8)

    def test_columns_that_do_not_matter_lie_far_from_those_that_do(self):
        # Under normal priors the ratio of the scales is 3.9, and the error 0.22.
        rng = np.random.default_rng(0)
        X = rng.standard_normal((1300, 10))
        signal = X[:, :3].prod(axis=1)
        y = signal + 0.2 * rng.standard_normal(1300)
        model = WNTKRegressor().fit(X[:300], y[:300])
        scales = model.kernel_.length_scale
        assert scales[3:].min() > 8 * scales[:3].max()
        error = model.predict(X[300:]) - signal[300:]
        assert np.sqrt(np.mean(error**2)) < 0.14


@pytest.mark.parametrize("estimator", [WNTKRegressor, WNTKClassifier])
def test_configured_output_of_transformers_is_none_of_theirs(estimator):
    pytest.importorskip("pandas")
    X, y = _data()
    expected = estimator().fit(X, y > 0).predict(X)
    with sklearn.config_context(transform_output="pandas"):
        found = estimator().fit(X, y > 0).predict(X)
    assert_array_equal(found, expected)


class TestClassification:
    def test_the_ridges_of_the_first_two_models(self):
        X, y = _data()
        labels = y > 0
        model = WNTKClassifier().fit(X, labels)
        assert len(model.models_) == 4
        Y = (labels[:, None] == [False, True]).astype(float)
        for machine in model.models_[:2]:
            K = machine.kernel(machine.X)
            unit = np.trace(K) / len(K) - K.mean()
            path = ridge_path(K, Y, PATH_ALPHAS * unit)
            assert_allclose(machine.alpha, path.best_alpha, rtol=1e-12)
            assert_allclose(machine.held_out.error, path.errors.min(), rtol=1e-8)

    def test_models_differ_in_how_they_see_the_table(self):
        X, _ = _data()
        one, two, *_ = classification_specs(training_set(X, X[:, 0]))
        assert (one.encoder.codes, two.encoder.codes) == (("standard",), ("ranks",))
        assert one.kernel.n_dims == two.kernel.n_dims == 0
        assert_array_equal(one.kernel.bias_variance, [1.0, 0.0])
        assert_array_equal(two.kernel.bias_variance, [0.0, 0.0])

    def test_the_second_model_sees_mid_ranks_of_the_rows(self):
        # Up to 65 different values, each has a level; two values are scaled.
        X, _ = _data(n=65)
        X = np.column_stack([X, X[:, 0] > 0.3])
        _, two, *_ = classification_specs(training_set(X, X[:, 0]))
        Z = two.encode(X)
        assert_allclose(Z[:, 0], (X[:, 3] - X[:, 3].mean()) / X[:, 3].std(), rtol=1e-12)
        order = X[:, :3].argsort(axis=0).argsort(axis=0)
        assert_allclose(Z[:, 1:], (order + 0.5) / 65, rtol=0, atol=1e-12)
        assert two.kernel.n_ranks == 3

    def test_weights_that_differ_by_twenty_decades(self):
        # In the last column, all rows of weight have one value: it has no ranks.
        X, y = _data()
        rare = np.arange(70) >= 60
        X = np.column_stack([X, np.where(rare, np.arange(70), 0)])
        weight = np.where(rare, 1e-20, 1)
        # In units of the other rows, the last column of these rows is 1e10.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LinAlgWarning)
            model = WNTKClassifier().fit(X, y > 0, sample_weight=weight)
        expected = WNTKClassifier().fit(X[:60], y[:60] > 0)
        found = model.predict(X[:60]) == expected.predict(X[:60])
        assert found.mean() > 0.9

    @pytest.mark.parametrize("unit", [1e-3, 2.54, 10.0, 1e200])
    def test_probabilities_do_not_see_units(self, unit):
        X, y = _data()
        X = np.column_stack([X, np.round(X[:, 0]), X[:, 1] > 0])
        here = WNTKClassifier().fit(X, y > 0).predict_proba(X)
        there = WNTKClassifier().fit(unit * X, y > 0).predict_proba(unit * X)
        assert_allclose(there, here, rtol=0, atol=1e-9)

    def test_probabilities_do_not_see_order_copies_or_units_of_columns(self):
        X, y = _table_with_ties()
        rng = np.random.default_rng(1)
        n, copies = rng.permutation(len(X)), rng.integers(0, 4, len(X))
        here = WNTKClassifier().fit(X, y).predict_proba(X)
        there = WNTKClassifier().fit(X[n], y[n]).predict_proba(X)
        assert_allclose(there, here, rtol=0, atol=1e-9)
        units = rng.uniform(0.01, 50.0, X.shape[1])
        there = WNTKClassifier().fit(units * X, y).predict_proba(units * X)
        assert_allclose(there, here, rtol=0, atol=1e-9)
        weighted = WNTKClassifier().fit(X, y, sample_weight=copies)
        repeated = WNTKClassifier().fit(np.repeat(X, copies, 0), np.repeat(y, copies))
        assert_allclose(
            weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-9
        )

    def test_between_and_beyond_values_nothing_jumps(self):
        # Halfway between two training values, where an indicator would change.
        X, y = _table_with_ties()
        between = (X[:60] + X[60:]) / 2.0
        model = WNTKClassifier().fit(X, y)
        here = model.predict_proba(between)
        for step in (-1e-9, 1e-9):
            there = model.predict_proba(between * (1.0 + step))
            assert_allclose(there, here, rtol=0, atol=1e-6)

    def test_a_fixed_ridge_is_kept(self):
        X, y = _data()
        model = WNTKClassifier(alpha=0.7, alpha_bounds="fixed").fit(X, y > 0)
        assert [machine.alpha for machine in model.models_[:2]] == [0.7, 0.7]

    def test_the_last_model_learns_which_columns_matter(self):
        # The sign of a product of two of twelve columns, which no column tells alone.
        rng = np.random.default_rng(0)
        X = rng.standard_normal((600, 12))
        y = X[:, 3] * X[:, 7] > 0
        model = WNTKClassifier().fit(X[:300], y[:300])
        learned = model.models_[-1]
        shorter = learned.kernel.length_scale / learned.encoder.length_scale_
        columns = shorter.reshape(-1, 12).min(axis=0)
        assert set(np.argsort(columns)[:2]) == {3, 7}
        assert model.blend_weights_[-1] > 0.9
        # A forest has 0.63 here, and the first two models alone 0.70.
        assert model.score(X[300:], y[300:]) > 0.9

    def test_learned_length_scales_have_to_be_clearly_better(self):
        # Targets without any signal: what was learned has fitted noise.
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((80, 20)), rng.integers(0, 2, 80)
        model = WNTKClassifier().fit(X, y)
        learned = model.models_[-1]
        n_learned = learned.kernel.n_dims
        assert learned.expected_error == pytest.approx(
            learned.held_out.error * (1.2 + 0.25 * n_learned / 80), rel=1e-12
        )
        assert model.blend_weights_[-1] < min(model.blend_weights_[:2])

    def test_wide_tables_learn_no_length_scales(self):
        X = np.random.default_rng(0).standard_normal((30, 501))
        assert len(classification_specs(training_set(X, X[:, 0]))) == 3
        assert len(classification_specs(training_set(X[:, 1:], X[:, 0]))) == 4

    def test_layer_weights_are_learned_where_products_of_columns_decide(self):
        # Of noughts and crosses, a product of three of nine columns says who has won.
        ends = _ends_of_games()
        X, y = (
            np.array(sorted(ends), dtype=float),
            np.array([*map(ends.get, sorted(ends))]),
        )
        assert len(X) == 958
        rows = np.random.default_rng(0).permutation(len(X))
        train, test = rows[:600], rows[600:]
        model = WNTKClassifier().fit(X[train], y[train])
        weighted = model.models_[2]
        # The weight of the first layer vanishes: the other's kernel has the products.
        assert weighted.kernel.layer_weights[0] < 1e-2
        assert weighted.held_out.error < 0.7 * model.models_[0].held_out.error
        assert model.blend_weights_[2] > 0.5
        assert model.score(X[test], y[test]) > 0.985


_LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8]]
_LINES += [[0, 4, 8], [2, 4, 6]]


@cache
def _ends_of_games(board=(0,) * 9, player=1):
    """Return whether crosses have won, for each board at the end of a game."""
    sums = np.take(board, _LINES).sum(axis=1)
    if 0 not in board or 3 in sums or -3 in sums:
        return {board: 3 in sums}
    ends = {}
    for k in np.flatnonzero(np.equal(board, 0)):
        ends |= _ends_of_games((*board[:k], player, *board[k + 1 :]), -player)
    return ends
