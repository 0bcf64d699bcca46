"""Kernel matrices of convolutional networks, a block of images at a time."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._utils.progress import Progress
from .._utils.threads import run
from .convolution import Meeting, Sides, all_planes, memory, write_meeting
from .convolutional_network import ConvolutionalNetwork, parts, variances
from .image_blocks import ImageBlock, ImageSide
from .linear_steps import Values
from .structured import State
from .windows import pool

# Images side by side. Eight numbers are a vector of the processor, or two.
LANES = 8
# Numbers that all pairs of pixels before a pooling may take: fewer lanes if they are
# more.
POOLED = 4_000_000
# Pairs of pixels, times layers, of one task of a thread: some tenth of a second.
TASK = 3e7
# Fewer tasks than that are for as many threads as there are cores, not twice as many:
# each has memory of its own, which then is for too little.
MANY = 16
# Seconds of processor time for a pair of pixels and a layer, to tell how long it takes.
SECONDS = 4e-9


class _Run:
    """The computation of one kernel matrix."""

    def __init__(self, network: ConvolutionalNetwork, values: Values, X):
        self.network, self.values = network, values
        self.parts = parts(network, values, X.shape[2:], X.shape[1])
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

    def side(
        self, images: np.ndarray, own: bool
    ) -> tuple[ImageSide, np.ndarray | None]:
        """Return images with their variances, and each image's kernel with itself."""
        side, n = ImageSide(images), len(images)
        a = np.zeros((self.n_covariances, n, *images.shape[2:]))
        a[0] = np.einsum("nchw,nchw->nhw", images, images) / images.shape[1]
        side.add(variances(self.parts[0], self.values, a))
        for s, part in enumerate(self.parts[:-1]):
            pooled = np.empty((self.n_covariances, n, *part.pooled_size))
            self._each(side, partial(_pick, pooled), upto=s + 1)
            side.add(variances(self.parts[s + 1], self.values, pooled))
        if not own:
            return side, None
        out = np.zeros((self.n_matrices, n))

        def keep(start, stop, z):
            out[:, start:stop] = z[0]

        self._each(side, keep)
        return side, out

    def _each(self, side, keep, upto=None):
        """Call a function with what images' pairs with themselves are, in threads."""
        n, lanes = len(side.images), self.lanes()

        def make_worker():
            worker = _Worker(self, side, side, lanes)

            def work(start):
                stop = min(start + lanes, n)
                z = worker.kernel(start, stop, Meeting(True, 0, 1), upto)
                keep(start, stop, z)

            return work

        run(range(0, n, lanes), make_worker, n * self.work)


class _Worker:
    """What one thread computes with: two sides, and its memory."""

    def __init__(self, task: _Run, side: ImageSide, other: ImageSide, lanes: int):
        self.task, self.side, self.block = task, side, ImageBlock(other, lanes)
        self.memories = [memory(p.stack, task.n_matrices, lanes) for p in task.parts]

    def kernel(self, start, stop, meeting, upto: int | None = None) -> np.ndarray:
        """Return what pairs of images with a block are: those from `start` to `stop`.

        They are matrices of pairs of images, (n, n_matrices, n_images), or before a
        read-out, of the last to meet, of pairs of pixels.
        """
        task, side, block, lanes = self.task, self.side, self.block, stop - start
        block.load(start, stop)
        n, pooled = meeting.stop - meeting.first, np.empty((0, 1, 1, 1, 1))
        for s, part in enumerate(task.parts[:upto]):
            sides = Sides(
                side.images,
                block.images,
                pooled,
                side.roots[s],
                block.roots[s],
                side.slopes[s],
                block.slopes[s],
            )
            slopes = None
            if task.n_covariances > 1:
                m = self.memories[s].rows.shape[1]
                slopes = np.empty((2, task.n_covariances - 1, m))
            shape = (0, 1, 1, 1, 1)
            if part.pooling is not None:
                H, W = part.sizes[-1]
                shape = (task.n_matrices, H, W, H, W * lanes)
            grid, out = np.empty(shape), np.empty((n, task.n_matrices, lanes))
            room = self.memories[s]
            all_planes(part.stack, sides, meeting, slopes, lanes, room, out, grid)
            if part.pooling is None:
                return out * task.share
            h, w = part.pooled_size
            pooled = np.empty((task.n_matrices, h, w, h, w * lanes))
            pool(grid, *part.windows, lanes, pooled)
        return pooled


def _pick(out, start, stop, z):
    """Write the variances of pixels, from all pairs of pixels of each image."""
    h, w = z.shape[1:3]
    q = z[: len(out)].reshape(len(out), h, w, h, w, stop - start)
    out[:, start:stop] = np.einsum("sababn->snab", q)


def _tasks(n: int, m: int, lanes: int, rows: int, symmetric: bool):
    """Yield the tasks: a block of columns, and meetings of at most so many rows.

    A block of a symmetric matrix meets the images before it, and its own. The largest
    tasks come first, so that all threads end at about one time.
    """
    for start in reversed(range(0, m, lanes)):
        stop = min(start + lanes, m)
        last = start if symmetric else n
        meetings = [
            Meeting(False, i, min(i + rows, last)) for i in range(0, last, rows)
        ]
        turns = (stop - start) // 2 + 1 if symmetric else 0
        meetings += [
            Meeting(True, i, min(i + rows, turns)) for i in range(0, turns, rows)
        ]
        few = last + turns <= rows
        for task in [meetings] if few else [[meeting] for meeting in meetings]:
            yield start, stop, task


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
    task = _Run(network, values, X)
    hidden = any(activation is not None for _, activation in network.head)
    symmetric = Y is None
    side, own = task.side(X, hidden)
    other, other_own = (side, own) if Y is None else task.side(Y, hidden)
    n, m = len(X), len(other.images)
    out = np.zeros((task.n_matrices, n, m))
    lanes = task.lanes()
    n_rows = 1 if task.pooled else max(1, min(n, int(TASK / (task.work * lanes))))
    tasks = list(_tasks(n, m, lanes, n_rows, symmetric))
    tell = _teller(task.work * n * m / (1 + symmetric), len(tasks)) if verbose else None

    def make_worker():
        worker = _Worker(task, side, other, lanes)

        def work(here):
            start, stop, meetings = here
            for meeting in meetings:
                found = worker.kernel(start, stop, meeting)
                write_meeting(meeting, start, found, out)
            if tell is not None:
                tell()

        return work

    run(tasks, make_worker, task.work * n * m, len(tasks) >= MANY)
    k = task.n_covariances
    a = np.zeros((k, n)) if own is None else own[:k]
    c = np.zeros((k, m)) if other_own is None else other_own[:k]
    state = State(values, out[:k], a, a if symmetric else c, out[k:])
    return _behind(network, state).kernel(symmetric)


def diagonal(network, values, X) -> np.ndarray:
    """Return the kernel of each image with itself, and its derivatives."""
    task = _Run(network, values, X)
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
