"""Kernel logistic regression against references, refits and scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from ntk_sklearn.solvers import (
    logistic_influence,
    logistic_leave_one_out,
    logistic_solve,
)
from ntk_sklearn.solvers._logistic import probabilities, row_losses

DATA = Path(__file__).parents[1] / "data"
VALUES = np.load(DATA / "logistic.npz")
CASES = {case["i"]: case for case in json.loads((DATA / "logistic.json").read_text())}
each_case = pytest.mark.parametrize("i", CASES)


def problem(i):
    y = VALUES[f"{i}_y"]
    Y = (y[:, None] == np.unique(y)).astype(float)
    Y = Y[:, 1:] if Y.shape[1] == 2 else Y
    K, weight = VALUES[f"{i}_K_XX"], VALUES[f"{i}_sample_weight"]
    return K, Y, float(VALUES[f"{i}_alpha"]), weight


@each_case
def test_reference_optimum(i):
    K, Y, alpha, weight = problem(i)
    cross = VALUES[f"{i}_K_ZX"]
    found = logistic_solve(K, Y, alpha, weight)
    close = {"rtol": 1e-10, "atol": 1e-10}
    assert_allclose(found.dual_coef, VALUES[f"{i}_dual_coef"], **close)
    assert_allclose(found.intercept, VALUES[f"{i}_intercept"], **close)
    proba = probabilities(cross @ found.dual_coef + found.intercept)
    assert_allclose(proba, VALUES[f"{i}_proba_Z"], **close)
    plain = logistic_solve(K, Y, alpha, weight, intercept=False)
    assert_allclose(plain.dual_coef, VALUES[f"{i}_dual_coef_no_intercept"], **close)
    proba = probabilities(cross @ plain.dual_coef)
    assert_allclose(proba, VALUES[f"{i}_proba_Z_no_intercept"], **close)
    # Warm starts lead to the same optimum.
    warm = logistic_solve(K, Y, alpha, weight, start=logistic_solve(K, Y, 9.0, weight))
    assert_allclose(warm.dual_coef, found.dual_coef, **close)


@each_case
def test_reference_leave_one_out(i):
    K, Y, alpha, weight = problem(i)
    found = logistic_solve(K, Y, alpha, weight)
    held_out = logistic_leave_one_out(K, Y, alpha, found, weight)
    # A common constant of all logits does nothing.
    centre = (lambda F: F - F.mean(axis=1, keepdims=True)) if Y.shape[1] > 1 else abs
    expected = VALUES[f"{i}_alo_decision"]
    assert_allclose(centre(held_out.decision), centre(expected), rtol=1e-8, atol=1e-9)
    losses = row_losses(VALUES[f"{i}_loo_decision"], Y)
    refitted = np.average(losses, weights=weight)
    assert_allclose(held_out.loss, refitted, rtol=0.05)


@each_case
@pytest.mark.parametrize("intercept", [True, False])
def test_influence_is_a_newton_step_to_the_refit(i, intercept):
    """Of training rows themselves it is leave-one-out; elsewhere it is near refits."""
    K, Y, alpha, weight = problem(i)
    found = logistic_solve(K, Y, alpha, weight, intercept)
    influence = logistic_influence(K, Y, alpha, found, K, weight, intercept)
    own = np.einsum("iic->ic", influence)
    held_out = logistic_leave_one_out(K, Y, alpha, found, weight, intercept)
    assert_allclose(found.decision - own, held_out.decision, rtol=1e-9, atol=1e-9)
    cross = VALUES[f"{i}_K_ZX"]
    influence = logistic_influence(K, Y, alpha, found, cross, weight, intercept)
    predicted = cross @ found.dual_coef + found.intercept
    refitted = np.empty_like(influence)
    for row in range(len(K)):
        kept = np.delete(np.arange(len(K)), row)
        rest = logistic_solve(
            K[np.ix_(kept, kept)], Y[kept], alpha, weight[kept], intercept
        )
        refitted[:, row] = predicted - cross[:, kept] @ rest.dual_coef - rest.intercept
    if Y.shape[1] > 1:
        refitted -= refitted.mean(axis=2, keepdims=True)
        influence -= influence.mean(axis=2, keepdims=True)
    # One step is not the optimum: it explains nearly all of the change.
    assert np.corrcoef(influence.ravel(), refitted.ravel())[0, 1] > 0.97
    assert np.linalg.norm(influence - refitted) < 0.35 * np.linalg.norm(refitted)


def test_equals_logistic_regression_on_features():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = rng.integers(3, size=60)
    Y = np.eye(3)[y]
    found = logistic_solve(X @ X.T, Y, alpha=0.5)
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(X, y)
    mine = probabilities(X @ (X.T @ found.dual_coef) + found.intercept)
    assert_allclose(mine, theirs.predict_proba(X), atol=1e-6)


def test_soft_targets_and_a_tiny_penalty():
    """Separable labels with hardly a penalty: large logits, still an optimum."""
    X = np.linspace(-1.0, 1.0, 30)[:, None]
    K, Y = np.exp(-((X - X.T) ** 2)), (X > 0.0).astype(float)
    found = logistic_solve(K, Y, alpha=1e-6)
    assert found.residual < 1e-6
    assert np.abs(found.decision).min() > 1.0
    soft = logistic_solve(K, 0.2 + 0.6 * Y, alpha=1e-3)
    assert_allclose(probabilities(soft.decision)[:, 1:], 0.2 + 0.6 * Y, atol=0.3)


def test_steps_that_run_out_are_told():
    X = np.linspace(-1.0, 1.0, 30)[:, None]
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(
        ConvergenceWarning, match="stopped after 1 steps with a residual"
    ):
        logistic_solve(X @ X.T, (X > 0.0).astype(float), alpha=1e-3, max_iter=1)
