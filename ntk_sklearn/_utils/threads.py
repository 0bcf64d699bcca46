"""The number of threads of this package and of BLAS.

The tiles of a kernel matrix are computed by plain Python threads, as compiled code and
BLAS both release the interpreter lock. No OpenMP or other threading layer of numba is
ever started, so that calls are safe inside joblib's threads and processes and after a
fork. BLAS is limited to one thread meanwhile, even if this package uses only one:
products as small as those of a tile gain nothing from more threads, and lose much if
other processes use the processor.

A whole fit limits BLAS to one thread. The threads of OpenBLAS spin while they wait for
each other, and for a tenth of a second after each call. If other processes keep the
cores busy, a factorisation on two of them has been seen to take ninety times as long.
Large products and factorisations are computed by Python threads as well.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps

import numba
from joblib import effective_n_jobs
from numba.np.ufunc import parallel
from threadpoolctl import ThreadpoolController

from .compat import set_blas_threads

# Below this many pair-layers, starting a thread costs more than it saves (measured:
# a thread takes about 0.1 ms, as long as 1e5 pair-layers).
PARALLEL_WORK = 200_000
# Spinning threads of OpenBLAS, which others started, take a share of the processor. It
# is smaller if this package starts twice as many threads. Right after a product in
# NumPy, a Gram matrix then took 51 ms instead of 90; without spinning threads it took
# as long as before. With this many pair-layers for each thread, the time to start them
# does not matter.
TWICE_AS_MANY = 500_000


def _numba_threads() -> int:
    """Return numba's number of threads, without starting its threads."""
    if getattr(parallel, "_is_initialized", False):
        return numba.get_num_threads()
    return numba.config.NUMBA_NUM_THREADS


class _Blas:
    """A counter of the calls that limit BLAS to one thread; the last one restores it.

    The libraries are set directly, because the context managers of `threadpoolctl`
    search for them in each call. That takes 0.1 ms, as long as the Gram matrix of a
    hundred rows.
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
                return 1  # another call already uses the other threads
            if not self._libraries:
                controller = ThreadpoolController().select(user_api="blas")
                self._libraries = controller.lib_controllers
            self._before = [library.num_threads for library in self._libraries]
            self._set([1] * len(self._before))
            return min([_numba_threads(), *self._before])

    def leave(self):
        """Restore BLAS's threads if this was the last call."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._set(self._before)

    def _set(self, counts):
        for library, count in zip(self._libraries, counts, strict=True):
            if library.num_threads != count:
                set_blas_threads(library, count)

    def forget(self):
        """Reset the counter in a forked child, in which no call is running."""
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
    """Limit BLAS to one thread, and yield the number of threads that may be started."""
    outer = getattr(_here, "allowed", None)
    if outer is not None:
        yield outer
        return
    try:
        allowed = _blas.enter()
        _here.allowed = min(allowed, vars(_here).get("most", allowed))
        yield _here.allowed
    finally:
        _here.allowed = None
        _blas.leave()


def on_n_jobs(method: Callable) -> Callable:
    """Run a method of an estimator on as many threads as its `n_jobs` says.

    Parameters
    ----------
    method : callable
        The method. Without `n_jobs`, or if it is None, nothing is limited. Minus one
        means all cores, minus two all but one, as in joblib.

    Returns
    -------
    callable
        The method with the same signature.
    """

    @wraps(method)
    def limited(self, *args, **kwargs):
        n_jobs = getattr(self, "n_jobs", None)
        before = vars(_here).get("most")
        if n_jobs is None or before is not None:  # an outer method has said it
            return method(self, *args, **kwargs)
        _here.most = effective_n_jobs(n_jobs)
        try:
            with one_blas_thread():  # so that threads that work for it start no others
                return method(self, *args, **kwargs)
        finally:
            del _here.most

    return limited


def run(
    tasks: Iterable,
    make_worker: Callable[[], Callable],
    work: float,
    twice: bool = True,
) -> None:
    """Call a worker on every task, on several threads if there is enough work.

    Parameters
    ----------
    tasks : iterable
        Independent tasks, which any thread may take.
    make_worker : callable
        Called once in each thread; it returns the function of one task, which may have
        memory of its own.
    work : float
        The amount of work in pair-layers: pairs of rows times layers.
    twice : bool, default=True
        See `on_threads`.
    """
    queue, lock, failed = iter(tasks), threading.Lock(), False

    def take():
        with lock:
            return queue if failed else next(queue, queue)

    def serve():
        nonlocal failed
        try:
            worker = make_worker()
            while (task := take()) is not queue:
                worker(task)
        except BaseException:
            failed = True
            raise

    on_threads(serve, work, twice)


def on_threads(serve: Callable[[], object], work: float, twice: bool = False) -> None:
    """Call a function once in each of several threads, if there is enough work.

    Parameters
    ----------
    serve : callable
        Function without arguments. The first error that it raises in any thread is
        raised here, after all threads have ended.
    work : float
        The amount of work in pair-layers: pairs of rows times layers.
    twice : bool, default=False
        Whether to start two threads for each core if there is very much work.
    """
    with one_blas_thread() as allowed:
        n_threads = allowed if work >= PARALLEL_WORK else 1
        most = vars(_here).get("most", 2 * n_threads)
        if twice and 1 < n_threads <= most // 2 and work >= TWICE_AS_MANY * n_threads:
            n_threads *= 2
        call_in_threads(serve, n_threads)


def call_in_threads(serve: Callable[[], object], n_threads: int) -> None:
    """Call a function once in each of `n_threads` threads, this one included."""
    errors: list[BaseException] = []

    def safe():
        try:
            serve()
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=safe) for _ in range(n_threads - 1)]
    for helper in helpers:
        helper.start()
    safe()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
