"""Passes over blocks of rows, as joblib tasks that return small results.

Inside ``joblib.parallel_config(backend=...)`` the same calls run on threads, processes
or a cluster. Which rows share a task, and in which tree the results are summed, depends
on the blocks alone: workers and their order do not change a digit.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Generic, TypeVar

from joblib import Parallel, delayed, effective_n_jobs

from .._utils.threads import one_blas_thread
from .sources import Block, BlockError

# Enough tasks to keep a cluster busy; each costs a matrix to fill, send and add up.
_TASKS = 64
# What the results of all threads may take together; two more of each may be waiting.
_THREADS_BYTES = 2**30
# A process is gone, or with it data that a cluster had sent it and cannot replace.
_LOST = (BrokenProcessPool, CancelledError)
# How often a lost process is replaced before its block is blamed.
_ATTEMPTS = 3

Result = TypeVar("Result")


def share_out(blocks: list[Block], n_tasks: int = _TASKS) -> list[list[Block]]:
    """Share blocks out to tasks, neighbours together."""
    size = -(-len(blocks) // n_tasks)
    return [blocks[i : i + size] for i in range(0, len(blocks), size)]


def joblib_options(
    n_jobs: int | None, n_tasks: int, task_bytes: int, allowed: int | None = None
) -> dict[str, object]:
    """Return joblib's options: what the caller has chosen, or threads.

    A thread that has a task to itself never waits for others, as threads that share
    the pieces of one task do; that the caller keeps to one BLAS thread meanwhile tells
    each that it is one of several. But each has its own matrix to fill.

    Parameters
    ----------
    n_jobs : int or None
        What the caller asks for; None leaves the choice to joblib's configuration, and
        without one to this function.
    n_tasks, task_bytes : int
        How many tasks there are, and what the result of one takes.
    allowed : int, default=None
        How many threads may be started; None asks the thread policy.
    """
    options: dict[str, object] = {"n_jobs": n_jobs, "return_as": "generator"}
    if n_jobs is None and effective_n_jobs(None) == 1:
        with one_blas_thread() as ours:
            threads = min(ours if allowed is None else allowed, n_tasks // 2)
        if threads > 1 and threads * task_bytes <= _THREADS_BYTES:
            options.update(n_jobs=threads, backend="threading")
    return options


def run_tasks(
    function: Callable[..., Result],
    groups: list[list[Block]],
    *common,
    n_jobs: int | None = None,
    task_bytes: int = 0,
    parallel: Callable = Parallel,
) -> Generator[Result, None, None]:
    """Yield ``function(group, *common)`` of every group, in order.

    If a process is killed, the tasks that it takes with it are run again.

    Parameters
    ----------
    function : callable
        Defined at the top level of a module, so that it can be sent to processes.
    groups : list of lists of Block
        The blocks of each task.
    *common
        Further arguments of all tasks.
    n_jobs : int, default=None
        As for `joblib_options`.
    task_bytes : int, default=0
        What the result of one task takes.
    parallel : callable, default=joblib.Parallel
        What runs the tasks.

    Raises
    ------
    BlockError
        If a task has lost its process several times, or the system fails; the message
        names its blocks.
    """
    done = failures = 0
    options = joblib_options(n_jobs, len(groups), task_bytes)
    while True:
        rest = groups[done:]
        try:
            tasks = (delayed(function)(group, *common) for group in rest)
            with closing(parallel(**options)(tasks)) as results:
                for result in results:
                    yield result
                    done += 1
                    failures = 0
            return
        except pickle.PicklingError:
            if "max_nbytes" in options:
                raise
            # joblib hands large arrays over in files, for which there may be no room.
            options["max_nbytes"] = None
        except OSError as error:
            raise BlockError(
                f"{_names(groups[done])}, or a block after it, failed: {error}"
            ) from error
        except Exception as error:
            lost = isinstance(error, _LOST)
            # A cluster's scheduler has made its own attempts before it says so.
            if not lost and type(error).__name__ != "KilledWorker":
                raise
            failures += 1
            if not lost or failures >= _ATTEMPTS:
                names = _names(groups[done])
                raise BlockError(
                    f"the worker was killed again and again at {names} or a block "
                    "after it; most often it has run out of memory: use fewer workers, "
                    "or smaller blocks."
                ) from error


def _names(group) -> str:
    return (
        group[0].name if len(group) == 1 else f"{group[0].name} to {group[-1].number}"
    )


class TreeSum(Generic[Result]):
    """Sums results pairwise as they arrive, holding no more than the tree is high.

    Parameters
    ----------
    add : callable
        ``add(a, b)`` returns the sum of two results, and may overwrite the first.
    """

    def __init__(self, add: Callable[[Result, Result], Result]):
        self._sum_of = add
        self._levels: list[Result | None] = []

    def add(self, result: Result) -> None:
        """Take the next result."""
        for level, held in enumerate(self._levels):
            if held is None:
                self._levels[level] = result
                return
            result = self._sum_of(held, result)
            self._levels[level] = None
        self._levels.append(result)

    def total(self) -> Result:
        """Return the sum of everything taken."""
        total = None
        for held in self._levels:
            if held is not None:
                total = held if total is None else self._sum_of(held, total)
        if total is None:
            raise ValueError("there is no block of rows to fit.")
        return total
