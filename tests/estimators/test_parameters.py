"""Manners of the two estimators: attributes, callbacks, parameters."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.optimizers import OPTIMIZERS

from ..estimator_cases import HELD, both, classification, quiet, regression


class TestManners:
    @both
    def test_clone_pickle_and_parameters(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        model = quiet(estimator(WeightedNTKernel(depth=1), max_iter=3), X, y)
        copy = pickle.loads(pickle.dumps(model))
        assert_array_equal(copy.predict(X), model.predict(X))
        fresh = clone(model)
        assert fresh.get_params().keys() == model.get_params().keys()
        assert not hasattr(fresh, "kernel_")
        fresh.set_params(kernel__depth=2, alpha=0.5)
        assert (fresh.kernel.depth, model.kernel.depth) == (2, 1)
        assert "objective" in repr(estimator(objective="gcv"))
        with pytest.raises(NotFittedError):
            fresh.predict(X)

    @pytest.mark.parametrize("model", [WNTKRegressor(), WNTKClassifier()])
    def test_default_survives_a_pickle(self, model):
        X, y = classification()
        y = np.searchsorted(np.unique(y), y)
        model = clone(model).fit(X, y)
        copy = pickle.loads(pickle.dumps(model))
        assert_array_equal(copy.predict(X), model.predict(X))

    def test_grid_search(self):
        X, y = regression()
        grid = {"kernel__depth": [1, 2], "objective": ["loo", "evidence"]}
        model = WNTKRegressor(WeightedNTKernel(), max_iter=3)
        search = GridSearchCV(model, grid, cv=2)
        quiet(search, X, y)
        assert search.best_params_.keys() == grid.keys()
        depth = search.best_params_["kernel__depth"]
        assert search.best_estimator_.layer_weights_.shape == (depth + 1,)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_pipeline(self):
        X, y = regression()
        model = make_pipeline(StandardScaler(), WNTKRegressor(**HELD)).fit(X, y)
        Z = StandardScaler().fit_transform(X)
        peer = WNTKRegressor(**HELD).fit(Z, y)
        assert_array_equal(model.predict(X), peer.predict(Z))

    @both
    def test_feature_names(self, estimator):
        pandas = pytest.importorskip("pandas")
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        frame = pandas.DataFrame(X, columns=["a", "b", "c"])
        model = estimator().fit(frame, y)
        assert list(model.feature_names_in_) == ["a", "b", "c"]
        assert model.n_features_in_ == 3
        assert_array_equal(model.predict(frame), estimator().fit(X, y).predict(X))
        with pytest.raises(ValueError, match="feature names"):
            model.predict(frame[["b", "a", "c"]])

    @both
    def test_metadata_routing(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        s = np.arange(60) % 3 + 0.0
        with config_context(enable_metadata_routing=True):
            model = estimator(**HELD).set_fit_request(sample_weight=True)
            model.set_score_request(sample_weight=True)
            options = {"params": {"sample_weight": s}, "cv": 2}
            out = cross_validate(model, X, y, return_estimator=True, **options)
        kept = [fitted.X_fit_.shape[0] for fitted in out["estimator"]]
        assert sum(kept) == (s > 0).sum()

    @both
    def test_arguments_are_not_changed(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        s = np.ones(60)
        before = X.copy(), y.copy(), s.copy()
        model = estimator().fit(X, y, s)
        model.predict(X)
        for now, then in zip((X, y, s), before, strict=True):
            assert_array_equal(now, then)

    @both
    def test_deterministic(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        one, two = (estimator().fit(X, y).predict(X) for _ in range(2))
        assert_array_equal(one, two)

    @both
    def test_verbose_prints_every_iteration(self, estimator, capsys):
        X, y = classification()
        y = y if estimator is WNTKClassifier else X.sum(axis=1)
        model = estimator(WeightedNTKernel(depth=1), max_iter=3, verbose=1)
        quiet(model, X, y)
        first, *lines = capsys.readouterr().out.splitlines()
        assert first == (
            f"[{estimator.__name__}] solver='cholesky' for 60 rows: all of them are "
            "learned from, and the solution is exact."
        )
        assert len(lines) == model.n_iter_
        start = f"[{estimator.__name__}] iteration 1 on 60 rows, {model.objective} = "
        assert lines[0].startswith(start)
        shown = [float(line.split("=")[1]) for line in lines]
        assert_allclose(shown, model.objective_path_[1:], rtol=1e-5)
        quiet(estimator(WeightedNTKernel(depth=1), max_iter=3), X, y)
        assert capsys.readouterr().out == ""

    @both
    def test_verbose_says_how_long_learning_may_take(
        self, estimator, capsys, monkeypatch
    ):
        X = np.random.default_rng(0).standard_normal((500, 2))
        model = estimator(NTKernel(), objective="evidence", verbose=1)
        quiet(model, X, X[:, 0] * X[:, 1] > 0)
        assert "may take" not in capsys.readouterr().out  # it is over at once
        monkeypatch.setattr("ntk_sklearn._learning.learn._FORETELLS_FROM", 100)
        monkeypatch.setattr("ntk_sklearn.estimators._options._LONG", 0.0)
        quiet(model, X, X[:, 0] * X[:, 1] > 0)
        lines = capsys.readouterr().out.splitlines()
        told = [k for k, line in enumerate(lines) if "may take" in line]
        assert len(told) == 1 and " on 124 rows" in lines[told[0] - 1]
        name = estimator.__name__
        form = rf"\[{name}\] learning on up to 500 rows may take about \d+ s more\."
        assert re.fullmatch(form, lines[told[0]])

    @both
    def test_verbose_says_if_nothing_is_explained(self, estimator, capsys):
        X = np.random.default_rng(0).standard_normal((60, 2))
        for sees in (False, True):
            y = X[:, 0] > 0 if sees else np.random.default_rng(1).random(60) > 0.5
            quiet(estimator(NTKernel(), verbose=1), X, y.astype(float))
            said = "nothing is explained: predictions of" in capsys.readouterr().out
            assert said is not sees


class TestCallbacks:
    @pytest.fixture
    def recorder(self):
        pytest.importorskip("sklearn.callback")

        class Recorder:
            def __init__(self):
                self.begun, self.ended = [], []

            def setup(self, estimator, context):
                pass

            def teardown(self, estimator, context):
                pass

            def on_fit_task_begin(self, estimator, context, **rest):
                self.begun.append(context.task_name)

            def on_fit_task_end(self, estimator, context, **rest):
                self.ended.append(context.task_name)

        return Recorder()

    @pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
    def test_each_iteration_is_a_task(self, recorder, optimizer):
        X, y = regression()
        model = WNTKRegressor(WeightedNTKernel(), optimizer=optimizer, max_iter=4)
        quiet(model.set_callbacks(recorder), X, y)
        assert recorder.begun == ["fit"] + ["iteration"] * model.n_iter_
        assert recorder.ended == ["iteration"] * model.n_iter_ + ["fit"]

    @pytest.mark.parametrize("max_iter", [0, 1, 2, 5, 40])
    @pytest.mark.parametrize("objective", ["evidence", "gcv", "holdout", "loo"])
    def test_every_member_has_room_for_its_iterations(self, max_iter, objective):
        # Two members, each of up to max_iter iterations.
        X, y = classification()
        model = WNTKClassifier(objective=objective, max_iter=max_iter)
        assert np.isfinite(quiet(model, X, y).predict_proba(X)).all()

    def test_progress_bar(self):
        callback = pytest.importorskip("sklearn.callback")
        pytest.importorskip("rich")
        X, y = regression()
        model = WNTKRegressor(max_iter=3).set_callbacks(callback.ProgressBar())
        assert np.isfinite(quiet(model, X, y).predict(X)).all()


class TestParameters:
    BAD = [
        {"kernel": "rbf"},
        {"kernel": WeightedNTKernel},
        {"encoding": "standard"},
        {"alpha": 0.0},
        {"alpha": -1.0},
        {"alpha": "auto"},
        {"alpha_bounds": "free"},
        {"objective": "accuracy"},
        {"optimizer": "adam"},
        {"learning_rate": 0.0},
        {"learning_rate": "fast"},
        {"max_iter": -1},
        {"max_iter": 2.5},
        {"tol": -1e-3},
        {"cv": 1},
        {"cv": "kfold"},
        {"fit_intercept": "no"},
        {"random_state": "zero"},
        {"verbose": -1},
    ]

    @pytest.mark.parametrize("params", BAD, ids=str)
    @both
    def test_refused_with_name_and_value(self, estimator, params):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        name = next(iter(params))
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of "):
            estimator(**params).fit(X, y)

    def test_class_weight(self):
        X, y = classification()
        with pytest.raises(InvalidParameterError, match="'class_weight' parameter"):
            WNTKClassifier(class_weight="equal").fit(X, y)

    @pytest.mark.parametrize(
        "bounds", [(1, 2, 3), (2, 1), (0, 1), (-1, 1), (1, np.inf), [[1, 2]]], ids=str
    )
    def test_alpha_bounds(self, bounds):
        X, y = regression()
        with pytest.raises(ValueError, match=r'alpha_bounds must be "fixed" or a pair'):
            WNTKRegressor(alpha_bounds=bounds).fit(X, y)

    def test_nothing_is_checked_or_changed_at_construction(self):
        bounds = [1e-3, 1e3]
        model = WNTKRegressor(alpha=-1, alpha_bounds=bounds, objective="nonsense")
        assert model.alpha == -1
        assert model.alpha_bounds is bounds
