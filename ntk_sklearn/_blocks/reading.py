"""Reading and checking blocks of rows, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .sources import Block, BlockError, Mapped, mapped, row_blocks
from .tables import TablePart, TableSource


def _opened(source):
    """Return a part of a block as an array, or as a reference that has a shape."""
    if isinstance(source, str):
        array = np.load(source, mmap_mode="r", allow_pickle=False)
        found = mapped(array, 0, array.shape[0]) if array.ndim else None
        return array if found is None else found
    if isinstance(source, TablePart):
        return source.numbers(_computed)
    if source is None or isinstance(source, (np.ndarray, Mapped)):
        return source
    return np.asarray(_computed(source))


def _rows(part, start=0, stop=None) -> np.ndarray:
    """Return rows of an opened part."""
    return part.read(start, stop) if isinstance(part, Mapped) else part[start:stop]


@contextmanager
def _named(block: Block) -> Iterator[None]:
    """Turn an error in reading a block into a `BlockError` that names the block."""
    try:
        yield
    except (OSError, ValueError, EOFError, TypeError, KeyError) as error:
        raise BlockError(f"{block.name} cannot be read: {error}") from error


def width(block: Block) -> int:
    """Return the number of columns of a block."""
    with _named(block):
        shape = _opened(block.X).shape
    if len(shape) != 2:
        raise BlockError(f"{block.name} has shape {shape}, but rows are needed.")
    return shape[1]


def whole(block: Block) -> np.ndarray:
    """Read all rows of a block, without checks."""
    with _named(block):
        return _rows(_opened(block.X))


def _computed(delayed):
    """Compute a chunk or partition of dask: here, or in a worker by its cluster."""
    try:
        from distributed import get_worker, worker_client

        get_worker()
    except (ImportError, ValueError):
        # Given by its name instead, some versions of dask warn of the cluster.
        from dask.local import get_sync

        return delayed.compute(scheduler=get_sync)
    with worker_client() as client:
        return client.compute(delayed).result()


def read_frames(source: TableSource, few: bool = False):
    """Read a table as DataFrames, one for each file or partition.

    Parameters
    ----------
    source : TableSource
        The table.
    few : bool, default=False
        Whether to read only a few files or partitions, and not all of their rows.

    Yields
    ------
    DataFrame, or table of pyarrow

    Raises
    ------
    BlockError
        If one cannot be read; the message names it.
    """
    import narwhals  # as only DataFrames need it

    blocks = row_blocks(source)
    for k, step in source.looked_at() if few else [(k, 1) for k in range(len(blocks))]:
        with _named(blocks[k]):
            frame = source.parts[k].frame(_computed)
        yield narwhals.from_native(frame).gather_every(step).to_native()


def first_stray(
    values: np.ndarray, allow_nan: bool = False
) -> tuple[int, str, str] | None:
    """Return where the first number that is not finite stands, and what it is.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, k)
    allow_nan : bool, default=False
        Whether NaN, for a missing value, is as good as a finite number.

    Returns
    -------
    (row, column, what) or None
        The column is an ending of a sentence, empty for numbers in one dimension.
        None means that all are finite.
    """
    finite = ~np.isinf(values) if allow_nan else np.isfinite(values)
    if finite.all():
        return None
    row, *rest = np.argwhere(~finite)[0].tolist()
    column = f", column {rest[0]}" if rest else ""
    return row, column, "NaN" if np.isnan(values[(row, *rest)]) else "infinity"


def load(block: Block, n_features: int, rows: int, allow_nan: bool = False):
    """Read a block, a few rows at a time, and check its values.

    Parameters
    ----------
    block : Block
        The block.
    n_features : int
        The number of columns it must have.
    rows : int
        The largest number of rows to read at a time.
    allow_nan : bool, default=False
        Whether X may hold NaN.

    Yields
    ------
    X, Y, weight : ndarrays
        Arrays of float64; integer weights keep their dtype. Y is two-dimensional. Y and
        the weight are None if the block has none.

    Raises
    ------
    BlockError
        If the block cannot be read, has another number of columns or rows, or holds
        values that are not finite.
    """
    with _named(block):
        X, y, weight = (_opened(part) for part in block[2:])
    if len(X.shape) != 2 or X.shape[1] != n_features:
        raise BlockError(
            f"{block.name} has shape {X.shape}, but {n_features} columns are needed, "
            "as in the blocks before."
        )
    for name, part in (("y", y), ("sample_weight", weight)):
        if part is not None and part.shape[:1] != X.shape[:1]:
            raise BlockError(
                f"{block.name} has {X.shape[0]} rows of X, but {name} has shape "
                f"{part.shape}."
            )
    for start in range(0, X.shape[0], rows):
        found = []
        for name, part in (("X", X), ("y", y), ("sample_weight", weight)):
            here, missing = slice(start, start + rows), allow_nan and name == "X"
            found.append(_checked(block, name, part, here, missing))
        yield tuple(found)


def _checked(block, name, part, rows, allow_nan):
    if part is None:
        return None
    with _named(block):
        values = np.asarray(_rows(part, rows.start, rows.stop))
        counts = name == "sample_weight" and values.dtype.kind in "iub"
        values = np.ascontiguousarray(values, dtype=None if counts else np.float64)
    stray = first_stray(values, allow_nan)
    if stray:
        row, column, what = stray
        raise BlockError(
            f"Input {name} contains {what} in {block.name}, at row "
            f"{rows.start + row} of the block{column}; values must be finite."
        )
    if name == "sample_weight" and (values < 0).any():
        raise BlockError(f"{block.name} holds a negative sample_weight.")
    return values.reshape(len(values), -1) if name == "y" else values
