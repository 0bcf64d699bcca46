"""WNTKClassifier."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.metrics import log_loss
from sklearn.utils import compute_sample_weight

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier

from ..estimator_cases import (
    HELD,
    classification,
    held_out,
    indicators,
    quiet,
    regression,
)


def calibration_error(proba, y, bins=10):
    """Mean distance of probabilities and frequencies in bins of equal width."""
    place = np.minimum((proba * bins).astype(int), bins - 1)
    gaps = [np.sum(proba[place == b] - y[place == b]) for b in range(bins)]
    return np.abs(gaps).sum() / len(y)


class TestClassifier:
    @pytest.mark.parametrize("classes", [2, 3, 4])
    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=1)])
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
        for load, least in ((load_iris, 0.9), (load_wine, 0.94)):
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
            z = t * held_out(model)
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
        # The kernel of the last model is scaled after learning, and its ridge with it.
        assert [50.0 <= machine.alpha <= 100.0 for machine in model.models_[:2]] == [
            True
        ] * 2
        low, high = model.models_[-1].learned.alpha_bounds
        assert low * (1 - 1e-12) <= model.models_[-1].alpha <= high * (1 + 1e-12)
        assert high == pytest.approx(2.0 * low)
        assert WNTKClassifier().fit(X, y).alpha_ < 50.0

    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=2)])
    def test_class_weights_do_not_change_what_is_learned(self, kernel):
        X, y = classification()
        weights = {"ant": 9.0, "bee": 1.0, "cat": 1.0}
        model = WNTKClassifier(kernel, class_weight=weights).fit(X, y)
        plain = WNTKClassifier(kernel).fit(X, y)
        for one, two in zip(model.models_, plain.models_, strict=True):
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
            brute = indicators(clone(held).fit(X[rest], y[rest]), X[i : i + 1])
            assert_allclose(held_out(found)[i], brute[0], rtol=0, atol=1e-10)

    @pytest.mark.parametrize("share", [0.95, 0.9])
    def test_balanced_probabilities_are_those_of_the_rows(self, share):
        """Class weights move labels towards the rare class, and no probabilities."""
        X, y = make_classification(
            2400,
            n_features=6,
            weights=[share],
            flip_y=0.1,
            class_sep=0.7,
            random_state=1,
        )
        plain, model = (
            WNTKClassifier(class_weight=w).fit(X[:400], y[:400])
            for w in (None, "balanced")
        )
        X, y = X[400:], y[400:]
        proba = model.predict_proba(X)
        # 0.019 and 0.027 were seen, and 0.24 and 0.19 without the biases.
        assert calibration_error(proba[:, 1], y) < 0.05
        raw = expit(model.temperature_ * model.decision_function(X))
        assert calibration_error(raw, y) > 0.15
        assert log_loss(y, proba) < log_loss(y, plain.predict_proba(X)) + 0.01
        labels = model.predict(X)
        assert_array_equal(labels, (model.decision_function(X) > 0).astype(int))
        assert labels.mean() > 1.5 * plain.predict(X).mean()
        assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-12)
        assert not plain.class_bias_.any()

    def test_probabilities_of_many_classes_with_weights(self):
        """Weights of one class, and one of no rows at all, move no probability far."""
        X, y = classification(400, classes=4)
        plain = WNTKClassifier(**HELD).fit(X[:100], y[:100])
        heavy = clone(plain).set_params(class_weight={"bee": 9.0}).fit(X[:100], y[:100])
        loss, expected = (log_loss(y, m.predict_proba(X)) for m in (heavy, plain))
        assert abs(loss - expected) < 0.08
        without = clone(plain).set_params(class_weight={"bee": 0.0})
        proba = without.fit(X[:100], y[:100]).predict_proba(X)
        assert proba[:, list(without.classes_).index("bee")].max() < 0.1

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

    @pytest.mark.parametrize("kernel", ["auto", NTKernel(depth=4)])
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
        parts = zip(model.blend_weights_, model.models_, strict=True)
        expected = sum(w * m.predict(X) for w, m in parts) @ model.class_mixing_.T
        assert_allclose(model.decision_function(X), expected, rtol=0, atol=1e-14)
        best = np.argmin([m.expected_error for m in model.models_])
        assert model.alpha_ == model.models_[best].alpha

    def test_negative_class_weight(self):
        X, y = classification(classes=2)
        model = WNTKClassifier(class_weight={"ant": -1.0})
        with pytest.raises(ValueError, match="class_weight must not be negative, got"):
            model.fit(X, y)
