"""Statistics over many data sets that are usual in the literature on tabular data.

Scores are arrays of shape (n_sets, n_models) without missing values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

# A signed-rank test of fewer pairs cannot reach the 5 % level.
FEWEST_SETS = 6


def ranks(scores, higher_is_better: bool) -> np.ndarray:
    """Return the ranks of the models on each set: 1 is the best, ties are averaged.

    The means of the columns are the Friedman ranks of the models.
    """
    # Means of accuracies that differ within rounding error are ties.
    scores = np.round(np.asarray(scores, dtype=float), 12)
    return stats.rankdata(-scores if higher_is_better else scores, axis=1)


def friedman_p(scores) -> float:
    """Return the p-value of Friedman's test that all models do equally well.

    It is NaN for fewer than three models or two sets.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.shape[1] < 3 or len(scores) < 2:
        return float("nan")
    if (np.ptp(scores, axis=1) == 0).all():
        return 1.0
    return float(stats.friedmanchisquare(*scores.T).pvalue)


def percent_of_maximum(accuracies) -> np.ndarray:
    """Return PMA: the mean over sets of accuracy divided by the best, in per cent."""
    return 100 * _of_best(accuracies).mean(axis=0)


def p_at(accuracies, share: float) -> np.ndarray:
    """Return P90 or P95: the percentage of sets with that share of the best accuracy.

    For P90, `share` is 0.9.
    """
    # A share that is reached up to rounding counts as reached.
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
    return np.minimum(stepped, 1.0)[np.argsort(order)]


def wilcoxon_p(difference) -> float:
    """Return the two-sided p-value of the signed-rank test; 1 if all pairs are ties."""
    return float(stats.wilcoxon(difference).pvalue) if np.any(difference) else 1.0


class Contest(NamedTuple):
    """A reference model against another over all sets; its score less the other's."""

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
    """Compare a reference model with all others, with p-values adjusted by Holm.

    The columns of the scores are `names`, of which the reference is one.
    """
    scores, at = np.asarray(scores, dtype=float), names.index(reference)
    # Differences within rounding error are ties, as accuracies are ratios of counts.
    gains = np.delete(np.round(scores[:, [at]] - scores, 12), at, axis=1).T
    signs = np.sign(gains) * (1 if higher_is_better else -1)
    wins, ties, losses = ((signs == sign).sum(axis=1) for sign in (1, 0, -1))
    p = [wilcoxon_p(gain) for gain in gains]
    others = [name for name in names if name != reference]
    columns = (wins, ties, losses, gains.mean(axis=1), np.array(p), holm(p))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Contest(name, *row) for name, row in zip(others, rows, strict=True)]


def critical_difference(n_models: int, n_sets: int, level: float = 0.05) -> float:
    """Return the difference of mean ranks that is significant by Nemenyi's test [1]_.

    References
    ----------
    .. [1] Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets",
       JMLR 7, 2006.
    """
    q = stats.studentized_range.ppf(1 - level, n_models, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_sets)))
