"""Rows of results as a table of sets by models."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import statistics
from .errors import StudyError
from .results import Row

# Columns of a file of published scores that describe the set.
_ABOUT_THE_SET = {"name", "n", "d", "c", "classes"}


@dataclass(frozen=True)
class ScoreTable:
    """Mean scores over folds.

    Attributes
    ----------
    sets, models : list of str
        Rows and columns.
    mean, error : ndarray of shape (n_sets, n_models)
        Mean over folds and its standard error; NaN where a fold failed.
    asked : ndarray of bool of shape (n_sets, n_models)
        Whether the study has the model on the set at all.
    seconds : ndarray of shape (n_models, 3)
        Mean seconds per fold: tuning, fit, predict.
    """

    sets: list[str]
    models: list[str]
    mean: np.ndarray
    error: np.ndarray
    asked: np.ndarray
    seconds: np.ndarray


def score_table(
    rows: Sequence[Row], published: Mapping[str, Mapping[str, float]] | None = None
) -> ScoreTable:
    """Collect rows of one task, and columns of published scores beside them.

    Parameters
    ----------
    rows : sequence of Row
    published : mapping of str to mapping of str to float, default=None
        Scores by model and set; models without a score on these sets are left out.
    """
    sets = list(dict.fromkeys(row.set for row in rows))
    models = list(dict.fromkeys(row.model for row in rows))
    table = _empty(sets, models)
    scores: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        at = sets.index(row.set), models.index(row.model)
        scores.setdefault(at, []).append(row.score)
    for at, values in scores.items():
        table.asked[at] = True
        table.mean[at] = np.mean(values)
        table.error[at] = standard_error(values)
    for j, model in enumerate(models):
        times = [
            (row.tune_seconds, row.fit_seconds, row.predict_seconds)
            for row in rows
            if row.model == model and row.ok
        ]
        if times:
            table.seconds[j] = np.mean(times, axis=0)
    return _beside(table, published or {})


def _empty(sets: list[str], models: list[str]) -> ScoreTable:
    shape = len(sets), len(models)
    return ScoreTable(
        sets,
        models,
        np.full(shape, np.nan),
        np.full(shape, np.nan),
        np.zeros(shape, dtype=bool),
        np.full((len(models), 3), np.nan),
    )


def standard_error(values) -> float:
    """Return the standard error of a mean; NaN for a single value."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan")
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _beside(table: ScoreTable, published) -> ScoreTable:
    known = {
        f"{model} (published)" if model in table.models else model: scores
        for model, scores in published.items()
        if any(name in scores for name in table.sets)
    }
    extra = _empty(table.sets, list(known))
    for j, scores in enumerate(known.values()):
        for i, name in enumerate(table.sets):
            if name in scores:
                extra.mean[i, j], extra.asked[i, j] = scores[name], True
    return ScoreTable(
        table.sets,
        table.models + extra.models,
        np.hstack([table.mean, extra.mean]),
        np.hstack([table.error, extra.error]),
        np.hstack([table.asked, extra.asked]),
        np.vstack([table.seconds, extra.seconds]),
    )


def complete_part(table: ScoreTable) -> tuple[ScoreTable, list[str]]:
    """Return the part without gaps, and the models left out.

    Models with a score on fewer than half of the sets go first, then the sets on which
    any remaining model has none.
    """
    scored = ~np.isnan(table.mean)
    keep = scored.mean(axis=0) >= 0.5
    full = scored[:, keep].all(axis=1)
    part = ScoreTable(
        [name for name, kept in zip(table.sets, full, strict=True) if kept],
        [name for name, kept in zip(table.models, keep, strict=True) if kept],
        table.mean[full][:, keep],
        table.error[full][:, keep],
        table.asked[full][:, keep],
        table.seconds[keep],
    )
    left_out = [name for name, kept in zip(table.models, keep, strict=True) if not kept]
    return part, left_out


def reference_model(table: ScoreTable, higher_is_better: bool) -> str:
    """Return whom the others are compared with: wntk, or else the best by mean rank."""
    if "wntk" in table.models:
        return "wntk"
    rank = statistics.ranks(table.mean, higher_is_better).mean(axis=0)
    return table.models[int(np.argmin(rank))]


def read_baselines(paths: Iterable) -> dict[str, dict[str, float]]:
    """Read published scores: a csv with a column ``name`` and a column per model.

    Columns ``n``, ``d``, ``c`` and ``classes`` describe the set; empty cells are gaps.

    Returns
    -------
    dict of str to dict of str to float
        Scores by model and set.
    """
    published: dict[str, dict[str, float]] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                if "name" not in (reader.fieldnames or ()):
                    raise StudyError(
                        f"--baselines {path}: has no column 'name' for the sets"
                    )
                for line in reader:
                    _take(published, line)
        except OSError as error:
            raise StudyError(f"--baselines {path}: {error.strerror}") from error
        except (UnicodeDecodeError, csv.Error, ValueError) as error:
            if isinstance(error, StudyError):
                raise
            raise StudyError(f"--baselines {path}: cannot be read: {error}") from error
    return published


def _take(published, line) -> None:
    for model, text in line.items():
        if model and model not in _ABOUT_THE_SET and text and text.strip():
            published.setdefault(model, {})[line["name"]] = float(text)
