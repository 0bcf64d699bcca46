"""Learning in stages: fewer rows first, all of them in the end."""

import warnings
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF, Matern
from sklearn.metrics import r2_score

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn._learning import ridge as ridge_module
from ntk_sklearn._learning.course import growing_subsets
from ntk_sklearn._learning.learn import learn
from ntk_sklearn._learning.problem import HyperparameterProblem
from ntk_sklearn._learning.ridge import solve_raised
from ntk_sklearn._learning.subsets import (
    in_order,
    spread_rows,
    subset_sizes,
)
from ntk_sklearn.estimators._defaults import regression_specs
from ntk_sklearn.objectives import evidence, loo
from ntk_sklearn.solvers import ridge_path, solve
from ntk_sklearn.solvers._row_weights import RowWeights

from ..learning_cases import learning_options, problem_of, training_set


def _data(n=500, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, np.sin(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.3 * rng.standard_normal(n)


class _Dented(RBF):
    """A kernel that is none, the less so the more rows there are."""

    def __call__(self, X, Y=None, eval_gradient=False):
        K = super().__call__(X, Y, eval_gradient)
        dent = 0.0 if Y is not None else 1e-3 * len(X) * np.eye(len(X))
        return (K[0] - dent, K[1]) if eval_gradient else K - dent


class _Lost(RBF):
    """A kernel whose gradient is lost beyond a length of 1.2."""

    def __call__(self, X, Y=None, eval_gradient=False):
        found = super().__call__(X, Y, eval_gradient)
        if eval_gradient and self.length_scale > 1.2:
            found[1][:] = np.nan
        return found


@pytest.fixture
def counted(monkeypatch):
    """How often the objective was evaluated, by number of rows."""
    calls = Counter()
    evaluate = HyperparameterProblem.evaluate

    def count(problem, u):
        calls[problem.n_rows] += 1
        return evaluate(problem, u)

    monkeypatch.setattr(HyperparameterProblem, "evaluate", count)
    return calls


class TestStages:
    @pytest.mark.parametrize(
        ("n", "fewest", "sizes"),
        [
            (3, 100, []),
            (199, 100, []),
            (200, 100, [100]),
            (399, 100, [199]),
            (1000, 100, [125, 250, 500]),
            (1000, 126, [250, 500]),
            (1000, 500, [500]),
        ],
    )
    def test_sizes(self, n, fewest, sizes):
        assert subset_sizes(n, fewest) == sizes

    @pytest.mark.parametrize(
        ("n", "sizes"),
        [
            (5000, [156, 312, 625, 1250, 2500, 5000]),
            (5001, [156, 312, 625, 1250, 2500]),
            (12_000, [187, 375, 750, 1500, 3000]),
        ],
    )
    def test_at_most_5000_rows(self, n, sizes):
        X = np.random.default_rng(0).standard_normal((n, 2))
        problem = problem_of(NTKernel(), X, X[:, :1], loo)
        # An odd size is made even, because rows come in pairs that do not overlap.
        found = [len(subset) for subset in growing_subsets(problem)]
        assert_allclose(found, sizes, atol=2)

    def test_rows_come_in_pairs_spread_over_the_inputs(self):
        X = np.random.default_rng(1).permutation(np.arange(1000.0))[:, None]
        rows = spread_rows(in_order(X, X), 200)
        assert_array_equal(np.diff(rows) > 0, True)
        pairs = np.sort(X[rows, 0]).reshape(-1, 2)
        assert len(pairs) == 100
        assert_array_equal(np.diff(pairs, axis=1), 1.0)
        assert_allclose(np.diff(pairs[:, 0]), 998 / 99, atol=1.0)

    def test_rows_measured_twice_stay_together(self):
        X = np.repeat(np.random.default_rng(2).standard_normal((300, 4)), 2, axis=0)
        X = X[np.random.default_rng(3).permutation(600)]
        counts = np.unique(
            X[spread_rows(in_order(X, X), 75)], axis=0, return_counts=True
        )[1]
        # Rows drawn one by one would be together in 1 of 15 cases.
        assert (counts == 2).mean() > 0.25

    def test_the_same_rows_whatever_their_order(self):
        X = np.random.default_rng(2).standard_normal((500, 3))
        mixed = np.random.default_rng(3).permutation(500)
        one, two = (
            X[spread_rows(in_order(X, X), 120)],
            X[mixed][spread_rows(in_order(X[mixed], X[mixed]), 120)],
        )
        assert_array_equal(np.unique(one, axis=0), np.unique(two, axis=0))

    def test_the_same_rows_whatever_the_order_of_columns(self):
        rng = np.random.default_rng(2)
        X = np.column_stack([rng.standard_normal((500, 3)), rng.integers(0, 3, 500)])
        mixed = [2, 3, 0, 1]
        one, two = (spread_rows(in_order(Z, X), 120) for Z in (X, X[:, mixed]))
        assert_array_equal(one, two)

    def test_order_does_not_matter_among_equal_inputs(self):
        rng = np.random.default_rng(1)
        X, Y = np.repeat(rng.standard_normal((60, 2)), 5, axis=0), rng.normal(size=300)
        mixed = rng.permutation(300)
        one = Y[spread_rows(in_order(X, Y[:, None]), 100)]
        two = Y[mixed][spread_rows(in_order(X[mixed], Y[mixed, None]), 100)]
        assert_array_equal(np.sort(one), np.sort(two))

    def test_the_same_rows_in_other_units(self):
        # Many equal inputs, among which the targets decide; one unit in the last
        # place of a target must not change which rows are taken.
        rng = np.random.default_rng(1)
        X, Y = rng.integers(0, 3, (400, 2)) / 3.0, rng.standard_normal((400, 1))
        one = spread_rows(in_order(X, Y), 120)
        for units in (3.0, 0.1, 2.54):
            assert_array_equal(one, spread_rows(in_order(units * X, units * Y), 120))
        assert_array_equal(one, spread_rows(in_order(X, np.nextafter(Y, 9.0)), 120))

    def test_columns_with_the_same_values_are_told_apart(self):
        rng = np.random.default_rng(1)
        X = np.column_stack([rng.permutation(400) for _ in range(4)]).astype(float)
        Y = X[:, :1] + rng.standard_normal((400, 1))
        one = spread_rows(in_order(X, Y), 120)
        for mixed in ([3, 2, 1, 0], [1, 2, 3, 0], [0, 2, 1, 3]):
            assert_array_equal(one, spread_rows(in_order(X[:, mixed], Y), 120))

    @pytest.mark.parametrize("n", [200, 201, 999])
    def test_as_many_as_asked_for(self, n):
        X = np.random.default_rng(4).standard_normal((n, 2))
        rows = spread_rows(in_order(X, X), n // 2)
        assert n // 2 - 3 <= len(np.unique(rows)) == len(rows) <= n // 2


class TestLearningInStages:
    @pytest.mark.parametrize(
        ("objective", "weighted"),
        [
            ("evidence", False),
            ("evidence", True),
            ("loo", False),
            ("loo", True),
            ("gcv", False),
        ],
    )
    def test_ends_where_learning_on_all_rows_ends(self, objective, weighted):
        X, y = _data()
        s = np.where(np.arange(len(X)) % 3 == 0, 1.0, 0.5) if weighted else None
        kernel = WeightedNTKernel(depth=1)
        models = [
            WNTKRegressor(
                kernel,
                objective=objective,
                optimizer=optimizer,
                tol=1e-7,
                max_iter=500,
            ).fit(X, y, s)
            for optimizer in ("bfgs", "lbfgs")
        ]
        ends = [model.objective_path_[-1] for model in models]
        assert_allclose(ends[0], ends[1], rtol=1e-4)
        near = models[1].predict(X)
        assert r2_score(near, models[0].predict(X)) > 1 - 1e-4

    def test_most_evaluations_are_on_few_rows(self, counted):
        X, y = _data(800)
        WNTKRegressor().fit(X, y)
        assert set(counted) == {100, 200, 400, 800}
        staged = counted[800]
        counted.clear()
        WNTKRegressor(optimizer="lbfgs").fit(X, y)
        assert set(counted) == {800}
        assert 1 <= staged < 0.5 * counted[800]

    def test_a_part_has_a_row_for_each_hyperparameter(self, counted):
        """Fewer can be fitted by anything: learning would start far from the way."""
        rng = np.random.default_rng(9)
        X = rng.standard_normal((440, 60))
        y = X @ rng.standard_normal(60) + rng.standard_normal(440)
        model = WNTKRegressor().fit(X, y)
        # Two for each column, two layer weights, the biases' variance and the ridge.
        assert model.kernel_.n_dims + 1 == 124
        assert set(counted) == {220, 440}
        alone = WNTKRegressor(optimizer="lbfgs").fit(X, y)
        end, best = model.objective_path_[-1], alone.objective_path_[-1]
        assert end < best + 1e-3 * abs(alone.objective_path_[0])

    @pytest.mark.parametrize("kernel", ["auto", NTKernel(depth=2)])
    def test_columns_in_any_order(self, kernel):
        X, y = _data(420)
        here = WNTKRegressor(kernel).fit(X, y).predict(X)
        there = WNTKRegressor(kernel).fit(X[:, ::-1], y).predict(X[:, ::-1])
        assert_allclose(here, there, atol=1e-6)

    @pytest.mark.parametrize("kernel", [RBF(), Matern(nu=1.5)], ids=repr)
    @pytest.mark.parametrize("objective", ["evidence", "loo"])
    def test_a_ridge_much_too_small_is_raised(self, kernel, objective):
        """Ten columns: at the start all rows are strangers, and no ridge matters."""
        X, y = load_diabetes(return_X_y=True)
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        model = WNTKRegressor(kernel, objective=objective).fit(X, y)
        assert 0.4 < r2_score(y, model.loo_predictions_) < 0.55
        far = WNTKRegressor(kernel, objective=objective, optimizer="lbfgs", tol=1e-7)
        far.fit(X, y)
        start, end = far.objective_path_[[0, -1]]
        assert model.objective_path_[-1] < end + 0.05 * abs(start - end)

    def test_a_ridge_that_only_all_rows_can_tell(self):
        # Without noise but in rows measured twice, far apart in the order of inputs: no
        # part of the rows shows it, and the ridge must come back up.
        rng = np.random.default_rng(7)
        X = rng.standard_normal((400, 2))
        y = np.sin(X[:, 0])
        again = rng.choice(400, 40, replace=False)
        X = np.vstack([X, X[again] + 1e-9])
        y = np.concatenate([y, y[again] + 0.3 * rng.standard_normal(40)])
        staged = WNTKRegressor().fit(X, y)
        alone = WNTKRegressor(optimizer="lbfgs", tol=1e-6).fit(X, y)
        assert staged.alpha_ > 1e-6
        ends = [m.objective_path_[-1] for m in (staged, alone)]
        assert ends[0] < ends[1] + 0.05 * abs(ends[1])

    def test_the_ridge_of_a_part_does_not_fall_for_ever(self):
        # Only pairs of which no part holds both show the noise. With the ridge that
        # suits the parts, they would rule all: so far down, there is no way back up.
        rng = np.random.default_rng(0)
        X = rng.standard_normal((400, 1))
        X = np.vstack([X, X[rng.choice(400, 40, replace=False)] + 1e-9])
        y = np.sin(X[:, 0])
        order = in_order(X, y[:, None])
        seen = np.concatenate([spread_rows(order, size) for size in (110, 220)])
        hidden = np.setdiff1d(np.arange(400, 440), seen)
        assert len(hidden) > 5
        y[hidden] += 0.3 * rng.standard_normal(len(hidden))
        kernel = NTKernel(2, activation="erf", bias_variance_bounds="fixed")
        options = {"kernel": kernel, "alpha_bounds": (1e-14, 1e8)}
        staged = WNTKRegressor(**options).fit(X, y)
        alone = WNTKRegressor(optimizer="lbfgs", tol=1e-6, **options).fit(X, y)
        assert_array_equal(np.unique(staged.objective_rows_), [110, 220, 440])
        ends = [m.objective_path_[-1] for m in (staged, alone)]
        assert_allclose(ends[0], ends[1], atol=1.0)
        assert_allclose(np.log(staged.alpha_), np.log(alone.alpha_), atol=0.3)

    def test_a_part_without_a_second_value_is_left_out(self, counted):
        X = np.sort(np.random.default_rng(8).standard_normal((400, 1)), axis=0)
        seen = np.concatenate(
            [spread_rows(in_order(X, X), size) for size in (100, 200)]
        )
        y = np.zeros(400)
        y[np.setdiff1d(np.arange(400), seen)[7]] = 1.0
        WNTKRegressor(WeightedNTKernel(depth=1)).fit(X, y)
        assert set(counted) == {400}

    def test_what_suits_a_part_may_be_impossible_for_all(self):
        # No covariance: its least eigenvalue falls with the number of rows.
        X, y = _data(400)
        model = WNTKRegressor(_Dented(1.0, (0.1, 10.0))).fit(X, y)
        K = model.kernel_(X)
        assert np.linalg.eigvalsh(K)[0] < -0.3
        assert model.alpha_ > 0.3
        assert r2_score(y, model.loo_predictions_) > 0.5

    @pytest.mark.parametrize(
        "options",
        [
            {"max_iter": 0},
            {"alpha_bounds": (10.0, 20.0), "objective": "loo"},
            {"alpha_bounds": (0.1, 0.11)},
        ],
    )
    def test_the_path_ends_on_all_rows(self, options):
        X, y = _data(220)
        kernel = NTKernel(2, bias_variance_bounds="fixed")
        model = WNTKRegressor(kernel, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        assert model.objective_rows_[-1] == 220
        assert len(model.objective_path_) == model.n_iter_ + 1
        objective = {"evidence": partial(evidence, free_scale=True), "loo": loo}
        found = objective[model.objective](model.kernel_(X), y[:, None], model.alpha_)
        assert_allclose(model.objective_path_[-1], found.value, rtol=1e-9)

    def test_hold_out_rows_are_of_all_rows(self, counted):
        X, y = _data()
        WNTKRegressor(WeightedNTKernel(depth=1), objective="holdout", cv=3).fit(X, y)
        assert set(counted) == {500}

    @pytest.mark.parametrize("objective", ["evidence", "loo"])
    def test_the_path_is_in_units_of_all_rows(self, objective):
        X, y = _data(800)
        kernel = WeightedNTKernel(depth=1)
        model = WNTKRegressor(kernel, objective=objective).fit(X, y)
        path = model.objective_path_
        assert path.shape == model.objective_rows_.shape == (model.n_iter_ + 1,)
        assert_array_equal(np.unique(model.objective_rows_), [100, 200, 400, 800])
        assert (np.diff(model.objective_rows_) >= 0).all()
        # On the same rows it never rises.
        same = np.diff(model.objective_rows_) == 0
        assert (np.diff(path)[same] <= 0).all()
        alone = WNTKRegressor(kernel, objective=objective, optimizer="lbfgs").fit(X, y)
        # The start's ridge is chosen on other rows, but there is a factor of 4 of rows.
        assert 0.6 < path[0] / alone.objective_path_[0] < 2.4
        assert_allclose(path[-1], alone.objective_path_[-1], rtol=1e-2)

    @pytest.mark.parametrize("max_iter", [1, 2, 5])
    def test_the_limit_is_of_all_iterations(self, max_iter):
        X, y = _data()
        model = WNTKRegressor(max_iter=max_iter, tol=0.0)
        with pytest.warns(UserWarning, match="used all of its max_iter"):
            model.fit(X, y)
        assert model.n_iter_ == max_iter

    def test_progress_is_told_of_every_iteration(self, capsys):
        X, y = _data()
        model = WNTKRegressor(verbose=1).fit(X, y)
        _, *lines = capsys.readouterr().out.splitlines()
        learned = model.models_[0].learned  # its rival says nothing
        assert len(lines) == len(learned.path) - 1
        assert f"{learned.path[-1]:.6g}" in lines[-1]
        rows = [int(line.split(" on ")[1].split(" rows")[0]) for line in lines]
        assert_array_equal(rows, learned.rows[1:])
        assert rows[0] < rows[-1] == len(X)

    def test_classes(self):
        X, y = _data()
        labels = np.where(y > 1.0, "high", "low")
        kernel = WeightedNTKernel(depth=1)
        staged = WNTKClassifier(kernel).fit(X, labels)
        alone = WNTKClassifier(kernel, optimizer="lbfgs").fit(X, labels)
        error = [m.models_[0].held_out.error for m in (staged, alone)]
        assert_allclose(error[0], error[1], rtol=5e-3)


class TestStart:
    @pytest.mark.parametrize("unit", [1e-4, 1e4])
    def test_no_output_rules_by_its_units(self, unit):
        X, y = _data(60)
        Y = np.column_stack([y, np.random.default_rng(1).standard_normal(60)])
        # From far away, so that the path's ridge is the better start in any case.
        model = WNTKRegressor(WeightedNTKernel(depth=1), alpha=1e6, max_iter=0)
        here = model.fit(X, Y).alpha_
        # The ridges of the two outputs alone are apart.
        assert model.fit(X, Y[:, 1]).alpha_ > 10.0 * model.fit(X, y).alpha_
        assert_allclose(model.fit(X, Y * [1.0, unit]).alpha_, here, rtol=1e-12)


class TestImpossiblePoints:
    """Where the kernel matrix does not factor, whatever the units of the targets."""

    @pytest.mark.parametrize("optimizer", ["bfgs", "lbfgs", "projected-gradient"])
    @pytest.mark.parametrize("objective", ["gcv", "loo"])
    def test_are_never_where_learning_ends(self, optimizer, objective):
        X, y = _data(60)
        fitted = [
            WNTKRegressor(
                _Dented(1.0),
                optimizer=optimizer,
                objective=objective,
                alpha_bounds=(1e-6, 1e16),
            ).fit(X, c * y)
            for c in (1.0, 1e6)
        ]
        for model, c in zip(fitted, (1.0, 1e6), strict=True):
            assert np.isfinite(model.objective_path_).all()
            assert model.score(X, c * y) > 0.7

    @pytest.mark.parametrize("optimizer", ["bfgs", "lbfgs", "projected-gradient"])
    def test_nor_are_those_without_a_gradient(self, optimizer):
        X, y = _data(60)
        kernel = _Lost(1.0, (0.1, 100.0))
        model = WNTKRegressor(kernel, optimizer=optimizer).fit(X, y)
        # It wants beyond, and is stopped nearby.
        assert 1.1 < model.kernel_.length_scale <= 1.2
        free = WNTKRegressor(RBF(1.0, (0.1, 100.0)), optimizer=optimizer).fit(X, y)
        assert free.kernel_.length_scale > 1.2

    def test_large_targets_keep_what_parts_have_seen(self, counted):
        X, y = _data(400)
        kernel = WeightedNTKernel(depth=1)
        seen = []
        for c in (1.0, 1e6):
            counted.clear()
            WNTKRegressor(kernel, objective="loo").fit(X, c * y)
            seen.append(counted[400])
        assert seen[1] <= seen[0] + 2


ONES = RowWeights.of(None, 80)


class TestRaised:
    def _case(self, noise):
        X, y = _data(80)
        y = y + noise * np.random.default_rng(5).standard_normal(80)
        return WeightedNTKernel(depth=1)(X), (y - y.mean())[:, None]

    @pytest.mark.parametrize("weighted", [False, True])
    def test_ends_where_the_leave_one_out_path_is_lowest(self, weighted):
        K, Y = self._case(1.0)
        s = np.random.default_rng(6).uniform(0.3, 1.0, 80) if weighted else None
        weights = RowWeights.of(s, 80)
        found, solution = solve_raised(K, Y, 0.001, 1e8, weights, True)
        assert_array_equal(solution.dual_coef, solve(K, Y, found, s, True).dual_coef)
        alphas = 0.001 * np.exp(np.arange(0.0, 7.01, 0.05))
        path = ridge_path(K, Y, alphas, s)
        assert path.best_alpha > 0.01
        error = ridge_path(K, Y, [found], s).errors[0]
        # A cubic between points e^2 apart comes this near to the lowest error.
        assert error < path.errors.min() * (1 + 2e-3)

    @pytest.mark.parametrize("times", [1.0, 3.0])
    def test_costs_little(self, times, monkeypatch):
        K, Y = self._case(1.0)
        best = ridge_path(K, Y, 0.001 * np.exp(np.arange(0.0, 9.0, 0.05))).best_alpha
        calls = []

        def count(*args):
            calls.append(1)
            return solve(*args)

        monkeypatch.setattr(ridge_module, "solve", count)
        found, solution = solve_raised(K, Y, best * times, 1e8, ONES, True)
        if times > 1.0:  # the solve itself says that there is nothing to do
            assert (found, len(calls)) == (best * times, 1)
        else:
            assert len(calls) <= 3
        assert_array_equal(solution.P, solve(K, Y, found, None, True).P)

    def test_is_never_lowered(self):
        K, Y = self._case(0.0)
        assert ridge_path(K, Y, [1.0, 300.0]).best_alpha == 1.0
        assert solve_raised(K, Y, 300.0, 1e8, ONES, True)[0] == 300.0

    def test_stays_within_bounds(self):
        K, Y = self._case(1.0)
        free, _ = solve_raised(K, Y, 0.02, 1e8, ONES, True)
        assert free > 0.05
        for highest in (0.05, 0.02, 0.01):
            found, solution = solve_raised(K, Y, 0.02, highest, ONES, True)
            assert found == max(highest, 0.02)
            assert_array_equal(solution.P, solve(K, Y, found, None, True).P)

    def test_the_bound_is_scaled_as_the_ridge_is(self):
        X, y = _data(80)
        found = []
        for highest in (1e8, 1e2):
            options = learning_options(alpha_bounds=(1e-8, highest))
            rows = training_set(X, y)
            (spec,) = regression_specs(rows)
            spec, Z = replace(spec, rival=None), spec.encode(X)
            (learned,) = learn(spec, rows, options)
            found.append(learned.kernel)
        assert found[0].alpha == found[1].alpha < found[1].alpha_bounds[1]
        ratio = np.divide(found[0].alpha_bounds, found[1].alpha_bounds)
        assert_allclose(ratio, [1.0, 1e6], rtol=1e-14)
        # The ridge counts against a kernel of mean diagonal one.
        assert_allclose(np.mean(found[0].kernel.diag(Z)), 1.0, rtol=1e-12)


class TestRivals:
    """A model of erf units on scaled columns, for targets that are smooth."""

    @staticmethod
    def _fit(target, n=200, d=9, noise=0.05):
        rng = np.random.default_rng(5)
        X = rng.standard_normal((n + 500, d))
        signal = target(X)
        y = signal + noise * signal.std() * rng.standard_normal(n + 500)
        model = WNTKRegressor().fit(X[:n], y[:n])
        errors = model.predict(X[n:]) - signal[n:]
        return model, np.sqrt(np.mean(errors**2)) / signal.std()

    @pytest.mark.parametrize("n", [200, 600])
    def test_the_sine_of_a_sum_is_smooth(self, n):
        # Without a rival the errors are 0.97 and 0.43.
        model, error = self._fit(lambda X: np.sin(X[:, :5].sum(axis=1)), n)
        assert model.kernel_.activation == "erf"
        assert model.kernel_.length_scale.shape == (9,)
        assert error < {200: 0.65, 600: 0.35}[n]
        assert model.objective_rows_[-1] == n
        assert len(model.objective_path_) == len(model.objective_rows_)

    def test_steps_are_not(self):
        model, error = self._fit(lambda X: (X[:, 0] > 0) + 1.0 * (X[:, 1] > 0.5))
        assert model.kernel_.activation == "relu"
        assert error < 0.2

    def test_what_a_model_cannot_see_at_all_its_rival_may(self):
        # A hundred rows show nothing to either, two hundred to the rival alone.
        model, error = self._fit(lambda X: np.sin(X[:, :5].sum(axis=1)), 200, 20)
        assert model.kernel_.activation == "erf"
        assert error < 0.85

    def test_few_rows_go_on_with_the_model(self):
        model, _ = self._fit(lambda X: X[:, 0] ** 2, 20, 3)
        assert model.kernel_.activation == "relu"

    def test_evidences_alone_can_be_compared(self):
        rng = np.random.default_rng(5)
        X = rng.standard_normal((300, 5))
        y = np.sin(X.sum(axis=1))
        assert WNTKRegressor().fit(X, y).kernel_.activation == "erf"
        assert WNTKRegressor(objective="gcv").fit(X, y).kernel_.activation == "relu"

    def test_a_rival_says_nothing_while_it_learns(self, capsys):
        given, rival = WNTKRegressor(verbose=1).fit(*_data()).models_
        assert given.kernel.activation == "relu" and rival.kernel.activation == "erf"
        lines = capsys.readouterr().out.splitlines()
        assert sum("iteration" in line for line in lines) == len(given.learned.path) - 1

    def test_two_that_are_about_equal_are_blended(self):
        X, y = _data()
        model = WNTKRegressor().fit(X, y)
        assert [m.kernel.activation for m in model.models_] == ["relu", "erf"]
        ends = [m.learned.path[-1] for m in model.models_]
        assert abs(ends[0] - ends[1]) < 0.05 * len(X)
        values = [m.predict(X) for m in model.models_]
        blended = np.tensordot(model.blend_weights_, values, 1) * model.target_scale_
        assert_allclose(model.predict(X), blended[:, 0] + y.mean(), rtol=1e-9)
        errors = np.array([m.expected_error for m in model.models_])
        shares = np.exp(-10.0 * (errors / errors.min() - 1.0))
        assert_allclose(model.blend_weights_, shares / shares.sum(), rtol=1e-12)
        assert model.kernel_ == model.models_[np.argmax(shares)].kernel
        # Solvers that learn from a sample go on with the better one.
        nystrom = WNTKRegressor(n_components=100).fit(X, y)
        assert len(nystrom.models_) == 1 and nystrom.kernel_ == model.kernel_

    def test_a_hundred_rows_do_not_decide(self):
        # Large targets among small ones: few rows look smooth, half of all do not.
        rng = np.random.default_rng(2)
        X = rng.standard_normal((1000, 6))
        steps = np.floor(2.0 * X[:, 0]) % 2 + (X[:, 1] > 1.0) * 4.0 * (X[:, 2] > 0.0)
        model = WNTKRegressor().fit(X, steps + 0.1 * rng.standard_normal(1000))
        assert model.kernel_.activation == "relu"

    def test_learning_ends_on_a_subset_that_teaches_little(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((3000, 2))
        y = X[:, 0] + 0.5 * np.abs(X[:, 1]) + rng.standard_normal(3000)
        settled = WNTKRegressor().fit(X, y)
        assert settled.objective_rows_[-1] == 1500
        assert len(settled.X_fit_) == 3000
        to_the_end = WNTKRegressor(tol=1e-5).fit(X, y)
        assert to_the_end.objective_rows_[-1] == 3000
        # The noise is one.
        new = rng.standard_normal((200, 2))
        change = settled.predict(new) - to_the_end.predict(new)
        assert 0.0 < np.sqrt(np.mean(change**2)) < 0.05

    def test_fewer_rows_are_all_learned_from(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((1900, 2))
        y = X[:, 0] + 0.5 * np.abs(X[:, 1]) + rng.standard_normal(1900)
        assert WNTKRegressor().fit(X, y).objective_rows_[-1] == 1900
