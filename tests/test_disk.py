"""What a run survives or tells: full disks, unreadable blocks, models that warn.

A limit on the size of files fills the disk of this process alone: writes are cut short
and then fail, as on a device without room.
"""

import errno
import io
import os
import pickle
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.parallel import ThreadingBackend
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from ntk_sklearn import NTKernel
from ntk_sklearn._blocks.reading import load
from ntk_sklearn._blocks.sources import Block, Mapped, row_blocks
from ntk_sklearn.comparison import (
    MODELS,
    Model,
    Settings,
    StudyError,
    load_bundled,
    read_results,
    report,
    run_study,
    with_folds,
)
from ntk_sklearn.comparison.cli import main
from ntk_sklearn.comparison.datasets import draw_splits
from ntk_sklearn.comparison.plots import write_plots
from ntk_sklearn.comparison.progress import Progress
from ntk_sklearn.comparison.results import _HEADER
from ntk_sklearn.estimators._classifier import WNTKClassifier
from ntk_sklearn.estimators._regressor import WNTKRegressor
from ntk_sklearn.solvers import (
    BlockError,
    NystromFeatures,
    NystromSystem,
    accumulate,
    predict,
)

KERNEL = NTKernel(depth=2)
rng = np.random.default_rng(0)
X = rng.standard_normal((600, 5))
Y = np.column_stack([np.sin(X[:, 0]), X[:, 2] ** 2])
MODEL = WNTKRegressor(
    NTKernel(depth=2, bias_variance_bounds="fixed"),
    alpha=0.1,
    alpha_bounds="fixed",
    n_components=30,
)

needs_proc = pytest.mark.skipif(
    not os.path.exists("/proc/self/mem"), reason="no file that cannot be read"
)
needs_full = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="no device that is always full"
)


@contextmanager
def full_beyond(n_bytes):
    """Let no file of this process, or of one that it starts, grow beyond a size."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _can_mount(folder) -> bool:
    """Whether a small file system of our own may be mounted, which needs no root."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(folder)]
    command = ["unshare", "-Urm", *mount]
    return not subprocess.run(command, check=False, capture_output=True).returncode


# -- the results of a study -----------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """A model that counts its fits."""
    fits = []

    def tune(X, y, splits):
        fits.append(len(y))
        return LogisticRegression(max_iter=1000)

    model = Model("counts", lambda job: tune, default=())
    monkeypatch.setitem(MODELS, "counted", model)
    return fits


COMMAND = ["compare", "--data", "iris", "--models", "counted", "--folds", "4"]


def check_half_lines(path, n_rows):
    assert path.read_bytes().endswith(b"\n")
    assert len(read_results(path)) == n_rows


def test_results_on_a_full_disk_are_whole_and_resumed(tmp_path, counted, capsys):
    out = tmp_path / "r.csv"
    command = [*COMMAND, "--jobs", "1", "--out", str(out)]
    with full_beyond(len(_HEADER) + 300):
        assert main(command) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"error: --out {out}: the result of counted on iris, fold 1, " in message
    assert "cannot be written: File too large; the file holds the 1 before" in message
    assert message.endswith("the same command resumes from them")
    check_half_lines(out, 1)
    assert main(command) == 0
    assert len(counted) == 5  # the one that found no room, again
    check_half_lines(out, 4)


def test_no_room_for_the_first_line(tmp_path, counted, capsys):
    out = tmp_path / "r.csv"
    with full_beyond(20):
        assert main([*COMMAND, "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"{_error(out)}: File too large\n"
    assert out.read_bytes() == b""
    assert counted == []


def _error(out):
    return f"ntk_sklearn: error: --out {out}"


@pytest.mark.parametrize("n_bytes", [0, 1, 20, len(_HEADER) - 1, len(_HEADER)])
def test_a_header_that_was_cut_short_is_mended(tmp_path, counted, n_bytes):
    out = tmp_path / "r.csv"
    out.write_bytes(_HEADER[:n_bytes])
    assert read_results(out) == []
    data = with_folds(load_bundled(["iris"])[0], 2, 0)
    run_study([data], ["counted"], out=out, progress=False)
    assert out.read_bytes().startswith(_HEADER)
    check_half_lines(out, 2)


def test_results_go_to_files_only(tmp_path, capsys):
    for path in (tmp_path, Path(os.devnull)):
        assert main([*COMMAND[:3], "--out", str(path)]) == 2
        assert f"{_error(path)}: is not a file" in capsys.readouterr().err


def test_results_on_a_small_file_system(tmp_path):
    disk, copy = tmp_path / "disk", tmp_path / "copy.csv"
    disk.mkdir()
    if not _can_mount(disk):
        pytest.skip("user namespaces with mounts are not allowed here")
    script = (
        f"mount -t tmpfs -o size=4k none {disk}; {sys.executable} -m ntk_sklearn "
        "compare --data iris,wine --models rbf-svm,nngp-svm,wntk,rbf-ridge,nngp-ridge "
        f"--quick --jobs 2 --out {disk}/r.csv; status=$?; cp {disk}/r.csv {copy}; "
        "exit $status"
    )
    run = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stderr
    assert "cannot be written: No space left on device" in run.stderr
    assert "Traceback" not in run.stderr
    n_rows = copy.read_bytes().count(b"\n") - 1
    assert f"the file holds the {n_rows} before it" in run.stderr
    check_half_lines(copy, n_rows)


def test_half_a_picture_is_removed(tmp_path):
    pytest.importorskip("matplotlib")
    data = [with_folds(d, 2, 0) for d in load_bundled(["iris", "wine"])]
    rows = run_study(data, ["rbf-svm", "wntk"], Settings(quick=True), progress=False)
    write_plots(tmp_path / "before", rows)  # matplotlib has files of its own to write
    with (
        full_beyond(5000),
        pytest.raises(StudyError, match=r"--plots .*difference.png: cannot be written"),
    ):
        write_plots(tmp_path / "plots", rows)
    assert os.listdir(tmp_path / "plots") == []


def full_stream():
    """Open a text file on a device that is full."""
    return io.TextIOWrapper(open("/dev/full", "wb", buffering=0), write_through=True)


@needs_full
def test_a_report_that_cannot_be_written(counted, capsys, monkeypatch):
    with full_stream() as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert main([*COMMAND, "--jobs", "1"]) == 2
    assert "report cannot be written: No space left" in capsys.readouterr().err


@needs_full
def test_a_full_log_does_not_stop_a_study():
    with full_stream() as stream:
        progress = Progress([("a", 1.0)], stream, every=0.0)
        progress.advance("a", 1.0, 0.1, "one")
        progress.close()


# -- blocks of rows -------------------------------------------------------------------


def fit(X=X, Y=Y, **options):
    system = NystromSystem.empty(NystromFeatures.of(KERNEL, CENTRES), 2)
    system = accumulate(system, X, Y, **options)
    return predict(system.features, system.solve(0.1), CENTRES, n_jobs=1)


CENTRES = X[:30].copy()


def test_workers_do_without_a_full_folder(tmp_path):
    many = np.tile(X, (20, 1)), np.tile(Y, (20, 1))
    expected = fit(*many, block_rows=4000)
    with (
        joblib.parallel_config(
            backend="loky", n_jobs=2, temp_folder=tmp_path, max_nbytes=100_000
        ),
        full_beyond(50_000),
    ):
        found = fit(*many, block_rows=4000)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [name for *_, names in os.walk(tmp_path) for name in names] == []


def test_a_study_needs_no_folder_for_its_workers(tmp_path):
    data = with_folds(load_bundled(["digits"])[0], 2, 0)
    data = replace(data, X=np.repeat(data.X, 2, axis=1))  # 1.8 MB: joblib makes files
    settings = Settings(quick=True)
    with joblib.parallel_config(temp_folder=tmp_path), full_beyond(100_000):
        rows = run_study([data], ["rbf-ridge"], settings, n_jobs=2, progress=False)
    assert all(row.ok for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_sent_at_all_says_so():
    class Stuck(NTKernel):
        def __reduce__(self):
            raise RuntimeError("no way")

    system = NystromSystem.empty(NystromFeatures.of(Stuck(depth=2), CENTRES), 2)
    with (
        joblib.parallel_config(backend="loky", n_jobs=2),
        pytest.raises(pickle.PicklingError),
    ):
        accumulate(system, X, Y)


class NoRoom(ThreadingBackend):
    """Workers that cannot be started, for want of room on the disk."""

    def configure(self, *args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


joblib.register_parallel_backend("no room", NoRoom)
no_room = partial(joblib.parallel_config, backend="no room", n_jobs=2)


def test_workers_that_cannot_be_started_name_the_block():
    with (
        no_room(),
        pytest.raises(BlockError, match=r"block 0 \(rows 0 to 99\).*No space left"),
    ):
        fit(block_rows=100)


@pytest.fixture
def files(tmp_path):
    paths = []
    for k in range(3):
        pair = tmp_path / f"X{k}.npy", tmp_path / f"y{k}.npy"
        for path, part in zip(pair, (X, Y), strict=True):
            np.save(path, part[200 * k : 200 * (k + 1)])
        paths.append(pair)
    return [list(part) for part in zip(*paths, strict=True)]


def test_a_file_that_is_cut_while_it_is_read(files):
    block = row_blocks(*files)[1]
    tiles = load(block, 5, 60)
    next(tiles)
    os.truncate(files[0][1], 4000)  # the page of a memory map would end the process
    with pytest.raises(BlockError, match=r"block 1 \(file .*the file ends before"):
        list(tiles)


@needs_proc
def test_rows_that_the_disk_does_not_deliver():
    broken = Mapped("/proc/self/mem", "<f8", 0, (10, 5))
    with pytest.raises(BlockError, match=r"block 7 cannot be read: .*[Ii]nput/output"):
        list(load(Block(7, "block 7", broken, None, None), 5, 100))


@needs_proc
@pytest.mark.parametrize("part", [0, 1], ids=["X", "y"])
def test_estimators_name_a_file_that_cannot_be_read(files, part):
    os.unlink(files[part][1])
    os.symlink("/proc/self/mem", files[part][1])
    name = os.path.basename(files[part][1])
    with pytest.raises(BlockError, match=rf"block 1 \(file .*{name}\) .*output error"):
        clone(MODEL).fit(*files)


def test_a_chunk_that_cannot_be_read():
    da = pytest.importorskip("dask.array")

    def read(rows, block_info=None):
        if block_info[0]["chunk-location"][0] == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rows

    lazy = da.from_array(X, chunks=(200, -1)).map_blocks(read, dtype=X.dtype)
    with pytest.raises(BlockError, match=r"block 2 \(rows 400 to 599\) .*No space"):
        fit(lazy)


def test_files_of_one_axis_are_refused(files):
    np.save(files[0][0], X[:200, 0])
    with pytest.raises(BlockError, match=r"block 0 .*has shape \(200,\)"):
        clone(MODEL).fit(*files)


def test_files_in_any_order_and_type(files):
    expected = fit(*files)
    np.testing.assert_allclose(expected, fit(), rtol=1e-9)
    for path in files[0]:
        np.save(path, np.asfortranarray(np.load(path)))
    np.testing.assert_allclose(fit(*files), expected, rtol=1e-12)
    for path in files[0]:
        np.save(path, np.load(path).astype(">f4"))
    np.testing.assert_allclose(fit(*files), expected, rtol=1e-3, atol=1e-4)


# -- warnings of a study --------------------------------------------------------------


def test_rare_classes_do_not_warn(counted):
    y = np.array([0] * 20 + [1] * 20 + [2] * 3)
    assert len(draw_splits(y, "classification", 5, 0)) == 5
    data = load_bundled(["iris"])[0]
    rare = replace(
        data, X=data.X[np.r_[:40, 50:90, 100:103]], y=np.repeat([0, 1, 2], [40, 40, 3])
    )
    rows = run_study([with_folds(rare, 2, 0)], ["counted"], progress=False)
    assert [row.n_warnings for row in rows] == [0, 0]


def test_warnings_of_models_are_named(tmp_path, monkeypatch):
    def tuner(job):
        # Stopped before it has converged.
        return lambda X, y, splits: LogisticRegression(max_iter=1)

    monkeypatch.setitem(MODELS, "hasty", Model("warns", tuner, default=()))
    data = with_folds(load_bundled(["iris"])[0], 3, 0)
    out = tmp_path / "r.csv"
    for _ in range(2):  # computed, and read again
        rows = run_study([data], ["hasty", "wntk"], out=out, progress=False)
        assert all(row.ok for row in rows)
        text = report(rows)
        assert "not shown: hasty 3." in text
        assert "hasty warned on iris (3 folds): ConvergenceWarning: lbfgs" in text
        assert "wntk warned" not in text


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    def fails(model, *data):
        with no_room(), pytest.raises(BlockError, match="block 0"):
            model.fit(*data)

    model = clone(MODEL)
    fails(model, X, Y)
    assert vars(model).keys() == vars(clone(MODEL)).keys()
    with pytest.raises(NotFittedError):
        model.predict(X)
    expected = model.fit(X, Y).predict(X)
    fails(model, X[:, :3], Y[:, 0])
    np.testing.assert_array_equal(model.predict(X), expected)
    again = clone(MODEL).fit(X, Y).partial_fit(X, Y).predict(X)
    np.testing.assert_array_equal(model.partial_fit(X, Y).predict(X), again)


def test_a_failed_batch_adds_to_no_model(monkeypatch):
    from ntk_sklearn._models import nystrom

    classes = Y[:, 0] > 0
    model = WNTKClassifier(n_components=30).fit(X, classes)
    expected = model.decision_function(X)
    assert len(model.models_) > 1
    whole, calls = nystrom.accumulate, []

    def failing(*args, **options):
        calls.append(args)
        if len(calls) > 1:
            raise BlockError("no room")
        return whole(*args, **options)

    with monkeypatch.context() as patch, pytest.raises(BlockError):
        patch.setattr(nystrom, "accumulate", failing)
        model.partial_fit(X, classes)
    np.testing.assert_array_equal(model.decision_function(X), expected)
    assert {one.system.equations.n_rows for one in model.models_} == {600}
