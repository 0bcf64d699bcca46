"""Folds of a data set, and the splits of its training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from ..errors import plural
from ..quiet import counted_warnings
from .datasets import CLASSIFICATION, Dataset, Rows


def with_folds(dataset: Dataset, n_folds: int, seed: int) -> Dataset:
    """Return a set with folds: its own, or else random ones.

    Parameters
    ----------
    dataset : Dataset
        The set.
    n_folds : int
        Number of folds. If the set has more of its own, the first ones are kept.
    seed : int
        Seed of random folds.

    Returns
    -------
    Dataset
        A copy with folds. Its notes mention if there are fewer folds than wanted, or if
        a class has too few rows for all folds.

    Examples
    --------
    >>> from ntk_sklearn.comparison import load_bundled, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=3, seed=0)
    >>> [(len(train), len(test)) for train, test in iris.folds]
    [(100, 50), (100, 50), (100, 50)]
    """
    folds = dataset.folds
    if folds is None:
        folds = tuple(draw_splits(dataset.y, dataset.task, n_folds, seed))
    notes = (*dataset.notes, *_about_folds(dataset, len(folds), n_folds))
    return replace(dataset, folds=folds[:n_folds], notes=notes)


def _about_folds(dataset: Dataset, n_folds: int, wanted: int) -> Iterator[str]:
    fewer = f"{plural(n_folds, 'fold')} instead of {wanted}"
    if dataset.folds is not None:
        if n_folds < wanted:
            yield f"{fewer}, the set comes with no more"
    elif dataset.task == CLASSIFICATION:
        sizes = np.unique(dataset.y, return_counts=True)[1]
        if n_folds < wanted:
            yield f"{fewer}, the largest class has {plural(sizes.max(), 'row')}"
        if sizes.min() < n_folds:
            rows = plural(sizes.min(), "row")
            yield f"the smallest class has {rows}, not all {n_folds} folds test it"
    elif n_folds < wanted:
        yield f"{fewer}, there are {plural(len(dataset.y), 'row')}"


def draw_splits(y, task: str, n_splits: int, seed: int) -> list[Rows]:
    """Return random cross-validation splits, stratified by class.

    If a class has fewer rows than there are splits, some parts have no row of it.
    """
    n_splits = min(n_splits, len(y))
    if task == CLASSIFICATION:
        largest = int(np.unique(y, return_counts=True)[1].max())
        if largest >= 2:
            n_splits = max(2, min(n_splits, largest))
            splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
            with counted_warnings():  # scikit-learn warns of a rare class
                return list(splitter.split(y, y))
    return list(KFold(n_splits, shuffle=True, random_state=seed).split(y))


def thinned(dataset: Dataset, n_rows: int, seed: int) -> Dataset:
    """Return a set with a random sample of at most `n_rows` rows, without folds."""
    if len(dataset.y) <= n_rows:
        return dataset
    rows = np.arange(len(dataset.y))
    try:
        strata = dataset.y if dataset.task == CLASSIFICATION else None
        kept, _ = train_test_split(
            rows, train_size=n_rows, random_state=seed, stratify=strata
        )
    except ValueError:  # a class of one row cannot be stratified
        kept, _ = train_test_split(rows, train_size=n_rows, random_state=seed)
    kept = np.sort(kept)
    notes = (*dataset.notes, f"{n_rows} of {len(rows)} rows")
    return replace(
        dataset,
        X=dataset.X[kept],
        y=dataset.y[kept],
        folds=None,
        tuning_split=None,
        notes=notes,
    )
