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
    """Mean scores over folds, for each set and model.

    Attributes
    ----------
    sets, models : list of str
        Names of the rows and of the columns.
    mean, error : ndarray of shape (n_sets, n_models)
        Mean over folds, and its standard error; NaN if a fold failed.
    asked : ndarray of bool of shape (n_sets, n_models)
        Mask of the pairs of set and model that are part of the study.
    costs : ndarray of shape (n_models, 4)
        Medians over folds of the seconds of tuning, of the fit and of the prediction,
        and of the megabytes by which memory rose.

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import run_study, score_table, with_folds
    >>> data = [with_folds(d, 2, seed=0) for d in load_bundled(["iris", "wine"])]
    >>> models = choose_models(["rbf-svm", "rbf-ridge"])
    >>> rows = run_study(data, models, StudySettings(quick=True), progress=False)
    >>> table = score_table(rows)
    >>> table.sets, table.models, table.mean.shape
    (['iris', 'wine'], ['rbf-svm', 'rbf-ridge'], (2, 2))
    """

    sets: list[str]
    models: list[str]
    mean: np.ndarray
    error: np.ndarray
    asked: np.ndarray
    costs: np.ndarray


def score_table(rows: Sequence[Row], published: Published | None = None) -> ScoreTable:
    """Return the score table of the rows of one task, with published scores added.

    Parameters
    ----------
    rows : sequence of Row
        Results of one task.
    published : mapping of str to mapping of str to float, default=None
        Scores by model and set; models without a score on these sets are left out.

    Returns
    -------
    ScoreTable

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import run_study, score_table, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=2, seed=0)
    >>> models = choose_models(["rbf-svm"])
    >>> rows = run_study([iris], models, StudySettings(quick=True), progress=False)
    >>> score_table(rows, {"theirs": {"iris": 0.5}}).models
    ['rbf-svm', 'theirs']
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
    r"""Read files of published scores.

    Parameters
    ----------
    paths : iterable of path-like
        Files in csv format, with the name of the set in a column ``name`` and a column
        for each model. Columns ``n``, ``d``, ``c`` and ``classes`` describe the set and
        are ignored; empty cells are missing scores.

    Returns
    -------
    dict of str to dict of str to float
        Scores by model and set.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ntk_sklearn.comparison import read_baselines
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "published.csv"
    ...     _ = path.write_text("name,n,forest\niris,150,0.95\nwine,178,0.98\n")
    ...     read_baselines([path])
    {'forest': {'iris': 0.95, 'wine': 0.98}}
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
