"""Rows of a Nyström model, and shorthands for fits of them."""

import numpy as np

from ntk_sklearn import NTKernel
from ntk_sklearn.solvers import (
    NystromFeatures,
    NystromSystem,
    accumulate,
    predict,
    select_centres,
)

KERNEL = NTKernel(depth=2)
rng = np.random.default_rng(0)
X = rng.standard_normal((600, 5))
Y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] ** 2 + 5.0])
Y += 0.1 * rng.standard_normal(Y.shape)
WEIGHT = rng.integers(0, 3, len(X))
CENTRES = X[select_centres(X, 60)]
NEW = rng.standard_normal((40, 5))


def system_of(X, Y, weight=None, centres=CENTRES, kernel=KERNEL, **options):
    features = NystromFeatures.of(kernel, centres)
    return accumulate(NystromSystem.empty(features, 2), X, Y, weight, **options)


def solved(system, alpha=0.1):
    return predict(system.features, system.solve(alpha), NEW)


def fit(X=X, Y=Y, weight=None, alpha=0.1, kernel=KERNEL, intercept=True, **options):
    features = NystromFeatures.of(kernel, CENTRES)
    system = NystromSystem.empty(features, 2, intercept)
    return solved(accumulate(system, X, Y, weight, **options), alpha)


def close(a, b, tolerance=1e-9):
    assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
