"""Hard data, memory, and what the two estimators say of them."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import LinAlgWarning
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import (
    RBF,
    WhiteKernel,
)
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn._learning.problem import HyperparameterProblem
from ntk_sklearn._models.choose import check_memory
from ntk_sklearn.estimators._options import matrices_of

from ..estimator_cases import HELD, both, classification, quiet, regression


class TestNumericalCare:
    def test_duplicates_and_a_tiny_ridge_are_told(self):
        X, y = regression()
        X = np.vstack([X, X * (1 + 1e-15)])
        model = WNTKRegressor(
            NTKernel(bias_variance_bounds="fixed"), alpha=1e-30, alpha_bounds="fixed"
        )
        with pytest.warns(LinAlgWarning, match=r"was added to its diagonal.*larger al"):
            model.fit(X, np.append(y, y))
        # Near-interpolation: the jitter is what is left of the ridge.
        assert np.abs(model.predict(X) - np.append(y, y)).max() < 0.1 * np.ptp(y)

    def test_duplicates_that_contradict_are_learned_silently(self):
        X, y = regression()
        model = WNTKRegressor().fit(np.vstack([X, X]), np.append(y - 0.5, y + 0.5))
        # The mean of each pair, within the shrinkage that noise of 0.5 asks for.
        assert np.sqrt(np.mean((model.predict(X) - y) ** 2)) < 0.5

    @pytest.mark.parametrize("scale", [1e-6, 1e6])
    def test_default_scales_inputs_itself(self, scale):
        X, y = regression()
        here, there = (
            WNTKRegressor().fit(Z, y).predict(Z) for Z in (X, scale * X + scale)
        )
        assert_allclose(there, here, rtol=0, atol=1e-4)

    def test_a_stray_value_does_not_rule_a_prediction(self):
        X, y = regression(100)
        model = WNTKRegressor().fit(X, y)
        assert np.abs(model.predict(1e6 * X) - y.mean()).max() < 10 * np.ptp(y)

    @pytest.mark.parametrize(
        ("bad", "encoding"), [(np.inf, "auto"), (np.nan, None), (np.inf, None)]
    )
    @both
    def test_not_finite(self, estimator, bad, encoding):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        X[3, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            estimator(encoding=encoding).fit(X, y)

    def test_splits_that_score_what_they_fit(self):
        X, y = regression()
        rows = np.arange(len(y))
        model = WNTKRegressor(objective="holdout", cv=[(rows, rows[:5])])
        with pytest.raises(ValueError, match=r"cv must not score .* got 5 such"):
            model.fit(X, y)

    def test_splits_of_rows_that_are_not_there(self):
        X, y = regression()
        model = WNTKRegressor(objective="holdout", cv=[([0, 1], [len(y)])])
        with pytest.raises(ValueError, match=r"cv must give numbers of the 45 rows"):
            model.fit(X, y)

    @pytest.mark.parametrize("side", [slice(0, 20), slice(20, None)])
    def test_splits_of_which_weights_leave_nothing(self, side):
        X, y = regression()
        rows, s = np.arange(len(y)), np.ones(len(y))
        s[side] = 0.0
        model = WNTKRegressor(objective="holdout", cv=[(rows[:20], rows[20:])])
        with pytest.raises(ValueError, match="cv must leave rows of positive weight"):
            model.fit(X, y, s)

    @pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
    def test_units_of_the_targets(self, unit):
        X, y = regression()
        expected = WNTKRegressor().fit(X, y).predict(X)
        found = WNTKRegressor().fit(X, unit * y).predict(X)
        assert_allclose(found, unit * expected, rtol=1e-6)

    @pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e160, 1e300])
    @both
    def test_units_of_a_column(self, estimator, unit):
        X, y = classification()
        y = y if estimator is WNTKClassifier else X[:, 0] + X[:, 1]
        expected = estimator().fit(X, y)._ensemble.predict(X)
        X = X * [unit, 1.0, 1.0]
        found = estimator().fit(X, y)._ensemble.predict(X)
        assert_allclose(found, expected, rtol=1e-5)

    @both
    def test_a_column_down_to_the_smallest_numbers(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else X[:, 0]
        tiny = np.exp(-np.linspace(0.0, 744.0, len(X)))
        assert 0 < tiny.min() < 1e-310
        model = estimator().fit(np.column_stack([X, tiny]), y)
        assert model.score(np.column_stack([X, tiny]), y) > 0.8

    @pytest.mark.parametrize(
        ("kernel", "message"),
        [
            (WeightedNTKernel(1, layer_weights=[1, 1, 1]), "layer_weights has 3 entr"),
            (NTKernel(2, weight_variance=[1, 2]), "weight_variance has 2 entries"),
            (NTKernel(1, length_scale=[1, 2]), "length_scale has 2 entries"),
            (NTKernel(1.5), "depth must be an integer of at least 1"),
            (NTKernel(bias_variance_bounds=(1,)), r"positive numbers, got \(1,\)"),
        ],
    )
    @both
    def test_a_kernel_that_is_none(self, estimator, kernel, message):
        X, y = classification()
        y = y if estimator is WNTKClassifier else X[:, 0]
        with pytest.raises((ValueError, TypeError), match=message):
            estimator(kernel).fit(X, y)

    @pytest.mark.parametrize(
        "model",
        [
            WNTKRegressor(max_iter=1, tol=0.0),
            make_pipeline(WNTKClassifier(NTKernel(), max_iter=1, tol=0.0)),
            WNTKRegressor(NTKernel(), alpha=1e-17, alpha_bounds="fixed", max_iter=0),
        ],
    )
    def test_warnings_point_at_the_line_of_the_user(self, model):
        X, _ = regression()
        X, y = np.vstack([X, X]), np.repeat([0, 1], 45)
        with pytest.warns((ConvergenceWarning, LinAlgWarning)) as caught:
            model.fit(X, y)
        assert [warning.filename for warning in caught] == [__file__]

    def test_nothing_is_left_of_an_earlier_fit(self):
        X, y = regression()
        model = WNTKRegressor(WeightedNTKernel()).fit(X, y)
        assert model.layer_weights_.shape == (4,)
        quiet(model.set_params(kernel=RBF()), X, y)
        assert not hasattr(model, "layer_weights_")

    @pytest.mark.parametrize("solver", ["cg", "nystrom", "local"])
    def test_splits_of_ones_own_are_those_of_every_solver(self, solver):
        X, y = regression()
        held_out = {"objective": "holdout", "cv": KFold(3, shuffle=True)}
        held_out["cv"].random_state = 1
        exact = WNTKRegressor(WeightedNTKernel(depth=1), **held_out)
        many = clone(exact).set_params(solver=solver, n_components=9)
        path = quiet(exact, X, y).objective_path_
        assert_allclose(quiet(many, X, y).objective_path_, path, rtol=1e-9)
        others = clone(many).set_params(cv=KFold(3))
        assert quiet(others, X, y).objective_path_[0] != path[0]

    def test_splits_that_leave_a_sample_nothing_to_score(self):
        X, y = regression()
        rows = np.arange(45)
        model = WNTKRegressor(objective="holdout", cv=[(rows[1:], rows[:1])])
        with pytest.raises(ValueError, match=r"cv must leave rows .* to score in each"):
            model.fit(X, y, sample_weight=(rows > 0).astype(int))

    def test_verbose_counts_on_over_members(self, capsys):
        X, y = classification()
        quiet(WNTKClassifier(verbose=1, max_iter=3, objective="gcv"), X, y)
        _, *lines = capsys.readouterr().out.splitlines()
        numbers = [int(line.split("iteration ")[1].split()[0]) for line in lines]
        assert numbers == list(range(1, len(lines) + 1))

    @pytest.mark.parametrize("n_matrices", [5, 11])
    def test_memory(self, n_matrices):
        with pytest.raises(MemoryError) as caught:
            check_memory(10_000_000, n_matrices)
        text = str(caught.value)
        for part in ("10000000 rows", "GiB", "sample of the rows", 'solver="nystrom"'):
            assert part in text
        assert f"for {n_matrices} kernel matrices" in text

    @both
    def test_memory_is_asked_for_before_anything_large(self, estimator, monkeypatch):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        monkeypatch.setattr("os.sysconf", lambda name: 300)  # 90 kB of memory
        with pytest.raises(MemoryError, match="fitting 60 rows exactly needs about"):
            estimator(solver="cholesky").fit(X, y)

    def test_the_choice_of_a_solver_knows_what_a_kernel_needs(self, monkeypatch):
        X, y = regression()
        room = 8 * 8 * len(X) ** 2  # eight matrices; three length scales need eleven
        monkeypatch.setattr("os.sysconf", lambda name: int(room**0.5))
        own = WNTKRegressor(WeightedNTKernel(depth=1), max_iter=1)
        foreign = WNTKRegressor(RBF(np.ones(X.shape[1])), max_iter=1)
        assert quiet(own, X, y).solver_ == "cholesky"
        assert quiet(foreign, X, y).solver_ == "cg"

    @pytest.mark.parametrize("optimizer", ["lbfgs", "projected-gradient"])
    def test_progress_is_told_as_it_happens(self, optimizer, monkeypatch, capsys):
        evaluate, n_evaluations = HyperparameterProblem.evaluate, iter(range(8))

        def interrupted(problem, u):
            if next(n_evaluations, None) is None:
                raise KeyboardInterrupt
            return evaluate(problem, u)

        X, y = regression()
        model = WNTKRegressor(WeightedNTKernel(), optimizer=optimizer, verbose=1)
        monkeypatch.setattr(HyperparameterProblem, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.set_params(tol=0.0).fit(X, y)
        assert "iteration 1 on 45 rows" in capsys.readouterr().out

    def test_no_way_to_ask_for_the_memory(self, monkeypatch):
        monkeypatch.delattr("os.sysconf")
        X, y = regression()
        WNTKRegressor(**HELD).fit(X, y)

    def test_nothing_of_rows_squared_times_parameters(self):
        n = 600
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, 20))
        y = X[:, 0] + X[:, 1] ** 2 + 0.1 * rng.standard_normal(n)
        kernel = WeightedNTKernel(
            depth=6, length_scale=np.ones(20), length_scale_bounds=(0.1, 10.0)
        )
        model = WNTKRegressor(kernel, objective="loo", max_iter=2)
        quiet(clone(model), X[:400], y[:400])  # compiles, both lanes of the engine
        tracemalloc.start()
        try:
            quiet(model, X, y)
            peak = tracemalloc.get_traced_memory()[1] / (8.0 * n * n)
        finally:
            tracemalloc.stop()
        # One factorisation, its inverse, and the objective's derivative with room to
        # work; 28 parameters would need 28 more, the layers 7.
        assert peak < 8.0

    MODELS = {
        "regressor": WNTKRegressor(),
        "classifier": WNTKClassifier(),
        "lbfgs": WNTKRegressor(WeightedNTKernel(), optimizer="lbfgs"),
        "holdout": WNTKRegressor(WeightedNTKernel(), objective="holdout"),
        "sum": WNTKRegressor(NTKernel() + WhiteKernel()),
        "length scales": WNTKRegressor(RBF(np.ones(4))),
    }

    @pytest.mark.parametrize("name", MODELS)
    def test_the_estimate_of_memory_holds(self, name):
        model = clone(self.MODELS[name]).set_params(max_iter=3)
        X, y = regression(700, features=4)
        y = y if isinstance(model, WNTKRegressor) else y > np.median(y)
        quiet(clone(model), X[:400], y[:400])  # compiles, both lanes of the engine
        tracemalloc.start()
        try:
            quiet(model, X, y)
            peak = tracemalloc.get_traced_memory()[1] / (8.0 * 700**2)
        finally:
            tracemalloc.stop()
        # Beside matrices of n by n there are some of n by the number of columns.
        assert 0.3 * matrices_of(model) < peak < matrices_of(model) + 0.5

    def test_predictions_come_in_blocks(self):
        X, y = regression()
        model = WNTKRegressor(**HELD).fit(X, y)
        many = np.tile(X, (40, 1))
        whole, std = model.predict(many, return_std=True)
        with config_context(working_memory=0.01):
            parts, part_std = model.predict(many, return_std=True)
        assert_allclose(parts, whole, rtol=0, atol=1e-12)
        assert_allclose(part_std, std, rtol=1e-9)
