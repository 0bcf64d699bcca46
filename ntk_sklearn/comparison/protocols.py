"""Protocols, which say on which rows a model is tuned and on which it is scored.

``nested``: all hyperparameters are chosen on the training rows of each fold.
``arora``: hyperparameters are chosen once, on the tuning split of the collection, and
kept for all folds, as in Arora et al. 2020 and Fernandez-Delgado et al. 2014. That
split overlaps the test rows, so the scores are somewhat too good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sklearn.base import BaseEstimator, clone

from .._utils.memory import watch_peak
from .data.datasets import CLASSIFICATION, Dataset, Rows
from .data.folds import draw_splits
from .models.model import Job, Model
from .models.preprocessing import make_preprocessor
from .quiet import counted_warnings
from .results.results_file import Key, Row

PROTOCOLS = ("nested", "arora")


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


@dataclass(frozen=True)
class Outcome:
    """The score, the times, the memory and the chosen estimator of one fold."""

    score: float
    tune_seconds: float
    fit_seconds: float
    predict_seconds: float
    megabytes: float
    chosen: str


_NOTHING = Outcome(np.nan, np.nan, np.nan, np.nan, np.nan, "")


def row_key(dataset: Dataset, name: str, fold: int, settings: StudySettings) -> Key:
    """Return the key of the result of a model on a fold of a set."""
    return Key(
        task=dataset.task,
        set=dataset.name,
        fingerprint=dataset.fingerprint,
        model=name,
        fold=fold,
        protocol=settings.protocol,
        seed=settings.seed,
        quick=settings.quick,
    )


def score_folds(
    dataset: Dataset,
    name: str,
    model: Model,
    folds: Sequence[int],
    settings: StudySettings,
) -> list[Row]:
    """Score a model on some folds of a set; a failure becomes a row with its reason.

    Parameters
    ----------
    dataset : Dataset
        The set, with folds.
    name : str
        The name of the model.
    model : Model
        The model.
    folds : sequence of int
        Numbers of the folds. The protocol "arora" tunes once for all of them.
    settings : StudySettings
        The settings of the study.

    Returns
    -------
    list of Row
    """
    runner = {"nested": _Nested, "arora": _Arora}[settings.protocol]
    run_fold = runner(dataset, model, settings)
    return [_row(row_key(dataset, name, i, settings), run_fold, i) for i in folds]


def _row(key: Key, run_fold: _Nested, fold: int) -> Row:
    """Run a fold, and return its result."""
    outcome, status, message = _NOTHING, "failed", ""
    with counted_warnings() as heard:
        try:
            outcome, status = run_fold(fold), "ok"
        except Exception as error:  # the study goes on
            message = f"{type(error).__name__}: {error}"
    if status == "ok" and heard:
        message = Counter(heard).most_common(1)[0][0]
    train, test = run_fold.rows(fold)
    return Row(
        **vars(key),
        **vars(outcome),
        status=status,
        n_train=len(train),
        n_test=len(test),
        n_warnings=len(heard),
        message=" ".join(message.split())[:300],
    )


class _Nested:
    """The protocol that tunes on the training rows of each fold."""

    def __init__(self, dataset: Dataset, model: Model, settings: StudySettings):
        self.dataset, self.model, self.settings = dataset, model, settings
        self.job = Job(dataset.task, len(dataset.y), settings.quick, settings.seed)

    def rows(self, fold: int) -> Rows:
        """Return the training and the test rows of a fold."""
        assert self.dataset.folds is not None
        return self.dataset.folds[fold]

    def __call__(self, fold: int) -> Outcome:
        parts = _prepare(self.dataset, *self.rows(fold))
        n_splits = self.settings.inner_splits(len(parts.y))
        tuner = self.model.tuner(
            self.job
        )  # may import a package, which is no cost of it
        rise, start = watch_peak(), perf_counter()
        splits = draw_splits(parts.y, self.job.task, n_splits, self.settings.seed)
        estimator = tuner(parts.X, parts.y, splits)
        return _score(parts, self.job.task, estimator, perf_counter() - start, rise)


class _Arora(_Nested):
    """The protocol that tunes once, on the tuning split, and keeps the result."""

    estimator: BaseEstimator | None = None

    def __call__(self, fold: int) -> Outcome:
        rise, start = watch_peak(), perf_counter()
        if self.estimator is None:
            self.estimator = self._tuned()
        seconds = perf_counter() - start
        parts = _prepare(self.dataset, *self.rows(fold))
        return _score(parts, self.job.task, clone(self.estimator), seconds, rise)

    def _tuned(self) -> BaseEstimator:
        assert self.dataset.tuning_split is not None
        every = np.arange(len(self.dataset.y))
        parts = _prepare(self.dataset, every, every[:1])
        tuner = self.model.tuner(self.job)
        return tuner(parts.X, parts.y, [self.dataset.tuning_split])


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


def _score(
    fold: _Fold,
    task: str,
    estimator: BaseEstimator,
    tune_seconds: float,
    rise: Callable[[], float],
) -> Outcome:
    start = perf_counter()
    estimator.fit(fold.X, fold.y)
    fitted = perf_counter()
    predicted = estimator.predict(fold.X_test)
    done = perf_counter()
    if task == CLASSIFICATION:
        # Some packages return an array with one column.
        score = float(np.mean(np.ravel(predicted) == fold.y_test))
    else:
        score = float(np.sqrt(np.mean((np.ravel(predicted) - fold.y_test) ** 2)))
    if not np.isfinite(score):
        raise ValueError("the predictions are not finite")
    return Outcome(
        score,
        tune_seconds,
        fitted - start,
        done - fitted,
        round(rise() / 1e6, 1),
        _chosen(estimator),
    )


def _chosen(estimator: BaseEstimator) -> str:
    """Return the estimator's `repr` on one line, with its changed parameters."""
    try:
        return " ".join(repr(estimator).split())[:300]
    except Exception:
        return type(estimator).__name__
