"""The choice of the ridge on a grid."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn import NTKernel
from ntk_sklearn._learning.path import _walk, best_on_path
from ntk_sklearn._learning.ridge import PATH_ALPHAS, kernel_unit
from ntk_sklearn.solvers import ridge_path

from ..learning_cases import training_set


@pytest.mark.parametrize("n", [1400, 1700])  # below and above the limit of 1500 rows
@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_the_best_ridge_of_all_rows_is_found(n, noise):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 4))
    Y = np.sin(2.0 * X[:, :1]) + noise * rng.standard_normal((n, 1))
    rows = training_set(X, Y, rng.integers(1, 3, n))
    kernel = NTKernel(depth=2)
    found = best_on_path(kernel, rows, (1e-8, 1e8), True)
    K = kernel(X)
    alphas = PATH_ALPHAS * kernel_unit(K, rows.weights)
    path = ridge_path(K, Y, alphas, rows.weights)
    assert found.alpha == path.best_alpha
    assert_allclose(found.path[-1], path.errors.min(), rtol=1e-9)
    assert found.path[0] >= found.path[-1]
    assert found.rows == [n, n]


GRID = 10.0 ** np.arange(5)


@pytest.mark.parametrize("best", range(5))
@pytest.mark.parametrize("first", range(5))
def test_a_walk_ends_at_the_next_minimum(first, best):
    tried = []

    def along(alpha):
        distance = np.log10(alpha / GRID[best])
        tried.append(alpha)
        # On the minimum itself the slope may have either sign.
        return 1.0 + distance**2, distance or (-1.0) ** first

    found, path = _walk(along, GRID, first)
    assert found == GRID[best]
    assert path == [1.0 + (first - best) ** 2, 1.0]
    assert len(tried) <= abs(first - best) + 2


@pytest.mark.parametrize("slope", [-1e-18, 1e-18])
def test_of_equal_errors_the_largest_ridge_that_is_met_is_taken(slope):
    found, _ = _walk(lambda alpha: (1.0, slope), GRID, 2)
    assert found == GRID[2 if slope > 0.0 else 4]
