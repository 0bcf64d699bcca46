"""Tables of scores, with sets as rows and models as columns."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from ..errors import StudyError
from . import statistics
from .results_file import Row

# Scores by model and set.
Published = Mapping[str, Mapping[str, float]]

COSTS = ("tune_seconds", "fit_seconds", "predict_seconds", "megabytes")
# Columns of a file of published scores that describe the set.
_ABOUT_THE_SET = {"name", "n", "d", "c", "classes"}


@dataclass(frozen=True)
class ScoreTable:
    """Mean scores over folds: sets are rows, models are columns.

    `mean` and its standard error are NaN if a fold failed; `asked` marks the pairs that
    are part of the study. `costs` has four columns for each model, the medians over
    folds of `COSTS`.
    """

    sets: list[str]
    models: list[str]
    mean: np.ndarray
    error: np.ndarray
    asked: np.ndarray
    costs: np.ndarray


def score_table(rows: Sequence[Row], published: Published | None = None) -> ScoreTable:
    """Return the score table of the rows of one task, with published scores added.

    Published models without a score on these sets are left out.
    """
    sets = list(dict.fromkeys(row.set for row in rows))
    scores: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        scores.setdefault((row.set, row.model), []).append(row.score)
    own = {row.model for row in rows}
    for model, by_set in (published or {}).items():
        name = f"{model} (published)" if model in own else model
        scores |= {(each, name): [by_set[each]] for each in sets if each in by_set}
    models = list(dict.fromkeys(model for _, model in scores))
    cells = [[scores.get((name, model), []) for model in models] for name in sets]
    done = [[row for row in rows if row.model == model and row.ok] for model in models]
    return ScoreTable(
        sets,
        models,
        np.array([[np.mean(cell) if cell else np.nan for cell in c] for c in cells]),
        np.array([[standard_error(cell) for cell in c] for c in cells]),
        np.array([[bool(cell) for cell in c] for c in cells]),
        np.array([_costs(finished) for finished in done]),
    )


def _costs(done: Sequence[Row]) -> np.ndarray:
    """Return medians over the folds of a model: the first of all fits also compiles."""
    costs = [[getattr(row, name) for name in COSTS] for row in done]
    return np.median(costs, axis=0) if done else np.full(len(COSTS), np.nan)


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean; NaN for a single value."""
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def complete_part(table: ScoreTable) -> tuple[ScoreTable, list[str]]:
    """Return the part of a table without gaps, and the models that are left out.

    Models without a score on more than half of the sets are left out first. Then sets
    are left out on which any of the remaining models has no score.
    """
    scored = ~np.isnan(table.mean)
    keep = scored.mean(axis=0) >= 0.5
    full = scored[:, keep].all(axis=1)
    part = ScoreTable(
        list(compress(table.sets, full)),
        list(compress(table.models, keep)),
        table.mean[full][:, keep],
        table.error[full][:, keep],
        table.asked[full][:, keep],
        table.costs[keep],
    )
    return part, list(compress(table.models, ~keep))


def reference_model(table: ScoreTable, higher_is_better: bool) -> str:
    """Return the reference model: "wntk" if present, else the best by mean rank."""
    if "wntk" in table.models:
        return "wntk"
    rank = statistics.ranks(table.mean, higher_is_better).mean(axis=0)
    return table.models[int(np.argmin(rank))]


def read_baselines(paths: Iterable[str | os.PathLike]) -> dict[str, dict[str, float]]:
    """Read csv files of published scores, by model and set.

    The name of the set is in a column ``name``, and each model has a column. Columns
    ``n``, ``d``, ``c`` and ``classes`` describe the set and are ignored; empty cells
    are missing scores.
    """
    published: dict[str, dict[str, float]] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, restval="")
                if "name" not in (reader.fieldnames or ()):
                    raise StudyError(
                        f"--baselines {path}: has no column 'name' for the sets"
                    )
                for line in reader:
                    for model, text in line.items():
                        if model and model not in _ABOUT_THE_SET and text.strip():
                            scores = published.setdefault(model, {})
                            scores[line["name"]] = float(text)
        except StudyError:
            raise
        except OSError as error:
            raise StudyError(f"--baselines {path}: {error.strerror}") from error
        except (csv.Error, ValueError) as error:  # not a text, not a number
            raise StudyError(f"--baselines {path}: cannot be read: {error}") from error
    return published
