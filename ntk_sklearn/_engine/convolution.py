"""Planes of pixel pairs through a stack of convolutions, for a block of images at once.

A block holds a few images side by side: the innermost axis runs over the columns of a
plane and over the images of the block, so that short rows fill vectors too. See
`planes` for what a plane is, and `structured` for what its matrices are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .planes import Axis
from .structured import image_row, weigh_rows


class Stack(NamedTuple):
    """Convolutions, each with its activation, up to a pooling or the read-out.

    Attributes
    ----------
    rows, columns : Axis
        The planes of both axes.
    layers : ndarray of int, shape (n_layers, 5)
        For each layer, the fields of a `Layer` and the code of its activation.
    parameters : ndarray of shape (n_layers, n_parameters)
        The numbers of the activations.
    shares : ndarray of shape (n_layers,)
        One over the number of positions of each filter.
    """

    rows: Axis
    columns: Axis
    layers: np.ndarray
    parameters: np.ndarray
    shares: np.ndarray


class Block(NamedTuple):
    """An image, or pairs of pixels that were pooled, and what it is paired with.

    Attributes
    ----------
    image : ndarray of shape (n_channels, height, width)
        The first image; it has no channels where `q` and `t` are given.
    others : ndarray of shape (n_channels, height, width * n_images)
        The other images, side by side.
    q, t : ndarray of shape (n_matrices, height, width, height, width * n_images)
        What a pooling left; no matrices at the first stack.
    left : ndarray of shape (n_layers, 2 + n_derivatives, height, width)
        Roots of the variances of the first image in each layer, the inverses of these,
        and the derivatives of the variances.
    right : ndarray of shape (n_layers, 2 + n_derivatives, height, width * n_images)
        Those of the others.
    """

    image: np.ndarray
    others: np.ndarray
    q: np.ndarray
    t: np.ndarray
    left: np.ndarray
    right: np.ndarray


class Memory(NamedTuple):
    """Memory of one thread: the rows of a plane, before and after the sum over columns.

    Then rows of one pair of rows, with one entry for each pair of columns.
    """

    q: np.ndarray
    t: np.ndarray
    q_sums: np.ndarray
    t_sums: np.ndarray
    q_row: np.ndarray
    t_row: np.ndarray
    sides: np.ndarray
    slopes_left: np.ndarray
    slopes_right: np.ndarray
    work: np.ndarray


def memory(stack: Stack, n_covariances: int, n_tangents: int, lanes: int) -> Memory:
    """Return memory for a stack and blocks of so many images."""
    rows = int(stack.rows.counts.max())
    m = int(stack.columns.counts.max()) * lanes
    q, t = (n_covariances, rows, m), (n_tangents, rows, m)
    return Memory(
        np.empty(q),
        np.empty(t),
        np.empty(q),
        np.empty(t),
        np.empty(q[::2]),
        np.empty(t[::2]),
        np.empty((4, m)),
        np.empty((n_covariances - 1, m)),
        np.empty((n_covariances - 1, m)),
        np.empty((6, m)),
    )


@jit
def _add(source, sources, runs, lanes, count, out):
    """Write, for each column pair, the sum of the pairs that its filter sees."""
    done = 0
    if runs.shape[0] == 3 and runs[:, 0].min() >= 0:
        # All three at once where a filter of three sees three.
        first, last = runs[:, 0].max() * lanes, runs[:, 1].min() * lanes
        if last > first:
            done = last - first
            a = source[first + runs[0, 2] * lanes :]
            b = source[first + runs[1, 2] * lanes :]
            c = source[first + runs[2, 2] * lanes :]
            to = out[first:last]
            for e in range(done):
                to[e] = (a[e] + b[e]) + c[e]
            _add_some(source, sources, runs, lanes, 0, first, out)
            _add_some(source, sources, runs, lanes, last, count * lanes, out)
    if done == 0:
        _add_some(source, sources, runs, lanes, 0, count * lanes, out)


@jit
def _add_some(source, sources, runs, lanes, start, stop, out):
    """Write the sums of `_add` in a part of a row."""
    out[start:stop] = 0.0
    for d in range(runs.shape[0]):
        if runs[d, 0] >= 0:
            first = max(runs[d, 0] * lanes, start)
            last, shift = min(runs[d, 1] * lanes, stop), runs[d, 2] * lanes
            if last > first:
                to, seen = out[first:last], source[first + shift : last + shift]
                for e in range(last - first):
                    to[e] += seen[e]
        else:
            for k in range(start // lanes, stop // lanes):
                below = sources[d, k]
                if below >= 0:
                    for b in range(lanes):
                        out[k * lanes + b] += source[below * lanes + b]


@jit
def _first_rows(rows, columns, r, c, block, lanes, memory):
    """Write the covariances of the input: inner products over channels."""
    n_channels = block.image.shape[0]
    share = 1.0 / n_channels
    memory.q[:, : rows.counts[0, r]] = 0.0
    for k in range(rows.counts[0, r]):
        y, z = rows.places[0, r, 0, k], rows.places[0, r, 1, k]
        row = memory.q[0, k]
        for channel in range(n_channels):
            seen = block.others[channel, z]
            for kk in range(columns.counts[0, c]):
                value = block.image[channel, y, columns.places[0, c, 0, kk]] * share
                first = columns.places[0, c, 1, kk] * lanes
                for b in range(lanes):
                    row[kk * lanes + b] += value * seen[first + b]


@jit
def _pooled_rows(rows, columns, r, c, lanes, source, out):
    """Write the rows of a plane of what a pooling left."""
    for s in range(source.shape[0]):
        for k in range(rows.counts[0, r]):
            y, z = rows.places[0, r, 0, k], rows.places[0, r, 1, k]
            for kk in range(columns.counts[0, c]):
                x, first = (
                    columns.places[0, c, 0, kk],
                    columns.places[0, c, 1, kk] * lanes,
                )
                for b in range(lanes):
                    out[s, k, kk * lanes + b] = source[s, y, x, z, first + b]


@jit
def _spread(row, places, count, lanes, out):
    """Write a number of each pixel of the first image, once for each other image."""
    if lanes == 8:  # the usual number, unrolled by the compiler
        for k in range(count):
            value = row[places[k]]
            for b in range(8):
                out[8 * k + b] = value
    else:
        for k in range(count):
            value = row[places[k]]
            for b in range(lanes):
                out[k * lanes + b] = value


@jit
def _others(row, places, count, lanes, out):
    """Return the numbers of pixels of the other images: a part of a row, or a copy."""
    first = places[0]
    if places[count - 1] - first == count - 1 and (count < 3 or places[1] - first == 1):
        return row[first * lanes : (first + count) * lanes]
    for k in range(count):
        to, seen = out[k * lanes : (k + 1) * lanes], row[places[k] * lanes :]
        for b in range(lanes):
            to[b] = seen[b]
    return out[: count * lanes]


@jit
def _sides(left, right, places, y, z, count, lanes, memory):
    """Return what the activation needs of both pixels of each pair of a row."""
    room, m = memory.sides, count * lanes
    for s in range(left.shape[0] - 2):
        _spread(left[2 + s, y], places[0], count, lanes, memory.slopes_left[s])
        slopes = _others(right[2 + s, z], places[1], count, lanes, room[0])
        memory.slopes_right[s, :m] = slopes
    _spread(left[0, y], places[0], count, lanes, room[0])
    _spread(left[1, y], places[0], count, lanes, room[1])
    return (
        room[0][:m],
        room[1][:m],
        _others(right[0, z], places[1], count, lanes, room[2]),
        _others(right[1, z], places[1], count, lanes, room[3]),
    )


@jit
def _gather(sums, sources, k, m, out):
    """Write the sum of the rows that a row pair sees, of every matrix."""
    whole = sources.shape[0] == 3 and sources[:, k].min() >= 0
    for s in range(sums.shape[0]):
        row = out[s]
        if whole:
            a, b = sums[s, sources[0, k]], sums[s, sources[1, k]]
            c = sums[s, sources[2, k]]
            for e in range(m):
                row[e] = (a[e] + b[e]) + c[e]
            continue
        row[:m] = 0.0
        for d in range(sources.shape[0]):
            if sources[d, k] >= 0:
                seen = sums[s, sources[d, k]]
                for e in range(m):
                    row[e] += seen[e]


@jit
def _plane(stack, r, c, block, lanes, values, memory):
    """Take one plane through all layers of a stack; it is in ``memory.q`` and ``t``."""
    rows, columns = stack.rows, stack.columns
    fresh = block.q.shape[0] == 0
    if fresh:
        _first_rows(rows, columns, r, c, block, lanes, memory)
    else:
        _pooled_rows(rows, columns, r, c, lanes, block.q, memory.q)
        _pooled_rows(rows, columns, r, c, lanes, block.t, memory.t)
    for l in range(1, rows.counts.shape[0]):
        sources, runs = columns.sources[l, c], columns.runs[l, c]
        count = columns.counts[l, c]
        m, summed = count * lanes, 0
        layer = stack.layers[l - 1]
        left, right = block.left[l - 1], block.right[l - 1]
        for k in range(rows.counts[l, r]):
            # Sums over columns, of the rows below that are needed now, while they are
            # in cache; and of row k itself, which is overwritten.
            needed = max(k, rows.sources[l, r, :, k].max()) + 1
            for below in range(summed, min(needed, rows.counts[l - 1, r])):
                for s in range(memory.q.shape[0]):
                    row, out = memory.q[s, below], memory.q_sums[s, below]
                    _add(row, sources, runs, lanes, count, out)
                if not fresh:
                    for s in range(memory.t.shape[0]):
                        row, out = memory.t[s, below], memory.t_sums[s, below]
                        _add(row, sources, runs, lanes, count, out)
            summed = max(summed, needed)
            _gather(memory.q_sums, rows.sources[l, r], k, m, memory.q_row)
            if not fresh:
                _gather(memory.t_sums, rows.sources[l, r], k, m, memory.t_row)
            weigh_rows(
                memory.q_row,
                memory.t_row,
                m,
                layer,
                stack.shares[l - 1],
                values,
                fresh,
            )
            y, z = rows.places[l, r, 0, k], rows.places[l, r, 1, k]
            sides = _sides(
                left, right, columns.places[l, c], y, z, count, lanes, memory
            )
            image_row(
                (layer[4], stack.parameters[l - 1]),
                sides,
                (memory.slopes_left, memory.slopes_right),
                (memory.q_row, memory.t_row),
                memory.work,
                (memory.q, memory.t),
                k,
            )
        fresh = False


@jit
def read_out(stack, block, lanes, values, memory, q, t):
    """Write the sums over all planes: (n_matrices, n_images) each."""
    rows, columns = stack.rows, stack.columns
    last = rows.counts.shape[0] - 1
    q[:], t[:] = 0.0, 0.0
    for r in range(rows.counts.shape[1]):
        for c in range(columns.counts.shape[1]):
            _plane(stack, r, c, block, lanes, values, memory)
            m = columns.counts[last, c] * lanes
            _fold(memory.q, rows.counts[last, r], m, lanes, memory.q_row, q)
            _fold(memory.t, rows.counts[last, r], m, lanes, memory.t_row, t)


@jit
def _fold(plane, n_rows, m, lanes, row, out):
    """Add the sums over a plane, for each matrix and image, to `out`."""
    for s in range(out.shape[0]):
        total = row[s]
        total[:m] = 0.0
        for k in range(n_rows):
            seen = plane[s, k]
            for e in range(m):
                total[e] += seen[e]
        for e in range(m):
            out[s, e % lanes] += total[e]


@jit
def _scatter(source, rows, columns, r, c, lanes, out):
    """Write a plane of one matrix where its pairs of pixels belong."""
    last = rows.counts.shape[0] - 1
    for k in range(rows.counts[last, r]):
        y, z = rows.places[last, r, 0, k], rows.places[last, r, 1, k]
        for kk in range(columns.counts[last, c]):
            x, first = (
                columns.places[last, c, 0, kk],
                columns.places[last, c, 1, kk] * lanes,
            )
            for b in range(lanes):
                out[y, x, z, first + b] = source[k, kk * lanes + b]


@jit
def _pool(source, rows, columns, lanes, out):
    """Write means over windows of both pixels; `rows` and `columns` are their sources.

    Windows of a pooling stay inside, or see the other side.
    """
    share = 1.0 / (rows.shape[1] * columns.shape[1]) ** 2
    out[:] = 0.0
    for y in range(rows.shape[0]):
        for x in range(columns.shape[0]):
            for z in range(rows.shape[0]):
                row = out[y, x, z]
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


@jit
def pool(stack, block, lanes, values, memory, windows, grid, out):
    """Write what a stack and a pooling leave of all pairs of pixels.

    `windows` are the sources of the pooling's rows and columns, and `grid` has room for
    all pairs of pixels before the pooling, of each matrix.
    """
    q, t = out
    rows, columns = stack.rows, stack.columns
    for r in range(rows.counts.shape[1]):
        for c in range(columns.counts.shape[1]):
            _plane(stack, r, c, block, lanes, values, memory)
            for s in range(q.shape[0]):
                _scatter(memory.q[s], rows, columns, r, c, lanes, grid[s])
            for s in range(t.shape[0]):
                _scatter(memory.t[s], rows, columns, r, c, lanes, grid[q.shape[0] + s])
    for s in range(q.shape[0]):
        _pool(grid[s], windows[0], windows[1], lanes, q[s])
    for s in range(t.shape[0]):
        _pool(grid[q.shape[0] + s], windows[0], windows[1], lanes, t[s])


@jit
def read_out_images(stack, images, lefts, others, right, values, memory, out):
    """Write the sums over all planes of several images with one block of images.

    The network has no pooling; `out` are two arrays (n_first, n_matrices, n_images).
    """
    lanes = out[0].shape[2]
    nothing = np.empty((0, 1, 1, 1, 1))
    for i in range(images.shape[0]):
        block = Block(images[i], others, nothing, nothing, lefts[i], right)
        read_out(stack, block, lanes, values, memory, out[0][i], out[1][i])
