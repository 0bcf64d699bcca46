"""Protocols, which say on which rows a model is tuned and on which it is scored.

``nested``: all hyperparameters are chosen on the training rows of each fold.
``arora``: hyperparameters are chosen once, on the tuning split of the collection, and
kept for all folds, as in Arora et al. 2020 and Fernandez-Delgado et al. 2014. That
split overlaps the test rows, so the scores are somewhat too good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from sklearn.base import BaseEstimator, clone

from .._utils.memory import watch_peak
from .data.datasets import CLASSIFICATION, Dataset, Rows
from .data.folds import draw_splits
from .models.model import Job, Model, Tuner
from .models.preprocessing import make_preprocessor
from .quiet import counted_warnings
from .results.results_file import Row


@dataclass(frozen=True)
class StudySettings:
    """The settings of a whole study.

    Attributes
    ----------
    protocol : {"nested", "arora"}
        "nested" tunes models on the training rows of each fold. "arora" tunes them
        once, on the tuning split of the set, as Arora et al. (2020) do.
    seed : int
        Seed of the splits and of random models.
    quick : bool
        Whether this is a quick look, with fewer splits and fewer candidates.

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings
    >>> StudySettings(quick=True).inner_splits(n_rows=100)
    2
    """

    protocol: str = "nested"
    seed: int = 0
    quick: bool = False

    def inner_splits(self, n_rows: int) -> int:
        """Return the number of splits for tuning, which is smaller for large sets."""
        if self.quick:
            return 2
        return 5 if n_rows < 1000 else 3


def empty_row(dataset: Dataset, name: str, fold: int, settings: StudySettings) -> Row:
    """Return the row of a model on a fold of a set, without a result."""
    train, test = _rows_of(dataset, fold)
    return Row(
        task=dataset.task,
        set=dataset.name,
        fingerprint=dataset.fingerprint,
        model=name,
        fold=fold,
        **vars(settings),
        n_train=len(train),
        n_test=len(test),
    )


def score_folds(
    dataset: Dataset,
    name: str,
    model: Model,
    folds: Sequence[int],
    settings: StudySettings,
) -> list[Row]:
    """Score a model on some folds of a set; a failure becomes a row with its reason.

    The protocol "arora" tunes once for all of the folds.
    """
    rows, kept = [], None
    for fold in folds:
        row = empty_row(dataset, name, fold, settings)
        with counted_warnings() as heard:
            try:
                row, estimator = _score_fold(row, dataset, model, settings, kept)
                kept = estimator if settings.protocol == "arora" else None
                message = Counter(heard).most_common(1)[0][0] if heard else ""
            except Exception as error:  # the study goes on
                message = f"{type(error).__name__}: {error}"
        # Advice and links are paragraphs of their own.
        message = " ".join(message.strip().partition("\n\n")[0].split())[:300]
        rows.append(replace(row, n_warnings=len(heard), message=message))
    return rows


def _rows_of(dataset: Dataset, fold: int) -> Rows:
    assert dataset.folds is not None
    return dataset.folds[fold]


def _score_fold(
    row: Row,
    dataset: Dataset,
    model: Model,
    settings: StudySettings,
    estimator: BaseEstimator | None,
) -> tuple[Row, BaseEstimator]:
    """Return the row with what was measured, and the estimator, tuned unless given."""
    fold = _prepare(dataset, *_rows_of(dataset, row.fold))
    # This may import a package, which is no cost of the model.
    tuner = model.tuner(
        Job(dataset.task, len(dataset.y), settings.quick, settings.seed)
    )
    rise, start = watch_peak(), perf_counter()
    if estimator is None:
        estimator = PROTOCOLS[settings.protocol](tuner, dataset, fold, settings)
    else:
        estimator = clone(estimator)
    tuned = perf_counter()
    estimator.fit(fold.X, fold.y)
    fitted = perf_counter()
    # Some packages return an array with one column.
    predicted = np.ravel(estimator.predict(fold.X_test))
    done = perf_counter()
    if dataset.task == CLASSIFICATION:
        score = np.mean(predicted == fold.y_test)
    else:
        score = np.sqrt(np.mean((predicted - fold.y_test) ** 2))
    if not np.isfinite(score):
        raise ValueError("the predictions are not finite")
    measured = replace(
        row,
        status="ok",
        score=float(score),
        tune_seconds=tuned - start,
        fit_seconds=fitted - tuned,
        predict_seconds=done - fitted,
        megabytes=round(rise() / 1e6, 1),
        chosen=_chosen(estimator),
    )
    return measured, estimator


@dataclass(frozen=True)
class _Fold:
    """Inputs and targets of a fold, transformed as fitted to its training rows."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def _prepare(dataset: Dataset, train: np.ndarray, test: np.ndarray) -> _Fold:
    """Transform inputs, code classes as integers, standardise a continuous target."""
    preprocessor = make_preprocessor(dataset).fit(dataset.X[train])
    y, y_test = dataset.y[train], dataset.y[test]
    if dataset.task == CLASSIFICATION:
        classes, y = np.unique(y, return_inverse=True)
        codes = np.searchsorted(classes, y_test).clip(max=len(classes) - 1)
        # A class that is not among the training rows is never predicted.
        y_test = np.where(classes[codes] == y_test, codes, -1)
    else:
        mean, scale = y.mean(), y.std()
        if not scale > 0:
            raise ValueError("the target is constant on the training rows")
        y, y_test = (y - mean) / scale, (y_test - mean) / scale
    return _Fold(
        np.ascontiguousarray(preprocessor.transform(dataset.X[train])),
        y,
        np.ascontiguousarray(preprocessor.transform(dataset.X[test])),
        y_test,
    )


def _tune_nested(
    tuner: Tuner, dataset: Dataset, fold: _Fold, settings: StudySettings
) -> BaseEstimator:
    """Tune on splits of the training rows of the fold."""
    n_splits = settings.inner_splits(len(fold.y))
    splits = draw_splits(fold.y, dataset.task, n_splits, settings.seed)
    return tuner(fold.X, fold.y, splits)


def _tune_arora(
    tuner: Tuner, dataset: Dataset, fold: _Fold, settings: StudySettings
) -> BaseEstimator:
    """Tune on the tuning split of the set, whatever the fold."""
    assert dataset.tuning_split is not None
    every = np.arange(len(dataset.y))
    whole = _prepare(dataset, every, every[:1])
    return tuner(whole.X, whole.y, [dataset.tuning_split])


PROTOCOLS = {"nested": _tune_nested, "arora": _tune_arora}


def _chosen(estimator: BaseEstimator) -> str:
    """Return the estimator's `repr` on one line, with its changed parameters."""
    try:
        return " ".join(repr(estimator).split())[:300]
    except Exception:
        return type(estimator).__name__
