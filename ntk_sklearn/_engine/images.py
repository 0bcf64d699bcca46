"""Kernel matrices of convolutional networks, a block of images at a time."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from .._utils.progress import Progress
from .._utils.threads import run
from ..activations._base import Activation
from .convolution import Block, Stack, memory, pool, read_out, read_out_images
from .planes import Window, axis
from .structured import Layer, State, Values, image_variances

# Images side by side. Eight numbers are a vector of the processor, or two.
LANES = 8
# Numbers that all pairs of pixels before a pooling may take: fewer lanes if they are
# more.
POOLED = 4_000_000
# Pairs of pixels, times layers, of one task of a thread: some tenth of a second.
TASK = 3e7
# Seconds of processor time for a pair of pixels and a layer, to tell how long it takes.
SECONDS = 4e-9


class Convolution(NamedTuple):
    """A convolution, its activation, and the pooling that may follow.

    Attributes
    ----------
    rows, columns : Window
        The filter along both axes.
    layer : Layer
        Where its numbers are.
    activation : Activation
        What it passes through.
    pooling : tuple of two Window, or None
        Windows along both axes, whose means are taken.
    """

    rows: Window
    columns: Window
    layer: Layer
    activation: Activation
    pooling: tuple[Window, Window] | None


class ConvolutionalNetwork(NamedTuple):
    """An infinitely wide convolutional network.

    Attributes
    ----------
    convolutions : list of Convolution
        The layers of images.
    average : bool
        Whether the read-out sees the mean over all pixels, or each of them.
    head : list of (Layer, Activation or None)
        The layers behind, the read-out last; each activation follows its layer.
    """

    convolutions: list[Convolution]
    average: bool
    head: list[tuple[Layer, Activation | None]]


class _Part(NamedTuple):
    """Convolutions up to a pooling, and the sizes of the images they see."""

    convolutions: list[Convolution]
    stack: Stack
    sizes: list[tuple[int, int]]
    pooling: tuple[Window, Window] | None

    @property
    def windows(self) -> tuple[np.ndarray, np.ndarray]:
        """What the pooling sees."""
        assert self.pooling is not None
        rows, columns = self.pooling
        return rows.sources(self.sizes[-1][0]), columns.sources(self.sizes[-1][1])

    @property
    def pooled_size(self) -> tuple[int, int]:
        """Height and width after the pooling."""
        assert self.pooling is not None
        rows, columns = self.pooling
        return rows.size(self.sizes[-1][0]), columns.size(self.sizes[-1][1])

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the largest layer."""
        return max(h for h, _ in self.sizes), max(w for _, w in self.sizes)

    @property
    def work(self) -> float:
        """Pairs of pixels of one pair of images, times layers."""
        rows = self.stack.rows.counts.sum(axis=1, dtype=float)
        columns = self.stack.columns.counts.sum(axis=1, dtype=float)
        return float((rows * columns)[1:].sum()) + 1.0


def _parts(network: ConvolutionalNetwork, size: tuple[int, int]) -> list[_Part]:
    """Cut a network after each pooling."""
    parts, rest = [], list(network.convolutions)
    while True:
        count = next((i for i, c in enumerate(rest) if c.pooling), len(rest) - 1) + 1
        here, rest = rest[:count], rest[count:]
        pooling = here[-1].pooling if here else None
        whole = "all" if pooling or network.average else "zero"
        rows = axis(size[0], [c.rows for c in here], whole)
        columns = axis(size[1], [c.columns for c in here], whole)
        most = max([c.activation.parameters.size for c in here], default=1)
        parameters = np.zeros((len(here), most))
        for row, c in zip(parameters, here, strict=True):
            row[: c.activation.parameters.size] = c.activation.parameters
        layers = [[*c.layer, c.activation.code] for c in here]
        shares = [1.0 / (c.rows.length * c.columns.length) for c in here]
        stack = Stack(
            rows,
            columns,
            np.array(layers, dtype=np.int64).reshape(len(here), 5),
            parameters,
            np.array(shares, dtype=np.float64),
        )
        sizes = [size]
        for c in here:
            sizes.append((c.rows.size(sizes[-1][0]), c.columns.size(sizes[-1][1])))
        parts.append(_Part(here, stack, sizes, pooling))
        if pooling is None:
            return parts
        size = parts[-1].pooled_size


def _window_means(a: np.ndarray, rows: Window, columns: Window) -> np.ndarray:
    """Return the means over windows of the last two axes."""
    for place, window in ((-2, rows), (-1, columns)):
        sources = window.sources(a.shape[place])
        total: np.ndarray | float = 0.0
        for seen in sources.T:
            part = np.take(a, np.maximum(seen, 0), axis=place)
            shape = (-1, 1) if place == -2 else (-1,)
            total = total + part * (seen >= 0).reshape(shape)
        a = np.asarray(total) / window.length
    return a


def _variances(part: _Part, values: Values, a: np.ndarray):
    """Return each layer's variances, padded to one size, and those after the last.

    `a` are the variances of the input: (n_covariances, n, height, width).
    """
    out = np.zeros((len(part.convolutions), *a.shape[:2], *part.largest))
    for l, c in enumerate(part.convolutions):
        a = _window_means(a, c.rows, c.columns)
        shape = a.shape
        a = np.ascontiguousarray(a.reshape(len(a), -1))
        state = State.of_variances(values, a, np.zeros((values.n_tangents, 1, 1)))
        state.layer(Layer(c.layer.weight, c.layer.bias))  # no terms
        out[l, :, :, : shape[2], : shape[3]] = a.reshape(shape)
        image_variances(c.activation.code, c.activation.parameters, a)
        a = a.reshape(shape)
    return out, a


class _Side:
    """One set of images, and the variances of their pixels in every layer."""

    def __init__(self, images: np.ndarray):
        self.images = images
        self.variances: list[np.ndarray] = []
        self.last = np.empty(0)  # variances of pixels after the last activation

    def left(self, stack: int, start: int, stop: int) -> np.ndarray:
        """Return the first sides of images: (n, n_layers, n_rows, height, width)."""
        return _with_roots(
            self.variances[stack][:, :, start:stop].transpose(2, 0, 1, 3, 4)
        )

    def right(self, stack: int, start: int, stop: int) -> np.ndarray:
        """Return the second side of a block: (n_layers, n_rows, height, columns)."""
        found = self.variances[stack][:, :, start:stop].transpose(0, 1, 3, 4, 2)
        columns = found.shape[3] * found.shape[4]
        return _with_roots(found.reshape(*found.shape[:3], columns))

    def others(self, start: int, stop: int) -> np.ndarray:
        """Return images side by side: (n_channels, height, columns)."""
        found = self.images[start:stop].transpose(1, 2, 3, 0)
        return np.ascontiguousarray(found.reshape(*found.shape[:2], -1))


def _with_roots(found: np.ndarray) -> np.ndarray:
    """Replace variances by their roots and the inverses of these.

    The axis of the covariances is the third one from the last, or the fourth.
    """
    place = 1 if found.ndim == 4 else 2
    first = np.sqrt(np.take(found, [0], axis=place))
    inverse = np.divide(1.0, first, out=np.zeros_like(first), where=first > 0.0)
    rest = np.take(found, range(1, found.shape[place]), axis=place)
    return np.ascontiguousarray(np.concatenate([first, inverse, rest], axis=place))


class _Run:
    """The computation of one kernel matrix."""

    def __init__(self, network: ConvolutionalNetwork, values: Values, size):
        self.network, self.values = network, values
        self.parts = _parts(network, size)
        self.pooled = len(self.parts) > 1
        self.sizes = values.n_covariances, values.n_tangents
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
        return max(1, min(LANES, POOLED // (most**2 * sum(self.sizes))))

    def side(
        self, images: np.ndarray, own: bool
    ) -> tuple[_Side, list[np.ndarray] | None]:
        """Return images with their variances, and each image's kernel with itself."""
        side = _Side(images)
        a = np.zeros((self.sizes[0], len(images), *images.shape[2:]))
        a[0] = np.einsum("nchw,nchw->nhw", images, images) / images.shape[1]
        found, side.last = _variances(self.parts[0], self.values, a)
        side.variances.append(found)
        if not (own or self.pooled):
            return side, None
        out = [np.zeros((size, len(images))) for size in self.sizes]
        for s, part in enumerate(self.parts[:-1]):
            pooled = np.empty((self.sizes[0], len(images), *part.pooled_size))
            self._each(side, partial(_pick, pooled), upto=s + 1)
            found, side.last = _variances(self.parts[s + 1], self.values, pooled)
            side.variances.append(found)
        if own:

            def keep(i, q, t):
                out[0][:, i], out[1][:, i] = q[:, 0], t[:, 0]

            self._each(side, keep)
        return side, out if own else None

    def _each(self, side, keep, upto=None):
        """Call a function with what each image's pairs with itself are, in threads."""

        def make_worker():
            memories = self._memories(1)

            def work(i):
                keep(i, *self.chain(side, i, side, (i, i + 1), memories, upto))

            return work

        n = len(side.images)
        run(range(n), make_worker, n * self.work)

    def _memories(self, lanes):
        return [memory(part.stack, *self.sizes, lanes) for part in self.parts]

    def chain(self, side, i, other, block, memories, upto=None):
        """Return the covariances and tangents of an image with a block of others."""
        lanes = block[1] - block[0]
        q, t = (np.empty((0, 1, 1, 1, 1)) for _ in range(2))
        image, others = side.images[i], other.others(*block)
        for s, part in enumerate(self.parts[:upto]):
            left = side.left(s, i, i + 1)[0]
            here = Block(image, others, q, t, left, other.right(s, *block))
            if part.pooling is None:
                q, t = (np.empty((size, lanes)) for size in self.sizes)
                read_out(part.stack, here, lanes, self.values, memories[s], q, t)
                return q * self.share, t * self.share
            h, w = part.pooled_size
            q, t = (np.empty((size, h, w, h, w * lanes)) for size in self.sizes)
            H, W = part.sizes[-1]
            grid = np.empty((sum(self.sizes), H, W, H, W * lanes))
            pool(
                part.stack,
                here,
                lanes,
                self.values,
                memories[s],
                part.windows,
                grid,
                (q, t),
            )
        return q, t

    def block(self, side, rows, left, other, block, memories, out) -> None:
        """Write the kernel of images, whose first sides are `left`, with a block."""
        if self.pooled:
            for i in range(*rows):
                q, t = self.chain(side, i, other, block, memories)
                out[0][:, i, slice(*block)], out[1][:, i, slice(*block)] = q, t
            return
        lanes, n = block[1] - block[0], rows[1] - rows[0]
        found = [np.empty((n, size, lanes)) for size in self.sizes]
        read_out_images(
            self.parts[0].stack,
            side.images[slice(*rows)],
            left[:n],
            other.others(*block),
            other.right(0, *block),
            self.values,
            memories[0],
            tuple(found),
        )
        for part, to in zip(found, out, strict=True):
            to[:, slice(*rows), slice(*block)] = part.transpose(1, 0, 2) * self.share


def _pick(out, i, q, _):
    """Write the variances of pixels, from all pairs of pixels of one image."""
    h, w = q.shape[1:3]
    out[:, i] = np.einsum("sabab->sab", q.reshape(len(q), h, w, h, w))


def _blocks(n: int, m: int, lanes: int, rows: int, symmetric: bool):
    """Return the tasks: rows of the matrix, and blocks of its columns for them."""
    tasks = []
    for i in range(0, n, rows):
        last = min(i + rows, n)
        for j in range(i // lanes * lanes if symmetric else 0, m, lanes):
            end = min(j + lanes, m)
            tasks.append(((i, min(last, end) if symmetric else last), (j, end)))
    return tasks


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
    out = [np.zeros((size, n, m)) for size in task.sizes]
    lanes = task.lanes()
    n_rows = max(1, min(64, int(TASK / (task.work * lanes))))
    tasks = _blocks(n, m, lanes, n_rows, symmetric)
    tell = _teller(task.work * n * m / (1 + symmetric), len(tasks)) if verbose else None

    def make_worker():
        memories, left, at = task._memories(lanes), np.empty(0), -1

        def work(here):
            nonlocal left, at
            rows, block = here
            if rows[0] != at and not task.pooled:
                at = rows[0]
                left = side.left(0, at, min(at + n_rows, n))
            task.block(side, rows, left, other, block, memories, out)
            if tell is not None:
                tell()

        return work

    run(tasks, make_worker, task.work * n * m)
    a = np.zeros((task.sizes[0], n)) if own is None else own[0]
    c = np.zeros((task.sizes[0], m)) if other_own is None else other_own[0]
    state = State(values, out[0], a, a if symmetric else c, out[1])
    return _behind(network, state).kernel(symmetric)


def diagonal(network, values, X) -> np.ndarray:
    """Return the kernel of each image with itself, and its derivatives."""
    task = _Run(network, values, X.shape[2:])
    _, own = task.side(X, True)
    assert own is not None
    state = State.of_variances(values, own[0], own[1][:, None])
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
