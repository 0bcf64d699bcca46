"""KernelLogisticRegression: scikit-learn's checks, refits, attribution, sentences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import KernelLogisticRegression, NTKernel

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]
TEST = load_iris().data[1::5]


@parametrize_with_checks(
    [KernelLogisticRegression(), KernelLogisticRegression(RBF(), C="loo")],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_a_linear_kernel_is_logistic_regression():
    linear = DotProduct(sigma_0=0.0, sigma_0_bounds="fixed")
    with np.errstate(divide="ignore"):
        ours = KernelLogisticRegression(linear, C=2.0).fit(X, Y)
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(X, Y)
    proba = ours.predict_proba(TEST)
    assert_allclose(proba, theirs.predict_proba(TEST), atol=1e-5)
    assert_allclose(np.exp(ours.predict_log_proba(TEST)), proba)
    assert_array_equal(ours.predict(TEST), theirs.predict(TEST))


def test_penalties_are_searched():
    kernel = NTKernel(depth=1)
    search = GridSearchCV(KernelLogisticRegression(kernel), {"C": [1e-3, 1.0, 100.0]})
    assert search.fit(X, Y).best_params_["C"] > 1e-3
    chosen = KernelLogisticRegression(kernel, C="loo").fit(X, Y)
    losses = {}
    for C in (chosen.C_ / 1e4, chosen.C_):
        held_out = KernelLogisticRegression(kernel, C=C).fit(X, Y)
        decision = held_out.loo_decision_
        p = np.exp(decision - np.logaddexp.reduce(decision, axis=1, keepdims=True))
        losses[C] = -np.log(p[np.arange(len(Y)), Y]).mean()
    assert losses[chosen.C_] < min(v for C, v in losses.items() if chosen.C_ != C)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2]])
def test_contributions_sum_to_decision_values(labels):
    rows = np.isin(Y, labels)
    model = KernelLogisticRegression(NTKernel(depth=1)).fit(X[rows], Y[rows])
    parts = model.contributions(TEST)
    assert parts.shape[:2] == (len(TEST), rows.sum())
    assert_allclose(parts.sum(axis=1), model.decision_function(TEST), rtol=1e-10)
    change = model.influence(X[rows])
    assert change.shape[:2] == (rows.sum(), rows.sum())
    own = np.einsum("ii...->i...", change)
    held_out = model.decision_function(X[rows]) - own
    assert_allclose(held_out, model.loo_decision_, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("labels", [[1, 2], [0, 1, 2]])
def test_a_constant_in_the_kernel_does_nothing_beside_an_intercept(labels):
    rows = np.isin(Y, labels)
    constant = ConstantKernel(1e8, constant_value_bounds="fixed")
    plain = KernelLogisticRegression(RBF(), C=1e4).fit(X[rows], Y[rows])
    moved = KernelLogisticRegression(RBF() + constant, C=1e4).fit(X[rows], Y[rows])
    close = {"rtol": 1e-3, "atol": 1e-3}  # 16 digits less those of the constant
    expected = plain.decision_function(TEST)
    assert_allclose(moved.decision_function(TEST), expected, **close)
    assert_allclose(moved.loo_decision_, plain.loo_decision_, **close)
    assert_allclose(moved.influence(TEST), plain.influence(TEST), **close)
    small = KernelLogisticRegression(NTKernel(depth=1), C="loo")
    assert small.fit(1e-6 * X[rows], Y[rows]).n_iter_ < 10


@pytest.mark.parametrize("labels", [[1, 2], [0, 1, 2]])
def test_a_wrong_label_has_the_largest_influence_on_itself(labels):
    rows = np.isin(Y, labels)
    y = np.array(["a", "b", "c"])[Y[rows]]
    wrong = 3
    y[wrong] = "c"
    model = KernelLogisticRegression(RBF(), C=10.0).fit(X[rows], y)
    assert model.loo_influence_.shape == (rows.sum(),)
    assert np.argmax(model.loo_influence_) == wrong


def test_rows_of_weight_zero_are_left_out():
    weight = np.ones(len(X))
    weight[::4] = 0
    weighted = KernelLogisticRegression().fit(X, Y, weight)
    kept = KernelLogisticRegression().fit(X[weight > 0], Y[weight > 0])
    assert_allclose(weighted.predict_proba(TEST), kept.predict_proba(TEST))
    assert len(weighted.X_fit_) == (weight > 0).sum()


def test_one_class_is_too_few():
    model = KernelLogisticRegression()
    with pytest.raises(ValueError, match="at least 2 classes among rows of positive"):
        model.fit(X, Y, (Y == 0).astype(float))
