"""Intervals and sets: brute force, coverage, weights, every solver, sentences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor

from ..estimator_cases import HELD, classification, regression, turn

X, Y = regression(60, outputs=2)
NEW = np.random.default_rng(1).standard_normal((7, 3))
FIXED = WNTKRegressor(**HELD)
COPIES = np.random.default_rng(2).integers(0, 4, 60)
FLOATS = np.random.default_rng(3).uniform(0.5, 2.0, 60)


def without(model, i, weight, targets=Y):
    """Fit a model without a row, or without one copy of it."""
    weight = np.array(weight)
    weight[i] = weight[i] - 1 if weight.dtype.kind == "i" else 0
    return clone(model).fit(X, targets, weight)


def brute_intervals(model, weight, coverage):
    """Return the jackknife+ by as many fits as there are rows."""
    low, high = [], []
    for i in np.flatnonzero(weight):
        rest = without(model, i, weight)
        error = np.abs(Y[i] - rest.predict(X[[i]])[0])
        copies = weight[i] if weight.dtype.kind == "i" else 1
        low += copies * [rest.predict(NEW) - error]
        high += copies * [rest.predict(NEW) + error]
    rank = int(np.ceil(coverage * (len(low) + 1) - 1e-9))
    ends = np.sort(low, axis=0)[-rank], np.sort(high, axis=0)[rank - 1]
    return np.stack(ends, axis=1)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [np.ones(60, int), COPIES, FLOATS])
def test_intervals_are_those_of_all_refits(intercept, weight):
    model = clone(FIXED).set_params(fit_intercept=intercept)
    found = clone(model).fit(X, Y, weight).predict_interval(NEW, 0.8)
    assert found.shape == (7, 2, 2)
    expected = brute_intervals(model, weight, 0.8)
    assert_allclose(found, expected, rtol=0, atol=1e-9)
    one = clone(model).fit(X, Y[:, 0], weight).predict_interval(NEW, coverage=0.8)
    assert_allclose(one, found[:, :, 0], rtol=0, atol=1e-9)


def test_intervals_of_repeated_rows():
    """A row twice is a row of weight two: one copy is left out, and both count."""
    twice, thrice = np.append(np.arange(60), [4, 9]), COPIES * 0 + 1
    thrice[[4, 9]] = 2
    one = clone(FIXED).fit(X[twice], Y[twice]).predict_interval(NEW)
    two = clone(FIXED).fit(X, Y, thrice).predict_interval(NEW)
    assert_allclose(one, two, rtol=0, atol=1e-10)


def linear_twin(K, k_new, weight, intercept=True):
    """Return predictions without each row from any kernel matrix, by refits."""
    found, own = [], []
    for i in range(len(K)):
        kept = np.delete(np.arange(len(K)), i)
        A = K[np.ix_(kept, kept)] + np.diag(0.3 / weight[kept])
        G = np.linalg.inv(A)
        b = (G.sum(axis=0) @ Y[kept]) / G.sum() if intercept else np.zeros(2)
        dual = G @ (Y[kept] - b)
        found.append(k_new[:, kept] @ dual + b)
        own.append(K[i, kept] @ dual + b)
    return np.stack(found, axis=1), np.array(own)


def twin_intervals(K, k_new, weight, coverage, intercept):
    found, own = linear_twin(K, k_new, weight, intercept)
    error = np.abs(Y - own)
    rank = int(np.ceil(coverage * (len(K) + 1)))
    low, high = np.sort(found - error, axis=1), np.sort(found + error, axis=1)
    return np.stack([low[:, -rank], high[:, rank - 1]], axis=1)


@pytest.mark.parametrize("intercept", [True, False])
def test_nystrom_intervals_are_those_of_refits(intercept):
    """The Nyström model is a ridge model with the kernel of its features."""
    model = clone(FIXED).set_params(solver="nystrom", n_components=15)
    model.set_params(fit_intercept=intercept).fit(X, Y, FLOATS)
    features = model.models_[0].system.features
    Z, new = features(X), features(NEW)
    expected = twin_intervals(Z.T @ Z, new.T @ Z, FLOATS, 0.8, intercept)
    assert_allclose(model.predict_interval(NEW, 0.8), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_clustered_intervals_are_those_of_refits(intercept, monkeypatch):
    """Within a cluster the kernel is exact, between clusters that of the centres."""
    turn(monkeypatch, cluster_rows=15)
    model = clone(FIXED).set_params(solver="local", n_components=10)
    fitted = model.set_params(fit_intercept=intercept).fit(X, Y, FLOATS).models_[0]
    assert len(fitted.clusters) > 2
    features, kernel = fitted.posterior.data.features, fitted.kernel
    Z, new = features(X), features(NEW)
    K, k_new = Z.T @ Z, new.T @ Z
    means = fitted.means
    near = np.argmin(((NEW[:, None] - means) ** 2).sum(axis=2), axis=1)
    for number, rows in enumerate(fitted.clusters):
        K[np.ix_(rows, rows)] = kernel(X[rows])
        mine = np.flatnonzero(near == number)
        k_new[np.ix_(mine, rows)] = kernel(NEW[mine], X[rows])
    expected = twin_intervals(K, k_new, FLOATS, 0.8, intercept)
    assert_allclose(model.predict_interval(NEW, 0.8), expected, rtol=0, atol=1e-9)


def test_intervals_by_conjugate_gradients_are_those_of_five_folds():
    model = clone(FIXED).set_params(solver="cg").fit(X, Y)
    found = model.predict_interval(NEW, 0.8)
    fold = np.arange(60) % 5
    np.random.RandomState(0).shuffle(fold)
    low, high = np.empty((60, 7, 2)), np.empty((60, 7, 2))
    for number in range(5):
        mine = fold == number
        rest = clone(FIXED).fit(X[~mine], Y[~mine])
        error = np.abs(Y[mine] - rest.predict(X[mine]))[:, None]
        low[mine], high[mine] = rest.predict(NEW) - error, rest.predict(NEW) + error
    rank = int(np.ceil(0.8 * 61))
    ends = np.sort(low, axis=0)[-rank], np.sort(high, axis=0)[rank - 1]
    assert_allclose(found, np.stack(ends, axis=1), rtol=0, atol=1e-7)
    with pytest.raises(ValueError, match="need at least 2 rows, got 1"):
        model.fit(X[:1], Y[:1]).predict_interval(NEW)


def test_blended_models_leave_out_the_same_row():
    rows, names = classification(57)
    rows, new, names = rows[:50], rows[50:], names[:50]
    model = WNTKClassifier(tol=1e-2).fit(rows, names)
    labels = np.searchsorted(model.classes_, names)
    assert len(model.models_) == 4 and model.blend_weights_.max() < 0.99
    probabilities = []
    change = model.influence(new)
    for i in range(len(labels)):
        decisions = model.decision_function(new) - change[:, i]
        probabilities.append(softmax(model.temperature_ * decisions))
    own = model.decision_function(rows)
    own = own - model.influence(rows)[np.arange(50), np.arange(50)]
    score = softmax(model.temperature_ * own)[np.arange(50), labels]
    smaller = np.array(probabilities) < score[:, None, None]
    expected = smaller.sum(axis=0) < 0.8 * 51
    assert_array_equal(model.predict_set(new, 0.8), expected)


def softmax(values):
    values = np.exp(values)
    return values / values.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("solver", ["cholesky", "nystrom", "cg", "local"])
def test_coverage_of_new_rows(solver, monkeypatch):
    """Nine in ten: with 300 rows and 2000 new ones, by how much it may differ."""
    turn(monkeypatch, cluster_rows=100)
    n = 60 if solver in ("nystrom", "local") else None
    rows, y = make_friedman1(2300, noise=2.0, random_state=0)
    model = WNTKRegressor(solver=solver, n_components=n, tol=1e-2)
    model.fit(rows[:300], y[:300])
    low, high = model.predict_interval(rows[300:]).T
    covered = np.mean((low <= y[300:]) & (y[300:] <= high))
    # 300 rows alone leave a standard deviation of 0.017.
    assert 0.86 < covered < 0.95
    low, high = model.predict_interval(rows[300:], 0.5).T
    assert 0.42 < np.mean((low <= y[300:]) & (y[300:] <= high)) < 0.6


@pytest.mark.parametrize("solver", ["cholesky", "nystrom", "cg", "local"])
def test_sets_hold_the_class(solver, monkeypatch):
    turn(monkeypatch, cluster_rows=100)
    n = 60 if solver in ("nystrom", "local") else None
    rows, labels = classification(2300, classes=4)
    model = WNTKClassifier(NTKernel(), solver=solver, n_components=n, tol=1e-2)
    member = model.fit(rows[:300], labels[:300]).predict_set(rows[300:])
    assert member.shape == (2000, 4) and member.dtype == bool
    own = np.searchsorted(model.classes_, labels[300:])
    assert 0.86 < member[np.arange(2000), own].mean() < 0.95
    assert 1.0 < member.sum(axis=1).mean() < 2.2
    narrow = model.predict_set(rows[300:], 0.5)
    assert not (narrow & ~member).any()  # of half the coverage, they are subsets
    assert narrow.sum() < member.sum()


def test_sets_of_weighted_classes_hold_the_class():
    rows, labels = classification(2300, classes=3)
    heavy = WNTKClassifier(**HELD, class_weight={"ant": 8.0})
    member = heavy.fit(rows[:300], labels[:300]).predict_set(rows[300:])
    own = np.searchsorted(heavy.classes_, labels[300:])
    assert 0.86 < member[np.arange(2000), own].mean() < 0.95


def test_learning_widens_intervals_of_few_rows():
    """The errors of twenty rows, from which thirteen scales were learned, are small."""
    rows, y = load_diabetes(return_X_y=True)
    covered = []
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(y))
        fitted, new = order[:20], order[20:]
        model = WNTKRegressor().fit(rows[fitted], y[fitted])
        low, high = model.predict_interval(rows[new]).T
        covered.append(np.mean((low <= y[new]) & (y[new] <= high)))
    # 0.886 was seen, and 0.849 without the correction.
    assert 0.87 < np.mean(covered) < 0.95


def test_gaussian_intervals_and_noise():
    kernel = RBF(2.0, "fixed")
    model = WNTKRegressor(kernel, alpha=0.1, alpha_bounds="fixed", fit_intercept=False)
    model.fit(X, Y[:, 0])
    mean, std = model.predict(NEW, return_std=True, include_noise=True)
    _, narrow = model.predict(NEW, return_std=True)
    assert_allclose(std**2 - narrow**2, model.noise_std_[0] ** 2, rtol=1e-9)
    found = model.predict_interval(NEW, 0.95, method="gaussian")
    z = norm.ppf(0.975)
    assert_allclose(found, np.stack([mean - z * std, mean + z * std], axis=1))
    scale = model.models_[0].variance[0]
    kernel = scale * RBF(2.0) + WhiteKernel(0.1 * scale)
    peer = GaussianProcessRegressor(kernel, optimizer=None).fit(X, Y[:, 0])
    assert_allclose(std, peer.predict(NEW, return_std=True)[1], rtol=1e-8)
    two = WNTKRegressor().fit(X, Y * [1.0, 1000.0])
    ratio = two.noise_std_[1] / WNTKRegressor().fit(X, Y).noise_std_[1]
    assert two.noise_std_.shape == (2,) and 900 < ratio < 1100
    assert two.predict_interval(NEW, method="gaussian").shape == (7, 2, 2)


def test_intervals_are_in_units_of_the_targets():
    one = WNTKRegressor(tol=1e-2).fit(X, Y[:, 0])
    two = WNTKRegressor(tol=1e-2).fit(X, 100.0 + 8.0 * Y[:, 0])
    for method in ("jackknife+", "gaussian"):
        small, large = (m.predict_interval(NEW, method=method) for m in (one, two))
        assert_allclose(large, 100.0 + 8.0 * small, rtol=1e-6)


@pytest.fixture(params=["cholesky", "nystrom", "cg", "local"])
def fitted(request, monkeypatch):
    """A model by each solver."""
    turn(monkeypatch, cluster_rows=20)
    n = 20 if request.param in ("nystrom", "local") else None
    return clone(FIXED).set_params(solver=request.param, n_components=n).fit(X, Y)


def test_blocks_of_rows(fitted):
    """The working memory bounds how many rows are predicted at a time."""
    new = np.random.default_rng(0).standard_normal((300, 3))
    whole = fitted.predict_interval(new)
    with config_context(working_memory=0.05):
        parts = fitted.predict_interval(new)
    assert_allclose(parts, whole, rtol=0, atol=1e-12)


def test_too_few_rows_leave_everything_open():
    model = clone(FIXED).fit(X[:8], Y[:8, 0])
    assert_array_equal(model.predict_interval(NEW), np.tile([-np.inf, np.inf], (7, 1)))
    assert np.isfinite(clone(FIXED).fit(X[:9], Y[:9]).predict_interval(NEW)).all()
    labels = np.arange(8) % 2
    assert WNTKClassifier(**HELD).fit(X[:8], labels).predict_set(NEW).all()


def test_the_ends_of_a_small_coverage_are_in_order(fitted):
    new = np.random.default_rng(0).standard_normal((300, 3))
    assert (np.diff(fitted.predict_interval(new, 0.01), axis=1) >= 0.0).all()


def test_after_batches_and_within_other_estimators():
    model = clone(FIXED).set_params(n_components=20)
    model.partial_fit(X[:40], Y[:40]).partial_fit(X[40:], Y[40:])
    assert (np.diff(model.predict_interval(NEW), axis=1) > 0).all()
    bag = BaggingRegressor(clone(FIXED), n_estimators=2, random_state=0)
    assert bag.fit(X, Y[:, 0]).estimators_[0].predict_interval(NEW).shape == (7, 2)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90, -0.5, "0.9", None, np.nan])
def test_what_a_coverage_must_be(coverage):
    words = "coverage must be a number between 0 and 1, such as 0.9 .* got "
    with pytest.raises(ValueError, match=words):
        clone(FIXED).fit(X, Y).predict_interval(NEW, coverage)
    with pytest.raises(ValueError, match=words):
        WNTKClassifier(**HELD).fit(X, Y[:, 0] > 3).predict_set(NEW, coverage)


def test_what_cannot_be_told():
    with pytest.raises(NotFittedError):
        WNTKRegressor().predict_interval(NEW)
    with pytest.raises(NotFittedError):
        WNTKClassifier().predict_set(NEW)
    model = clone(FIXED).fit(X, Y)
    with pytest.raises(ValueError, match=r"method must be one of .*got 'bootstrap'"):
        model.predict_interval(NEW, method="bootstrap")
    assert not hasattr(WNTKRegressor(), "noise_std_")
