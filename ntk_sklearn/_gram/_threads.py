"""The one place that decides about threads.

Tiles are worked off by plain Python threads: the jitted code and BLAS both release the
interpreter lock. So no OpenMP or other threading layer of numba is ever started, which
keeps calls safe inside joblib's threads and processes and after a fork. While tiles
run on several threads BLAS keeps to one thread each, and gets back what it had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numba
from threadpoolctl import ThreadpoolController

# Below this many pair-layers, starting a thread costs more than it saves (measured:
# a thread takes about 0.1 ms, as long as 1e5 pair-layers).
PARALLEL_WORK = 400_000


class _Blas:
    """Counts the calls that want BLAS on one thread; the last one restores it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._controller = None
        self._limits = None

    def _pool(self):
        if self._controller is None:
            self._controller = ThreadpoolController().select(user_api="blas")
        return self._controller

    def threads(self) -> int:
        counts = [library.num_threads for library in self._pool().lib_controllers]
        return min(counts, default=1)

    def enter(self) -> int:
        """Limit BLAS to one thread; return how many the caller may use."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return 1  # another call of ours is at work: share, do not multiply
            allowed = min(self.threads(), numba.get_num_threads())
            if allowed > 1:
                self._limits = self._pool().limit(limits=1)
                self._limits.__enter__()
            return allowed

    def leave(self):
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limits is not None:
                self._limits.__exit__(None, None, None)
                self._limits = None


_blas = _Blas()


def run(tasks: Iterable, make_worker: Callable[[], Callable], work: float) -> None:
    """Call a worker on every task, on as many threads as the work repays.

    Parameters
    ----------
    tasks : iterable
        Independent pieces of work; which thread takes which must not matter.
    make_worker : callable
        Called once per thread, returns the function of one task (with its scratch).
    work : float
        Pairs times layers, to compare with `PARALLEL_WORK`.
    """
    if work < PARALLEL_WORK:
        worker = make_worker()
        for task in tasks:
            worker(task)
        return
    try:
        _drain(iter(tasks), make_worker, _blas.enter())
    finally:
        _blas.leave()


def _drain(queue, make_worker, n_threads):
    """Work the queue off with `n_threads` threads, this one included."""
    lock = threading.Lock()
    errors: list[BaseException] = []

    def take():
        with lock:
            return next(queue, queue) if not errors else queue

    def serve():
        try:
            worker = make_worker()
            while (task := take()) is not queue:
                worker(task)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=serve) for _ in range(n_threads - 1)]
    for helper in helpers:
        helper.start()
    serve()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
