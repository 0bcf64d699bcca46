"""Ridge problems of many rows: conjugate gradients, and what follows if they fail."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from ntk_sklearn import NTKernel, WNTKRegressor
from ntk_sklearn.solvers import RowWeights, solve
from ntk_sklearn.solvers._one_matrix import solve_in_place

from .nystrom_cases import close

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 8))
Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]]) + 0.1 * RNG.standard_normal(
    (400, 2)
)
KERNEL = NTKernel(depth=3)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_small_ridge_is_solved_by_a_factorisation(weighted, intercept):
    weights = RowWeights.of(RNG.integers(1, 4, 400) if weighted else None, 400)
    K = KERNEL(X)
    expected = solve(K, Y, 1e-8, weights, intercept)
    # With a ridge of 1e-8, the residuals of 400 right-hand sides do not reach 1e-10.
    with pytest.warns(ConvergenceWarning, match="100 iterations.*factorised instead"):
        found = solve_in_place(K.copy(), Y, 1e-8, weights, intercept)
    close(found.dual_coef, expected.dual_coef, 1e-7)
    close(found.intercept, expected.intercept, 1e-9)


def test_a_fit_goes_on():
    model = WNTKRegressor(KERNEL, alpha=1e-8, alpha_bounds="fixed", max_iter=0)
    exact = model.fit(X, Y).predict(X[:50] + 0.1)
    with pytest.warns(ConvergenceWarning, match="the model is the same"):
        model.set_params(solver="cg").fit(X, Y)
    assert model.solver_ == "cg"
    close(model.predict(X[:50] + 0.1), exact, 1e-7)
