"""Which pixels of two images meet in which layer of a convolutional network.

A convolution moves both pixels of a pair by the same displacement, so that pairs of one
offset meet only pairs of one offset: they are an image of their own, a *plane*, that
passes all layers in cache. Rows and columns are independent of each other. For each of
the two axes, a plane is a list of pairs of positions in each level, found backwards
from the pairs that the read-out wants.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .windows import Window


class Axis(NamedTuple):
    """The planes of one axis: for each level and plane, a list of pairs of positions.

    Level 0 is the input of a stack of convolutions, and level l the output of the l-th.
    All is found before compiled code runs, which looks up and adds.

    Attributes
    ----------
    counts : ndarray of shape (n_levels, n_planes)
        Number of pairs.
    places : ndarray of shape (n_levels, n_planes, 2, n_pairs)
        The two positions of each pair.
    sources : ndarray of shape (n_levels, n_planes, n_displacements, n_pairs)
        The pair of the level below that a pair sees; `none` if it sees none.
    shifts : ndarray of shape (n_levels, n_planes, n_displacements)
        If `straight`, pair k sees pair ``k + shift``, and none if there is no such one.
    straight : ndarray of bool, shape (n_levels, n_planes)
        Whether that is so for all displacements.
    together : ndarray of bool, shape (n_levels, n_planes)
        Whether both positions of the next pair are the next ones.
    needed : ndarray of shape (n_levels, n_planes, n_pairs)
        How many pairs of the level below must have been looked at when pair k is
        written in the place of the k-th of these.
    lengths : ndarray of shape (n_levels,)
        Number of displacements; 0 at level 0.
    """

    counts: np.ndarray
    places: np.ndarray
    sources: np.ndarray
    shifts: np.ndarray
    straight: np.ndarray
    together: np.ndarray
    needed: np.ndarray
    lengths: np.ndarray

    @property
    def none(self) -> int:
        """The number that stands for no pair, and the largest number of pairs."""
        return self.places.shape[3]

    @property
    def margin(self) -> int:
        """Number of places beyond both ends of a list that shifts lead to."""
        below, here = self.counts[:-1], self.counts[1:]
        low = -self.shifts[1:].min(axis=2, initial=0)
        high = self.shifts[1:].max(axis=2, initial=0) + here - below
        beyond = np.where(self.straight[1:], np.maximum(low, high), 0)
        return int(beyond.max(initial=0))


@lru_cache(maxsize=16)
def axis(size: int, windows: tuple[Window, ...], offsets: str) -> Axis:
    """Return the planes of one axis; those of the last few networks are remembered.

    Parameters
    ----------
    size : int
        Number of positions of the input.
    windows : tuple of Window
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
    return _pack(planes, np.array([0] + [window.length for window in windows]))


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


def _pack(planes, lengths):
    """Return the lists of all planes as arrays."""
    n_levels, length = len(lengths), max(int(lengths.max()), 1)
    counts = np.array([[p[0][l].shape[1] for p in planes] for l in range(n_levels)])
    most, shape = int(counts.max()), (n_levels, len(planes))
    places = np.zeros((*shape, 2, most), np.int64)
    sources = np.full((*shape, length, most), most)
    shifts = np.zeros((*shape, length), np.int64)
    straight, together = np.zeros(shape, bool), np.zeros(shape, bool)
    needed = np.zeros((*shape, most), np.int64)
    for p, (levels, seen) in enumerate(planes):
        for l, pairs in enumerate(levels):
            places[l, p, :, : pairs.shape[1]] = pairs
            together[l, p] = (np.diff(pairs) == 1).all()
        for l, table in enumerate(seen, start=1):
            n, below = table.shape[1], counts[l - 1, p]
            sources[l, p, : len(table), :n] = np.where(table < 0, most, table)
            top = np.maximum(table.max(axis=0), np.arange(n))
            needed[l, p, :n] = np.minimum(np.maximum.accumulate(top) + 1, below)
            found = _shifts(table, below)
            if found is not None:
                straight[l, p], shifts[l, p, : len(table)] = True, found
    return Axis(counts, places, sources, shifts, straight, together, needed, lengths)


def _shifts(table, n_below):
    """Return the shift of each displacement, or None if it is none; see `Axis`."""
    seen = np.argwhere(table >= 0)
    if not len(seen):
        return None
    d, k = seen[0]
    shifts = table[d, k] - k - d + np.arange(len(table))
    expected = np.arange(table.shape[1]) + shifts[:, None]
    expected[(expected < 0) | (expected >= n_below)] = -1
    return shifts if np.array_equal(expected, table) else None
