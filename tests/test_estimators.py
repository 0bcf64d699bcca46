"""The two estimators: peers, brute force, manners, numerical care."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import LinAlgWarning
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Hyperparameter,
    Matern,
    WhiteKernel,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import InvalidParameterError

from ntk_sklearn import (
    NNGPKernel,
    NTKernel,
    WeightedNTKernel,
    WNTKClassifier,
    WNTKRegressor,
)
from ntk_sklearn._problem import Prior, Problem
from ntk_sklearn.objectives import evidence
from ntk_sklearn.optimizers import OPTIMIZERS

BOTH = [WNTKRegressor, WNTKClassifier]
both = pytest.mark.parametrize("estimator", BOTH)


def regression(n=45, outputs=None, seed=0, features=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features))
    signal = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
    Y = 3.0 + signal + 0.2 * rng.standard_normal(signal.shape)
    return (X, Y) if outputs == 2 else (X, Y.sum(axis=1))


def classification(n=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    score = X[:, 0] + 0.7 * X[:, 1] ** 2 + 0.4 * rng.standard_normal(n)
    cuts = np.quantile(score, np.arange(1, classes) / classes)
    return X, np.array(["bee", "ant", "cat", "dog"])[np.searchsorted(cuts, score)]


WEIGHT = np.random.default_rng(5).integers(0, 4, 45).astype(float)
FIXED_KERNEL = WeightedNTKernel(
    depth=2,
    layer_weights=[0.2, 1.0, 0.5],
    layer_weights_bounds="fixed",
    bias_variance_bounds="fixed",
)
HELD = {"kernel": FIXED_KERNEL, "alpha": 0.3, "alpha_bounds": "fixed"}


def quiet(model, *data, **params):
    """Fit with few iterations, which is told and not wanted here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **params)


class TestAgainstPeers:
    @pytest.mark.parametrize("outputs", [1, 2])
    @pytest.mark.parametrize("weighted", [True, False])
    def test_kernel_ridge(self, outputs, weighted):
        X, y = regression(outputs=outputs)
        new = regression(seed=1)[0]
        s = WEIGHT + 0.5 if weighted else None
        model = WNTKRegressor(**HELD, fit_intercept=False).fit(X, y, sample_weight=s)
        peer = KernelRidge(kernel=FIXED_KERNEL, alpha=0.3).fit(X, y, sample_weight=s)
        assert model.predict(new).shape == peer.predict(new).shape
        assert_allclose(model.predict(new), peer.predict(new), rtol=0, atol=1e-10)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_intercept_is_the_bordered_system(self, weighted):
        X, y = regression()
        s = WEIGHT + 0.5 if weighted else np.ones(len(X))
        model = WNTKRegressor(**HELD).fit(X, y, sample_weight=s)
        n = len(X)
        M = np.ones((n + 1, n + 1))
        M[:n, :n], M[n, n] = FIXED_KERNEL(X) + np.diag(0.3 / s), 0.0
        dual = np.linalg.solve(M, np.append(y, 0.0))
        expected = FIXED_KERNEL(X) @ dual[:n] + dual[n]
        assert_allclose(model.predict(X), expected, rtol=0, atol=1e-10)
        assert_allclose(model.intercept_, dual[n], rtol=1e-10)
        assert_array_equal(model.loo_predictions_.shape, y.shape)

    def test_intercept_is_not_penalised(self):
        X, y = regression()
        here = WNTKRegressor(**HELD).fit(X, y).predict(X)
        there = WNTKRegressor(**HELD).fit(X, y + 1e4).predict(X)
        # 1e4 leaves twelve digits of the differences.
        assert_allclose(there - 1e4, here, rtol=0, atol=1e-9)

    def test_standard_deviation_of_a_gaussian_process(self):
        X, y = regression()
        new = regression(seed=1)[0]
        model = WNTKRegressor(**HELD, fit_intercept=False).fit(X, y)
        mean, std = model.predict(new, return_std=True)
        K = FIXED_KERNEL(X) + 0.3 * np.eye(len(X))
        scale = y @ np.linalg.solve(K, y) / len(y)  # maximum likelihood of the scale
        kernel = ConstantKernel(scale, "fixed") * FIXED_KERNEL
        peer = GaussianProcessRegressor(kernel, alpha=0.3 * scale, optimizer=None)
        peer_mean, peer_std = peer.fit(X, y).predict(new, return_std=True)
        assert_allclose(mean, peer_mean, rtol=0, atol=1e-9)
        assert_allclose(std, peer_std, rtol=1e-8)

    def test_standard_deviation_with_an_intercept_is_a_wide_prior(self):
        X, y = regression()
        new = regression(seed=1)[0]
        _, std = WNTKRegressor(**HELD).fit(X, y).predict(new, return_std=True)
        K = FIXED_KERNEL(X) + 0.3 * np.eye(len(X))
        centred = y - (np.linalg.solve(K, y).sum() / np.linalg.inv(K).sum())
        scale = centred @ np.linalg.solve(K, centred) / (len(y) - 1)
        # The wide prior leaves a share of 1e-7 and costs seven digits.
        kernel = FIXED_KERNEL + ConstantKernel(1e6, "fixed")
        peer = GaussianProcessRegressor(kernel, alpha=0.3, optimizer=None).fit(X, y)
        peer_std = peer.predict(new, return_std=True)[1]
        assert_allclose(std, np.sqrt(scale) * peer_std, rtol=1e-4)

    @pytest.mark.parametrize("outputs", [1, 2])
    def test_standard_deviation_grows_far_away(self, outputs):
        X, y = regression(outputs=outputs)
        model = quiet(WNTKRegressor(WeightedNTKernel(depth=1), max_iter=30), X, y)
        near = model.predict(X, return_std=True)[1]
        mean, far = model.predict(1e3 * X, return_std=True)
        assert far.shape == mean.shape == y.shape
        assert (near >= 0).all()
        assert (far > 10 * near.max()).all()

    def test_default_standard_deviation(self):
        X, y = regression(80)
        std = WNTKRegressor().fit(X, y).predict(X, return_std=True)[1]
        spread = WNTKRegressor().fit(X, 100 * y).predict(X, return_std=True)[1]
        assert (std > 0).all()
        assert_allclose(spread, 100 * std, rtol=1e-6)


class TestSampleWeights:
    @pytest.mark.parametrize(
        "model",
        [
            WNTKRegressor(),
            WNTKRegressor(**HELD),
            WNTKRegressor(WeightedNTKernel(depth=1), max_iter=5),
            WNTKRegressor(WeightedNTKernel(depth=1), objective="loo", max_iter=5),
            WNTKRegressor(WeightedNTKernel(depth=1), objective="gcv", max_iter=5),
            WNTKRegressor(WeightedNTKernel(depth=1), objective="holdout", max_iter=5),
            WNTKClassifier(),
            WNTKClassifier(**HELD),
            WNTKClassifier(WeightedNTKernel(depth=1), max_iter=5),
        ],
        ids=repr,
    )
    def test_integers_are_repeats(self, model):
        X, y = regression()
        if isinstance(model, WNTKClassifier):
            y = np.where(y > np.median(y), "up", "down")
        order = np.random.default_rng(0).permutation(int(WEIGHT.sum()))
        rows = np.repeat(np.arange(45), WEIGHT.astype(int))[order]
        once = quiet(clone(model), X, y, sample_weight=WEIGHT)
        many = quiet(clone(model), X[rows], y[rows])
        predict = "predict" if isinstance(model, WNTKRegressor) else "decision_function"
        here, there = getattr(once, predict)(X), getattr(many, predict)(X)
        assert_allclose(here, there, rtol=0, atol=1e-10 * np.abs(here).max())
        kept = WEIGHT > 0
        once_loo, many_loo = once.loo_predictions_[rows], many.loo_predictions_
        if once_loo.dtype.kind == "f":
            assert_allclose(once_loo, many_loo, rtol=1e-10)
        else:
            assert_array_equal(once_loo, many_loo)
        assert once.X_fit_.shape[0] == kept.sum()

    def test_zero_is_removal(self):
        X, y = regression()
        kept = WEIGHT > 0
        s = kept.astype(float)
        y_wild = np.where(kept, y, 1e6)
        model = WNTKRegressor().fit(X, y_wild, s)
        peer = WNTKRegressor().fit(X[kept], y[kept])
        assert_allclose(model.predict(X), peer.predict(X), rtol=0, atol=1e-9)
        expected = peer.predict(X[~kept])
        assert_allclose(model.loo_predictions_[~kept], expected, atol=1e-9)

    @both
    def test_nothing_left(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        with pytest.raises(ValueError, match=r"weights? .*(zero|non-zero)"):
            estimator().fit(X, y, sample_weight=np.zeros(60))

    @both
    def test_negative(self, estimator):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            estimator().fit(X, y, sample_weight=-np.ones(60))

    @pytest.mark.parametrize("sample_weight", [np.ones(3), np.full(60, np.nan)])
    @both
    def test_wrong_shape_or_value(self, estimator, sample_weight):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        with pytest.raises(ValueError, match="sample_weight"):
            estimator().fit(X, y, sample_weight=sample_weight)


class TestLeaveOneOut:
    @pytest.mark.parametrize("intercept", [True, False])
    @pytest.mark.parametrize("outputs", [1, 2])
    def test_regressor_brute_force(self, intercept, outputs):
        X, y = regression(outputs=outputs)
        model = WNTKRegressor(
            WeightedNTKernel(depth=2), fit_intercept=intercept, max_iter=300, tol=1e-4
        ).fit(X, y)
        learned = {
            "alpha": model.alpha_,
            "alpha_bounds": "fixed",
            "fit_intercept": intercept,
        }
        held = clone(model.kernel_).set_params(
            layer_weights_bounds="fixed", bias_variance_bounds="fixed"
        )
        for i in range(0, 45, 4):
            rest = np.delete(np.arange(45), i)
            part = WNTKRegressor(held, **learned).fit(X[rest], y[rest])
            expected = part.predict(X[i : i + 1])[0]
            assert_allclose(model.loo_predictions_[i], expected, rtol=0, atol=1e-8)

    @pytest.mark.parametrize("classes", [2, 3])
    def test_classifier_brute_force(self, classes):
        X, y = classification(classes=classes)
        model = WNTKClassifier(**HELD).fit(X, y)
        assert model.loo_predictions_.shape == y.shape
        for i in range(len(X)):
            rest = np.delete(np.arange(len(X)), i)
            part = WNTKClassifier(**HELD).fit(X[rest], y[rest])
            decision = part._decisions(X[i : i + 1])[1][0]
            assert_allclose(model._loo_decisions[i], decision, rtol=0, atol=1e-8)
            assert model.loo_predictions_[i] == part.predict(X[i : i + 1])[0]

    def test_shuffled_targets_are_not_predicted(self):
        # Whatever the fit on the rows themselves, out of sample nothing correlates:
        # 0.3 is three deviations of a correlation of 100 pairs.
        X, y = regression(100)
        y = np.random.default_rng(2).permutation(y)
        model = WNTKRegressor(HELD["kernel"], alpha=1e-6, alpha_bounds="fixed")
        model.fit(X, y)
        assert np.corrcoef(model.predict(X), y)[0, 1] > 0.99
        assert abs(np.corrcoef(model.loo_predictions_, y)[0, 1]) < 0.3

    def test_classifier_error_is_about_that_of_new_rows(self):
        X, y = classification(400)
        train, test = slice(0, 150), slice(150, None)
        model = WNTKClassifier().fit(X[train], y[train])
        inside = np.mean(model.loo_predictions_ == y[train])
        # Two binomial deviations of 150 rows at 75 % are 0.07.
        assert abs(inside - model.score(X[test], y[test])) < 0.1


class TestKernels:
    KERNELS = [
        RBF(1.5),
        Matern(1.0, nu=1.5),
        ConstantKernel(2.0) * RBF([1.0, 2.0, 0.5]),
        DotProduct() + RBF(1.0),
        NTKernel(depth=1) + RBF(1.0),
        0.5 * NNGPKernel(depth=2),
        NTKernel(depth=1) * NTKernel(depth=2, activation="erf"),
        WeightedNTKernel(depth=2, length_scale=np.ones(3), length_scale_bounds=(1, 9)),
        NTKernel(depth=2) ** 2,
        WeightedNTKernel(depth=1) + WhiteKernel(0.1),
    ]

    @pytest.mark.parametrize("kernel", KERNELS, ids=repr)
    @pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
    def test_any_kernel_learns(self, kernel, optimizer):
        X, y = regression()
        model = WNTKRegressor(kernel, optimizer=optimizer, max_iter=4)
        quiet(model, X, y)
        path = model.objective_path_
        assert path[-1] < path[0]
        assert model.kernel_.theta.shape == kernel.theta.shape
        assert model.score(X, y) > 0.3
        assert hasattr(model, "layer_weights_") == isinstance(kernel, WeightedNTKernel)

    def test_a_subclass_with_a_call_of_its_own(self):
        """Nothing of it is bypassed: what is learned is of the kernel as it is."""

        class Doubled(WeightedNTKernel):
            def __call__(self, X, Y=None, eval_gradient=False):
                if not eval_gradient:
                    return 2.0 * super().__call__(X, Y)
                K, gradient = super().__call__(X, Y, eval_gradient=True)
                return 2.0 * K, 2.0 * gradient

            def diag(self, X):
                return 2.0 * super().diag(X)

            def contract(self, X, G):
                return 2.0 * super().contract(X, G)

        X, y = regression()
        model = WNTKRegressor(Doubled(depth=1), alpha_bounds="fixed").fit(X, y)
        found = evidence(model.kernel_(X), y[:, None], model.alpha_)
        assert_allclose(found.value, model.objective_path_[-1], rtol=1e-9)
        # Its layers can be switched off as those of ours can.
        problem = Problem(
            Doubled(depth=1), X, y[:, None], None, True, evidence, 0.3, (1e-3, 1e3)
        )
        u = problem.start.copy()
        u[problem.linear] = [-np.inf, 0.2]
        value, gradient = problem.evaluate(u)
        expected = evidence(problem.kernel_at(u)(X), y[:, None], 0.3)
        assert_allclose(value, expected.value, rtol=1e-12)
        assert_array_equal(gradient[problem.linear] == 0.0, [True, False])

    def test_a_hyperparameter_that_the_engine_does_not_know(self):
        class Tempered(WeightedNTKernel):
            temperature = 1.0
            hyperparameter_temperature = Hyperparameter(
                "temperature", "numeric", (0.1, 10.0)
            )

        X, _ = regression()
        with pytest.raises(NotImplementedError, match="hyperparameter temperature"):
            Tempered(depth=1)(X, eval_gradient=True)

    def test_a_foreign_kernel_moves_as_ours_does(self):
        """Ours prepared once, others by their `contract`, or by the full gradient."""
        X, y = regression()
        ours = WeightedNTKernel(depth=2, length_scale=np.ones(3))
        ours.length_scale_bounds = (0.1, 10.0)

        class Wrapped(ConstantKernel):
            calls = 0

            def __call__(self, X, Y=None, eval_gradient=False):
                assert not eval_gradient
                return ours.clone_with_theta(self.theta)(X, Y)

            def contract(self, X, G):
                Wrapped.calls += 1
                return ours.clone_with_theta(self.theta).contract(X, G)

            hyperparameters = ours.hyperparameters
            theta = ours.theta

        def found(kernel):
            problem = Problem(
                kernel, X, y[:, None], None, True, evidence, 0.3, (1e-3, 1e3)
            )
            u = problem.start + np.linspace(-0.3, 0.5, problem.start.size)
            return problem.evaluate(u)

        foreign = ConstantKernel(1.0, "fixed") * ours
        assert not hasattr(foreign, "contract")
        value, gradient = found(ours)
        for kernel in (foreign, Wrapped()):
            other, slope = found(kernel)
            assert_allclose(other, value, rtol=1e-12)
            assert_allclose(slope, gradient, rtol=1e-9, atol=1e-10)
        assert Wrapped.calls == 1

    @pytest.mark.parametrize("objective", ["evidence", "loo"])
    def test_a_product_with_one_learns_the_same(self, objective):
        # (Without a normalisation, which is for a WeightedNTKernel alone.)
        X, y = regression()
        options = {"objective": objective, "max_iter": 5, "alpha_bounds": "fixed"}
        ours = NTKernel(depth=2, length_scale_bounds=(0.1, 10.0))
        one = quiet(WNTKRegressor(ours, **options), X, y)
        two = quiet(WNTKRegressor(ConstantKernel(1.0, "fixed") * ours, **options), X, y)
        assert_allclose(one.objective_path_, two.objective_path_, rtol=1e-7)

    def test_encoding_none_is_the_plain_weighted_kernel(self):
        X, y = regression()
        one = quiet(WNTKRegressor(encoding=None, max_iter=5), X, y)
        two = quiet(WNTKRegressor(WeightedNTKernel(), max_iter=5), X, y)
        assert_array_equal(one.predict(X), two.predict(X))
        assert_array_equal(one.X_fit_, X)


class TestRegressor:
    def test_outputs(self):
        X, Y = regression(outputs=2)
        model = WNTKRegressor().fit(X, Y)
        assert model.predict(X).shape == Y.shape == model.loo_predictions_.shape
        assert model.score(X, Y) > 0.9
        column = WNTKRegressor(**HELD).fit(X, Y[:, :1]).predict(X)
        both = WNTKRegressor(**HELD).fit(X, Y).predict(X)
        assert column.shape == (45, 1)
        assert_allclose(column[:, 0], both[:, 0], rtol=0, atol=1e-11)

    @pytest.mark.parametrize("unit", [1e-30, 1e30])
    @both
    def test_default_knows_no_units(self, estimator, unit):
        """Constant is what does not vary against its own size, however small."""
        X, y = classification()
        targets = [y, y] if estimator is WNTKClassifier else [X[:, 0] ** 2] * 2
        if estimator is WNTKRegressor:
            targets[1] = unit * targets[0]
        here = estimator().fit(X, targets[0])
        there = estimator().fit(unit * X, targets[1])
        score = here.score(X, targets[0])
        assert score > 0.9
        assert_allclose(there.score(unit * X, targets[1]), score, atol=1e-3)

    def test_targets_whose_squares_vanish(self):
        X, y = regression()
        assert np.isfinite(WNTKRegressor().fit(X, 1e-200 * y).predict(X)).all()

    @pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
    def test_default_with_every_optimiser(self, optimizer):
        # Layers switched off have no prior; warnings are errors.
        X, y = regression(60)
        model = WNTKRegressor(optimizer=optimizer, max_iter=300, tol=1e-2).fit(X, y)
        assert model.score(X, y) > 0.8

    def test_default_switches_a_layer_off(self):
        problem = Prior(np.zeros(2), np.array([np.inf, 2.0]))
        value, slope = problem(np.array([-np.inf, 1.0]))
        assert value == 0.125
        assert_array_equal(slope, [0.0, 0.25])

    def test_each_output_has_a_spread_of_its_own(self):
        X, y = regression()
        Y = np.column_stack([y, 1000.0 * y, np.full_like(y, 5.0)])
        for kernel in (WeightedNTKernel(depth=1), None):
            _, std = WNTKRegressor(kernel).fit(X, Y).predict(X[:4], return_std=True)
            assert_allclose(std[:, 1], 1000.0 * std[:, 0], rtol=1e-9)
            assert_allclose(std[:, 2], 0.0, atol=1e-6)

    def test_nothing_may_move_for_scipy(self):
        X, y = regression()
        kernel = NTKernel(2, bias_variance_bounds="fixed")
        model = WNTKRegressor(kernel, optimizer="lbfgs", alpha_bounds=(0.1, 0.1))
        assert_allclose(model.fit(X, y).alpha_, 0.1, rtol=1e-12)
        assert (model.n_iter_, len(model.objective_path_)) == (0, 1)

    def test_default_follows_the_units_of_the_targets(self):
        X, y = regression(60)
        here = WNTKRegressor().fit(X, y).predict(X)
        there = WNTKRegressor().fit(X, 1e3 * y - 7).predict(X)
        assert_allclose((there + 7) / 1e3, here, rtol=0, atol=1e-5)

    def test_default_ignores_a_useless_column(self):
        X, y = regression(150, features=3)
        noise = np.random.default_rng(9).standard_normal((150, 5))
        model = WNTKRegressor().fit(np.hstack([X, noise]), y)
        grown = model.kernel_.length_scale / model.members_[0].encoding.length_scale_
        # Column 0 matters: its scale is shorter than every useless one's.
        assert grown[0] < min(grown[3:8])

    @pytest.mark.parametrize("n", [1, 2, 3])
    @pytest.mark.parametrize("kernel", [None, WeightedNTKernel(depth=5)])
    @pytest.mark.parametrize("objective", ["evidence", "gcv", "holdout", "loo"])
    def test_few_rows(self, n, kernel, objective):
        X, y = regression(n)
        model = quiet(WNTKRegressor(kernel, objective=objective), X, y)
        mean, std = model.predict(X, return_std=True)
        assert np.isfinite(np.concatenate([mean, std, model.loo_predictions_])).all()
        if n == 1:
            assert_allclose(mean, y, rtol=1e-12)

    @pytest.mark.parametrize("kernel", [None, WeightedNTKernel(depth=2), RBF()])
    @pytest.mark.parametrize("constant", [0.0, 0.1, -1e6])
    def test_constant_target(self, kernel, constant):
        X, _ = regression()
        model = WNTKRegressor(kernel).fit(X, np.full(45, constant))
        mean, std = model.predict(2 * X, return_std=True)
        assert_allclose(mean, constant, rtol=1e-9, atol=1e-12)
        assert_allclose(std, 0, atol=1e-6 * max(1.0, abs(constant)))

    @pytest.mark.parametrize("kernel", [None, WeightedNTKernel(depth=2)])
    def test_constant_column(self, kernel):
        X, y = regression()
        model = quiet(
            WNTKRegressor(kernel, max_iter=20),
            np.column_stack([X, np.full(45, 7.0)]),
            y,
        )
        assert model.score(np.column_stack([X, np.full(45, 7.0)]), y) > 0.9

    @pytest.mark.parametrize("kernel", [None, NTKernel(depth=2), RBF()])
    @pytest.mark.parametrize("value", [0.0, 2.0])
    def test_only_constant_columns_give_the_mean(self, kernel, value):
        _, y = regression()
        X = np.full((45, 2), value)
        model = quiet(WNTKRegressor(kernel), X, y)
        assert_allclose(model.predict(X), y.mean(), rtol=1e-9)
        others = (45 * y.mean() - y) / 44
        assert_allclose(model.loo_predictions_, others, rtol=1e-6)


class TestClassifier:
    @pytest.mark.parametrize("classes", [2, 3, 4])
    @pytest.mark.parametrize("kernel", [None, WeightedNTKernel(depth=1)])
    def test_labels_and_shapes(self, classes, kernel):
        X, y = classification(80, classes)
        model = quiet(WNTKClassifier(kernel), X, y)
        assert_array_equal(model.classes_, np.unique(y))
        decisions, proba = model.decision_function(X), model.predict_proba(X)
        assert decisions.shape == ((80,) if classes == 2 else (80, classes))
        assert proba.shape == (80, classes)
        assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
        assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-12)
        assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
        if classes == 2:
            sign = model.classes_[(decisions > 0).astype(int)]
            assert_array_equal(sign, model.predict(X))
        assert model.score(X, y) > 0.75

    def test_other_labels(self):
        X, y = classification()
        numbers = np.searchsorted(np.unique(y), y)
        model = WNTKClassifier().fit(X, y)
        for labels in (numbers * 10 - 3, numbers.astype(float), numbers.astype(object)):
            other = WNTKClassifier().fit(X, labels.tolist())
            assert_array_equal(other.decision_function(X), model.decision_function(X))
            assert set(other.predict(X)) <= set(np.unique(labels).tolist())

    def test_real_tables(self):
        for load, least in ((load_iris, 0.9), (load_wine, 0.95)):
            X, y = load(return_X_y=True)
            model = WNTKClassifier().fit(X[::2], y[::2])
            assert model.score(X[1::2], y[1::2]) > least

    def test_probabilities_are_calibrated(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((1200, 2))
        truth = 1 / (1 + np.exp(-2 * X[:, 0]))
        y = rng.uniform(size=1200) < truth
        proba = WNTKClassifier().fit(X[:300], y[:300]).predict_proba(X[300:])[:, 1]
        # A softmax factor far off (1 instead of about 5) gives 0.15 and more.
        assert np.sqrt(np.mean((proba - truth[300:]) ** 2)) < 0.08
        assert abs(proba.mean() - truth.mean()) < 0.06

    def test_temperature_is_the_likeliest(self):
        X, y = classification()
        model = WNTKClassifier().fit(X, y)
        hit = (y[:, None] == model.classes_).astype(float)
        soft = hit * (1 - 3 / 63) + 1 / 63

        def loss(t):
            z = t * model._loo_decisions
            return -(soft * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum()

        best = loss(model.temperature_)
        assert best <= min(
            loss(0.9 * model.temperature_), loss(model.temperature_ / 0.9)
        )

    def test_balanced_is_sample_weights_in_the_solve(self):
        X, y = classification()
        rare = np.concatenate(
            [np.flatnonzero(y != "ant"), np.flatnonzero(y == "ant")[:5]]
        )
        X, y = X[rare], y[rare]
        s = compute_sample_weight("balanced", y)
        model = WNTKClassifier(**HELD, class_weight="balanced").fit(X, y)
        peer = WNTKClassifier(**HELD).fit(X, y, sample_weight=s)
        plain = WNTKClassifier(**HELD).fit(X, y)
        here = model.decision_function(X)
        assert_allclose(here, peer.decision_function(X), rtol=0, atol=1e-10)
        assert np.abs(here - plain.decision_function(X)).max() > 1e-3

    def test_default_keeps_the_ridge_within_bounds(self):
        X, y = classification()
        model = WNTKClassifier(alpha_bounds=(50.0, 100.0)).fit(X, y)
        assert [50.0 <= machine.alpha <= 100.0 for machine in model.members_] == [
            True
        ] * 2
        assert WNTKClassifier().fit(X, y).alpha_ < 50.0

    @pytest.mark.parametrize("kernel", [None, WeightedNTKernel(depth=2)])
    def test_class_weights_do_not_change_what_is_learned(self, kernel):
        X, y = classification()
        weights = {"ant": 9.0, "bee": 1.0, "cat": 1.0}
        model = WNTKClassifier(kernel, class_weight=weights).fit(X, y)
        plain = WNTKClassifier(kernel).fit(X, y)
        for one, two in zip(model.members_, plain.members_, strict=True):
            assert one.alpha == two.alpha
            assert_array_equal(one.kernel.layer_weights, two.kernel.layer_weights)
        assert (model.predict(X) == "ant").sum() >= (plain.predict(X) == "ant").sum()
        assert np.abs(model.dual_coef_ - plain.dual_coef_).max() > 1e-3

    def test_loo_predictions_have_not_seen_the_whole_row(self):
        """A class weight is no number of copies: the row is left out with all of it."""
        X, y = classification()
        weights = {"ant": 5.0, "bee": 1.0, "cat": 0.5}
        held = WNTKClassifier(**HELD, class_weight=weights)
        found = clone(held).fit(X, y)
        for i in (0, 7, 31):
            rest = np.arange(len(X)) != i
            brute = clone(held).fit(X[rest], y[rest]).decision_function(X[i : i + 1])
            assert_allclose(found._loo_decisions[i], brute[0], rtol=0, atol=1e-10)

    def test_balanced_probabilities_are_calibrated(self):
        X, y = make_classification(
            1500, n_features=6, weights=[0.9], flip_y=0.1, class_sep=0.7, random_state=1
        )
        model = WNTKClassifier(class_weight="balanced").fit(X[:400], y[:400])
        s = compute_sample_weight("balanced", y[400:])
        proba = model.predict_proba(X[400:])
        assert log_loss(y[400:], proba, sample_weight=s) < np.log(2.0)

    def test_class_weight_dictionary(self):
        X, y = classification()
        weights = {"ant": 1.0, "bee": 4.0, "cat": 1.0}
        s = np.where(y == "bee", 4.0, 1.0)
        one = WNTKClassifier(**HELD, class_weight=weights).fit(X, y)
        two = WNTKClassifier(**HELD).fit(X, y, sample_weight=s)
        assert_allclose(
            one.decision_function(X), two.decision_function(X), rtol=0, atol=1e-10
        )

    def test_only_ratios_of_class_weights_matter_where_the_ridge_is_learned(self):
        X, y = classification()
        one, two = (
            WNTKClassifier(class_weight={"ant": a, "bee": 2 * a, "cat": a}).fit(X, y)
            for a in (1.0, 50.0)
        )
        assert_allclose(
            one.decision_function(X), two.decision_function(X), rtol=0, atol=1e-9
        )

    @pytest.mark.parametrize("weighted", [True, False])
    def test_one_class(self, weighted):
        X, y = classification()
        labels = y if weighted else np.full(60, "ant")
        s = (y == "ant").astype(float) if weighted else None
        with pytest.raises(ValueError, match=r"at least 2 classes.*1 class: \['ant'\]"):
            WNTKClassifier().fit(X, labels, sample_weight=s)

    def test_continuous_labels(self):
        X, y = regression()
        with pytest.raises(ValueError, match="Unknown label type"):
            WNTKClassifier().fit(X, y)

    @pytest.mark.parametrize("kernel", [None, NTKernel(depth=4)])
    def test_two_rows(self, kernel):
        X, _ = classification()
        model = WNTKClassifier(kernel).fit(X[:2], ["a", "b"])
        assert np.isfinite(model.predict_proba(X)).all()
        assert_array_equal(model.predict(X[:2]), ["a", "b"])

    def test_constant_inputs_give_shares(self):
        _, y = classification()
        X = np.ones((60, 2))
        proba = WNTKClassifier().fit(X, y).predict_proba(X)
        assert_allclose(proba, np.broadcast_to(proba[0], (60, 3)))

    def test_blend(self):
        X, y = classification()
        model = WNTKClassifier().fit(X, y)
        parts = zip(model.blend_weights_, model.members_, strict=True)
        expected = sum(w * m.predict(X) for w, m in parts)
        assert_allclose(model.decision_function(X), expected, rtol=0, atol=1e-14)
        best = np.argmin([m.loo_error for m in model.members_])
        assert model.alpha_ == model.members_[best].alpha


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
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        model = estimator(WeightedNTKernel(depth=1), max_iter=3, verbose=1)
        quiet(model, X, y)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == model.n_iter_
        start = f"[{estimator.__name__}] iteration 1 on 60 rows, {model.objective} = "
        assert lines[0].startswith(start)
        shown = [float(line.split("=")[1]) for line in lines]
        assert_allclose(shown, model.objective_path_[1:], rtol=1e-5)
        quiet(estimator(WeightedNTKernel(depth=1), max_iter=3), X, y)
        assert capsys.readouterr().out == ""


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

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    @both
    def test_not_finite(self, estimator, bad):
        X, y = classification()
        y = y if estimator is WNTKClassifier else np.arange(60.0)
        X[3, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            estimator().fit(X, y)

    def test_weights_that_are_shares(self):
        X, y = regression()
        shares = np.full(len(y), 1.0 / len(y))
        with pytest.warns(UserWarning, match="sums to 1 for 45 rows. A weight counts"):
            WNTKRegressor().fit(X, y, shares)
        # By leave-one-out, and with a ridge that is held, only ratios or the ridge.
        WNTKRegressor(objective="loo").fit(X, y, shares)
        WNTKRegressor(**HELD).fit(X, y, shares)

    def test_nothing_is_left_of_an_earlier_fit(self):
        X, y = regression()
        model = WNTKRegressor(WeightedNTKernel()).fit(X, y)
        assert model.layer_weights_.shape == (4,)
        quiet(model.set_params(kernel=RBF()), X, y)
        assert not hasattr(model, "layer_weights_")

    def test_counted_folds_where_learning_is_on_a_sample(self):
        X, y = regression()
        model = WNTKRegressor(objective="holdout", cv=KFold(3), n_components=9)
        with pytest.raises(ValueError, match=r"cv must be a number of folds .*nystrom"):
            model.fit(X, y)

    def test_verbose_counts_on_over_members(self, capsys):
        X, y = classification()
        quiet(WNTKClassifier(verbose=1, max_iter=3, objective="gcv"), X, y)
        lines = capsys.readouterr().out.splitlines()
        numbers = [int(line.split("iteration ")[1].split()[0]) for line in lines]
        assert numbers == list(range(1, len(lines) + 1))

    @both
    def test_memory(self, estimator):
        with pytest.raises(MemoryError) as caught:
            estimator()._check_memory(10_000_000)
        text = str(caught.value)
        for part in ("10000000 rows", "GiB", "sample of the rows", 'solver="nystrom"'):
            assert part in text

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
        quiet(clone(model), X[:40], y[:40])  # compiles
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
        quiet(clone(model), X[:40], y[:40])  # compiles
        tracemalloc.start()
        try:
            quiet(model, X, y)
            peak = tracemalloc.get_traced_memory()[1] / (8.0 * 700**2)
        finally:
            tracemalloc.stop()
        # Beside matrices of n by n there are some of n by the number of columns.
        assert 0.3 * model._n_matrices() < peak < model._n_matrices() + 0.5

    def test_predictions_come_in_blocks(self):
        X, y = regression()
        model = WNTKRegressor(**HELD).fit(X, y)
        many = np.tile(X, (40, 1))
        whole, std = model.predict(many, return_std=True)
        with config_context(working_memory=0.01):
            parts, part_std = model.predict(many, return_std=True)
        assert_allclose(parts, whole, rtol=0, atol=1e-12)
        assert_allclose(part_std, std, rtol=1e-9)


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
