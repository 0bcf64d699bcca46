"""Conjugate gradients against the exact solve."""

import numpy as np
import pytest

from ntk_sklearn.solvers import conjugate_solve, solve
from ntk_sklearn.solvers._conjugate_gradient import pivoted_features

from .nystrom_cases import KERNEL, WEIGHT, X, Y, close


@pytest.mark.parametrize("rank", [None, 600])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5], ids=["even", "weighted"])
def test_conjugate_gradients_equal_cholesky(weight, intercept, rank):
    K = KERNEL(X)
    exact = solve(K, Y, 0.05, weight, intercept)
    found = conjugate_solve(K, Y, 0.05, weight, intercept, rank=rank, tol=1e-13)
    close(found.dual_coef, exact.dual_coef, 1e-8)
    np.testing.assert_allclose(found.intercept, exact.intercept, atol=1e-8)
    if rank == 600:  # the preconditioner is the inverse, but for rounding
        assert found.n_iter < 10


def test_pivots_go_where_something_is_left():
    # Ten rows that nothing else explains, among 190 that are equal.
    rows = np.vstack([np.zeros((190, 5)), 3.0 * X[:10]])
    K = KERNEL(rows)
    for seed in range(5):
        F = pivoted_features(K, np.diag(K).copy(), 11, seed)
        close(F @ F.T, K, 1e-12)


def test_a_pivot_is_not_drawn_again():
    # Five rows so large that their rounding is one percent of all that is left.
    A = np.vstack([X[:5], np.zeros((295, 5))])
    K = A @ A.T + np.diag(np.repeat([0.0, 5e-17], [5, 295]) * np.sum(A**2))
    for seed in range(20):
        F = pivoted_features(K, np.diag(K).copy(), 150, seed)
        assert np.isfinite(F).all()
        close(F @ F.T, K, 1e-13)


def test_conjugate_gradients_say_when_they_fail():
    with pytest.raises(np.linalg.LinAlgError, match=r"did not reach"):
        conjugate_solve(KERNEL(X), Y, 1e-6, rank=1, max_iter=2)
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite.*negative"):
        conjugate_solve(KERNEL(X) - 5 * np.eye(600), Y, 1e-6)
