"""Random rows of large data sets, read into memory."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse

from .reading import first_stray, load, whole, width
from .sources import BlockError, block_lengths, is_source, row_blocks


def gather(source) -> np.ndarray:
    """Read a whole source, such as that of the targets, into memory."""
    if source is None or not is_source(source):
        return source
    if hasattr(source, "to_delayed") and not hasattr(source, "chunks"):
        return np.asarray(source.compute())  # a column of a dask DataFrame
    return np.concatenate([whole(block) for block in row_blocks(source)])


def sample_rows(X, n, rng, among=None, max_blocks=32, allow_nan=False):
    """Draw random rows of a data set, reading only a few of its blocks.

    Parameters
    ----------
    X : ndarray, memmap, list of .npy files, or dask array
        The rows.
    n : int
        Number of rows to draw. If there are no more, all are returned.
    rng : RandomState
        The generator of random numbers.
    among : ndarray of int, default=None
        Sorted numbers of the rows that may be drawn; None means all.
    max_blocks : int, default=32
        Maximum number of files or chunks to read.
    allow_nan : bool, default=False
        Whether rows may hold NaN.

    Returns
    -------
    rows : ndarray of int
        Sorted numbers of the drawn rows.
    drawn : ndarray of shape (n_drawn, n_features)
        The drawn rows.

    Raises
    ------
    BlockError
        If a drawn row holds a number that is not finite.
    """
    if not is_source(X):
        among = np.arange(len(X)) if among is None else among
        rows = among if n >= len(among) else np.sort(rng.choice(among, n, False))
        drawn = X[rows]
        if issparse(drawn) or drawn.dtype.kind not in "biuf":
            return rows, drawn  # other objects are left to other checks
        drawn = drawn.astype(np.float64, copy=False)
        stray = first_stray(drawn, allow_nan)
        if stray:  # in a memory map, which no other check has read
            row, column, what = stray
            raise BlockError(
                f"Input X contains {what} at row {rows[row]}{column}; values must be "
                "finite."
            )
        return rows, drawn
    blocks = row_blocks(X)
    ends = np.cumsum(block_lengths(X))
    among = np.arange(ends[-1]) if among is None else among
    if len(blocks) > max_blocks:
        some = rng.permutation(len(blocks))[:max_blocks]
        home = np.searchsorted(ends, among, side="right")
        among = among[np.isin(home, some)]
    rows = among if n >= len(among) else np.sort(rng.choice(among, n, False))
    home = np.searchsorted(ends, rows, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    columns = width(blocks[0])
    parts = []
    for number in np.unique(home):
        most = max(1, ends[-1])
        ((tile, _, _),) = load(blocks[number], columns, most, allow_nan)
        parts.append(tile[rows[home == number] - starts[number]])
    return rows, np.concatenate(parts)
