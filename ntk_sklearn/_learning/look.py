"""A cheap look at which columns matter for the targets, alone and in pairs."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

# A column alone is described by this many cosines of its ranks, in a pair by the first
# few of them.
_COSINES, _COSINES_IN_PAIRS = 16, 5
# Pairs are formed of this many columns, and of this many outputs' main directions.
_MOST_COLUMNS, _MOST_OUTPUTS = 64, 8
# How far beyond the largest of the scores that columns without meaning would have.
_MARGIN = 1.5


def columns_that_matter(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return which columns tell something of the targets, alone or with another one.

    Cosines of the ranks of a column are correlated with the targets and their squares,
    and the products of two columns' cosines with the targets. The scores are compared
    with the largest one that as many columns without meaning would have.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Inputs.
    Y : ndarray of shape (n, k)
        Targets.

    Returns
    -------
    ndarray of bool, shape (d,)
    """
    Y = _directions(Y)
    waves = [_waves(column, _COSINES) for column in X.T]
    squares = Y**2 - np.mean(Y**2, axis=0)
    squares /= np.maximum(np.sqrt(np.mean(squares**2, axis=0)), 1e-12)
    scores = np.array([max(_score(w.T @ Y), _score(w.T @ squares)) for w in waves])
    found = scores > _threshold(2 * len(waves))
    chosen = np.sort(np.argsort(-scores, kind="stable")[:_MOST_COLUMNS])
    pairs = [_waves(X[:, j], _COSINES_IN_PAIRS) for j in chosen]
    found[chosen[_paired(pairs, Y)]] = True
    return found


def _directions(Y):
    """Return standardised main directions of the targets, (n, at most 8)."""
    Y = Y - Y.mean(axis=0)
    if Y.shape[1] > 1:
        U, size, _ = np.linalg.svd(Y, full_matrices=False)
        Y = U[:, :_MOST_OUTPUTS][:, size[:_MOST_OUTPUTS] > 1e-8 * size[0]]
    return Y / np.maximum(np.sqrt(np.mean(Y**2, axis=0)), 1e-300)


def _waves(column, number):
    """Return up to `number` orthonormal cosines of the ranks of a column."""
    n = len(column)
    at = (rankdata(column) - 0.5) / n
    waves = np.cos(np.pi * np.outer(at, np.arange(1, min(number, n // 4) + 1)))
    waves -= waves.mean(axis=0)
    U, size, _ = np.linalg.svd(waves, full_matrices=False)
    return U[:, size > 1e-6 * np.sqrt(n)]  # a column of few values has few


def _score(correlations):
    """Return a sum of squared correlations as a standard normal variable.

    Without a relation the sum has a chi-squared distribution, whose cube root is nearly
    normal (Wilson and Hilferty 1931).
    """
    k = max(correlations.size, 1)
    spread = 2.0 / (9.0 * k)
    size = float(np.sum(correlations**2)) / k
    return (np.cbrt(size) - 1.0 + spread) / np.sqrt(spread)


def _threshold(n_scores):
    return np.sqrt(2.0 * np.log(max(n_scores, 2))) + _MARGIN


def _paired(waves, Y):
    """Return the columns that matter in a pair with another one."""
    if len(waves) < 2:
        return np.empty(0, dtype=int)
    n = len(Y)
    ends = np.cumsum([w.shape[1] for w in waves])
    owner = np.repeat(np.arange(len(waves)), np.diff(ends, prepend=0))
    every = np.hstack(waves)
    squares = sum((every.T @ (y[:, None] * every)) ** 2 for y in Y.T)
    sums = np.zeros((len(waves), len(waves)))
    np.add.at(sums, (owner[:, None], owner[None, :]), n * squares)
    counts = np.bincount(owner, minlength=len(waves)).astype(float)
    k = np.maximum(np.outer(counts, counts) * Y.shape[1], 1.0)
    spread = 2.0 / (9.0 * k)
    scores = (np.cbrt(sums / k) - 1.0 + spread) / np.sqrt(spread)
    np.fill_diagonal(scores, -np.inf)
    return np.flatnonzero(scores.max(axis=1) > _threshold(len(waves) ** 2))
