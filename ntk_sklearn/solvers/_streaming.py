"""Passes of a Nyström model over rows in memory, in files or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from .._blocks.reading import load
from .._blocks.sources import BlockError, row_blocks, tile_rows
from .._blocks.tasks import TreeSum, run_tasks, share_out
from .._utils.arrays import Place, is_elsewhere, place_at
from .._utils.threads import one_blas_thread
from ._features import NystromFeatures, multiply
from ._normal_equations import NormalEquations
from ._nystrom import NystromSolution, NystromSystem
from ._row_weights import RowWeights

# Arrays of the size of a tile of kernel values that a device holds at a time.
_TILES = 4


def _place_of(features: NystromFeatures) -> Place | None:
    """Return the place of features; None if they are arrays of NumPy."""
    return place_at(features.factor) if is_elsewhere(features.factor) else None


def _rows_of_tile(n_centres: int, place: Place | None) -> int:
    """Return the number of rows of a tile, which fits the memory of a device."""
    rows = tile_rows(n_centres)
    if place is None:
        return rows
    return max(rows, int(place.budget() / (8.0 * _TILES * n_centres)))


@one_blas_thread()
def accumulate(
    system: NystromSystem,
    X,
    y,
    sample_weight=None,
    *,
    block_rows: int | None = None,
    n_jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NystromSystem:
    """Add the rows of a data set to a system, in one pass.

    Parameters
    ----------
    system : NystromSystem
        The system, which is not changed.
    X, y, sample_weight
        Arrays, memory maps, lists of .npy files or dask arrays. A file, or a chunk of a
        dask array, is one block. Targets and weights may be in memory in any case.
        Weights of integer dtype count copies; they may also be `RowWeights`.
    block_rows : int, default=None
        Number of rows in a block of an array or a memory map. None chooses it such that
        a block's kernel matrix takes 24 MiB, or fits the memory of the device that
        features lie on.
    n_jobs : int, default=None
        Number of joblib workers. None means that of ``joblib.parallel_config``, or a
        thread for each processor if it is not configured. Features on a device are
        computed by this thread, a tile at a time.
    progress : callable, default=None
        Called with the number of finished tasks and the number of all tasks.

    Returns
    -------
    NystromSystem
        A new system that includes the rows.

    Raises
    ------
    BlockError
        If a block cannot be used; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import NystromFeatures, NystromSystem, accumulate
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> system = NystromSystem.empty(NystromFeatures.of(NTKernel(), X[::20]))
    >>> accumulate(system, X, np.sin(3.0 * X), block_rows=50).equations.n_rows
    200.0
    """
    place = _place_of(system.features)
    rows = _rows_of_tile(len(system.features.centres), place)
    if isinstance(sample_weight, RowWeights):
        sample_weight = sample_weight.columns
    blocks = row_blocks(X, y, sample_weight, rows if block_rows is None else block_rows)
    groups = share_out(blocks)
    features, n_outputs = system.features, len(system.equations.y)
    # Arrays are separate arguments, so that each is sent to a cluster once only.
    arrays = features.kernel, features.centres, features.factor
    shape = n_outputs, features.width, rows, features.allow_nan
    common = *arrays, features.transform, shape
    tree = TreeSum(NormalEquations.absorb)
    size = system.equations.zz.nbytes
    if place is None:
        passed = run_tasks(_sum_blocks, groups, *common, n_jobs=n_jobs, task_bytes=size)
    else:  # one device does everything
        passed = (_sum_blocks(group, *common) for group in groups)
    with closing(passed):  # an interrupt stops the workers at once
        for done, sums in enumerate(passed):
            tree.add(sums)
            if progress is not None:
                progress(done + 1, len(groups))
    return system.plus(tree.total())


@one_blas_thread()
def _sum_blocks(group, kernel, centres, factor, transform, shape) -> NormalEquations:
    """Return the sums over the blocks of a task."""
    n_outputs, *how = shape
    if not is_elsewhere(factor):
        # On other machines arrays may arrive read-only and in another order.
        factor = np.asfortranarray(factor)
    features = NystromFeatures(kernel, centres, factor, transform)
    sums = NormalEquations.zeros(len(centres), n_outputs, _place_of(features))
    for block in group:
        for X, Y, weight in load(block, *how):
            if Y is None or Y.shape[1] != n_outputs:
                found = 0 if Y is None else Y.shape[1]
                raise BlockError(
                    f"{block.name} has {found} outputs, but {n_outputs} are needed."
                )
            sums = sums.absorb_rows(features(X), Y, weight)
    return sums


@one_blas_thread()
def predict(
    features: NystromFeatures,
    solution: NystromSolution,
    X,
    *,
    block_rows: int | None = None,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Predict the rows of a data set by a Nyström model, block by block.

    Parameters
    ----------
    features : NystromFeatures
        The features of the system that was solved.
    solution : NystromSolution
        The result of `NystromSystem.solve`.
    X : ndarray, memmap, list of .npy files, or dask array
        The rows, as for `accumulate`.
    block_rows, n_jobs
        As for `accumulate`.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import NystromFeatures, NystromSystem
    >>> from ntk_sklearn.solvers import accumulate, predict
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> features = NystromFeatures.of(NTKernel(), X[::20])
    >>> system = accumulate(NystromSystem.empty(features), X, np.sin(3.0 * X))
    >>> found = predict(features, system.solve(1e-3), X)
    >>> bool(np.mean((found - np.sin(3.0 * X)) ** 2) < 0.01)
    True
    """
    # Half the rows of `accumulate`: the kernel matrix is read once more, and should
    # still be in the cache by then.
    rows = tile_rows(len(features.centres)) // 2
    blocks = row_blocks(X, rows=rows if block_rows is None else block_rows)
    arrays = features.kernel, features.centres, solution.coef, solution.intercept
    common = *arrays, features.transform, (features.width, rows, features.allow_nan)
    parts = run_tasks(_predict_blocks, share_out(blocks), *common, n_jobs=n_jobs)
    return np.concatenate(list(parts))


@one_blas_thread()
def _predict_blocks(group, kernel, centres, coef, intercept, transform, shape):
    """Return the predictions of the blocks of a task."""
    parts = []
    for block in group:
        for X, _, _ in load(block, *shape):
            K = kernel(X if transform is None else transform(X), centres)
            parts.append(multiply(K, coef) + intercept)
    return np.concatenate(parts)
