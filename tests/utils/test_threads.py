"""Any number of threads gives the same numbers and leaves the caller's as they were."""

import subprocess
import sys
import textwrap
import threading
from contextlib import nullcontext

import joblib
import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.gaussian_process.kernels import RBF
from threadpoolctl import threadpool_info, threadpool_limits

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKRegressor
from ntk_sklearn._utils import threads as _threads

RNG = np.random.default_rng(0)
X = RNG.standard_normal((600, 4))  # enough work for several threads
Y = RNG.standard_normal((500, 4))
G = np.add.outer(RNG.standard_normal(600), np.zeros(600))
G = G + G.T
KERNELS = {
    "relu": NTKernel(depth=3),
    "no bias": NTKernel(depth=3, bias_variance=0.0, weight_variance_bounds=(0.1, 10)),
    "gelu": WeightedNTKernel(depth=2, activation="gelu"),
}


def everything(kernel):
    """All that the engine can be asked for."""
    return (
        kernel(X),
        kernel(X, Y),
        kernel.diag(X),
        kernel.components(X[:400]),
        kernel.contract(X, G),
    )


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert_allclose(a, b, rtol=1e-14, atol=1e-14 * np.abs(a).max())


def settings():
    """Threads of numba and of every library in the process."""
    # First, as numba may load a library of threads for its answer.
    threads = {"numba": numba.get_num_threads()}
    return threads | {d["filepath"]: d["num_threads"] for d in threadpool_info()}


def assert_restored(before):
    """Libraries that were loaded since do not count: they had no setting to restore."""
    assert before.items() <= settings().items()


def test_this_work_is_enough_for_threads():
    """Or the tests below would compare one thread with one thread."""
    assert _threads.PARALLEL_WORK < 600 * 600 * 3


@pytest.mark.parametrize("name", KERNELS)
def test_same_numbers_for_any_number_of_threads(name):
    kernel = KERNELS[name]
    expected = everything(kernel)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            assert_same(expected, everything(kernel))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert_same(expected, everything(kernel))
    finally:
        numba.set_num_threads(before)


def test_many_threads_share_the_work(monkeypatch):
    """With more threads than cores each task is done once, whoever does it."""
    done, workers = [], set()
    all_here = threading.Barrier(8, timeout=60)

    def make_worker():
        workers.add(threading.get_ident())
        all_here.wait()
        return done.append

    monkeypatch.setattr(_threads, "one_blas_thread", lambda: nullcontext(8))
    _threads.run(range(1000), make_worker, _threads.PARALLEL_WORK)
    assert sorted(done) == list(range(1000))
    assert len(workers) == 8


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_the_callers_settings_are_as_before(limit):
    with threadpool_limits(limit):
        before = settings()
        everything(KERNELS["relu"])
        assert_restored(before)


def blas_threads():
    """Threads that the BLAS libraries would use now."""
    return {d["num_threads"] for d in threadpool_info() if d["user_api"] == "blas"}


def test_large_work_has_twice_as_many_threads(monkeypatch):
    """So that threads of OpenBLAS that spin after a call take a smaller share."""
    asked = []
    monkeypatch.setattr(
        _threads, "call_in_threads", lambda serve, n_threads: asked.append(n_threads)
    )
    monkeypatch.setattr(_threads, "_numba_threads", lambda: 2)
    twice = 2 * _threads.TWICE_AS_MANY
    for threads in (1, 2):
        with threadpool_limits(threads):
            for work in (twice, twice - 1, _threads.PARALLEL_WORK - 1):
                _threads.run([], None, work)
    assert asked == [1, 1, 1, 4, 2, 1]


def test_calls_at_the_same_time_share_the_limit():
    """While another thread is inside, this one may start no further threads."""
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with _threads.one_blas_thread():
            inside.set()
            leave.wait(60)

    with threadpool_limits(2):
        before = settings()
        other = threading.Thread(target=stay)
        other.start()
        assert inside.wait(60)
        with _threads.one_blas_thread() as allowed:
            assert allowed == 1
            assert blas_threads() == {1}
        assert blas_threads() == {1}
        leave.set()
        other.join()
        assert_restored(before)


def test_a_fit_and_a_prediction_restore_the_settings():
    before = settings()
    model = WNTKRegressor(NTKernel(depth=1), tol=1.0).fit(X, X[:, 0])
    model.predict(Y)
    assert_restored(before)


def test_fits_and_predictions_keep_blas_to_one_thread():
    seen = []

    class Watching(RBF):
        def __call__(self, X, Y=None, eval_gradient=False):
            seen.append(blas_threads())
            return super().__call__(X, Y, eval_gradient)

    with threadpool_limits(2):
        kernel = Watching(1.0, "fixed")
        model = WNTKRegressor(kernel, alpha_bounds="fixed").fit(X[:50], X[:50, 0])
        n_calls = len(seen)
        model.predict(Y)
    assert 0 < n_calls < len(seen)
    assert set().union(*seen) == {1}


@pytest.fixture
def started(monkeypatch):
    """Four threads may be started; the numbers of those that are, as a set."""
    seen, call = set(), _threads.call_in_threads

    def counted(serve, n_threads):
        seen.add(n_threads)
        call(serve, n_threads)

    monkeypatch.setattr(_threads, "call_in_threads", counted)
    monkeypatch.setattr(_threads._blas, "enter", lambda: 4)
    monkeypatch.setattr(_threads._blas, "leave", lambda: None)
    return seen


@pytest.mark.parametrize(("n_jobs", "most"), [(None, 8), (1, 1), (3, 3)])
@pytest.mark.parametrize("solver", ["cholesky", "nystrom"])
def test_n_jobs_limits_threads(started, n_jobs, most, solver):
    model = WNTKRegressor(NTKernel(), tol=1.0, solver=solver, n_jobs=n_jobs)
    values = model.fit(X, X[:, 0]).predict(Y)
    model.predict_interval(Y[:5])
    assert max(started) <= most and (n_jobs is None) == (max(started) > 3)
    alone = WNTKRegressor(NTKernel(), tol=1.0, solver=solver, n_jobs=-1)
    assert_allclose(alone.fit(X, X[:, 0]).predict(Y), values, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="n_jobs"):
        WNTKRegressor(n_jobs=0).fit(X, X[:, 0])


def test_settings_are_restored_after_an_error_in_a_worker():
    before = settings()
    seen = []

    def make_worker():
        def fail(task):
            seen.append(settings())
            raise ZeroDivisionError("task")

        return fail

    with pytest.raises(ZeroDivisionError, match="task"):
        _threads.run(range(10), make_worker, work=1e9)
    assert_restored(before)
    # While threads work, BLAS keeps to one each: the limit was really there.
    blas = [d["filepath"] for d in threadpool_info() if d["user_api"] == "blas"]
    assert blas
    assert all(libraries[path] == 1 for libraries in seen for path in blas)
    everything(KERNELS["relu"])
    assert_restored(before)


def test_errors_of_the_data_restore_settings_too():
    before = settings()
    bad = X.copy()
    bad[5] = 1e200
    with pytest.raises(ValueError, match="row 5"):
        NTKernel()(bad)
    assert_restored(before)


@pytest.mark.parametrize("name", KERNELS)
def test_several_calls_at_once_in_threads(name):
    kernel = KERNELS[name]
    expected = everything(kernel)
    before = settings()
    jobs = (joblib.delayed(everything)(kernel) for _ in range(8))
    for answer in joblib.Parallel(n_jobs=4, backend="threading")(jobs):
        assert_same(expected, answer)
    assert_restored(before)


def test_several_calls_at_once_in_processes():
    kernel = KERNELS["relu"]
    jobs = (joblib.delayed(kernel)(X, Z) for Z in (X, Y, X))
    answers = joblib.Parallel(n_jobs=2, backend="loky")(jobs)
    for Z, K in zip((X, Y, X), answers, strict=True):
        assert_allclose(K, kernel(X, Z), rtol=1e-13, atol=1e-13)


def run_script(script):
    """Run a script in a process of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=300,  # a busy machine imports slowly
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_after_a_fork():
    """A child of a process that has used its threads computes the same."""
    printed = run_script(
        """
        import os
        import numpy as np
        from ntk_sklearn import NTKernel

        X = np.random.default_rng(0).standard_normal((600, 4))
        kernel = NTKernel(depth=2)
        K = kernel(X)
        for _ in range(2):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(kernel(X), K) else 3)
            assert os.waitpid(child, 0)[1] == 0, "the child failed"
        assert np.array_equal(kernel(X), K)
        print("fine")
        """
    )
    assert printed == ["fine"]


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_a_fork_while_another_thread_computes():
    """The child inherits no lock that nobody will release, and no BLAS limit."""
    printed = run_script(
        """
        import os, threading
        import numpy as np
        from ntk_sklearn import NTKernel

        X = np.random.default_rng(0).standard_normal((1500, 4))
        kernel = NTKernel(depth=4)
        K = kernel(X)
        stop = threading.Event()

        def work():
            while not stop.is_set():
                kernel(X)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.allclose(kernel(X[:600]), K[:600, :600]) else 3)
            assert os.waitpid(child, 0)[1] == 0, "the child failed"
        stop.set()
        thread.join()
        print("fine")
        """
    )
    assert printed == ["fine"]


def test_no_threading_layer_of_numba_is_started():
    """OpenMP dies after a fork, workqueue when two threads meet: we use neither."""
    printed = run_script(
        """
        import numba, numpy as np
        from ntk_sklearn import NTKernel
        NTKernel()(np.random.default_rng(0).standard_normal((600, 4)))
        try:
            print(numba.threading_layer())
        except ValueError:
            print("none")
        """
    )
    assert printed == ["none"]


def test_symmetric_tiles_are_exactly_repeatable():
    K = KERNELS["relu"](X)
    for _ in range(3):
        assert_array_equal(KERNELS["relu"](X), K)
