"""Running a study: every model on every set, except results that exist already."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from math import nan
from typing import NamedTuple

from .._utils.progress import Progress
from .cells import Cell, run_cells
from .data.datasets import CLASSIFICATION, Dataset
from .errors import StudyError
from .models.model import Model
from .protocols import StudySettings, empty_row
from .results.results_file import ResultsFile, Row

# Finished fits from which the remaining time is told.
FEWEST = 3


class _Wanted(NamedTuple):
    """A set and a model, with the keys of the results on all folds."""

    dataset: Dataset
    name: str
    model: Model
    keys: dict[int, tuple]


def run_study(
    datasets: Sequence[Dataset],
    models: Mapping[str, Model],
    settings: StudySettings | None = None,
    *,
    out: str | os.PathLike | None = None,
    n_jobs: int | None = None,
    progress: bool = True,
    retry_failed: bool = False,
) -> list[Row]:
    """Score models on data sets.

    Parameters
    ----------
    datasets : sequence of Dataset
        The sets, with folds: see `with_folds`.
    models : mapping of str to Model
        Models by name, see `choose_models`. Each runs on the sets of its tasks.
    settings : StudySettings, default=None
        Protocol, seed and budget. None means the default settings.
    out : path-like, default=None
        A csv file to which each result is added. Results that it already has, for sets
        with the same content, the same models and the same settings, are not computed
        again.
    n_jobs : int, default=None
        Number of cells at a time, on joblib's active backend; fewer if memory is
        short. None means joblib's own default, -1 all cores.
    progress : bool, default=True
        Whether to show the progress on stderr.
    retry_failed : bool, default=False
        Whether to compute results again that are recorded as failures.

    Returns
    -------
    list of Row
        A row for each set, model and fold, in that order.

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import run_study, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=3, seed=0)
    >>> models = choose_models(["rbf-svm"])
    >>> rows = run_study([iris], models, StudySettings(quick=True), progress=False)
    >>> [row.fold for row in rows], all(row.score > 0.9 for row in rows)
    ([0, 1, 2], True)
    """
    settings = settings or StudySettings()
    _check_protocol(datasets, settings)
    with ResultsFile(out) if out is not None else nullcontext() as file:
        done = {
            row.key: row
            for row in (file.rows if file else [])
            if row.ok or not retry_failed
        }
        wanted = list(_wanted(datasets, models, settings))
        if not wanted:
            tasks = " or ".join(dict.fromkeys(dataset.task for dataset in datasets))
            raise StudyError(f"none of the models is for {tasks}: {', '.join(models)}")
        cells = list(_pending(wanted, settings, done))
        _run(cells, run_cells(cells, settings, n_jobs), progress, done, file)
    return [done[key] for piece in wanted for key in piece.keys.values()]


def _check_protocol(datasets: Sequence[Dataset], settings: StudySettings) -> None:
    if settings.protocol != "arora":
        return
    for dataset in datasets:
        if dataset.task != CLASSIFICATION or dataset.tuning_split is None:
            raise StudyError(
                f"protocol arora needs sets with a tuning split (train_idx, val_idx), "
                f"and {dataset.name} has none; use --protocol nested"
            )


def _wanted(
    datasets: Sequence[Dataset], models: Mapping[str, Model], settings: StudySettings
) -> Iterator[_Wanted]:
    for dataset in datasets:
        folds = range(len(dataset.folds or ()))
        for name, model in models.items():
            if dataset.task in model.tasks:
                rows = [empty_row(dataset, name, fold, settings) for fold in folds]
                keys = {row.fold: row.key for row in rows}
                yield _Wanted(dataset, name, model, keys)


def _pending(
    wanted: Sequence[_Wanted], settings: StudySettings, done: Mapping[tuple, Row]
) -> Iterator[Cell]:
    """Yield the cells that are not done; the protocol "arora" has one for all folds."""
    for dataset, name, model, keys in wanted:
        folds = tuple(fold for fold, key in keys.items() if key not in done)
        if settings.protocol != "arora":
            yield from (Cell(dataset, name, model, (fold,)) for fold in folds)
        elif folds:
            yield Cell(dataset, name, model, folds)


def _run(
    cells: Sequence[Cell],
    results: Iterable[tuple[int, list[Row]]],
    show: bool,
    done: dict[tuple, Row],
    file: ResultsFile | None,
) -> None:
    """Store the results of cells, in memory and in the file, as they are finished."""
    progress = Progress("compare", unit="fits", stream=sys.stderr)
    if show:
        progress(0, len(cells), label="the first fit on a machine also compiles")
    for count, (at, rows) in enumerate(results, start=1):
        for row in rows:
            done[row.key] = row
            if file is not None:
                file.add(row)
        if show:
            label = f"{cells[at].dataset.name}, {cells[at].name}"
            # The first fits, which also compile, say nothing of the others.
            progress(count, len(cells), None if count >= FEWEST else nan, label)
