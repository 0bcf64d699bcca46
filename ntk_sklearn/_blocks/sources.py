"""Blocks of rows as references, so that a task reads the data of its own blocks."""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple, Protocol

import numpy as np

from .tables import FORMATS, TablePart, TableSource, is_table_source

# Kernel values of this size keep BLAS busy, and are small enough for the C library to
# reuse the same memory: fresh pages would take 5 % of the time of a pass.
TILE_BYTES = 24 * 2**20


class BlockError(ValueError):
    """The error if a block of rows cannot be used; the message names the block.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import BlockError, NystromFeatures, NystromSystem
    >>> from ntk_sklearn.solvers import accumulate
    >>> X = np.linspace(-1.0, 1.0, 40)[:, None]
    >>> system = NystromSystem.empty(NystromFeatures.of(NTKernel(), X[::4]))
    >>> X[30] = np.nan
    >>> try:
    ...     accumulate(system, X, np.zeros(40), block_rows=20)
    ... except BlockError as error:
    ...     print(error)
    Input X contains NaN in block 1 (rows 20 to 39), at row 10 of the block, column 0;
    values must be finite.
    """


class Mapped(NamedTuple):
    """A reference to rows of a memory-mapped file, which a task opens itself."""

    path: str
    dtype: str
    offset: int
    shape: tuple

    def read(self, start=0, stop=None) -> np.ndarray:
        """Read rows by calls that raise an error if they fail.

        Reading a memory map itself would end the process if the disk fails.
        """
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        row = np.dtype(self.dtype).itemsize * int(np.prod(self.shape[1:]))
        found = np.empty((stop - start) * row, np.uint8)
        with open(self.path, "rb") as file:
            file.seek(self.offset + start * row)
            if file.readinto(found.data) < found.size:
                raise EOFError("the file ends before its rows do")
        return found.view(self.dtype).reshape(stop - start, *self.shape[1:])


class Delayed(Protocol):
    """A chunk of a dask array."""

    def compute(self, **options): ...


# The rows, targets or weights of a block: in memory, in a file, or a dask object.
Part = np.ndarray | Mapped | str | Delayed | TablePart


class Block(NamedTuple):
    """A block of rows: its number, its name in messages, and where its data are."""

    number: int
    name: str
    X: Part
    y: Part | None = None
    weight: Part | None = None


def tile_rows(n_centres: int, tile_bytes: int = TILE_BYTES) -> int:
    """Return the number of rows whose kernel values with the centres fill a tile."""
    return max(256, min(8192, tile_bytes // (8 * n_centres)))


def mapped(array, start, stop):
    """Return a reference to rows of an array, or None if it is not memory-mapped."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if not isinstance(owner, np.memmap) or not isinstance(owner.base, mmap.mmap):
        return None
    if not owner.filename or not array.flags.c_contiguous:
        return None
    # A view has the offset of its owner, so its start must be found by its address.
    offset = owner.offset + array.ctypes.data - owner.ctypes.data
    row = array.itemsize * int(np.prod(array.shape[1:]))
    shape = (stop - start, *array.shape[1:])
    path = os.fspath(owner.filename)
    return Mapped(path, array.dtype.str, offset + start * row, shape)


def _part(source, start, stop):
    """Return a reference to rows of a memory map, or the rows of any other array."""
    if source is None:
        return None
    found = mapped(source, start, stop)
    return source[start:stop] if found is None else found


def _is_dask(X) -> bool:
    return type(X).__module__.split(".")[0] == "dask"


def _is_files(X) -> bool:
    return (
        isinstance(X, (list, tuple))
        and len(X) > 0
        and all(isinstance(x, (str, os.PathLike)) for x in X)
    )


def _file_blocks(X, y, weight):
    paths = [os.fspath(path) for path in X]
    parts: list[list] = []
    for name, source in (("y", y), ("sample_weight", weight)):
        if source is None:
            parts.append([None] * len(X))
        elif _is_files(source) and len(source) == len(X):
            parts.append([os.fspath(path) for path in source])
        elif isinstance(source, np.ndarray):
            ends = np.cumsum(block_lengths(X))
            parts.append(np.split(source, ends[:-1]))
        else:
            raise ValueError(
                f"X is a list of {len(X)} files, so {name} must be an array, or a list "
                "with a file for each of them."
            )
    for number, (path, y_part, w_part) in enumerate(zip(paths, *parts, strict=True)):
        yield Block(number, f"block {number} (file {path})", path, y_part, w_part)


def block_lengths(X) -> np.ndarray:
    """Return the number of rows of each file of a list, or chunk of a dask array."""
    if isinstance(X, TableSource):
        return X.lengths
    if _is_dask(X):
        return np.array(X.chunks[0])
    lengths = []
    for number, path in enumerate(X):
        try:
            lengths.append(len(np.load(path, mmap_mode="r", allow_pickle=False)))
        except (OSError, ValueError, EOFError) as error:
            raise BlockError(
                f"block {number} (file {os.fspath(path)}) cannot be read: {error}"
                f"{_unless_named(path)}"
            ) from error
    return np.array(lengths)


def _unless_named(path) -> str:
    """Say which files are read, after one whose name ends otherwise."""
    if os.path.splitext(path)[1] == ".npy":
        return ""
    known = ", ".join(FORMATS)
    return f". Files must be .npy, or all of them tables: {known}."


def is_source(X) -> bool:
    """Return whether rows are not in memory: in files, a dask array or DataFrame."""
    return _is_files(X) or _is_dask(X) or is_table_source(X)


def _table_blocks(X: TableSource, y, weight):
    ends = np.cumsum(X.lengths)[:-1]
    of_rows = [
        [None] * len(X.parts) if part is None else np.split(np.asarray(part), ends)
        for part in (y, weight)
    ]
    for number, parts in enumerate(zip(X.names, X.parts, *of_rows, strict=True)):
        yield Block(number, *parts)


def _dask_blocks(X, y, weight):
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    ends = np.cumsum(X.chunks[0])
    starts = ends - X.chunks[0]

    def chunks(source):
        if source is None:
            return [None] * len(ends)
        if not _is_dask(source):
            source = np.asarray(source)
            return [source[a:b] for a, b in zip(starts, ends, strict=True)]
        rows = (X.chunks[0], *((-1,) * (source.ndim - 1)))
        return source.rechunk(rows).to_delayed().ravel()

    parts = zip(X.to_delayed().ravel(), chunks(y), chunks(weight), strict=True)
    for number, part in enumerate(parts):
        name = f"block {number} (rows {starts[number]} to {ends[number] - 1})"
        yield Block(number, name, *part)


def row_blocks(X, y=None, sample_weight=None, rows=8192) -> list[Block]:
    """Divide a data set into blocks of rows.

    Parameters
    ----------
    X : ndarray, memmap, list of .npy files, dask array or TableSource
        The rows. A file, or a chunk of a dask array, is one block. Blocks of memory
        maps are references, so that the task that works on a block reads it.
    y : the same kind, or an array in memory, default=None
        Targets.
    sample_weight : the same kind, or an array in memory, default=None
        Weights of the rows.
    rows : int, default=8192
        Number of rows in a block of an array or a memory map.

    Returns
    -------
    list of Block
    """
    if isinstance(X, TableSource):
        return list(_table_blocks(X, y, sample_weight))
    if _is_files(X):
        return list(_file_blocks(X, y, sample_weight))
    if _is_dask(X) and X.ndim > 1:
        return list(_dask_blocks(X, y, sample_weight))
    for name, part in (("y", y), ("sample_weight", sample_weight)):
        if part is not None and len(part) != len(X):
            raise ValueError(f"X has {len(X)} rows, but {name} has {len(part)}.")
    if _is_dask(X):  # targets on their own
        chunks = X.to_delayed().ravel()
        return [Block(i, f"block {i}", part) for i, part in enumerate(chunks)]
    blocks = []
    for number, start in enumerate(range(0, len(X), rows)):
        stop = min(start + rows, len(X))
        name = f"block {number} (rows {start} to {stop - 1})"
        parts = [_part(source, start, stop) for source in (X, y, sample_weight)]
        blocks.append(Block(number, name, *parts))
    return blocks
