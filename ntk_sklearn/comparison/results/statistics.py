"""Statistics over many data sets, as the literature on tabular learning reports them.

A score table is an array of shape (n_sets, n_models) without missing values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

# A signed-rank test of fewer pairs cannot reach the 5 % level.
FEWEST_SETS = 6


def ranks(scores, higher_is_better: bool) -> np.ndarray:
    """Rank the models on each set: 1 is best, ties share the mean of their ranks.

    Parameters
    ----------
    scores : array-like of shape (n_sets, n_models)
    higher_is_better : bool

    Returns
    -------
    ndarray of shape (n_sets, n_models)
        The columns' means are the models' Friedman ranks.
    """
    scores = np.asarray(scores, dtype=float)
    return stats.rankdata(-scores if higher_is_better else scores, axis=1)


def friedman_p(scores) -> float:
    """Return the p-value of Friedman's test that all models do equally well.

    NaN below three models or two sets.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.shape[1] < 3 or len(scores) < 2:
        return float("nan")
    if (np.ptp(scores, axis=1) == 0).all():
        return 1.0
    return float(stats.friedmanchisquare(*scores.T).pvalue)


def percent_of_maximum(accuracies) -> np.ndarray:
    """PMA: mean over sets of the accuracy divided by the best model's, in percent."""
    return 100 * _of_best(accuracies).mean(axis=0)


def p_at(accuracies, share: float) -> np.ndarray:
    """P90, P95: percentage of sets where at least that share of the best is reached."""
    # A hair of tolerance: 0.9 times the best is reached if it is reached to rounding.
    return 100 * (_of_best(accuracies) >= share - 1e-12).mean(axis=0)


def _of_best(accuracies) -> np.ndarray:
    accuracies = np.asarray(accuracies, dtype=float)
    best = accuracies.max(axis=1, keepdims=True)
    return np.divide(accuracies, best, out=np.ones_like(accuracies), where=best > 0)


def holm(p_values) -> np.ndarray:
    """Adjust p-values for the number of tests, by Holm's step-down method."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def wilcoxon_p(first, second) -> float:
    """Two-sided p-value of the signed-rank test; 1 if all pairs are equal."""
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    # Scores are ratios of counts: differences within rounding are ties.
    difference = np.round(difference, 12)
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference).pvalue)


@dataclass(frozen=True)
class Contest:
    """A reference model against another one over all sets."""

    other: str
    wins: int
    ties: int
    losses: int
    mean_difference: float
    p: float
    p_holm: float


def against(
    scores, names: list[str], reference: str, higher_is_better: bool
) -> list[Contest]:
    """Compare a reference model with all others, p-values adjusted by Holm's method.

    Parameters
    ----------
    scores : array-like of shape (n_sets, n_models)
    names : list of str
        The columns.
    reference : str
        One of `names`.
    higher_is_better : bool

    Returns
    -------
    list of Contest
        ``mean_difference`` is the reference's mean score less the other's.
    """
    scores = np.asarray(scores, dtype=float)
    sign = 1 if higher_is_better else -1
    mine = scores[:, names.index(reference)]
    others = [name for name in names if name != reference]
    gains = [np.round(mine - scores[:, names.index(name)], 12) for name in others]
    p_values = [wilcoxon_p(gain, np.zeros(len(gain))) for gain in gains]
    return [
        Contest(
            name,
            int((sign * gain > 0).sum()),
            int((gain == 0).sum()),
            int((sign * gain < 0).sum()),
            float(gain.mean()),
            p,
            float(adjusted),
        )
        for name, gain, p, adjusted in zip(
            others, gains, p_values, holm(p_values), strict=True
        )
    ]


def critical_difference(n_models: int, n_sets: int, level: float = 0.05) -> float:
    """Difference of mean ranks that Nemenyi's test calls significant [1]_.

    References
    ----------
    .. [1] Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets",
       JMLR 7, 2006.
    """
    q = stats.studentized_range.ppf(1 - level, n_models, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_sets)))


def cliques(mean_ranks, difference: float) -> list[tuple[int, int]]:
    """Find groups of models that do not differ: first and last place, best rank first.

    Only groups of two or more that lie in no larger one.
    """
    ordered = np.sort(np.asarray(mean_ranks, dtype=float))
    groups: list[tuple[int, int]] = []
    for first, rank in enumerate(ordered):
        last = int(np.searchsorted(ordered, rank + difference, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups
