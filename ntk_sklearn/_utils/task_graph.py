"""Tasks that depend on each other, run on Python threads that sleep while they wait."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Hashable, Iterable

from .threads import on_threads


class TaskGraph:
    """Tasks that read and write the same things, to be run on several threads.

    A task waits for those before it that write what it reads, and that read or write
    what it writes. With any number of threads, the results are therefore those of the
    tasks one after the other. A thread without a task sleeps, so that it takes no time
    from others.

    Examples
    --------
    >>> from ntk_sklearn._utils.task_graph import TaskGraph
    >>> graph, numbers = TaskGraph(), {"a": 1, "b": 0}
    >>> graph.add(("a", "b"), reads=["a"], writes=["b"])
    >>> graph.add(("b", "a"), reads=["b"], writes=["a"])
    >>> def double(task):
    ...     numbers[task[1]] = 2 * numbers[task[0]]
    >>> graph.run(double, work=1e9)
    >>> numbers
    {'a': 4, 'b': 2}
    """

    def __init__(self) -> None:
        self._tasks: list[tuple] = []
        self._needed: list[int] = []  # the number of tasks that each one waits for
        self._followers: list[list[int]] = []  # the tasks that wait for each one
        self._writers: dict[Hashable, int] = {}
        self._readers: dict[Hashable, list[int]] = {}

    def add(
        self,
        task: tuple,
        reads: Iterable[Hashable] = (),
        writes: Iterable[Hashable] = (),
    ) -> None:
        """Append a task.

        Parameters
        ----------
        task : tuple
            The description of the task.
        reads, writes : iterable of hashable
            The names of the things that it reads, and of those that it changes.
        """
        number = len(self._tasks)
        needed: set[int] = set()
        for thing in reads:
            needed.add(self._writers.get(thing, number))
            self._readers.setdefault(thing, []).append(number)
        for thing in writes:
            needed.add(self._writers.get(thing, number))
            needed.update(self._readers.pop(thing, ()))
            self._writers[thing] = number
        needed.discard(number)
        for other in needed:
            self._followers[other].append(number)
        self._tasks.append(task)
        self._needed.append(len(needed))
        self._followers.append([])

    def run(self, worker: Callable[[tuple], object], work: float) -> None:
        """Call a worker on each task; of those that need not wait, on the first added.

        An error in a task is raised when the tasks that have begun have ended. No other
        task is begun.

        Parameters
        ----------
        worker : callable
            The function of one task.
        work : float
            The amount of work in pair-layers, by which the number of threads is chosen.
        """
        missing, left = self._needed.copy(), len(self._tasks)
        ready = [number for number, needed in enumerate(missing) if not needed]
        change = threading.Condition(threading.Lock())

        def finish(number):
            nonlocal left
            left -= 1
            for follower in self._followers[number]:
                missing[follower] -= 1
                if not missing[follower]:
                    heapq.heappush(ready, follower)
            if left:
                change.notify(len(ready) - 1)  # this thread takes one task itself
            else:
                change.notify_all()

        def serve():
            nonlocal left
            try:
                with change:
                    while left > 0:
                        if not ready:
                            change.wait()
                            continue
                        number = heapq.heappop(ready)
                        change.release()
                        try:
                            worker(self._tasks[number])
                        finally:
                            change.acquire()
                        finish(number)
            except BaseException:
                with change:
                    left = 0
                    change.notify_all()
                raise

        on_threads(serve, work)
