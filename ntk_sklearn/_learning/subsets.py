"""Subsets of the rows, on which learning starts to save time."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def subset_sizes(n: int, fewest: int) -> list[int]:
    """Return the sizes of the subsets before all `n` rows: halves, down to `fewest`."""
    sizes: list[int] = []
    while n >= 2 * fewest:
        n //= 2
        sizes.insert(0, n)
    return sizes


def in_order(X, Y) -> np.ndarray:
    """Return row numbers in the order of the inputs, columns with few values first.

    The result depends neither on the order in which rows and columns are given nor on
    units, because it is found from ranks, which are whole numbers. Among rows with
    equal inputs, and among columns with as many values, a hash of the targets' ranks
    decides: sorting by the size of the targets would bias the subsets.
    """
    ranks = rankdata(X, method="dense", axis=0).astype(np.uint64)
    scrambled = _hashes(rankdata(Y, method="dense", axis=0).astype(np.uint64))
    with np.errstate(over="ignore"):
        marks = scrambled @ ranks
    columns = np.lexsort((marks, ranks.max(axis=0)))
    return np.lexsort((scrambled, *ranks.T[columns[::-1]]))


def spread_rows(order, size: int) -> np.ndarray:
    """Return `size` row numbers: neighbours in pairs, spread over the rows in order.

    Rows that were measured twice are neighbours, and a subset needs such pairs to tell
    how large the noise is.
    """
    firsts = np.linspace(0, len(order) - 2, size // 2).astype(int)
    return np.sort(order[np.union1d(firsts, firsts + 1)])


def _hashes(numbers) -> np.ndarray:
    """Return a hash of each row of unsigned integers."""
    with np.errstate(over="ignore"):
        for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
            numbers = (numbers ^ (numbers >> np.uint64(32))) * np.uint64(factor)
        return numbers.sum(axis=1, dtype=np.uint64)
