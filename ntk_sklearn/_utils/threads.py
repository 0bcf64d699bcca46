"""The one place that decides about threads.

Tiles are worked off by plain Python threads: the jitted code and BLAS both release the
interpreter lock. So no OpenMP or other threading layer of numba is ever started, which
keeps calls safe inside joblib's threads and processes and after a fork. BLAS keeps to
one thread meanwhile, even if there is only one of ours: products as small as a tile's
gain nothing from more, and lose a lot when other processes want the processor.

A whole fit keeps BLAS to one thread but for its factorisations. OpenBLAS's threads go
on spinning for a tenth of a second after each call, and NumPy and SciPy bring a copy
each: a product of a matrix and a vector in the one, between two factorisations in the
other, has been seen to cost 8 ms instead of half a millisecond.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numba
from numba.np.ufunc import parallel
from threadpoolctl import ThreadpoolController

from .compat import set_blas_threads

# Below this many pair-layers, starting a thread costs more than it saves (measured:
# a thread takes about 0.1 ms, as long as 1e5 pair-layers).
PARALLEL_WORK = 200_000
# Below this many rows, BLAS threads cost a factorisation more than they save it.
SMALL = 1000
# OpenBLAS's threads crash in a factorisation in which one of them gets more rows than
# it has room for (its issues 352 and 2562). Of n rows on t threads the first gets about
# n / sqrt(t); with two, 15,500 rows went well and 15,642 did not.
LARGE_PER_THREAD = 10_000
# While OpenBLAS's threads are spinning they take a fair share of the processor: with
# twice as many threads of our own, a smaller one. Right after a product of NumPy's a
# Gram matrix took 51 ms instead of 90, and at rest as long as before. From so many
# pair-layers for each thread on, starting them costs next to nothing.
TWICE_AS_MANY = 500_000


def _numba_threads() -> int:
    """Return the caller's wish; asking numba outright would start its threads."""
    if getattr(parallel, "_is_initialized", False):
        return numba.get_num_threads()
    return numba.config.NUMBA_NUM_THREADS


class _Blas:
    """Counts the calls that want BLAS on one thread; the last one restores it.

    The libraries are set directly: `threadpoolctl`'s context managers look everything
    up anew, for 0.1 ms a call, as long as the Gram matrix of a hundred rows takes.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._libraries: list = []
        self._before: list[int] = []

    def enter(self) -> int:
        """Limit BLAS to one thread; return how many the caller may use."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                self._set([1] * len(self._before))
                return 1  # another call of ours is at work: share, do not multiply
            if not self._libraries:
                controller = ThreadpoolController().select(user_api="blas")
                self._libraries = controller.lib_controllers
            self._before = [library.num_threads for library in self._libraries]
            self._set([1] * len(self._before))
            return min([_numba_threads(), *self._before])

    def leave(self):
        """Give BLAS its threads back, if this was the last call."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._set(self._before)

    def lift(self, n):
        """Give BLAS its threads back for `n` rows, if only the caller limits it."""
        with self._lock:
            threads = max(self._before, default=1)
            if self._users == 1 and n <= LARGE_PER_THREAD * threads**0.5:
                self._set(self._before)

    def drop(self):
        """Limit BLAS again."""
        with self._lock:
            if self._users:
                self._set([1] * len(self._before))

    def _set(self, counts):
        for library, count in zip(self._libraries, counts, strict=True):
            if library.num_threads != count:
                set_blas_threads(library, count)

    def forget(self):
        """Start anew in a forked child, which has none of its parent's calls."""
        self._lock = threading.Lock()
        if self._users:
            self._users = 0
            self._set(self._before)


_blas = _Blas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_blas.forget)
_here = threading.local()


@contextmanager
def one_blas_thread() -> Iterator[int]:
    """Keep BLAS to one thread inside; yields how many threads the caller may start."""
    outer = getattr(_here, "allowed", None)
    if outer is not None:
        yield outer
        return
    try:
        _here.allowed = _blas.enter()
        yield _here.allowed
    finally:
        _here.allowed = None
        _blas.leave()


@contextmanager
def factorising(n: int) -> Iterator[None]:
    """Let a factorisation of `n` rows have all threads, if they repay it."""
    with one_blas_thread():
        if n >= SMALL:
            _blas.lift(n)
        try:
            yield
        finally:
            _blas.drop()


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
    with one_blas_thread() as allowed:
        n_threads = allowed if work >= PARALLEL_WORK else 1
        if n_threads > 1 and work >= TWICE_AS_MANY * n_threads:
            n_threads *= 2
        _drain(iter(tasks), make_worker, n_threads)


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
