"""Tuners: functions that choose the hyperparameters of an estimator.

Each function in this module returns a tuner, ``tuner(X, y, splits) -> estimator``. It
chooses hyperparameters by (train, validation) splits of the rows, and returns an
estimator with these hyperparameters, not yet fitted.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV, ParameterGrid

from .model import Family, LearnedFamily, Tuner

# Maximum number of rows on which a Gaussian process is fitted.
EVIDENCE_ROWS = 1000


def as_is(estimator: BaseEstimator) -> Tuner:
    """Return a tuner that keeps the parameters of the estimator."""
    return lambda X, y, splits: clone(estimator)


def by_grid(estimator: BaseEstimator, grid: dict) -> Tuner:
    """Return a tuner that chooses from a grid by cross-validation."""
    candidates = list(ParameterGrid(grid))
    if len(candidates) == 1:
        return as_is(clone(estimator).set_params(**candidates[0]))

    def tune(X, y, splits):
        scoring = "accuracy" if is_classifier(estimator) else "neg_mean_squared_error"
        search = GridSearchCV(
            estimator, grid, scoring=scoring, cv=list(splits), refit=False
        )
        search.fit(X, y)
        return clone(estimator).set_params(**search.best_params_)

    return tune


def by_kernel_grid(
    estimator: BaseEstimator, family: Family, grid: dict, quick: bool
) -> Tuner:
    """Return a tuner that chooses a kernel and other parameters by cross-validation.

    Each Gram matrix is computed once, and each split uses some of its rows and columns.
    """

    def tune(X, y, splits):
        best, best_score = None, -np.inf
        for kernel, gram in family(X, quick):
            scores = _grid_scores(estimator, gram, y, splits, grid)
            at = int(np.argmax(scores))
            if scores[at] > best_score:
                best, best_score = (kernel, ParameterGrid(grid)[at]), scores[at]
        if best is None:
            raise ValueError("no kernel of the grid could be fitted on any split")
        kernel, parameters = best
        return clone(estimator).set_params(kernel=kernel, **parameters)

    return tune


def _grid_scores(estimator, gram, y, splits, grid) -> np.ndarray:
    """Return the mean validation score of each grid point, -inf if a fit failed."""
    candidates = list(ParameterGrid(grid))
    scores = np.zeros(len(candidates))
    for train, validation in splits:
        inner, cross = gram[np.ix_(train, train)], gram[np.ix_(validation, train)]
        for i, parameters in enumerate(candidates):
            model = clone(estimator).set_params(kernel="precomputed", **parameters)
            try:
                # Some estimators write into the matrix they are given.
                predicted = model.fit(inner.copy(), y[train]).predict(cross)
            except ValueError:  # for instance one class only, in a tiny split
                scores[i] = -np.inf
                continue
            scores[i] += _score(estimator, y[validation], predicted) / len(splits)
    return scores


def _score(estimator, y, predicted) -> float:
    if is_classifier(estimator):
        return float(np.mean(y == predicted))
    return -float(np.mean((y - predicted) ** 2))


def by_evidence(kernels: LearnedFamily, quick: bool) -> Tuner:
    """Return a tuner that learns and chooses kernels by the evidence."""

    def tune(X, y, splits):
        step = -(-len(y) // EVIDENCE_ROWS)
        X, y = X[::step], y[::step]
        fits = [
            GaussianProcessRegressor(kernel=kernel, alpha=1e-8).fit(X, y)
            for kernel in kernels(X, quick)
        ]
        best = max(fits, key=lambda fit: fit.log_marginal_likelihood_value_)
        return GaussianProcessRegressor(kernel=best.kernel_, alpha=1e-8, optimizer=None)

    return tune
