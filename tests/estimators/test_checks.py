"""scikit-learn's own checks: both estimators, every optimiser and objective."""

import warnings
from itertools import product

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.objectives import OBJECTIVES
from ntk_sklearn.optimizers import OPTIMIZERS

ESTIMATORS = [WNTKRegressor(), WNTKClassifier()]
# Small problems many times over: few iterations, which is told and not wanted here.
ESTIMATORS += [
    estimator(
        WeightedNTKernel(depth=2),
        objective=objective,
        optimizer=optimizer,
        max_iter=3,
    )
    for estimator, objective, optimizer in product(
        (WNTKRegressor, WNTKClassifier), sorted(OBJECTIVES), sorted(OPTIMIZERS)
    )
]
ESTIMATORS += [
    WNTKRegressor(encoding=None, max_iter=3),
    WNTKClassifier(encoding=None, max_iter=3),
    WNTKRegressor(RBF(), max_iter=3),
    WNTKClassifier(NTKernel(depth=1), fit_intercept=False, max_iter=3),
    WNTKClassifier(class_weight="balanced"),
    WNTKRegressor(
        WeightedNTKernel(depth=2),
        optimizer="projected-gradient",
        learning_rate=1e-3,
        max_iter=3,
    ),
]


@pytest.fixture(autouse=True)
def _few_iterations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@parametrize_with_checks(ESTIMATORS)
def test_estimators(estimator, check):
    check(estimator)
