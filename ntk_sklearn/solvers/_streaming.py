"""Passes over blocks of rows, as joblib tasks that return small matrices.

Inside ``joblib.parallel_config(backend=...)`` the same calls run on threads, processes
or a cluster. Which rows share a task, and in which tree the results are summed, depends
on the blocks alone: workers and their order do not change a digit.
"""

from __future__ import annotations

import pickle
import time
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from .._blocks.sources import Block, BlockError, load, row_blocks, tile_rows
from .._utils.threads import one_blas_thread
from ._normal_equations import Sums, add_block, multiply
from ._nystrom import NystromSolution, NystromSystem

# Enough tasks to keep a cluster busy; each costs a matrix to fill, send and add up.
_TASKS = 64
# What the results of all threads may take together; two more of each may be waiting.
_THREADS_BYTES = 2**30
# A process is gone, or with it data that a cluster had sent it and cannot replace.
_LOST = (BrokenProcessPool, CancelledError)
# How often a lost process is replaced before its block is blamed.
_ATTEMPTS = 3


class Progress:
    """Prints how far a pass is, and how long it will take.

    Parameters
    ----------
    name : str
        What is running.
    every : float, default=5.0
        Seconds between two lines.
    """

    def __init__(self, name: str, every: float = 5.0):
        self.name = name
        self.every = every
        self._start = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` blocks are finished."""
        now = time.monotonic()
        if done < total and now - self._last < self.every:
            return
        self._last = now
        passed = now - self._start
        left = passed / done * (total - done)
        print(  # noqa: T201
            f"[{self.name}] {done} of {total} blocks in {passed:.0f} s, "
            f"{left:.0f} s left",
            flush=True,
        )


def _groups(blocks: list[Block]) -> list[list[Block]]:
    """Share blocks out to tasks, neighbours together."""
    size = -(-len(blocks) // _TASKS)
    return [blocks[i : i + size] for i in range(0, len(blocks), size)]


def _workers(n_jobs, n_tasks: int, task_bytes: int) -> dict:
    """Return joblib's options: what the caller has chosen, or threads.

    A thread that has a task to itself never waits for others, as threads that share
    the pieces of one task do; that the caller keeps to one BLAS thread meanwhile tells
    each that it is one of several. But each has its own matrix to fill.
    """
    options: dict = {"n_jobs": n_jobs, "return_as": "generator"}
    if n_jobs is None and effective_n_jobs(None) == 1:
        with one_blas_thread() as allowed:
            threads = min(allowed, n_tasks // 2)
        if threads > 1 and threads * task_bytes <= _THREADS_BYTES:
            options.update(n_jobs=threads, backend="threading")
    return options


def run_tasks(function, groups, *common, n_jobs=None, task_bytes=0):
    """Yield ``function(group, *common)`` of every group, in order.

    `task_bytes` is what the result of one takes.

    If a process is killed, the tasks that it takes with it are run again.

    Raises
    ------
    BlockError
        If a task has lost its process several times, or the system fails; the message
        names its blocks.
    """
    done = failures = 0
    options = _workers(n_jobs, len(groups), task_bytes)
    while True:
        rest = groups[done:]
        try:
            parallel = Parallel(**options)
            for result in parallel(delayed(function)(g, *common) for g in rest):
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


class Tree:
    """Sums results pairwise as they arrive, holding no more than the tree is high."""

    def __init__(self):
        self._levels: list[Sums | None] = []

    def add(self, sums: Sums) -> None:
        """Take the next result."""
        for level, held in enumerate(self._levels):
            if held is None:
                self._levels[level] = sums
                return
            sums = held.merge(sums)
            self._levels[level] = None
        self._levels.append(sums)

    def total(self) -> Sums:
        """Return the sum of everything taken."""
        total = None
        for held in self._levels:
            if held is not None:
                total = held if total is None else held.merge(total)
        if total is None:
            raise ValueError("there is no block of rows to fit.")
        return total


def _sum_blocks(group, kernel, centres, factor, width, n_outputs, rows) -> Sums:
    """Sum over the blocks of a task."""
    sums = Sums.zeros(len(centres), n_outputs)
    # Workers on other machines may hand arrays over read-only and in another order.
    factor = np.asfortranarray(factor)
    for block in group:
        for X, Y, weight in load(block, width, rows):
            if Y is None or Y.shape[1] != n_outputs:
                found = 0 if Y is None else Y.shape[1]
                raise BlockError(
                    f"{block.name} has {found} outputs, but {n_outputs} are needed."
                )
            sums = add_block(sums, kernel, centres, factor, X, Y, weight)
    return sums


def accumulate(
    system: NystromSystem,
    X,
    y,
    sample_weight=None,
    *,
    block_rows=None,
    n_jobs=None,
    progress=None,
) -> NystromSystem:
    """Add all rows of a data set to a system, in one pass.

    Parameters
    ----------
    system : NystromSystem
    X, y, sample_weight
        Arrays, memory maps, lists of .npy files or dask arrays: see `row_blocks`.
    block_rows : int, default=None
        Rows of a block of an array or a memory map. None makes tiles of 24 MiB.
    n_jobs : int, default=None
        Number of joblib workers; None means those of ``joblib.parallel_config``, or
        else a thread for each processor.
    progress : callable, default=None
        Called with the number of finished tasks and their total, as `Progress` is.

    Returns
    -------
    NystromSystem
        `system` itself; unchanged if any block fails.
    """
    options = {"block_rows": block_rows, "n_jobs": n_jobs, "progress": progress}
    return system.merge(sum_rows(system, X, y, sample_weight, **options))


@one_blas_thread()
def sum_rows(
    system, X, y, sample_weight=None, *, block_rows=None, n_jobs=None, progress=None
) -> Sums:
    """Return what `accumulate` adds to a system, which stays as it is."""
    rows = tile_rows(len(system.centres))
    blocks = row_blocks(X, y, sample_weight, rows if block_rows is None else block_rows)
    groups = _groups(blocks)
    n_outputs = len(system.sums.y)
    shapes = system.n_features, n_outputs, rows
    common = system.kernel, system.centres, system.factor, *shapes
    tree = Tree()
    options = {"n_jobs": n_jobs, "task_bytes": system.sums.zz.nbytes}
    for done, sums in enumerate(run_tasks(_sum_blocks, groups, *common, **options)):
        tree.add(sums)
        if progress is not None:
            progress(done + 1, len(groups))
    return tree.total()


@one_blas_thread()
def _predict_blocks(group, kernel, centres, coef, intercept, rows):
    """Predictions of the blocks of a task."""
    parts = []
    for block in group:
        for X, _, _ in load(block, centres.shape[1], rows):
            K = kernel(X, centres)
            parts.append(multiply(K, coef) + intercept)
    return np.concatenate(parts)


@one_blas_thread()
def predict(
    kernel, centres, solution: NystromSolution, X, *, block_rows=None, n_jobs=None
) -> np.ndarray:
    """Predict rows of any source of `row_blocks`, a tile of the kernel at a time.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    # Half a tile: it is read once more, and is better still in a cache by then.
    rows = tile_rows(len(centres)) // 2
    blocks = row_blocks(X, rows=rows if block_rows is None else block_rows)
    common = kernel, centres, solution.coef, solution.intercept, rows
    parts = run_tasks(_predict_blocks, _groups(blocks), *common, n_jobs=n_jobs)
    return np.concatenate(list(parts))
