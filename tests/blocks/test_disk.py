"""What a fit survives or tells: full disks and unreadable blocks."""

import errno
import os
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
from joblib.parallel import ThreadingBackend
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ntk_sklearn import NTKernel
from ntk_sklearn._blocks.reading import load
from ntk_sklearn._blocks.sources import Block, Mapped, row_blocks
from ntk_sklearn.estimators._classifier import WNTKClassifier
from ntk_sklearn.estimators._regressor import WNTKRegressor
from ntk_sklearn.solvers import (
    BlockError,
    NystromFeatures,
    NystromSystem,
    accumulate,
    predict,
)

from ..disk import full_beyond

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
