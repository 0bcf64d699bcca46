"""Kernel matrices of convolutional networks, a block of images at a time."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._utils.memory import aligned_zeros
from .._utils.progress import Progress
from .._utils.threads import run
from .aligned import roots as write_roots
from .convolution import Sides, all_planes, memory, pool, side_by_side
from .convolutional_network import ConvolutionalNetwork, parts, variances
from .linear_steps import Values
from .structured import State

# Images side by side. Eight numbers are a vector of the processor, or two.
LANES = 8
# Numbers that all pairs of pixels before a pooling may take: fewer lanes if they are
# more.
POOLED = 4_000_000
# Pairs of pixels, times layers, of one task of a thread: some tenth of a second.
TASK = 3e7
# Seconds of processor time for a pair of pixels and a layer, to tell how long it takes.
SECONDS = 4e-9


class _Side:
    """One set of images, and the variances of their pixels in every layer."""

    def __init__(self, images: np.ndarray):
        self.images = images
        # Of each stack: roots and inverses, and derivatives if there are any.
        self.roots: list[np.ndarray] = []
        self.slopes: list[np.ndarray] = []
        self.last = np.empty(0)  # variances of pixels after the last activation

    def add(self, found: np.ndarray) -> None:
        """Add the variances of a stack: (n_layers, n_rows, n, height, width)."""
        n_layers, _, *shape = found.shape
        roots = np.zeros((shape[0], n_layers, 2, *shape[1:]))
        for l, i in np.ndindex(n_layers, shape[0]):
            write_roots(found[l, 0, i].reshape(-1), roots[i, l].reshape(2, -1))
        self.roots.append(roots)
        self.slopes.append(np.ascontiguousarray(found[:, 1:].transpose(2, 0, 1, 3, 4)))

    def first(self, stack: int, start: int, stop: int) -> list[np.ndarray]:
        """Return some images one by one, and their roots and slopes."""
        arrays = self.images, self.roots[stack], self.slopes[stack]
        return [array[start:stop] for array in arrays]

    def rooms(self, lanes: int) -> list[list[np.ndarray]]:
        """Return memory for so many images of each stack side by side."""
        stacks = zip(self.roots, self.slopes, strict=True)
        return [
            [aligned_zeros((lanes * array[:1].size,)) for array in (self.images, *both)]
            for both in stacks
        ]

    def beside(self, stack: int, start: int, stop: int, rooms) -> list[np.ndarray]:
        """Return some images side by side, and their roots and slopes."""
        found = []
        for a, room in zip(self.first(stack, start, stop), rooms, strict=True):
            side_by_side(a.reshape(len(a), -1), room)
            found.append(room[: a.size].reshape(*a.shape[1:-1], a.shape[-1] * len(a)))
        return found


class _Run:
    """The computation of one kernel matrix."""

    def __init__(self, network: ConvolutionalNetwork, values: Values, size):
        self.network, self.values = network, values
        self.parts = parts(network, values, size)
        self.pooled = len(self.parts) > 1
        self.n_covariances = values.n_covariances
        self.n_matrices = values.n_covariances + values.n_tangents
        count = 1.0
        if network.average:
            count = float(np.prod(self.parts[-1].sizes[-1]))
        self.share = 1.0 / (np.prod(self.parts[-1].sizes[-1]) * count)
        self.work = sum(part.work for part in self.parts) * values.n_tangents

    def lanes(self) -> int:
        """Return the number of images of a block."""
        if not self.pooled:
            return LANES
        most = max(part.sizes[-1][0] * part.sizes[-1][1] for part in self.parts[:-1])
        return max(1, min(LANES, POOLED // (most**2 * self.n_matrices)))

    def side(self, images: np.ndarray, own: bool) -> tuple[_Side, np.ndarray | None]:
        """Return images with their variances, and each image's kernel with itself."""
        side = _Side(images)
        a = np.zeros((self.n_covariances, len(images), *images.shape[2:]))
        a[0] = np.einsum("nchw,nchw->nhw", images, images) / images.shape[1]
        found, side.last = variances(self.parts[0], self.values, a)
        side.add(found)
        if not (own or self.pooled):
            return side, None
        for s, part in enumerate(self.parts[:-1]):
            pooled = np.empty((self.n_covariances, len(images), *part.pooled_size))
            self._each(side, partial(_pick, pooled), upto=s + 1)
            found, side.last = variances(self.parts[s + 1], self.values, pooled)
            side.add(found)
        out = np.zeros((self.n_matrices, len(images)))
        if own:

            def keep(i, z):
                out[:, i] = z[0, :, 0]

            self._each(side, keep)
        return side, out if own else None

    def _each(self, side, keep, upto=None):
        """Call a function with what each image's pairs with itself are, in threads."""

        def make_worker():
            block = _Block(self, side, 1)

            def work(i):
                keep(i, block.load((i, i + 1)).kernel(side, (i, i + 1), upto))

            return work

        n = len(side.images)
        run(range(n), make_worker, n * self.work)


class _Block:
    """A few images side by side, with what every stack needs of them, for one thread.

    Its memory is that of one block after the other.
    """

    def __init__(self, task: _Run, side: _Side, lanes: int):
        self.task, self.side = task, side
        self.memories = [memory(p.stack, task.n_matrices, lanes) for p in task.parts]
        self.rooms = side.rooms(lanes)

    def load(self, block: tuple[int, int]) -> _Block:
        """Read other images: those from a first one on, and up to a last one."""
        self.lanes = block[1] - block[0]
        self.sides = [
            self.side.beside(s, *block, room) for s, room in enumerate(self.rooms)
        ]
        return self

    def kernel(self, side: _Side, rows, upto: int | None = None) -> np.ndarray:
        """Return what all pairs of some images with these are.

        They are matrices of pairs of images, (n, n_matrices, n_images), or before a
        read-out, of one image, of pairs of pixels.
        """
        task, lanes = self.task, self.lanes
        n, pooled = rows[1] - rows[0], np.empty((0, 1, 1, 1, 1))
        for s, part in enumerate(task.parts[:upto]):
            others, right, right_slopes = self.sides[s]
            images, left, left_slopes = side.first(s, *rows)
            turns = None
            if task.n_covariances > 1:
                m = self.memories[s].rows.shape[1]
                turns = np.empty((2, task.n_covariances - 1, m))
            shape = (0, 1, 1, 1, 1)
            if part.pooling is not None:
                H, W = part.sizes[-1]
                shape = (task.n_matrices, H, W, H, W * lanes)
            grid, out = np.empty(shape), np.empty((n, task.n_matrices, lanes))
            sides = Sides(
                images, others, pooled, left, right, left_slopes, right_slopes
            )
            all_planes(part.stack, sides, turns, lanes, self.memories[s], out, grid)
            if part.pooling is None:
                return out * task.share
            h, w = part.pooled_size
            pooled = np.empty((task.n_matrices, h, w, h, w * lanes))
            pool(grid, *part.windows, lanes, pooled)
        return pooled


def _pick(out, i, z):
    """Write the variances of pixels, from all pairs of pixels of one image."""
    h, w = z.shape[1:3]
    q = z[: len(out)].reshape(len(out), h, w, h, w)
    out[:, i] = np.einsum("sabab->sab", q)


def _blocks(n: int, m: int, lanes: int, rows: int, symmetric: bool):
    """Return the tasks: rows of the matrix, and blocks of its columns for them.

    Of a symmetric matrix, blocks on the diagonal are halved: what is below it is not
    needed. The largest tasks come first, so that all threads end at about one time.
    """
    found = []
    for j in reversed(range(0, m, lanes)):
        end = min(j + lanes, m)
        middle = min(j + (lanes + 1) // 2, end) if symmetric else n
        found.append((0, middle, j, end))
        if symmetric:
            found.append((middle, end, middle, end))
    return [
        ((i, min(i + rows, stop)), (j, end))
        for start, stop, j, end in found
        for i in range(start, stop, rows)
    ]


def gram(network, values, X, Y=None, verbose=False) -> np.ndarray:
    """Return the kernel of images, and its derivatives.

    Parameters
    ----------
    network : ConvolutionalNetwork
    values : Values
    X : ndarray of shape (n, n_channels, height, width)
    Y : ndarray of shape (m, n_channels, height, width), default=None
        The other side; None means `X`.
    verbose : bool, default=False
        Whether to print how long it will take, and how far it is.

    Returns
    -------
    ndarray of shape (n_tangents, n, m)
    """
    task = _Run(network, values, X.shape[2:])
    hidden = any(activation is not None for _, activation in network.head)
    symmetric = Y is None
    side, own = task.side(X, hidden)
    other, other_own = (side, own) if Y is None else task.side(Y, hidden)
    n, m = len(X), len(other.images)
    out = np.zeros((task.n_matrices, n, m))
    lanes = task.lanes()
    n_rows = 1 if task.pooled else max(1, min(n, int(TASK / (task.work * lanes))))
    tasks = _blocks(n, m, lanes, n_rows, symmetric)
    tell = _teller(task.work * n * m / (1 + symmetric), len(tasks)) if verbose else None

    def make_worker():
        images = _Block(task, other, lanes)

        def work(here):
            rows, block = here
            found = images.load(block).kernel(side, rows)
            out[:, slice(*rows), slice(*block)] = found.transpose(1, 0, 2)
            if tell is not None:
                tell()

        return work

    run(tasks, make_worker, task.work * n * m)
    k = task.n_covariances
    a = np.zeros((k, n)) if own is None else own[:k]
    c = np.zeros((k, m)) if other_own is None else other_own[:k]
    state = State(values, out[:k], a, a if symmetric else c, out[k:])
    return _behind(network, state).kernel(symmetric)


def diagonal(network, values, X) -> np.ndarray:
    """Return the kernel of each image with itself, and its derivatives."""
    task = _Run(network, values, X.shape[2:])
    _, own = task.side(X, True)
    assert own is not None
    k = task.n_covariances
    state = State.of_variances(values, own[:k], own[k:, None])
    return _behind(network, state).kernel()[:, 0]


def _behind(network, state: State) -> State:
    """Pass the layers behind the read-out of pixels."""
    for layer, activation in network.head:
        state.layer(layer)
        if activation is not None:
            state.activate(activation)
    return state


def _teller(work: float, n_tasks: int):
    """Print how long a kernel matrix takes; return what to call after each task."""
    print(  # noqa: T201
        f"[ConvolutionalNTKernel] about {work * SECONDS:.0f} s of processor time",
        flush=True,
    )
    show, done = Progress("ConvolutionalNTKernel"), [0]

    def tell():
        done[0] += 1
        show(done[0], n_tasks)

    return tell
