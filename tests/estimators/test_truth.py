"""The two estimators against peers and brute force."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils import compute_sample_weight

from ntk_sklearn import WeightedNTKernel, WNTKClassifier, WNTKRegressor

from ..estimator_cases import (
    FIXED_KERNEL,
    HELD,
    WEIGHT,
    both,
    classification,
    held_out,
    quiet,
    regression,
)


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

    @pytest.mark.parametrize("intercept", [True, False])
    def test_standard_deviation_with_next_to_no_noise(self, intercept):
        """Of two rows with the same inputs, the function is their mean."""
        X, _ = regression()
        y = np.concatenate([X[:, 0] + 0.5, X[:, 0] - 0.5])
        kernel = FIXED_KERNEL + ConstantKernel(1e3, "fixed")
        model = WNTKRegressor(
            kernel, alpha=1e-6, alpha_bounds="fixed", fit_intercept=intercept
        )
        std = model.fit(np.vstack([X, X]), y).predict(X, return_std=True)[1]
        # Half of the noise's variance is left of a mean of two.
        scale = y @ model.dual_coef_.ravel() / (90 - intercept)
        assert_allclose(std, np.sqrt(0.5e-6 * scale), rtol=1e-3)

    def test_standard_deviation_counts_copies(self):
        X, y = regression()
        s = WEIGHT + 1
        model = WNTKRegressor(**HELD, fit_intercept=False).fit(X, y, s)
        rows = np.repeat(np.arange(45), s.astype(int))
        K = FIXED_KERNEL(X[rows]) + 0.3 * np.eye(len(rows))
        scale = y[rows] @ np.linalg.solve(K, y[rows]) / len(rows)
        kernel = ConstantKernel(scale, "fixed") * FIXED_KERNEL
        peer = GaussianProcessRegressor(kernel, alpha=0.3 * scale, optimizer=None)
        expected = peer.fit(X[rows], y[rows]).predict(X, return_std=True)[1]
        found = model.predict(X, return_std=True)[1]
        assert_allclose(found, expected, rtol=1e-7)

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

    @pytest.mark.parametrize(
        ("solver", "objective"),
        [
            *(("cholesky", name) for name in ("loo", "gcv", "evidence", "holdout")),
            *((name, "evidence") for name in ("cg", "nystrom", "local")),
        ],
    )
    def test_only_ratios_of_others_matter(self, solver, objective):
        X, y = regression()
        s = 0.5 + np.random.default_rng(1).random(45)
        kernel = WeightedNTKernel(depth=1)
        model = WNTKRegressor(kernel, objective=objective, solver=solver)
        if solver != "cholesky":
            model.set_params(n_components=30)
        here, there = (quiet(clone(model), X, y, f * s).predict(X) for f in (1, 0.01))
        assert_allclose(here, there, rtol=1e-6)
        plain = quiet(clone(model), X, y).predict(X)
        assert not np.allclose(here, plain, rtol=1e-4)

    @pytest.mark.parametrize("objective", ["loo", "gcv", "evidence", "holdout"])
    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=1)])
    def test_weights_near_one_are_near_none(self, objective, kernel):
        """A weight of 1.001 is not a row that is seen again when it is left out."""
        X, y = regression()
        model = WNTKRegressor(kernel, objective=objective)
        plain = quiet(clone(model), X, y)
        near = quiet(
            clone(model), X, y, 1.0 + 1e-3 * np.random.default_rng(1).random(45)
        )
        assert_allclose(near.alpha_, plain.alpha_, rtol=0.2)
        assert_allclose(near.loo_predictions_, plain.loo_predictions_, atol=0.05)

    def test_whole_rows_are_left_out(self):
        X, y = regression()
        s = 0.5 + 2.0 * np.random.default_rng(1).random(45)
        model = WNTKRegressor(**HELD).fit(X, y, s)
        for i in range(0, 45, 4):
            rest = np.delete(np.arange(45), i)
            part = WNTKRegressor(**HELD).fit(X[rest], y[rest], s[rest])
            expected = part.predict(X[i : i + 1])[0]
            assert_allclose(model.loo_predictions_[i], expected, rtol=0, atol=1e-9)

    def test_balanced_weights_do_not_interpolate(self):
        X, y = make_classification(
            400, 10, n_informative=4, weights=[0.85], flip_y=0.1, random_state=0
        )
        s = compute_sample_weight("balanced", y[:200])
        model = WNTKClassifier().fit(X[:200], y[:200], s)
        inside = np.average(model.loo_predictions_ == y[:200], weights=s)
        outside = np.average(
            model.predict(X[200:]) == y[200:],
            weights=compute_sample_weight("balanced", y[200:]),
        )
        # Three binomial deviations of a class of some 35 rows at 80 % are 0.2.
        assert abs(inside - outside) < 0.2
        assert model.score(X[:200], y[:200]) < 0.97

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
            (machine,) = part.models_
            told = machine.predict(X[i : i + 1])[0]
            assert_allclose(held_out(model)[i], told, rtol=0, atol=1e-8)
            likeliest = model.classes_[np.argmax(model.class_mixing_ @ told)]
            assert model.loo_predictions_[i] == likeliest

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
