"""Passes over blocks of rows, on threads, processes and a cluster."""

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import numpy as np
import pytest

from ntk_sklearn import NTKernel
from ntk_sklearn._blocks import tasks
from ntk_sklearn._blocks.reading import load
from ntk_sklearn._blocks.sampling import sample_rows
from ntk_sklearn._blocks.sources import Mapped, row_blocks
from ntk_sklearn._blocks.tasks import joblib_options, run_tasks, share_out
from ntk_sklearn._utils.progress import Progress
from ntk_sklearn._utils.threads import one_blas_thread
from ntk_sklearn.solvers import BlockError, NystromFeatures, predict

from .nystrom_cases import CENTRES, KERNEL, NEW, X, Y, close, fit, system_of


@pytest.mark.parametrize("block_rows", [1, 7, 64, 599, 600, 10_000])
def test_block_size_does_not_matter(block_rows):
    close(fit(block_rows=block_rows), fit(block_rows=100))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_do_not_matter(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        close(fit(block_rows=50), fit(block_rows=50, n_jobs=1))


@pytest.fixture
def files(tmp_path):
    paths = []
    for k in range(0, 600, 200):
        pair = tmp_path / f"X{k}.npy", tmp_path / f"y{k}.npy"
        for path, part in zip(pair, (X, Y), strict=True):
            np.save(path, part[k : k + 200])
        paths.append(pair)
    return [list(part) for part in zip(*paths, strict=True)]


def test_files_and_memory_maps(files, tmp_path):
    close(fit(*files), fit())
    np.save(tmp_path / "X.npy", np.vstack([np.zeros((3, 5)), X]))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    with joblib.parallel_config(backend="loky", n_jobs=2):
        close(fit(mapped[3:], block_rows=100), fit())


def test_a_sample_reads_a_few_files_only(tmp_path):
    paths = [tmp_path / f"{k}.npy" for k in range(60)]
    for path, part in zip(paths, np.split(X, 60), strict=True):
        np.save(path, part)
    for n, n_files in ((25, 3), (1000, 3), (40, 60)):
        rows, drawn = sample_rows(
            paths, n, np.random.RandomState(0), max_blocks=n_files
        )
        assert len(rows) == min(n, 10 * n_files)
        assert len(np.unique(rows // 10)) <= n_files
        np.testing.assert_array_equal(drawn, X[rows])


def test_memory_maps_are_passed_as_references(tmp_path):
    np.save(tmp_path / "X.npy", X)
    blocks = row_blocks(np.load(tmp_path / "X.npy", mmap_mode="r")[7:][5:], rows=100)
    assert isinstance(blocks[1].X, Mapped)
    ((tile, _, _),) = load(blocks[1], 5, 1000)
    np.testing.assert_array_equal(tile, X[112:212])


def test_a_value_that_is_not_finite_names_its_block():
    bad = np.tile(X, (2, 1))
    bad[731, 3] = np.nan
    with pytest.raises(BlockError, match=r"X contains NaN in block 731 \(rows 731"):
        fit(bad, np.tile(Y, (2, 1)), block_rows=1)
    worse = Y.copy()
    worse[450, 1] = np.inf
    with pytest.raises(
        BlockError, match=r"y contains infinity in block 4 .*, at row 50 .*column 1;"
    ):
        fit(Y=worse, block_rows=100)


def test_a_bad_file_is_named(files):
    np.save(files[0][1], np.ones((200, 4)))
    with pytest.raises(BlockError, match=r"block 1 \(file .*X200.npy\).*5 columns"):
        fit(*files)
    Path(files[0][1]).write_bytes(b"half")
    with pytest.raises(BlockError, match=r"block 1 .*cannot be read"):
        fit(*files)
    Path(files[0][1]).unlink()
    with pytest.raises(BlockError, match=r"block 1 .*cannot be read"):
        fit(*files)


def deadly(folder, times):
    """A kernel that kills its process a few times, as a full memory would.

    A class of a function is pickled by value: workers cannot import the tests.
    """
    client = os.getpid()

    class Deadly(NTKernel):
        def __call__(self, X, Y=None, eval_gradient=False):
            if os.getpid() != client and len(os.listdir(folder)) < times:
                Path(folder, str(os.getpid())).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(X, Y, eval_gradient)

    return Deadly(depth=2)


needs_sigkill = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")


def killed_fit(folder, times=1):
    kernel = deadly(str(folder), times)
    system = system_of(X, Y, kernel=kernel, block_rows=100)
    assert os.listdir(folder)  # it has happened
    features = NystromFeatures.of(KERNEL, CENTRES)
    return predict(features, system.solve(0.1), NEW, n_jobs=1)


@needs_sigkill
@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
def test_a_killed_process_is_replaced(tmp_path):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        close(killed_fit(tmp_path), fit(n_jobs=1))


def sum_rows(group, columns):
    return sum(X.sum() for block in group for X, _, _ in load(block, columns, 100))


GROUPS = share_out(row_blocks(X, rows=100))


def test_a_block_that_always_kills_is_named():
    calls = []

    def broken(**options):
        def run(tasks):
            for number, (function, args, _) in enumerate(tasks):
                calls.append(number)
                if len(calls) > 3:
                    raise BrokenProcessPool
                yield function(*args)

        return run

    with pytest.raises(BlockError, match=r"killed again and again at block 3 "):
        list(run_tasks(sum_rows, GROUPS, 5, parallel=broken))
    assert calls == [0, 1, 2, 3, 0, 0]


def test_any_number_of_lost_workers_is_replaced():
    """Only one that is lost again and again at the same block is given up."""
    starts = []

    def weak(**options):
        def run(tasks):
            starts.append(1)
            for number, (function, args, _) in enumerate(tasks):
                if number == 1 and len(starts) <= 5:
                    raise BrokenProcessPool
                yield function(*args)

        return run

    expected = list(run_tasks(sum_rows, GROUPS, 5, n_jobs=1))
    assert list(run_tasks(sum_rows, GROUPS, 5, parallel=weak)) == expected
    assert len(expected) == 6 and len(starts) == 6


def test_lost_workers_are_waited_for(monkeypatch):
    """With the only one that is left, joblib would work in the calling process."""
    alive, starts = [2, 1, 1, 1, 2], []
    monkeypatch.setattr(
        tasks, "effective_n_jobs", lambda _: alive.pop(0) if len(alive) > 1 else 2
    )

    def weak(**options):
        def run(work):
            starts.append(len(alive))
            for function, args, _ in work:
                if len(starts) == 1:
                    raise BrokenProcessPool
                yield function(*args)

        return run

    monkeypatch.setattr(tasks, "joblib_options", lambda *_: {})
    assert len(list(run_tasks(sum_rows, GROUPS, 5, parallel=weak))) == len(GROUPS)
    assert starts == [4, 1]


def test_a_worker_that_comes_late_is_used(monkeypatch):
    """Until then, the calling process works instead of the only one that is left."""
    alive, starts = [2, 1, 1, 1, 2], []
    monkeypatch.setattr(
        tasks, "effective_n_jobs", lambda _: alive.pop(0) if len(alive) > 1 else 2
    )
    monkeypatch.setattr(tasks, "_REPLACEMENT", 0.0)
    monkeypatch.setattr(tasks, "joblib_options", lambda *_: {})

    def weak(**options):
        def run(work):
            starts.append(0)
            for function, args, _ in work:
                if len(starts) == 1:
                    raise BrokenProcessPool
                starts[-1] += 1
                yield function(*args)

        return run

    expected = [sum_rows(group, 5) for group in GROUPS]
    assert list(run_tasks(sum_rows, GROUPS, 5, parallel=weak)) == expected
    assert starts == [0, 3, 3]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            # While a worker is replaced, joblib would work without a cluster of one.
            threads_per_worker=2,
            processes=True,
            # Any free port: None means 8787, which another suite may hold.
            dashboard_address="127.0.0.1:0",
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_cluster(cluster, files):
    with joblib.parallel_config(backend="dask"):
        close(fit(block_rows=100), fit(block_rows=100, n_jobs=1))
        close(fit(*files), fit())


def test_cluster_reads_dask_arrays(cluster):
    da = pytest.importorskip("dask.array")
    lazy = da.from_array(X, chunks=(130, 3)), da.from_array(Y, chunks=(200, 1))
    close(fit(*lazy), fit())
    with joblib.parallel_config(backend="dask"):
        close(fit(*lazy), fit())
        close(fit(*[part.persist() for part in lazy]), fit())


@needs_sigkill
@pytest.mark.parametrize("times", [1, 2])
def test_cluster_recovers_from_lost_workers(cluster, tmp_path, times):
    # Both workers are lost with two: all that had been sent to them as well.
    cluster.wait_for_workers(2)
    # A busy machine may take longer than ten seconds, the default, to start new ones.
    with joblib.parallel_config(backend="dask", wait_for_workers_timeout=60):
        close(killed_fit(tmp_path, times), fit())


@pytest.mark.parametrize("allowed, threads", [(1, 1), (2, 2), (20, 6)])
def test_blocks_are_shared_out_to_threads(allowed, threads):
    """Each thread has whole blocks, if there are enough; no digit depends on it."""
    expected = fit(block_rows=50, n_jobs=1)
    chosen = joblib_options(None, 12, 8 * 60**2, allowed)
    assert chosen.get("n_jobs") == (threads if allowed > 1 else None)
    seen, both = set(), threading.Barrier(threads, timeout=10)

    def kernel(A, B=None):
        if len(A) == 50 and threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait()  # until every thread has a block
        return KERNEL(A, B)

    with joblib.parallel_config(backend="threading"):
        found = fit(block_rows=50, kernel=kernel, n_jobs=threads)
    assert len(seen) == threads
    np.testing.assert_array_equal(found, expected)


def test_when_threads_are_chosen():
    chosen = {"n_jobs": 4, "backend": "threading", "return_as": "generator"}
    assert joblib_options(None, 100, 2**28, 4) == chosen
    assert "backend" not in joblib_options(None, 100, 2**28 + 1, 4)  # too large
    assert "backend" not in joblib_options(None, 3, 0, 4)  # too few
    assert "backend" not in joblib_options(1, 100, 0, 4)
    with one_blas_thread() as allowed:  # by default, as many as the process may use
        assert joblib_options(None, 100, 0) == joblib_options(None, 100, 0, allowed)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert "backend" not in joblib_options(None, 100, 0, 4)


def test_progress_tells_the_time_left(capsys):
    fit(block_rows=100, progress=Progress("Nyström", every=0.0))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[-1].startswith("[Nyström] 6 of 6 blocks") and "0 s left" in lines[-1]
