"""Which pixels of two images meet in which layer of a convolutional network.

A convolution moves both pixels of a pair by the same displacement, so that pairs of one
offset meet only pairs of one offset: they are an image of their own, a *plane*, that
passes all layers in cache. Rows and columns are independent of each other. For each of
the two axes, a plane is a list of pairs of positions in each level, found backwards
from the pairs that the read-out wants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A window that moves along one axis of an image.

    Attributes
    ----------
    length : int
        Number of positions in the window.
    stride : int
        Number of positions that it moves.
    padding : {"same", "valid", "circular"}
        What it sees beyond the border: zeros, nothing (it stays inside), or the other
        side of the image.
    """

    length: int
    stride: int
    padding: str

    def size(self, size: int) -> int:
        """Return the number of positions of the window along so many pixels."""
        if self.padding == "valid":
            return (size - self.length) // self.stride + 1
        return -(-size // self.stride)

    def sources(self, size: int) -> np.ndarray:
        """Return the pixel that each output sees at each displacement; -1 for none."""
        out = self.size(size)
        low = 0
        if self.padding != "valid":
            low = max((out - 1) * self.stride + self.length - size, 0) // 2
        seen = np.arange(out)[:, None] * self.stride + np.arange(self.length) - low
        if self.padding == "circular":
            return seen % size
        return np.where((seen >= 0) & (seen < size), seen, -1)


class Axis(NamedTuple):
    """The planes of one axis: for each level and plane, a list of pairs of positions.

    Level 0 is the input of a stack of convolutions, and level l the output of the l-th.

    Attributes
    ----------
    counts : ndarray of shape (n_levels, n_planes)
        Number of pairs.
    places : ndarray of shape (n_levels, n_planes, 2, n_pairs)
        The two positions of each pair.
    sources : ndarray of shape (n_levels, n_planes, n_displacements, n_pairs)
        The pair of the level below that a pair sees; -1 for none.
    runs : ndarray of shape (n_levels, n_planes, n_displacements, 3)
        If pairs ``start`` to ``stop`` see those of the level below in their order, and
        no others see any: start, stop and by how much the number changes. Else -1.
    """

    counts: np.ndarray
    places: np.ndarray
    sources: np.ndarray
    runs: np.ndarray


def axis(size: int, windows: list[Window], offsets: str) -> Axis:
    """Return the planes of one axis.

    Parameters
    ----------
    size : int
        Number of positions of the input.
    windows : list of Window
        The convolutions.
    offsets : {"zero", "all"}
        The pairs of the last level that are wanted: those of a position with itself,
        or all.
    """
    sizes = [size]
    for window in windows:
        sizes.append(window.size(sizes[-1]))
    last = sizes[-1]
    if offsets == "zero":
        wanted = [[(p, p) for p in range(last)]]
    elif any(window.padding == "circular" for window in windows):
        wanted = [[(p, (p + r) % last) for p in range(last)] for r in range(last)]
    else:
        wanted = [
            [(p, p + r) for p in range(max(0, -r), min(last, last - r))]
            for r in range(1 - last, last)
        ]
    planes = [_levels(pairs, sizes, windows) for pairs in wanted]
    return _pack(planes, len(sizes), max([w.length for w in windows], default=1))


def _levels(pairs, sizes, windows):
    """Return the pairs of every level of a plane, and what each of them sees below."""
    levels: list[np.ndarray] = [np.array(pairs).T]
    seen: list[np.ndarray] = []
    for size, window in zip(sizes[-2::-1], windows[::-1], strict=True):
        table = window.sources(size)
        first, second = table[levels[0][0]].T, table[levels[0][1]].T
        both = (first >= 0) & (second >= 0)
        codes = np.where(both, first * size + second, -1)
        below = np.unique(codes[both])
        seen.insert(0, np.where(both, np.searchsorted(below, codes), -1))
        levels.insert(0, np.stack([below // size, below % size]))
    return levels, seen


def _pack(planes, n_levels, length):
    """Return the lists of all planes as arrays."""
    counts = np.array([[p[0][l].shape[1] for p in planes] for l in range(n_levels)])
    most, n_planes = int(counts.max()), len(planes)
    places = np.zeros((n_levels, n_planes, 2, most), np.int32)
    sources = np.full((n_levels, n_planes, length, most), -1, np.int32)
    runs = np.zeros((n_levels, n_planes, length, 3), np.int32)
    for p, (levels, seen) in enumerate(planes):
        for l, pairs in enumerate(levels):
            places[l, p, :, : pairs.shape[1]] = pairs
        for l, table in enumerate(seen):
            sources[l + 1, p, : len(table), : table.shape[1]] = table
            for d, row in enumerate(table):
                runs[l + 1, p, d] = _run(row)
    return Axis(counts.astype(np.int32), places, sources, runs)


def _run(row):
    """Return start, stop and shift of a list that counts up, with -1 around it."""
    inside = np.flatnonzero(row >= 0)
    if not inside.size:
        return 0, 0, 0
    start, stop = inside[0], inside[-1] + 1
    shift = row[start] - start
    straight = np.array_equal(row[start:stop], np.arange(start, stop) + shift)
    return (start, stop, shift) if straight else (-1, -1, -1)
