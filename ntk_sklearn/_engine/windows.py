"""Windows that move along images: what they see, and means over them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit_views


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
        return _sources(self, size)

    def along(self, size: int) -> tuple[np.ndarray, int, int]:
        """Return the pixels that outputs see, one after the other, and how they move.

        Output k sees those from ``k * stride`` on, so many as the length; `size` is
        none.
        """
        return _along(self, size), self.stride, self.length


@lru_cache(maxsize=64)
def _sources(window: Window, size: int) -> np.ndarray:
    out = window.size(size)
    low = 0
    if window.padding != "valid":
        low = max((out - 1) * window.stride + window.length - size, 0) // 2
    seen = np.arange(out)[:, None] * window.stride + np.arange(window.length) - low
    if window.padding == "circular":
        return seen % size
    return np.where((seen >= 0) & (seen < size), seen, -1)


@lru_cache(maxsize=64)
def _along(window: Window, size: int) -> np.ndarray:
    sources = _sources(window, size)
    starts = window.stride * np.arange(len(sources))
    places = np.full(starts[-1] + window.length, size)
    seen = np.where(sources < 0, size, sources)
    places[starts[:, None] + np.arange(window.length)] = seen
    return places


@jit_views
def _pool(source, rows, columns, lanes, share, out):
    """Write the means of one matrix."""
    for y in range(rows.shape[0]):
        for x in range(columns.shape[0]):
            for z in range(rows.shape[0]):
                row = out[y, x, z]
                for e in range(row.size):
                    row[e] = 0.0
                for i in rows[y]:
                    for j in columns[x]:
                        for k in rows[z]:
                            seen = source[i, j, k]
                            for u in range(columns.shape[0]):
                                for v in columns[u]:
                                    for b in range(lanes):
                                        row[u * lanes + b] += seen[v * lanes + b]
                for e in range(row.size):
                    row[e] *= share


@jit_views
def pool(source, rows, columns, lanes, out):
    """Write means over windows of both pixels; `rows` and `columns` are their sources.

    Windows of a pooling stay inside.
    """
    share = 1.0 / (rows.shape[1] * columns.shape[1]) ** 2
    for s in range(source.shape[0]):
        _pool(source[s], rows, columns, lanes, share, out[s])


@jit_views
def window_means(images, rows, columns, work, out):
    """Write means over windows of one pixel.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
    rows : ndarray of int, shape (n_rows, n_displacements)
        The rows that a window sees; -1 is one of zeros.
    columns : tuple of ndarray of int, int and int
        See `Window.along`.
    work : ndarray of shape (2, n_columns)
        Memory for one column more than there are, and for those that windows see.
    out : ndarray of shape (n_images, n_rows, n_columns)
    """
    places, stride, length = columns
    width, share = images.shape[2], 1.0 / (rows.shape[1] * length)
    row, seen = work[0], work[1]
    for n in range(images.shape[0]):
        for y in range(rows.shape[0]):
            for x in range(width + 1):
                row[x] = 0.0
            for i in rows[y]:
                if i >= 0:
                    for x in range(width):
                        row[x] += images[n, i, x]
            for p in range(places.size):
                seen[p] = row[places[p]]
            to = out[n, y]
            for x in range(to.size):
                to[x] = 0.0
            for d in range(length):
                if stride == 1:  # the usual number
                    for x in range(to.size):
                        to[x] += share * seen[x + d]
                else:
                    for x in range(to.size):
                        to[x] += share * seen[x * stride + d]
