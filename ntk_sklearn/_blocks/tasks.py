"""Passes over blocks of rows, as joblib tasks that return small results.

Inside ``joblib.parallel_config(backend=...)`` the same calls run on threads, processes
or a cluster. The rows of each task, and the order in which results are summed, depend
on the blocks alone, so that results do not depend on the workers.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Generic, TypeVar

from joblib import Parallel, delayed, effective_n_jobs

from .._utils.threads import one_blas_thread
from .sources import Block, BlockError

# Number of tasks: enough for a cluster, but each has a matrix to fill, send and add up.
_TASKS = 64
# Memory that the results of all threads may take; as many results may be waiting.
_THREADS_BYTES = 2**30
# Errors if a process is gone, or data that a cluster had sent to it.
_LOST = (BrokenProcessPool, CancelledError)
# Seconds that a cluster may take to replace a lost worker before the other tasks begin.
_REPLACEMENT = 30.0
# Number of failures of a task after which its blocks are taken to be the reason.
_ATTEMPTS = 3

Result = TypeVar("Result")


def share_out(blocks: list[Block], n_tasks: int = _TASKS) -> list[list[Block]]:
    """Divide blocks among tasks, neighbouring blocks in the same task."""
    size = -(-len(blocks) // n_tasks)
    return [blocks[i : i + size] for i in range(0, len(blocks), size)]


def joblib_options(
    n_jobs: int | None, n_tasks: int, task_bytes: int, allowed: int | None = None
) -> dict[str, object]:
    """Return the options for joblib: those of the caller, or one thread for each task.

    Threads that have a task each do not wait for each other, as threads that share the
    pieces of one task do. But each has a matrix of its own, so the number of threads is
    limited by memory.

    Parameters
    ----------
    n_jobs : int or None
        Number of workers. None means that of joblib's configuration; without one, this
        function chooses it.
    n_tasks, task_bytes : int
        Number of tasks, and memory that the result of one takes.
    allowed : int, default=None
        Number of threads that may be started; None asks the module on threads.

    Returns
    -------
    dict
        Keyword arguments of `joblib.Parallel`.
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
    """Yield ``function(group, *common)`` for every group, in order.

    If a process is killed, its tasks are run again.

    Parameters
    ----------
    function : callable
        Defined at the top level of a module, so that it can be sent to processes.
    groups : list of lists of Block
        The blocks of each task.
    *common
        Further arguments, the same for all tasks.
    n_jobs : int, default=None
        Number of workers, as for `joblib_options`.
    task_bytes : int, default=0
        Memory that the result of one task takes.
    parallel : callable, default=joblib.Parallel
        The class that runs the tasks.

    Raises
    ------
    BlockError
        If the process of a task was killed several times, or the operating system
        reports an error. The message names the blocks.
    """
    done = failures = 0
    alone = False  # with only one worker left, joblib works in the calling process
    n_workers = effective_n_jobs(n_jobs)
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
                    if alone and effective_n_jobs(n_jobs) > 1:
                        alone = False
                        break  # a lost worker has been replaced: back to the cluster
            if done == len(groups):
                return
        except pickle.PicklingError:
            if "max_nbytes" in options:
                raise
            # joblib passes large arrays in files, and the disk may be full.
            options["max_nbytes"] = None
        except OSError as error:
            raise BlockError(
                f"{_names(groups[done])}, or a block after it, failed: {error}"
            ) from error
        except Exception as error:
            lost = isinstance(error, _LOST)
            # The scheduler of a cluster raises this after attempts of its own.
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
            alone = _wait_for_workers(n_jobs, n_workers) == 1 < n_workers


def _wait_for_workers(n_jobs: int | None, n_workers: int) -> int:
    """Wait until there are as many workers as before, but not for ever; count them."""
    end = time.monotonic() + _REPLACEMENT
    while (found := effective_n_jobs(n_jobs)) < n_workers and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _names(group) -> str:
    return (
        group[0].name if len(group) == 1 else f"{group[0].name} to {group[-1].number}"
    )


class TreeSum(Generic[Result]):
    """A sum of results that are added pairwise, in a binary tree, as they arrive.

    It holds at most one result for each level of the tree.

    Parameters
    ----------
    add : callable
        ``add(a, b)`` returns the sum of two results, and may overwrite the first.
    """

    def __init__(self, add: Callable[[Result, Result], Result]):
        self._sum_of = add
        self._levels: list[Result | None] = []

    def add(self, result: Result) -> None:
        """Add the next result."""
        for level, held in enumerate(self._levels):
            if held is None:
                self._levels[level] = result
                return
            result = self._sum_of(held, result)
            self._levels[level] = None
        self._levels.append(result)

    def total(self) -> Result:
        """Return the sum of all results."""
        total = None
        for held in self._levels:
            if held is not None:
                total = held if total is None else self._sum_of(held, total)
        if total is None:
            raise ValueError("there is no block of rows to fit.")
        return total
