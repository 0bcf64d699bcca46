"""Cells, the pieces of a study's work, and their sequential or parallel execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

from .._utils.memory import free_memory
from .data.datasets import Dataset
from .models.model import Job, Model, Tuner
from .protocols import StudySettings, score_folds
from .results.results_file import Row

# Share of the free memory that a study may use.
MEMORY_SHARE = 0.7
# Number of rows below which a fit uses one thread.
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
        """Estimate of the memory of the n × n matrices."""
        return 8 * self.model.squares * len(self.dataset.y) ** 2

    def run(self, settings: StudySettings) -> list[Row]:
        """Score the model on the folds."""
        return score_folds(self.dataset, self.name, self.model, self.folds, settings)


def run_cells(
    cells: Sequence[Cell], settings: StudySettings, n_jobs: int | None
) -> Iterator[tuple[int, list[Row]]]:
    """Run cells, and yield the number and the rows of each as soon as it is finished.

    `n_jobs` cells run at a time, as in joblib; fewer if memory is short.
    """
    jobs = jobs_that_fit(cells, effective_n_jobs(n_jobs), free_memory())
    if jobs == 1:
        for at, cell in enumerate(cells):
            # Several threads make a small fit slower.
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
            # One of the first cells has killed its worker: each of them is run alone.
            for at in list(left)[: 2 * jobs]:
                yield at, _alone(left.pop(at), settings)


def jobs_that_fit(cells: Sequence[Cell], jobs: int, free_bytes: int | None) -> int:
    """Return how many cells to run at a time, as memory allows, but at most `jobs`.

    `free_bytes` is the free memory, None if it is not known.
    """
    largest = max((cell.n_bytes for cell in cells), default=0)
    if free_bytes is None or largest == 0:
        return max(1, min(jobs, len(cells)))
    return max(1, min(jobs, len(cells), int(MEMORY_SHARE * free_bytes / largest)))


def _in_parallel(
    left: Mapping[int, Cell], settings: StudySettings, jobs: int
) -> Iterator[tuple[int, list[Row]]]:
    tasks = [delayed(_numbered)(at, cell, settings) for at, cell in left.items()]
    # Without max_nbytes, sets are sent to workers through pipes and not through files,
    # so that a full disk does not matter. They are small enough.
    options = {"n_jobs": jobs, "batch_size": 1, "max_nbytes": None}
    try:
        parallel = Parallel(return_as="generator_unordered", **options)
    except ValueError:  # a backend that returns lists only: a few cells at a time
        parallel = Parallel(**options)
        for start in range(0, len(tasks), 2 * jobs):
            yield from parallel(tasks[start : start + 2 * jobs])
        return
    yield from parallel(tasks)


def _numbered(at: int, cell: Cell, settings: StudySettings) -> tuple[int, list[Row]]:
    return at, cell.run(settings)


def _alone(cell: Cell, settings: StudySettings) -> list[Row]:
    """Run a cell in a process of its own; if it is killed, the cell fails."""
    try:
        alone = Parallel(n_jobs=2, backend="loky", max_nbytes=None)
        return alone([delayed(cell.run)(settings)])[0]
    except BrokenProcessPool as error:
        model = replace(
            cell.model, tuner=partial(_raise, f"killed its process: {error}")
        )
        return replace(cell, model=model).run(settings)


def _raise(message: str, job: Job) -> Tuner:
    raise RuntimeError(message)
