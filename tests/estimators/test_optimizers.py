"""Optimisers through the estimators, on every objective, and the authors' own rule."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import KFold

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.objectives import OBJECTIVES
from ntk_sklearn.optimizers import OPTIMIZERS

with np.load(Path(__file__).parents[1] / "data" / "wntk.npz") as _file:
    REF = dict(_file)

every_optimizer = pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
every_objective = pytest.mark.parametrize(
    "objective", ["evidence", "gcv", "holdout", "loo"]
)


def _data(n=50, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, np.sin(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.standard_normal(n)


def _fit(**params):
    """Fit whether or not it converges within its iterations."""
    kernel = params.pop("kernel", WeightedNTKernel(depth=3))
    X, y = _data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return WNTKRegressor(kernel, **params).fit(X, y)


class TestThroughTheEstimator:
    @every_optimizer
    @every_objective
    def test_path(self, optimizer, objective):
        model = _fit(optimizer=optimizer, objective=objective, max_iter=12)
        path = model.objective_path_
        assert path.shape == (model.n_iter_ + 1,)
        assert 1 <= model.n_iter_ <= 12
        assert (np.diff(path) <= 1e-12 * np.abs(path[:-1])).all()
        assert path[-1] < path[0]

    @every_optimizer
    def test_max_iter_too_small_is_told_with_advice(self, optimizer):
        X, y = _data()
        model = WNTKRegressor(WeightedNTKernel(), optimizer=optimizer, max_iter=1)
        advice = r"used all of its max_iter=1 iterations.*raise max_iter, or tol"
        with pytest.warns(ConvergenceWarning, match=advice):
            model.fit(X, y)

    @every_optimizer
    def test_enough_iterations_end_silently(self, optimizer):
        X, y = _data()
        kernel = WeightedNTKernel(depth=1, bias_variance_bounds="fixed")
        model = WNTKRegressor(kernel, optimizer=optimizer, max_iter=2000, tol=1e-4)
        model.fit(X, y)  # warnings are errors
        assert model.n_iter_ < 2000

    @every_optimizer
    def test_fixed_weights_stay(self, optimizer):
        weights = np.array([0.3, 0.0, 1.7])
        kernel = WeightedNTKernel(
            depth=2,
            layer_weights=weights,
            layer_weights_bounds="fixed",
            bias_variance_bounds="fixed",
        )
        model = _fit(kernel=kernel, optimizer=optimizer)
        assert_array_equal(model.layer_weights_, weights)
        assert model.kernel_.bias_variance == kernel.bias_variance
        assert model.alpha_ != 1.0

    @every_optimizer
    def test_fixed_ridge_stays(self, optimizer):
        model = _fit(optimizer=optimizer, alpha=0.37, alpha_bounds="fixed")
        assert model.alpha_ == 0.37
        assert not np.allclose(model.layer_weights_, 1.0)

    @every_optimizer
    def test_nothing_free_learns_nothing(self, optimizer):
        kernel = WeightedNTKernel(
            layer_weights_bounds="fixed", bias_variance_bounds="fixed"
        )
        model = _fit(
            kernel=kernel, optimizer=optimizer, alpha=0.37, alpha_bounds="fixed"
        )
        assert model.kernel_ == kernel
        assert (model.alpha_, model.n_iter_) == (0.37, 0)

    @every_optimizer
    def test_bounds(self, optimizer):
        kernel = WeightedNTKernel(depth=2, bias_variance_bounds=(0.05, 0.2))
        model = _fit(kernel=kernel, optimizer=optimizer)
        # theta and back again is off by a rounding.
        assert 0.05 * (1 - 1e-12) <= model.kernel_.bias_variance <= 0.2 * (1 + 1e-12)
        # A weight can be off, or as large as bounded; fixed ridge, no normalisation.
        kernel = WeightedNTKernel(depth=2, layer_weights_bounds=(0.5, 1.2))
        model = _fit(kernel=kernel, optimizer=optimizer, alpha_bounds="fixed")
        w = model.layer_weights_
        assert ((w == 0) | (w >= 0.5 * (1 - 1e-12))).all()
        assert (w <= 1.2 * (1 + 1e-12)).all()

    @every_optimizer
    def test_alpha_bounds(self, optimizer):
        kernel = NTKernel(depth=1, bias_variance_bounds="fixed")
        model = _fit(kernel=kernel, optimizer=optimizer, alpha_bounds=(0.9, 1.1))
        assert 0.9 * (1 - 1e-12) <= model.alpha_ <= 1.1 * (1 + 1e-12)

    @every_optimizer
    def test_the_kernel_given_is_not_changed(self, optimizer):
        kernel = WeightedNTKernel(depth=2)
        before = clone(kernel)
        model = _fit(kernel=kernel, optimizer=optimizer)
        assert kernel == before
        assert model.kernel is kernel
        assert model.kernel_ is not kernel

    @every_optimizer
    def test_better_than_where_it_began(self, optimizer):
        X, y = _data(400, seed=5)  # other rows than those of _fit
        learned = _fit(optimizer=optimizer, objective="loo", max_iter=200)
        kernel = NTKernel(bias_variance_bounds="fixed")
        raw = _fit(kernel=kernel, alpha=10.0, alpha_bounds="fixed")
        assert learned.score(X, y) > raw.score(X, y) + 0.01

    @every_optimizer
    @pytest.mark.parametrize("objective", ["gcv", "holdout", "loo"])
    def test_units_of_the_targets_do_not_matter(self, optimizer, objective):
        # These objectives are squares of the targets; tol is relative to them.
        X, y = _data()
        kernel = WeightedNTKernel(depth=2)
        options = {"objective": objective, "optimizer": optimizer, "max_iter": 5}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            paths = [
                WNTKRegressor(kernel, **options).fit(X, c * y).objective_path_ / c**2
                for c in (1.0, 2.0**-12, 2.0**20)
            ]
        for path in paths[1:]:
            assert_allclose(path[-1], paths[0][-1], rtol=0.05)

    @pytest.mark.parametrize("optimizer", ["bfgs", "lbfgs"])
    def test_nor_for_the_evidence(self, optimizer):
        # It changes by the logarithm of the unit for each row but the one that the
        # intercept takes, and so passes through zero.
        X, y = _data()
        wide = {"layer_weights_bounds": (1e-12, 1e12)}
        units = np.array([1.0, 0.05, 20.0])
        models = [
            WNTKRegressor(
                WeightedNTKernel(depth=2, **wide),
                optimizer=optimizer,
                alpha_bounds=(1e-14, 1e10),
            ).fit(X, c * y)
            for c in units
        ]
        ends = [model.objective_path_[-1] for model in models]
        ends -= (len(y) - 1) * np.log(units)
        assert_allclose(ends, ends[0], atol=1e-3)
        assert len({model.n_iter_ for model in models}) == 1

    @every_optimizer
    def test_no_iterations(self, optimizer):
        X, y = _data()
        model = WNTKRegressor(
            WeightedNTKernel(depth=3),
            optimizer=optimizer,
            max_iter=0,
            alpha_bounds="fixed",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        assert_array_equal(model.layer_weights_, np.ones(4))
        assert model.n_iter_ == 0


class TestNormalisation:
    @every_optimizer
    def test_mean_diagonal_is_one(self, optimizer):
        X, _ = _data()
        model = _fit(optimizer=optimizer, objective="loo")
        assert_allclose(model.kernel_.diag(X).mean(), 1.0, rtol=1e-12)

    @every_optimizer
    @pytest.mark.parametrize("objective", ["loo", "gcv"])
    def test_it_is_the_same_model(self, optimizer, objective):
        # The value at what was learned is the value that was learned.
        X, y = _data()
        model = _fit(optimizer=optimizer, objective=objective)
        at = OBJECTIVES[objective](model.kernel_(X), y[:, None], model.alpha_)
        # The ridge may be at its smallest, where the matrix is conditioned to 1e10.
        assert_allclose(at.value, model.objective_path_[-1], rtol=1e-5)

    def test_scale_of_the_start_does_not_matter(self):
        # With ridge and weights scaled together the first step is the same, and so is
        # every other: to the rounding that a hundred iterations amplify.
        X, _ = _data()
        kernel = WeightedNTKernel(depth=2)
        big = WeightedNTKernel(depth=2, layer_weights=np.full(3, 8.0))
        one = _fit(kernel=kernel, objective="loo", max_iter=5)
        two = _fit(kernel=big, alpha=8.0, objective="loo", max_iter=5)
        assert_allclose(one.layer_weights_, two.layer_weights_, rtol=1e-6)
        assert_allclose(one.alpha_, two.alpha_, rtol=1e-6)
        assert_allclose(one.predict(X), two.predict(X), rtol=0, atol=1e-6)

    def test_not_where_the_ridge_is_fixed(self):
        X, _ = _data()
        model = _fit(alpha_bounds="fixed")
        assert abs(model.kernel_.diag(X).mean() - 1.0) > 1e-3


@pytest.mark.parametrize("alpha_bounds", ["fixed", (1e-8, 1e8)])
class TestLayersSwitchedOff:
    def _model(self, alpha_bounds):
        # A product of a sign and a size: the objective pushes early layers out.
        rng = np.random.default_rng(1)
        X = rng.standard_normal((40, 3))
        y = np.sign(X[:, 0]) * np.abs(X[:, 1]) + 0.3 * rng.standard_normal(40)
        model = WNTKRegressor(
            WeightedNTKernel(depth=3),
            objective="loo",
            optimizer="projected-gradient",
            alpha_bounds=alpha_bounds,
            alpha=0.05,
            max_iter=300,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, y), X, y

    def test_weights_are_exactly_zero(self, alpha_bounds):
        model, *_ = self._model(alpha_bounds)
        assert (model.layer_weights_ == 0.0).any()
        assert (model.layer_weights_ > 0.0).any()

    def test_the_kernel_still_works(self, alpha_bounds):
        model, X, y = self._model(alpha_bounds)
        kernel = model.kernel_
        copy = clone(kernel)
        assert np.isfinite(kernel.theta).all()
        assert kernel.theta.shape == (kernel.n_dims,) == kernel.bounds.shape[:1]
        assert copy == kernel
        assert_allclose(copy.theta, kernel.theta)
        assert_array_equal(copy(X), kernel(X))
        assert np.isfinite(model.predict(X)).all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = GaussianProcessRegressor(kernel, alpha=0.1).fit(X, y)
            again = WNTKRegressor(kernel, max_iter=3).fit(X, y)
        assert np.isfinite(peer.predict(X)).all()
        off = model.layer_weights_ == 0.0
        assert (again.layer_weights_[off] == 0.0).all()

    def test_the_gradient_leaves_it_out(self, alpha_bounds):
        model, X, _ = self._model(alpha_bounds)
        G = np.ones((len(X), len(X)))
        assert model.kernel_.contract(X, G).shape == (model.kernel_.n_dims,)


class TestBoundsOfTheRidge:
    @every_optimizer
    @pytest.mark.parametrize("objective", ["evidence", "gcv"])
    def test_weights_do_not_escape_them_by_growing(self, optimizer, objective):
        X, _ = _data()
        kernel = WeightedNTKernel(depth=1, bias_variance_bounds="fixed")
        options = {"optimizer": optimizer, "objective": objective, "tol": 1e-6}
        model = WNTKRegressor(kernel, alpha_bounds=(0.01, 10.0), **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, X[:, 0] - 0.5 * X[:, 1])  # no noise: the less ridge the better
        # The weights' sum was two at the start.
        ratio = model.alpha_ / model.layer_weights_.sum()
        assert_allclose(ratio, 0.01 / 2.0, rtol=1e-6)


class TestAuthorsUpdate:
    @pytest.mark.parametrize("steps", [1, 7, 50])
    def test_through_the_estimator(self, steps):
        X, y = REF["X"], REF["y"]
        kernel = WeightedNTKernel(
            depth=4,
            weight_variance=[X.shape[1], 1, 1, 1, 1],
            bias_variance=0.0,
        )
        model = WNTKRegressor(
            kernel,
            objective="holdout",
            optimizer="projected-gradient",
            learning_rate=float(REF["author_lr"]),
            cv=[(REF["train"], REF["valid"])],
            alpha=float(REF["author_alpha"]),
            alpha_bounds="fixed",
            fit_intercept=False,
            max_iter=steps,
        ).fit(X, y)
        assert_allclose(model.layer_weights_, REF["author_w"][steps], rtol=0, atol=1e-9)
        assert_allclose(
            model.objective_path_[:-1], REF["author_loss"][:steps], rtol=1e-9
        )
        assert model.n_iter_ == steps

    def test_the_network_of_the_reference(self):
        X = REF["X"]
        kernel = WeightedNTKernel(
            depth=4, weight_variance=[X.shape[1], 1, 1, 1, 1], bias_variance=0.0
        )
        assert_allclose(kernel.components(X), REF["components"], rtol=0, atol=1e-13)


class TestSplits:
    def test_a_splitter_is_its_pairs(self):
        splitter = KFold(4, shuffle=True, random_state=3)
        X, _ = _data()
        one = _fit(objective="holdout", cv=splitter, max_iter=4)
        two = _fit(objective="holdout", cv=list(splitter.split(X)), max_iter=4)
        assert_array_equal(one.predict(X), two.predict(X))

    def test_a_count_is_shuffled_folds(self):
        X, _ = _data()
        one = _fit(objective="holdout", cv=4, max_iter=4, random_state=3)
        folds = KFold(4, shuffle=True, random_state=3)
        two = _fit(objective="holdout", cv=folds, max_iter=4)
        assert_allclose(one.predict(X), two.predict(X), rtol=0, atol=1e-12)

    def test_classifier(self):
        X, y = _data()
        labels = np.where(y > np.median(y), "high", "low")
        model = WNTKClassifier(
            WeightedNTKernel(depth=1), objective="holdout", cv=3, max_iter=500, tol=1e-3
        ).fit(X, labels)
        assert model.score(X, labels) > 0.8

    @pytest.mark.parametrize(
        "cv",
        [[], [(np.arange(50), [])], [([], np.arange(50))]],
        ids=["none", "nothing to score", "nothing to fit"],
    )
    def test_splits_must_have_rows_on_both_sides(self, cv):
        with pytest.raises(ValueError, match="cv must give at least one split"):
            _fit(objective="holdout", cv=cv)
