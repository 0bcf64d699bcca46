"""Tasks that depend on each other: their order, their threads, their errors."""

import threading
from contextlib import nullcontext

import pytest

from ntk_sklearn._utils import threads as _threads
from ntk_sklearn._utils.task_graph import TaskGraph

MUCH = 1e9  # work, enough for several threads


@pytest.fixture(params=[1, 2, 8])
def n_threads(request, monkeypatch):
    """The number of threads that may be started."""
    allowed = nullcontext(request.param)
    monkeypatch.setattr(_threads, "one_blas_thread", lambda: allowed)
    return request.param


def test_tasks_run_as_if_one_after_the_other(n_threads):
    """Numbers that depend on the order of all tasks; and the graph can be run again."""
    graph = TaskGraph()
    tasks = [(k % 7, (k * k + 1) % 7, (3 * k + 2) % 7) for k in range(500)]
    for left, right, out in tasks:
        graph.add((left, right, out), [left, right], [out])

    def worker_on(cells):
        def worker(task):
            left, right, out = task
            cells[out] = (cells[left] * 31 + cells[right]) % 1009

        return worker

    expected = list(range(1, 8))
    for task in tasks:
        worker_on(expected)(task)
    for _ in range(3):
        cells = list(range(1, 8))
        graph.run(worker_on(cells), MUCH)
        assert cells == expected


def test_what_a_task_still_reads_is_not_overwritten(n_threads):
    """The slow reader was added before the quick writer."""
    order, may_read, graph = [], threading.Event(), TaskGraph()
    graph.add(("read",), ["a"], ["b"])
    graph.add(("write",), [], ["a"])

    def worker(task):
        assert task == ("write",) or may_read.wait(60)
        order.append(task)

    timer = threading.Timer(0.05, may_read.set)
    timer.start()
    graph.run(worker, MUCH)
    timer.join()
    assert order == [("read",), ("write",)]


def test_independent_tasks_run_at_the_same_time(n_threads):
    """Each waits for all others: with fewer threads than tasks, none would pass."""
    meet, graph = threading.Barrier(n_threads, timeout=60), TaskGraph()
    for k in range(n_threads):
        graph.add((k,), ["shared"], [k])
    graph.run(lambda task: meet.wait(), MUCH)


def test_little_work_stays_in_this_thread(n_threads):
    seen, graph = set(), TaskGraph()
    for k in range(20):
        graph.add((k,), [], [k])
    graph.run(lambda task: seen.add(threading.get_ident()), _threads.PARALLEL_WORK - 1)
    assert seen == {threading.get_ident()}


def test_no_task(n_threads):
    TaskGraph().run(lambda task: None, MUCH)


def test_an_error_stops_the_tasks_that_wait_for_it(n_threads):
    graph, done = TaskGraph(), []
    graph.add((1.0,), [], ["a"])
    graph.add((0.0,), [], ["a"])
    for _ in range(10):
        graph.add((2.0,), ["a"], [])
    with pytest.raises(ZeroDivisionError):
        graph.run(lambda task: done.append(1.0 / task[0]), MUCH)
    assert done == [1.0]
