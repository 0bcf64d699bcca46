"""Images as convolutions need them: one by one, and a block of them side by side."""

from __future__ import annotations

import numpy as np

from .._utils.jit import jit_views
from .._utils.memory import aligned_empty
from .aligned import roots as write_roots


@jit_views
def side_by_side(images, start, lanes, out):
    """Write some images side by side: the first number of all, then the next.

    Parameters
    ----------
    images : ndarray of shape (n_arrays, n_images, n_numbers)
    start, lanes : int
        The first image, and how many.
    out : ndarray of shape (n_arrays, n_numbers * lanes)
    """
    for s in range(images.shape[0]):
        some, to = images[s, start : start + lanes], out[s]
        if lanes == 8:  # the usual number; a loop that is unrolled
            for k in range(some.shape[1]):
                for b in range(8):
                    to[8 * k + b] = some[b, k]
        else:
            for k in range(some.shape[1]):
                for b in range(lanes):
                    to[k * lanes + b] = some[b, k]


class ImageSide:
    """One set of images, and the variances of their pixels in every layer."""

    def __init__(self, images: np.ndarray):
        self.images = images
        # Of each stack: roots and inverses, and derivatives if there are any.
        self.roots: list[np.ndarray] = []
        self.slopes: list[np.ndarray] = []

    def add(self, found: np.ndarray) -> None:
        """Add the variances of a stack: (n_layers, n_rows, n, height, width)."""
        roots = np.zeros((len(found), 2, *found.shape[2:]))
        for layer, both in zip(found, roots, strict=True):
            write_roots(layer[0].reshape(-1), both.reshape(2, -1))
        self.roots.append(roots)
        self.slopes.append(np.ascontiguousarray(found[:, 1:]))


class ImageBlock:
    """A few images of a side, one beside the other, and their roots and slopes.

    Its memory is that of one block after the other.
    """

    def __init__(self, side: ImageSide, lanes: int):
        self._side, self.start, self.stop = side, 0, 0
        # The images of each array in a row, and the shape that is not theirs.
        n, *shape = side.images.shape
        self._sources = [(side.images.reshape(1, n, -1), tuple(shape))]
        for array in (*side.roots, *side.slopes):
            *layers, n, height, width = array.shape
            rows = array.reshape(-1, n, height * width)
            self._sources.append((rows, (*layers, height, width)))
        self._rooms = [
            aligned_empty((len(rows) * rows.shape[2] * lanes,))
            for rows, _ in self._sources
        ]

    def load(self, start: int, stop: int) -> None:
        """Read other images, unless they are the same ones."""
        if (start, stop) == (self.start, self.stop):
            return
        self.start, self.stop, found = start, stop, []
        lanes = stop - start
        for (rows, shape), room in zip(self._sources, self._rooms, strict=True):
            size = len(rows), rows.shape[2] * lanes
            out = room[: size[0] * size[1]].reshape(size)
            side_by_side(rows, start, lanes, out)
            found.append(out.reshape(*shape[:-1], shape[-1] * lanes))
        n_stacks = len(self._side.roots)
        self.images, both = found[0], found[1:]
        self.roots, self.slopes = both[:n_stacks], both[n_stacks:]
