"""The estimators that train a network: what they predict, choose and refuse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.dynamics import GradientDescentClassifier, GradientDescentRegressor

from .cases import CASES, regression

BOTH = [GradientDescentRegressor, GradientDescentClassifier]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)

CHECKED = [
    estimator(**parameters)
    for estimator in BOTH
    for parameters in (
        {},
        {"stopping": "gcv", "flow": False, "momentum": 0.5},
        {"stopping": "holdout", "weight_decay": 0.1},
        # To convergence without decay, and between distant rows, class weights would
        # say nothing.
        {"stopping": None, "kernel": RBF(30.0), "weight_decay": 0.1}
        if estimator is GradientDescentClassifier
        else {"stopping": None, "kernel": RBF(), "fit_intercept": False},
        {"n_steps": 50, "flow": False, "kernel": WeightedNTKernel(depth=1)},
        {"weight_decay": "evidence", "temperature": "evidence", "n_steps": np.inf},
    )
]
CHECKED.append(GradientDescentClassifier(class_weight="balanced"))


@parametrize_with_checks(CHECKED)
def test_estimators(estimator, check):
    check(estimator)


# -- what is predicted ----------------------------------------------------------------


def trained(case, kernel=None, **parameters):
    parameters = {
        "learning_rate": case.learning_rate,
        "fit_intercept": False,
        "stopping": None,
        **parameters,
    }
    return GradientDescentRegressor(kernel or case.ntk, **parameters)


def with_ridge(case):
    """The kernel of the reference: with a ridge relative to its trace."""
    relative = case.facts["diag_reg"]
    ridge = relative * np.mean(case.ntk.diag(case.X))
    return case.ntk + WhiteKernel(ridge) if relative else case.ntk


@cases
def test_reference_of_gradient_flow(case):
    model = trained(case, with_ridge(case))
    model.fit(case.X, case.Y - case["f0"])
    stages = model.staged_predict(case.Z, case["t"])
    for found, expected in zip(stages, case["lr0_test"], strict=True):
        assert_allclose(case["g0"] + found, expected, rtol=1e-10, atol=1e-11)
    found = case["g0"] + model.predict(case.Z)  # trained to convergence
    assert_allclose(found, case["lr0_test_inf"], rtol=1e-10, atol=1e-11)


@cases
def test_reference_with_an_intercept_or_decay(case):
    model = trained(case, learning_rate=1.0, fit_intercept=True).fit(case.X, case.Y)
    found = np.array(list(model.staged_predict(case.Z, case["tau"])))
    assert_allclose(found, case["flow_intercept_test"], rtol=1e-10, atol=1e-11)
    decay = float(case["flow_decay_lambda"])
    model = trained(case, learning_rate=1.0, weight_decay=decay)
    model.fit(case.X, case.Y - case["f0"])
    found = np.array(list(model.staged_predict(case.Z, case["tau"])))
    expected = case["flow_decay_test"]
    assert_allclose(case["g0"] + found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("flow", [True, False])
def test_convergence_with_decay_is_ridge_regression(flow):
    X, Y = regression(outputs=2)
    model = GradientDescentRegressor(
        flow=flow, weight_decay=0.3, stopping=None, fit_intercept=False
    ).fit(X, Y)
    ridge = KernelRidge(alpha=0.3, kernel=NTKernel()).fit(X, Y)
    assert_allclose(model.predict(X), ridge.predict(X), rtol=1e-10)
    assert_allclose(model.dual_coef_, ridge.dual_coef_, rtol=1e-8)
    long = clone(model).set_params(n_steps=1e7).fit(X, Y)
    assert_allclose(long.predict(X), ridge.predict(X), rtol=1e-7)


def test_predictions_come_from_the_coefficients():
    X, y = regression()
    for flow in (True, False):
        model = GradientDescentRegressor(flow=flow, n_steps=30).fit(X, y)
        values = model.kernel_(X[:5], model.X_fit_) @ model.dual_coef_
        assert_allclose(model.predict(X[:5]), (values + model.intercept_).ravel())
        *_, last = model.staged_predict(X[:5])
        assert model.times_[-1] == model.n_steps_ == 30
        assert_allclose(last, model.predict(X[:5]), rtol=1e-9)


def test_the_intercept_follows_the_units_of_the_targets():
    X, y = regression()
    model = GradientDescentRegressor().fit(X, y)
    other = GradientDescentRegressor().fit(X, 10.0 * y + 1000.0)
    expected = 10.0 * model.predict(X) + 1000.0
    assert_allclose(other.predict(X), expected, rtol=1e-9)
    assert other.n_steps_ == model.n_steps_


def test_equal_rows_predict_their_mean():
    X = np.full((6, 2), 0.7)
    y = np.arange(6.0)
    for parameters in ({}, {"flow": False}, {"stopping": "gcv"}, {"stopping": None}):
        model = GradientDescentRegressor(**parameters).fit(X, y)
        assert_allclose(model.predict([[0.7, 0.7], [5.0, -3.0]]), 2.5, rtol=1e-9)


def test_a_single_row_predicts_itself():
    X = np.array([[1.0, 2.0]])
    for parameters in ({}, {"flow": False}, {"stopping": "gcv"}, {"stopping": None}):
        model = GradientDescentRegressor(**parameters).fit(X, [3.0])
        assert_allclose(model.predict([[0.0, 5.0]]), 3.0)
        stages = list(model.staged_predict([[0.0, 5.0]], [0.0, 1.0]))
        assert_allclose(stages, 3.0 * np.ones((2, 1)))
    two = GradientDescentRegressor(stopping="holdout")
    assert np.isfinite(two.fit([[0.0], [1.0]], [0.0, 1.0]).stopping_errors_).all()


# -- when training stops --------------------------------------------------------------


@pytest.mark.parametrize("flow", [True, False])
def test_the_time_has_the_smallest_leave_one_out_error(flow):
    X, y = regression(60, noise=0.8)
    model = GradientDescentRegressor(flow=flow).fit(X, y)
    errors, times = model.stopping_errors_, model.times_
    assert times[np.argmin(errors)] == model.n_steps_
    assert 1 < np.argmin(errors) < len(times) - 2
    left_out = clone(model).set_params(
        n_steps=model.n_steps_, learning_rate=model.learning_rate_
    )
    for i in range(0, 60, 13):
        rest = np.arange(60) != i
        one = clone(left_out).fit(X[rest], y[rest]).predict(X[[i]])
        assert_allclose(model.loo_predictions_[i], one[0], rtol=1e-8)
    error = np.mean((model.loo_predictions_ - y) ** 2)
    assert_allclose(errors.min(), error, rtol=1e-6)
    if not flow:
        assert model.n_steps_ == int(model.n_steps_)
        assert_allclose(model.learning_rate_, 0.9 * model.max_learning_rate_)


@pytest.mark.parametrize("stopping", ["loo", "gcv", "holdout"])
def test_stopping_early_is_better_than_late(stopping):
    X, y = regression(100, noise=1.0)
    X_new, y_new = regression(400, seed=1, noise=0.0)
    model = GradientDescentRegressor(stopping=stopping).fit(X, y)
    late = clone(model).set_params(stopping=None).fit(X, y)
    early = clone(model).set_params(n_steps=model.n_steps_ / 1e4).fit(X, y)
    assert late.n_steps_ == np.inf and not hasattr(late, "stopping_errors_")
    error = np.mean((model.predict(X_new) - y_new) ** 2)
    assert error < 0.8 * np.mean((late.predict(X_new) - y_new) ** 2)
    assert error < 0.9 * np.mean((early.predict(X_new) - y_new) ** 2)


@pytest.mark.parametrize("flow", [True, False])
def test_holdout_is_cross_validation(flow):
    X, y = regression(45)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 45)
    cv = KFold(3, shuffle=True, random_state=4)
    times = [2.0, 9.0, 70.0]
    model = GradientDescentRegressor(
        flow=flow, stopping="holdout", cv=cv, times=times, learning_rate=0.01
    ).fit(X, y, weight)
    errors = np.zeros(3)
    for train, test in cv.split(X):
        rate = 0.01 * weight.sum() / weight[train].sum()
        part = clone(model).set_params(learning_rate=rate, n_steps=70)
        part.fit(X[train], y[train], weight[train])
        for k, found in enumerate(part.staged_predict(X[test], times)):
            errors[k] += weight[test] @ (found - y[test]) ** 2
    assert_allclose(model.stopping_errors_, errors / weight.sum(), rtol=1e-9)
    assert model.n_steps_ == times[np.argmin(errors)]
    folds = GradientDescentRegressor(stopping="holdout", cv=4, random_state=1)
    assert folds.fit(X, y).n_steps_ < np.inf


def test_noise_is_not_learned():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.standard_normal(60)
    model = GradientDescentRegressor().fit(X, y)
    late = clone(model).set_params(stopping=None).fit(X, y)
    assert np.var(model.predict(X)) < 0.3 * np.var(y) < 0.5 * np.var(late.predict(X))


def test_exact_targets_are_learned_to_the_end():
    X, _ = regression(60)
    y = NTKernel()(X, X[:3]) @ np.array([1.0, -2.0, 1.5])
    model = GradientDescentRegressor(fit_intercept=False).fit(X, y)
    assert_allclose(model.predict(X), y, rtol=1e-4, atol=1e-4)


# -- weights, outputs, classes --------------------------------------------------------


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("stopping", ["loo", "gcv", "holdout"])
@pytest.mark.parametrize("flow", [True, False])
def test_copies_are_weights(estimator, stopping, flow):
    X, y = regression(30)
    if estimator is GradientDescentClassifier:
        y = np.where(y > 3, "high", "low")
    weight = np.random.default_rng(2).integers(0, 4, 30)
    parts = {"stopping": stopping, "flow": flow}
    counted = estimator(**parts).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(30), weight)
    repeated = estimator(**parts).fit(X[rows], y[rows])
    assert counted.n_steps_ == repeated.n_steps_
    assert_array_equal(counted.predict(X), repeated.predict(X))


def test_floating_weights_say_how_much_a_row_matters():
    X, y = regression(30)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, 30)
    model = GradientDescentRegressor().fit(X, y, sample_weight=weight)
    scaled = GradientDescentRegressor().fit(X, y, sample_weight=3.0 * weight)
    assert_allclose(scaled.predict(X), model.predict(X), rtol=1e-8)
    # The fit minimises the weighted loss: its gradient at convergence with decay.
    parts = {"weight_decay": 0.2, "n_steps": np.inf, "fit_intercept": False}
    decayed = GradientDescentRegressor(**parts).fit(X, y, weight)
    ridge = KernelRidge(alpha=0.2, kernel=NTKernel()).fit(X, y, weight)
    assert_allclose(decayed.predict(X), ridge.predict(X), rtol=1e-9)
    zero = weight * (np.arange(30) != 4)
    found = GradientDescentRegressor(n_steps=20).fit(X, y, zero).loo_predictions_
    assert found.shape == (30,) and np.isfinite(found).all()


def test_outputs_are_trained_for_the_same_time():
    X, Y = regression(outputs=2)
    model = GradientDescentRegressor().fit(X, Y)
    rate = model.learning_rate_
    for k in range(2):
        one = GradientDescentRegressor(n_steps=model.n_steps_, learning_rate=rate)
        found = one.fit(X, Y[:, k]).predict(X)
        assert_allclose(model.predict(X)[:, k], found, rtol=1e-9)
    assert model.loo_predictions_.shape == Y.shape
    mean, spread = model.predict(X, return_std=True)
    assert spread.shape == mean.shape == Y.shape
    assert_array_equal(spread[:, 0], spread[:, 1])


@pytest.mark.parametrize("stopping", ["loo", "gcv", "holdout"])
@pytest.mark.parametrize("flow", [True, False])
def test_class_weights_multiply_the_weights_of_the_rows(stopping, flow):
    X, y = regression(40)
    y = np.where(y > 3.8, "high", "low")
    assert 4 < np.sum(y == "high") < 15
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 40)
    parts = {"stopping": stopping, "flow": flow}
    model = GradientDescentClassifier(class_weight={"high": 3.0, "low": 0.5}, **parts)
    both = weight * np.where(y == "high", 3.0, 0.5)
    peer = GradientDescentClassifier(**parts).fit(X, y, both)
    found = model.fit(X, y, weight).decision_function(X)
    assert model.n_steps_ == peer.n_steps_
    assert_allclose(found, peer.decision_function(X), rtol=1e-10, atol=1e-12)
    plain = GradientDescentClassifier(**parts).fit(X, y, weight)
    assert np.abs(found - plain.decision_function(X)).max() > 0.01


def test_balanced_classes_have_the_same_total_weight():
    X, y = regression(40)
    y = np.where(y > 3.8, "high", "low")
    model = GradientDescentClassifier(class_weight="balanced").fit(X, y)
    total = model.path_.spectrum.weights.weight @ model.path_.Y
    assert_allclose(total, [20.0, 20.0])
    plain = GradientDescentClassifier().fit(X, y)
    assert (model.predict(X) == "high").sum() > (plain.predict(X) == "high").sum()
    # One copy of a row is left out, with its class weight.
    copies = np.arange(40) % 3 + 1
    rows = np.repeat(np.arange(40), copies)
    model = GradientDescentClassifier(class_weight={"high": 3.0}).fit(X, y, copies)
    peer = clone(model).fit(X[rows], y[rows])
    assert_allclose(model.stopping_errors_, peer.stopping_errors_, rtol=1e-7)
    assert_array_equal(model.predict(X), peer.predict(X))


def test_class_weights_of_zero_and_below():
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier(class_weight={0: 1.0, 1: 2.0, 2: 0.0})
    model.fit(X[::3], y[::3])
    assert len(model.X_fit_) == np.sum(y[::3] < 2)
    assert set(model.predict(X)) == {0, 1}
    with pytest.raises(ValueError, match="class_weight must be finite, got"):
        model.set_params(class_weight={0: np.inf}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must not be negative, got"):
        model.set_params(class_weight={0: -1.0}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must be positive for some"):
        model.set_params(class_weight={0: 0, 1: 0, 2: 0}).fit(X, y)


@pytest.mark.parametrize(("load", "least"), [(load_iris, 0.93), (load_wine, 0.95)])
def test_classes(load, least):
    X, y = load(return_X_y=True)
    labels = np.array(["a", "b", "c"])[y]
    model = make_pipeline(StandardScaler(), GradientDescentClassifier())
    model.fit(X[::2], labels[::2])
    assert model.score(X[1::2], labels[1::2]) > least
    last = model[-1]
    Z = model[:-1].transform(X)
    proba, decisions = last.predict_proba(Z), last.decision_function(Z)
    assert_allclose(proba.sum(axis=1), 1.0)
    assert_array_equal(last.classes_[decisions.argmax(axis=1)], last.predict(Z))
    assert np.mean(last.loo_predictions_ == labels[::2]) > least
    kept = np.arange(len(Z[::2])) != 3
    fixed = clone(last).set_params(
        n_steps=last.n_steps_, learning_rate=last.learning_rate_
    )
    rest = fixed.fit(Z[::2][kept], labels[::2][kept])
    logits = last.temperature_ * rest.decision_function(Z[[6]])
    expected = log_loss([labels[6]], softmax(logits, axis=1), labels=last.classes_)
    assert_allclose(last.loo_loss_[3], expected, rtol=1e-6)
    *_, labels_late = last.staged_predict(Z, [0.0, last.n_steps_])
    assert_array_equal(labels_late, last.predict(Z))
    *_, late = last.staged_decision_function(Z, [0.0, last.n_steps_])
    assert_allclose(late, decisions, rtol=1e-8, atol=1e-10)
    mean, spread = last.decision_function(Z, return_std=True)
    assert_array_equal(mean, decisions)
    assert spread.shape == decisions.shape and (spread > 0).all()


def test_two_classes_have_one_decision():
    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100]
    model = GradientDescentClassifier(kernel=NTKernel(depth=1)).fit(X, y)
    decisions, spread = model.decision_function(X, return_std=True)
    assert decisions.shape == spread.shape == (100,)
    assert_array_equal(model.classes_[(decisions > 0).astype(int)], model.predict(X))
    indicators = np.column_stack([y == 0, y == 1]).astype(float)
    regressor = GradientDescentRegressor(kernel=NTKernel(depth=1)).fit(X, indicators)
    mean, one = regressor.predict(X, return_std=True)
    assert_allclose(decisions, mean[:, 1] - mean[:, 0], rtol=1e-9, atol=1e-12)
    assert_allclose(spread**2, np.sum(one**2, axis=1), rtol=1e-9)


# -- among other tools ----------------------------------------------------------------


def test_in_pipelines_and_searches():
    X, y = regression(60)
    model = make_pipeline(
        StandardScaler(), GradientDescentRegressor(NTKernel(bias_variance=0.2))
    )
    grid = {
        "gradientdescentregressor__kernel__depth": [1, 3],
        "gradientdescentregressor__n_steps": [None, 10.0],
    }
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.3
    assert cross_val_score(model, X, y, cv=3).min() > 0.1


def test_kernels_of_scikit_learn_and_of_other_objects():
    X, y = regression(40)
    model = GradientDescentRegressor(RBF(1.0) + NTKernel(depth=1)).fit(X, y)
    assert model.score(X, y) > 0.5
    kernel = model.kernel_
    assert kernel == RBF(1.0) + NTKernel(depth=1) and kernel is not model.kernel

    class Lengths(RBF):
        requires_vector_input = False

        def __call__(self, X, Y=None, eval_gradient=False):
            one = np.array([[len(x)] for x in X], dtype=float)
            two = one if Y is None else np.array([[len(x)] for x in Y], dtype=float)
            return super().__call__(one, two)

        def diag(self, X):
            return np.ones(len(X))

    words = np.array(["a", "bb", "ccc", "dddd", "eeeee", "ff", "g"], dtype=object)
    model = GradientDescentRegressor(Lengths(), start="zero")
    model.fit(words, [1.0, 2.0, 3.0, 4.0, 5.0, 2.0, 1.0])
    assert_allclose(model.predict(["xxx", "yy"]), [3.0, 2.0], atol=0.3)


def test_a_failed_fit_changes_nothing():
    X, y = regression()
    model = GradientDescentRegressor().fit(X, y)
    before = vars(model).copy()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.where(y > 3, np.nan, y))
    model.set_params(flow=False, learning_rate=1e6)
    with pytest.raises(ValueError, match="learning_rate must be at most"):
        model.fit(X, y)
    after = vars(model)
    for name, value in before.items():
        if name not in {"flow", "learning_rate"}:
            assert after[name] is value


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"momentum": 0.5}, "momentum must be 0 with flow=True"),
        ({"flow": False, "temperature": 1.0}, "temperature must be 0 with flow=False"),
        ({"flow": False, "n_steps": 1.5}, "n_steps must be a whole number"),
        ({"times": [-1.0, 2.0]}, "times must be a number of times, or numbers"),
        ({"times": [np.nan]}, "times must be a number of times, or numbers"),
        ({"times": [0.5], "flow": False}, "times must be .*, or whole numbers"),
        ({"temperature": 1.0, "stopping": None}, "weight_decay must be positive if"),
        ({"weight_decay": "evidence"}, 'weight_decay="evidence" needs noise'),
        ({"temperature": "evidence"}, 'temperature="evidence" needs a stationary'),
    ],
)
def test_what_does_not_go_together(parameters, sentence):
    X, y = regression(10)
    with pytest.raises(ValueError, match=sentence):
        GradientDescentRegressor(**parameters).fit(X, y)


def test_what_is_refused_when_predicting():
    X, y = regression(10)
    model = GradientDescentRegressor(RBF()).fit(X, y)
    with pytest.raises(ValueError, match="not both be true"):
        model.predict(X, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="times must be a list of numbers"):
        model.staged_predict(X, [-1.0]).__next__()
    with pytest.raises(ValueError, match='start="random" needs the kernel of a fully'):
        model.predict(X, return_std=True)
    model.set_params(start=NNGPKernel()).fit(X, y)
    assert (model.predict(X, return_std=True)[1] > 0).any()
