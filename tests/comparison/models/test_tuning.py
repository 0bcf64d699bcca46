"""Kernels and parameters that tuners choose."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import KFold, ParameterGrid
from sklearn.svm import SVC, SVR

from ntk_sklearn.comparison.models.peers import KernelRidgeClassifier
from ntk_sklearn.comparison.models.tuning import by_kernel_grid

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.sin(2 * X[:, 0]) + 0.1 * RNG.normal(size=60)
SPLITS = list(KFold(3).split(X))
SCALES = (0.1, 1.0, 20.0)


def family(X, quick):
    for scale in SCALES:
        yield RBF(scale, "fixed"), RBF(scale)(X)


def scores(estimator, grid, y):
    """Return the validation score of each kernel and grid point, by plain loops."""
    found = {}
    for scale in SCALES:
        for at, parameters in enumerate(ParameterGrid(grid)):
            model = estimator.set_params(kernel=RBF(scale), **parameters)
            each = []
            for train, test in SPLITS:
                predicted = model.fit(X[train], y[train]).predict(X[test])
                error = (predicted - y[test]) ** 2
                each.append(np.mean(-error if y is Y else predicted == y[test]))
            found[scale, at] = np.mean(each)
    return found


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (KernelRidge(), {"alpha": [1e-3, 0.1, 10.0]}),
        (SVR(), {"C": [0.1, 10.0]}),
        (KernelRidgeClassifier(), {"alpha": [1e-3, 0.1, 10.0]}),
        (SVC(), {"C": [0.1, 10.0]}),
    ],
)
def test_the_best_kernel_and_parameters_are_chosen(estimator, grid):
    y = Y if isinstance(estimator, (KernelRidge, SVR)) else (Y > 0).astype(int)
    chosen = by_kernel_grid(estimator, family, grid, quick=False)(X, y, SPLITS)
    tried = scores(type(estimator)(), grid, y)
    parameters = {name: getattr(chosen, name) for name in grid}
    mine = chosen.kernel.length_scale, list(ParameterGrid(grid)).index(parameters)
    # Two solves of one system differ by rounding.
    assert tried[mine] == pytest.approx(max(tried.values()), rel=1e-9)
    assert min(tried.values()) < max(tried.values()) - 0.05


def test_kernels_that_cannot_be_fitted_are_passed_over():
    def broken(X, quick):
        yield RBF(1.0), np.full((len(X), len(X)), np.nan)

    def one_broken(X, quick):
        yield from broken(X, quick)
        yield from family(X, quick)

    grid = {"alpha": [0.1, 1.0]}
    chosen = by_kernel_grid(KernelRidge(), one_broken, grid, False)(X, Y, SPLITS)
    alone = by_kernel_grid(KernelRidge(), family, grid, False)(X, Y, SPLITS)
    assert chosen.get_params() == alone.get_params()
    with pytest.raises(ValueError, match="no kernel of the grid could be fitted"):
        by_kernel_grid(KernelRidge(), broken, grid, False)(X, Y, SPLITS)


def test_matrices_of_a_kernel_are_not_changed():
    seen = []

    def kept(X, quick):
        for kernel, gram in family(X, quick):
            seen.append((gram, gram.copy()))
            yield kernel, gram

    by_kernel_grid(KernelRidge(), kept, {"alpha": [0.1, 1.0]}, False)(X, Y, SPLITS)
    for gram, before in seen:
        assert_array_equal(gram, before)
