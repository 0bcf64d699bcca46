"""Running a study: cells of sets and models, in parallel, resumed where it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

from .datasets import CLASSIFICATION, Dataset
from .errors import StudyError
from .models import MODELS, Model, choose_models
from .progress import Progress
from .protocols import Settings, row_key, score_folds
from .results import ResultsFile, Row

# Share of the free memory that a study plans with.
MEMORY_SHARE = 0.7
# Rows below which a fit keeps to one thread.
SMALL = 2000


@dataclass(frozen=True)
class Cell:
    """A piece of work: some folds of one model on one set."""

    dataset: Dataset
    name: str
    model: Model
    folds: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Rough need of memory, for the n × n matrices."""
        return 8 * self.model.squares * len(self.dataset.y) ** 2

    @property
    def weight(self) -> float:
        """Rough cost, for the remaining time."""
        return len(self.folds) * (len(self.dataset.y) + 50) ** 1.7

    def run(self, settings: Settings) -> list[Row]:
        """Score the folds."""
        return score_folds(self.dataset, self.name, self.model, self.folds, settings)


def run_study(
    datasets: Sequence[Dataset],
    models: Sequence[str] | None = None,
    settings: Settings | None = None,
    *,
    out=None,
    n_jobs: int | None = None,
    progress: bool = True,
    retry_failed: bool = False,
) -> list[Row]:
    """Score models on data sets.

    Parameters
    ----------
    datasets : sequence of Dataset
        With their folds, see `with_folds`.
    models : sequence of str, default=None
        Keys of `MODELS`; None means the default ones.
    settings : Settings, default=None
        Protocol, seed and budget.
    out : path-like, default=None
        A csv file that receives every row as it comes. Rows it already holds for these
        sets (with the same content), models and settings are not computed again.
    n_jobs : int, default=None
        Number of cells at a time, on joblib's active backend; fewer if memory is
        short. None means joblib's own default, -1 all cores.
    progress : bool, default=True
        Whether to show a line on stderr.
    retry_failed : bool, default=False
        Whether recorded failures are tried again.

    Returns
    -------
    list of Row
        One for each set, model and fold, in that order.

    Examples
    --------
    >>> from ntk_sklearn.comparison import Settings, load_bundled, run_study, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=3, seed=0)
    >>> rows = run_study([iris], ["rbf-svm"], Settings(quick=True), progress=False)
    >>> [row.fold for row in rows], all(row.score > 0.9 for row in rows)
    ([0, 1, 2], True)
    """
    settings = settings or Settings()
    _check_protocol(datasets, settings)
    with ResultsFile(out) if out is not None else nullcontext() as file:
        done = {
            row.key: row
            for row in (file.rows if file else [])
            if row.ok or not retry_failed
        }
        wanted = [_wanted(dataset, models, settings) for dataset in datasets]
        _forget_other_folds(wanted, done)
        if not any(wanted):
            tasks = " or ".join(dict.fromkeys(dataset.task for dataset in datasets))
            raise StudyError(
                f"none of the models is for {tasks}: {', '.join(models or MODELS)}"
            )
        cells = list(_pending(wanted, settings, done))
        _run(cells, settings, n_jobs, progress, done, file)
    return [
        done[key] for keyed in wanted for *_, keys in keyed for key in keys.values()
    ]


def _check_protocol(datasets, settings: Settings) -> None:
    if settings.protocol != "arora":
        return
    for dataset in datasets:
        if dataset.task != CLASSIFICATION or dataset.tuning_split is None:
            raise StudyError(
                f"protocol arora needs sets with a tuning split (train_idx, val_idx), "
                f"and {dataset.name} has none; use --protocol nested"
            )


def _wanted(dataset: Dataset, models, settings: Settings) -> list[tuple]:
    """Every model of a set, with the keys of its folds."""
    wanted = []
    for name, model in choose_models(models, dataset.task).items():
        folds = range(len(dataset.folds or ()))
        keys = {fold: row_key(dataset, name, fold, settings) for fold in folds}
        wanted.append((dataset, name, model, keys))
    return wanted


def _forget_other_folds(wanted, done) -> None:
    """Remove results of another number of folds, whose rows were others."""
    for keyed in wanted:
        for dataset, _, _, keys in keyed:
            for fold, key in keys.items():
                train, test = dataset.folds[fold]
                row = done.get(key)
                if row and (row.n_train, row.n_test) != (len(train), len(test)):
                    del done[key]


def _pending(wanted, settings: Settings, done) -> Iterator[Cell]:
    """Yield what is left to do; the folds of a set together if they are tuned once."""
    for keyed in wanted:
        for dataset, name, model, keys in keyed:
            folds = [fold for fold, key in keys.items() if key not in done]
            if settings.protocol == "arora":
                if folds:
                    yield Cell(dataset, name, model, tuple(folds))
            else:
                yield from (Cell(dataset, name, model, (fold,)) for fold in folds)


def _run(cells, settings, n_jobs, show, done, file) -> None:
    work = [(cell.name, cell.weight) for cell in cells]
    progress = Progress(work) if show else None
    try:
        for at, rows in _results(cells, settings, n_jobs):
            for row in rows:
                done[row.key] = row
                if file is not None:
                    file.add(row)
            if progress is not None:
                seconds = sum(row.seconds for row in rows if row.ok)
                label = f"{cells[at].dataset.name}, {cells[at].name}"
                progress.advance(*work[at], seconds, label)
    finally:
        if progress is not None:
            progress.close()


def _results(cells: list[Cell], settings, n_jobs) -> Iterator[tuple[int, list[Row]]]:
    """Results with the cells' numbers, as they come."""
    jobs = _jobs_that_fit(cells, effective_n_jobs(n_jobs))
    if jobs == 1:
        for at, cell in enumerate(cells):
            # Threads within a small fit cost more than they save.
            with threadpool_limits(1 if len(cell.dataset.y) < SMALL else None):
                result = at, cell.run(settings)
            yield result
        return
    left = dict(enumerate(cells))
    while left:
        try:
            for at, rows in _in_parallel(left, settings, jobs):
                del left[at]
                yield at, rows
        except BrokenProcessPool:
            # One of the first cells has killed its worker: each of them alone.
            for at in list(left)[: 2 * jobs]:
                yield at, _alone(left.pop(at), settings)


def _in_parallel(left: dict[int, Cell], settings, jobs: int):
    tasks = [delayed(_numbered)(at, cell, settings) for at, cell in left.items()]
    # Sets are small: without max_nbytes they go to workers through pipes, where a full
    # disk does not matter.
    options = {"n_jobs": jobs, "batch_size": 1, "max_nbytes": None}
    try:
        parallel = Parallel(return_as="generator_unordered", **options)
    except ValueError:  # a backend that returns lists only: a few cells at a time
        parallel = Parallel(**options)
        for start in range(0, len(tasks), 2 * jobs):
            yield from parallel(tasks[start : start + 2 * jobs])
        return
    yield from parallel(tasks)


def _numbered(at: int, cell: Cell, settings: Settings):
    return at, cell.run(settings)


def _alone(cell: Cell, settings: Settings) -> list[Row]:
    """Run a cell in a process of its own, whose end is a failure and no more."""
    try:
        alone = Parallel(n_jobs=2, backend="loky", max_nbytes=None)
        return alone([delayed(cell.run)(settings)])[0]
    except BrokenProcessPool as error:
        model = replace(
            cell.model, tuner=partial(_raise, f"killed its process: {error}")
        )
        return replace(cell, model=model).run(settings)


def _raise(message: str, job):
    raise RuntimeError(message)


def _jobs_that_fit(cells: Sequence[Cell], jobs: int) -> int:
    """At most `jobs`, and no more cells at a time than memory holds."""
    largest = max((cell.n_bytes for cell in cells), default=0)
    free = _free_memory()
    if free is None or largest == 0:
        return max(1, min(jobs, len(cells)))
    return max(1, min(jobs, len(cells), int(MEMORY_SHARE * free / largest)))


def _free_memory() -> int | None:
    """Bytes of free memory, where the system tells."""
    try:
        with open("/proc/meminfo") as lines:
            entries = dict(line.split(":", 1) for line in lines)
        return 1024 * int(entries["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
