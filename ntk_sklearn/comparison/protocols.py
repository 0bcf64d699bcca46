"""Protocols: what is tuned on which rows, and what is scored.

``nested``: everything is chosen inside each fold's training rows.
``arora``: hyperparameters are chosen once, on the collection's tuning split, and kept
for all folds, as Arora et al. 2020 and Fernandez-Delgado et al. 2014 do. That split
overlaps the test rows, so these scores have seen part of what they are scored on.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from .datasets import CLASSIFICATION, Dataset, draw_splits
from .models import Job, Model
from .preprocessing import make_preprocessor
from .quiet import counted_warnings
from .results import Row

PROTOCOLS = ("nested", "arora")


@dataclass(frozen=True)
class Settings:
    """What is the same for a whole study."""

    protocol: str = "nested"
    seed: int = 0
    quick: bool = False

    def inner_splits(self, n_rows: int) -> int:
        """Number of inner splits for tuning: fewer where each costs more."""
        if self.quick:
            return 2
        return 5 if n_rows < 1000 else 3


@dataclass(frozen=True)
class Outcome:
    """Scores and times of one fold."""

    score: float
    tune_seconds: float
    fit_seconds: float
    predict_seconds: float
    chosen: str


def score_folds(
    dataset: Dataset, name: str, model: Model, folds: list[int], settings: Settings
) -> list[Row]:
    """Score a model on some folds of a set; a failure becomes a row that says why.

    Parameters
    ----------
    dataset : Dataset
        With its folds.
    name : str
        What the model is called.
    model : Model
        A value of `MODELS`.
    folds : list of int
        Which folds. The protocol "arora" tunes once for all of them.
    settings : Settings
        Protocol, seed and budget.

    Returns
    -------
    list of Row
    """
    assert dataset.folds is not None
    job = Job(dataset.task, len(dataset.y), settings.quick, settings.seed)
    tuned, rows = None, []
    for fold in folds:
        train, test = dataset.folds[fold]
        outcome, message = None, ""
        with counted_warnings() as heard:
            try:
                if settings.protocol == "arora":
                    tuned = tuned or _tuned_on_split(dataset, model, job)
                    outcome = _with_tuned(dataset, *tuned, train, test)
                    tuned = (tuned[0], 0.0)  # the time of tuning counts once
                else:
                    outcome = _nested(dataset, model, job, settings, train, test)
            except Exception as error:  # recorded, and the study goes on
                message = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        outcome = outcome or Outcome(np.nan, np.nan, np.nan, np.nan, "")
        rows.append(
            Row(
                task=dataset.task,
                set=dataset.name,
                fingerprint=dataset.fingerprint,
                model=name,
                fold=fold,
                protocol=settings.protocol,
                seed=settings.seed,
                quick=settings.quick,
                status="failed" if message else "ok",
                score=outcome.score,
                tune_seconds=outcome.tune_seconds,
                fit_seconds=outcome.fit_seconds,
                predict_seconds=outcome.predict_seconds,
                n_train=len(train),
                n_test=len(test),
                n_warnings=len(heard),
                message=message,
                chosen=outcome.chosen,
            )
        )
    return rows


@dataclass(frozen=True)
class _Fold:
    """Inputs and targets of a fold, prepared by what its training rows say."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def _prepare(dataset: Dataset, train, test) -> _Fold:
    """Prepare columns; code classes as 0, 1, ...; standardise a continuous target."""
    preprocessor = make_preprocessor(dataset).fit(dataset.X[train])
    y, y_test = dataset.y[train], dataset.y[test]
    if dataset.task == CLASSIFICATION:
        classes, y = np.unique(y, return_inverse=True)
        codes = np.searchsorted(classes, y_test).clip(max=len(classes) - 1)
        # A class that training lacks is never predicted.
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


def _nested(dataset, model: Model, job: Job, settings: Settings, train, test):
    fold = _prepare(dataset, train, test)
    n_splits = settings.inner_splits(len(train))
    start = perf_counter()
    splits = draw_splits(fold.y, job.task, n_splits, settings.seed)
    estimator = model.tuner(job)(fold.X, fold.y, splits)
    return _score(fold, job, estimator, perf_counter() - start)


def _tuned_on_split(dataset: Dataset, model: Model, job: Job):
    """Choose on the collection's tuning split, over the rows of both its parts."""
    assert dataset.tuning_split is not None
    start = perf_counter()
    train, validation = dataset.tuning_split
    every = np.arange(len(dataset.y))
    fold = _prepare(dataset, every, every[:1])
    estimator = model.tuner(job)(fold.X, fold.y, [(train, validation)])
    return estimator, perf_counter() - start


def _with_tuned(dataset, estimator, tune_seconds, train, test):
    job = Job(dataset.task, len(train))
    return _score(_prepare(dataset, train, test), job, estimator, tune_seconds)


def _score(fold: _Fold, job: Job, estimator, tune_seconds: float) -> Outcome:
    start = perf_counter()
    estimator.fit(fold.X, fold.y)
    fitted = perf_counter()
    predicted = estimator.predict(fold.X_test)
    done = perf_counter()
    if job.classifies:
        # Some packages return one column.
        score = float(np.mean(np.ravel(predicted) == fold.y_test))
    else:
        score = float(np.sqrt(np.mean((np.ravel(predicted) - fold.y_test) ** 2)))
    if not np.isfinite(score):
        raise ValueError("the predictions are not finite")
    return Outcome(
        score, tune_seconds, fitted - start, done - fitted, _chosen(estimator)
    )


def _chosen(estimator) -> str:
    """Write the parameters that differ from the defaults on one line."""
    try:
        return " ".join(repr(estimator).split())[:300]
    except Exception:
        return type(estimator).__name__
