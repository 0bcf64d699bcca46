"""Pairs of rows to fit and rows to score, for the hold-out objective."""

from __future__ import annotations

import numpy as np

from .training_set import TrainingSet

Folds = list[tuple[np.ndarray, np.ndarray]]


def folds_of(
    rows: TrainingSet, n_folds: int | None, seed: int | np.random.RandomState
) -> Folds:
    """Return the splits of the hold-out objective: the user's own, or shuffled folds.

    Parameters
    ----------
    rows : TrainingSet
        The rows to split; `TrainingSet.roles` holds the user's own splits.
    n_folds : int or None
        Number of shuffled folds; None means that the splits are in
        `TrainingSet.roles`.
    seed : int or RandomState
        Seed that shuffles the folds.

    Returns
    -------
    list of pairs of ndarrays of int
        Numbers of the rows to fit and of the rows to score, for each split.

    Raises
    ------
    ValueError
        If one of the user's splits has no row left to fit or to score.
    """
    if n_folds is None:
        splits = [
            (np.flatnonzero(role == 1), np.flatnonzero(role == 2))
            for role in rows.roles.T
        ]
        if not all(len(train) and len(test) for train, test in splits):
            raise ValueError(
                "cv must leave rows of positive weight to fit and to score in each "
                f"split, among the {rows.n_rows} rows that are learned from, got a "
                "split without."
            )
        return splits
    n_folds = min(n_folds, rows.n_rows)
    if n_folds < 2:
        return []
    from sklearn.model_selection import KFold  # slow to import

    folds = KFold(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(rows.Y))
