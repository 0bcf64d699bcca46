"""Attribution by the estimators: sums, refits, copies, planted labels, sentences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_iris

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor

X, Y = load_diabetes(return_X_y=True)
X, Y, TEST = X[:70], Y[:70], X[70:80]
IRIS, LABELS = load_iris(return_X_y=True)
IRIS, LABELS, IRIS_TEST = IRIS[::3], LABELS[::3], IRIS[1::20]
KERNEL = NTKernel(depth=2, bias_variance_bounds="fixed")
FIXED = {"alpha": 0.3, "alpha_bounds": "fixed"}


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_contributions_sum_to_predictions(solver):
    weight = np.arange(len(Y)) % 3  # zeros, and copies
    model = WNTKRegressor(KERNEL, solver=solver).fit(X, Y, weight)
    parts = model.contributions(TEST)
    assert parts.shape == (10, 70)
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    assert not parts[:, weight == 0].any()
    two = WNTKRegressor(KERNEL, solver=solver).fit(X, np.column_stack([Y, Y**2]))
    parts = two.contributions(TEST)
    assert_allclose(parts.sum(axis=1), two.predict(TEST), rtol=1e-9)


def test_contributions_of_the_default_models():
    model = WNTKRegressor(max_iter=3).fit(X, Y)
    parts = model.contributions(TEST)
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    model = WNTKClassifier(max_iter=3).fit(IRIS, LABELS)
    assert len(model.models_) == 2
    sums = model.contributions(IRIS_TEST).sum(axis=1)
    assert_allclose(sums, model.decision_function(IRIS_TEST), rtol=1e-9, atol=1e-12)
    two = WNTKClassifier(KERNEL).fit(IRIS, LABELS == 1)
    sums = two.contributions(IRIS_TEST).sum(axis=1)
    assert_allclose(sums, two.decision_function(IRIS_TEST), rtol=1e-9, atol=1e-12)


def test_repeated_rows_share_their_part():
    rows = np.concatenate([X, X[:4]])
    model = WNTKRegressor(KERNEL, **FIXED).fit(rows, np.append(Y, Y[:4]))
    parts = model.contributions(TEST)
    assert_allclose(parts[:, :4], parts[:, 70:])
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    once = WNTKRegressor(KERNEL, **FIXED).fit(rows[1:], np.append(Y, Y[:4])[1:])
    change = model.influence(TEST)
    expected = model.predict(TEST) - once.predict(TEST)
    assert_allclose(change[:, 0], expected, rtol=1e-8, atol=1e-9)
    assert_allclose(change[:, 70], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_influence_is_that_of_a_refit(intercept):
    model = WNTKRegressor(KERNEL, fit_intercept=intercept, **FIXED)
    before, change = model.fit(X, Y).predict(TEST), model.influence(TEST)
    own = model.loo_influence_
    held_out = model.loo_predictions_
    for row in (0, 9):
        kept = np.delete(np.arange(70), row)
        rest = WNTKRegressor(KERNEL, fit_intercept=intercept, **FIXED)
        rest.fit(X[kept], Y[kept])
        expected = before - rest.predict(TEST)
        assert_allclose(change[:, row], expected, rtol=1e-8, atol=1e-8)
    fitted = model.predict(X)
    assert_allclose(own, (Y - held_out) ** 2 - (Y - fitted) ** 2, rtol=1e-7)
    changes = np.diag(model.influence(X))
    assert_allclose(changes, fitted - held_out, rtol=1e-8, atol=1e-8)


def test_groups_are_left_out_together():
    weight = 1 + np.arange(len(Y)) % 3
    model = WNTKRegressor(KERNEL, **FIXED).fit(X, Y, weight)
    groups = [[0, 1, 2], np.arange(20, 40)]
    change = model.influence(TEST, groups)
    assert change.shape == (10, 2)
    for column, group in zip(change.T, groups, strict=True):
        kept = np.delete(np.arange(70), group)
        rest = WNTKRegressor(KERNEL, **FIXED).fit(X[kept], Y[kept], weight[kept])
        expected = model.predict(TEST) - rest.predict(TEST)
        assert_allclose(column, expected, rtol=1e-7, atol=1e-8)


def test_a_classifier_tells_of_each_class():
    model = WNTKClassifier(KERNEL, **FIXED).fit(IRIS, LABELS)
    change = model.influence(IRIS_TEST)
    kept = np.arange(1, len(LABELS))
    rest = WNTKClassifier(KERNEL, **FIXED).fit(IRIS[kept], LABELS[kept])
    before, after = (m.decision_function(IRIS_TEST) for m in (model, rest))
    assert_allclose(change[:, 0], before - after, rtol=1e-7, atol=1e-9)
    own = model.influence(IRIS)[np.arange(50), np.arange(50)]
    hot, decision = np.eye(3)[LABELS], model.decision_function(IRIS)
    grown = (hot - decision + own) ** 2 - (hot - decision) ** 2
    assert_allclose(model.loo_influence_, grown.sum(axis=1), rtol=1e-7, atol=1e-9)


def test_own_influence_is_in_units_of_the_targets():
    """Scaling the targets by a thousand scales squared errors by a million."""
    small, large = (WNTKRegressor().fit(X, c * Y) for c in (1.0, 1000.0))
    ratio = large.loo_influence_ / small.loo_influence_
    assert_allclose(ratio, 1e6, rtol=1e-2)  # the path of learning may differ
    weight = np.ones(70)
    weight[3] = 0.0
    assert WNTKRegressor(KERNEL).fit(X, Y, weight).loo_influence_[3] == 0.0


def test_planted_labels_have_large_influence():
    labels = np.array(["a", "b", "c"])[LABELS]
    planted = [3, 20, 45]
    labels[planted] = ["c", "a", "a"]
    model = WNTKClassifier(KERNEL, objective="loo").fit(IRIS, labels)
    suspects = np.argsort(-model.loo_influence_)[:4]
    assert set(planted) <= set(suspects)


def test_what_a_solver_cannot_tell():
    nystrom = WNTKRegressor(KERNEL, solver="nystrom", n_components=10).fit(X, Y)
    with pytest.raises(ValueError, match="contributions of training rows need a coef"):
        nystrom.contributions(TEST)
    iterative = WNTKRegressor(KERNEL, solver="cg").fit(X, Y)
    for call in (nystrom.influence, iterative.influence):
        with pytest.raises(ValueError, match="needs a factorisation of their kernel"):
            call(TEST)
    with pytest.raises(AttributeError, match='needs a fit with solver_="cholesky"'):
        _ = iterative.loo_influence_
    model = WNTKRegressor(KERNEL, **FIXED).fit(X, Y)
    for group in ([], [70], [-1], [0.5], [[1]]):
        with pytest.raises(ValueError, match="numbers of training rows, from 0 to 69"):
            model.influence(TEST, [group])
