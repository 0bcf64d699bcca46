"""The weight update: descent, exact zeros, bounds, and the authors' own rule."""

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
from ntk_sklearn.optimizers import (
    OPTIMIZERS,
    Curvature,
    bfgs,
    lbfgs,
    projected_gradient,
)

with np.load(Path(__file__).parent / "data" / "wntk.npz") as _file:
    REF = dict(_file)

every_optimizer = pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
every_objective = pytest.mark.parametrize(
    "objective", ["evidence", "gcv", "holdout", "loo"]
)


def _quiet(value):
    """Ignore progress."""


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


def _bowl(u):
    """A bowl in w = exp(u) whose minimum has its first weight at -1: beyond zero."""
    w = np.exp(u)
    target = np.array([-1.0, 2.0, 0.5])
    return float(((w - target) ** 2).sum()), 2 * w * (w - target)


class TestProjectedGradient:
    BOX = np.log(np.tile([1e-5, 1e5], (3, 1)))

    def _run(self, evaluate=_bowl, **options):
        default = {
            "linear": np.ones(3, dtype=bool),
            "learning_rate": "backtracking",
            "max_iter": 500,
            "tol": 1e-12,
            "report": _quiet,
        }
        return projected_gradient(
            evaluate, np.zeros(3), self.BOX, **{**default, **options}
        )

    def test_reaches_a_zero_exactly_and_the_rest_of_the_minimum(self):
        found = self._run()
        assert np.isneginf(found.u[0])
        assert_allclose(np.exp(found.u[1:]), [2.0, 0.5], rtol=1e-4)
        assert found.converged

    def test_zero_is_for_good(self):
        seen = []

        def evaluate(u):
            seen.append(u.copy())
            return _bowl(u)

        self._run(evaluate, learning_rate=0.3, max_iter=60)
        off = np.isneginf(np.array(seen)[:, 0])
        assert off.any()
        assert (np.diff(off.astype(int)) >= 0).all()

    def test_backtracking_never_rises(self):
        path = np.array(self._run().path)
        assert (np.diff(path) < 0).all()

    def test_a_fixed_rate_is_the_published_rule(self):
        found = self._run(learning_rate=0.01, max_iter=3)
        w = np.ones(3)
        for _ in range(3):
            w = np.maximum(w - 0.01 * 2 * w * (w - np.array([-1.0, 2.0, 0.5])), 0)
        assert_allclose(np.exp(found.u), w, rtol=1e-13)
        assert len(found.path) == 4

    def test_a_fixed_rate_may_rise(self):
        # Without a search nothing stops it: this is what backtracking is for.
        path = self._run(learning_rate=0.6, max_iter=8).path
        assert max(np.diff(path)) > 0

    def test_other_parameters_move_in_logarithms(self):
        found = self._run(linear=np.zeros(3, dtype=bool), learning_rate=0.1, max_iter=1)
        assert_allclose(found.u, -0.1 * _bowl(np.zeros(3))[1], rtol=1e-14)

    def test_bounds(self):
        self.BOX = np.log(np.tile([0.8, 1.5], (3, 1)))
        found = self._run(linear=np.array([False, True, False]))
        assert_allclose(np.exp(found.u), [0.8, 1.5, 0.8], rtol=1e-4)

    def test_never_switches_every_layer_off(self):
        def evaluate(u):
            w = np.exp(u)
            assert w.any()
            return float(w.sum()), w

        found = self._run(evaluate)
        assert np.isfinite(found.u).any()
        with pytest.raises(ValueError, match="learning_rate=2 would switch every"):
            self._run(evaluate, learning_rate=2.0)

    def test_limit_of_iterations(self):
        found = self._run(max_iter=2, tol=0.0)
        assert not found.converged
        assert len(found.path) == 3

    def test_no_iterations(self):
        found = self._run(max_iter=0)
        assert_array_equal(found.u, np.zeros(3))
        assert found.path == [_bowl(np.zeros(3))[0]]


@pytest.mark.parametrize("optimize", [bfgs, lbfgs])
class TestQuasiNewton:
    def _run(self, optimize, low=1e-5, high=1e5, **options):
        default = {"max_iter": 200, "tol": 1e-12, "report": _quiet}
        box = np.log(np.tile([low, high], (3, 1)))
        return optimize(_bowl, np.zeros(3), box, **{**default, **options})

    def test_minimum_within_bounds(self, optimize):
        found = self._run(optimize)
        # The first weight's minimum is at zero, where its logarithm has no slope left.
        assert np.exp(found.u[0]) < 1e-4
        assert_allclose(np.exp(found.u[1:]), [2.0, 0.5], rtol=1e-3)
        assert found.converged
        assert (np.diff(found.path) <= 0).all()

    def test_bounds(self, optimize):
        found = self._run(optimize, 0.8, 1.5)
        assert_allclose(np.exp(found.u), [0.8, 1.5, 0.8], rtol=1e-12)

    def test_limit_and_reports(self, optimize):
        seen = []
        found = self._run(optimize, max_iter=2, report=seen.append)
        assert not found.converged
        assert seen == found.path[1:]

    def test_no_iterations(self, optimize):
        found = self._run(optimize, max_iter=0)
        assert_array_equal(found.u, np.zeros(3))
        assert found.path == [_bowl(np.zeros(3))[0]]


def _quadratic(n=6, seed=3):
    """A quadratic, its Hessian and its minimum."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    H, lowest = A @ A.T + 0.1 * np.eye(n), rng.standard_normal(n)
    return (
        lambda u: (0.5 * (u - lowest) @ H @ (u - lowest), H @ (u - lowest)),
        H,
        lowest,
    )


class TestCurvature:
    def test_is_the_dense_formula(self):
        _, H, _ = _quadratic()
        rng = np.random.default_rng(0)
        diagonal = rng.uniform(0.5, 2.0, 6)
        dense, curvature = np.diag(diagonal), Curvature(diagonal)
        for step in rng.standard_normal((4, 6)):
            change = H @ step
            r = 1.0 / (step @ change)
            left = np.eye(6) - r * np.outer(step, change)
            dense = left @ dense @ left.T + r * np.outer(step, step)
            curvature.add(step, change)
        g = rng.standard_normal(6)
        assert_allclose(curvature @ g, dense @ g, rtol=1e-12)
        assert_allclose(curvature.scaled(0.25) @ g, 0.25 * dense @ g, rtol=1e-12)

    def test_what_stands_still_at_a_bound_does_not_spoil_the_rest(self):
        # One moves to its minimum while the other wants beyond its bound: their
        # slopes are entangled, and only one of them moves.
        H, calls = np.array([[2.0, 1.9], [1.9, 2.0]]), []

        def evaluate(u):
            calls.append(1)
            return 0.5 * u @ H @ u - 3.0 * u[1], H @ u - np.array([0.0, 3.0])

        box = np.array([[-5.0, 5.0], [-5.0, 0.1]])
        options = {"max_iter": 30, "tol": 1e-14, "report": _quiet}
        found = bfgs(evaluate, np.array([2.0, 0.1]), box, **options)
        assert_allclose(found.u, [-0.095, 0.1], atol=1e-6)
        assert len(calls) <= 8

    def test_a_bound_may_cut_off_what_a_step_would_gain(self):
        # What is known sends the first far beyond its bound, where it gains, and the
        # second upwards, where it loses: the whole step has to be shorter.
        def evaluate(u):
            return 0.5 * float(u @ u), u.copy()

        B = np.linalg.inv([[10.0, -1.0], [-1.0, 0.15]])
        one, two = np.array([1.0, 1.0]), np.array([0.0, 1.0])
        two = two - (two @ B @ one) / (one @ B @ one) * one
        known = Curvature(1.0)
        for step in (one, two):
            known.add(step, B @ step)
        start, box = np.array([0.2, 1.0]), np.array([[0.0, 5.0], [-5.0, 5.0]])
        direction = -(known @ start)
        assert_allclose(direction, [-1.0, 0.05], rtol=1e-9)
        assert (
            start @ direction < 0 < start @ (np.clip(start + direction, *box.T) - start)
        )
        options = {"max_iter": 30, "tol": 1e-12, "report": _quiet}
        found = bfgs(evaluate, start, box, curvature=known, **options)
        assert_allclose(found.u, 0.0, atol=1e-4)

    def test_a_step_that_curves_downwards_teaches_nothing(self):
        curvature = Curvature(2.0)
        curvature.add(np.array([1.0, 0.0]), np.array([-3.0, 1.0]))
        assert_array_equal(curvature @ np.array([1.0, 5.0]), [2.0, 10.0])

    def test_what_was_learned_is_taken_along(self):
        evaluate, _, lowest = _quadratic()
        box = np.tile([-50.0, 50.0], (6, 1))
        options = {"max_iter": 60, "tol": 1e-14, "report": _quiet}
        first = bfgs(evaluate, np.zeros(6), box, **options)
        assert_allclose(first.u, lowest, atol=1e-4)
        assert len(first.path) > 5
        # Four times the objective, from elsewhere: the scaled Hessian takes one step.
        four = lambda u: tuple(4.0 * part for part in evaluate(u))  # noqa: E731
        start = lowest + np.array([0.3, -0.2, 0.1, 0.4, -0.1, 0.2])
        options["max_iter"] = 1
        known = first.curvature.scaled(0.25)
        again = bfgs(four, start, box, curvature=known, **options)
        blank = bfgs(four, start, box, **options)
        assert again.path[1] < 0.02 * again.path[0]
        assert blank.path[1] > 0.05 * blank.path[0]

    def test_one_evaluation_an_iteration(self):
        evaluate, *_ = _quadratic()
        calls = []

        def counted(u):
            calls.append(1)
            return evaluate(u)

        box = np.tile([-50.0, 50.0], (6, 1))
        found = bfgs(counted, np.zeros(6), box, max_iter=60, tol=1e-12, report=_quiet)
        assert found.converged
        assert len(calls) <= 1.5 * len(found.path) + 3

    def test_a_step_too_far_is_shortened(self):
        # Beyond 1 the matrix would not factor, as `Problem` says it.
        def evaluate(u):
            if u[0] > 1.0:
                return 1e10, np.zeros(1)
            return float((u[0] - 0.9) ** 2), 2 * (u - 0.9)

        box = np.array([[-50.0, 50.0]])
        known = Curvature(5.0)
        found = bfgs(
            evaluate,
            np.zeros(1),
            box,
            max_iter=50,
            tol=1e-12,
            report=_quiet,
            curvature=known,
        )
        assert_allclose(found.u, 0.9, atol=1e-5)
        assert (np.diff(found.path) < 0).all()


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
