"""Data and models that the tests of the estimators share."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from ntk_sklearn import WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.estimators import _base

BOTH = [WNTKRegressor, WNTKClassifier]
both = pytest.mark.parametrize("estimator", BOTH)


def regression(n=45, outputs=None, seed=0, features=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features))
    signal = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
    Y = 3.0 + signal + 0.2 * rng.standard_normal(signal.shape)
    return (X, Y) if outputs == 2 else (X, Y.sum(axis=1))


def classification(n=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    score = X[:, 0] + 0.7 * X[:, 1] ** 2 + 0.4 * rng.standard_normal(n)
    cuts = np.quantile(score, np.arange(1, classes) / classes)
    return X, np.array(["bee", "ant", "cat", "dog"])[np.searchsorted(cuts, score)]


WEIGHT = np.random.default_rng(5).integers(0, 4, 45)
FIXED_KERNEL = WeightedNTKernel(
    depth=2,
    layer_weights=[0.2, 1.0, 0.5],
    layer_weights_bounds="fixed",
    bias_variance_bounds="fixed",
)
HELD = {"kernel": FIXED_KERNEL, "alpha": 0.3, "alpha_bounds": "fixed"}


def held_out(model):
    """Blended leave-one-out predictions of distinct rows, of indicators unmixed."""
    parts = zip(model.blend_weights_, model.models_, strict=True)
    return sum(share * one.held_out.predictions for share, one in parts)


def indicators(model, X):
    """Predicted indicators of three classes or more, before they are mixed."""
    return np.linalg.solve(model.class_mixing_, model.decision_function(X).T).T


def turn(monkeypatch, **sizes):
    """Fit with other sizes, which no parameter of an estimator sets."""
    usual = _base.fit_options

    def fit_options(*args):
        return replace(usual(*args), **sizes)

    monkeypatch.setattr(_base, "fit_options", fit_options)


def quiet(model, *data, **params):
    """Fit with few iterations, which is told and not wanted here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **params)
