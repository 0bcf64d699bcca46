"""Rows of planes of pixel pairs: what filters add up, and what a row begins with.

The innermost axis of a row runs over the columns of a plane and over the images of a
block, which are its lanes; see `convolution`. The first side is one image that meets
all of the block, or the block itself, turned by so many images (`turn`, or else -1).
These functions are compiled as parts of their caller.
"""

from __future__ import annotations

from .._utils.eight import load_eight, store_eight, store_four, turn_eight
from .._utils.jit import jit_part, jit_views
from ..activations._rectified import pair as rectified_pair


@jit_part
def add_columns(columns, l, c, lanes, source, out):
    """Write, for each column pair, the sum of the pairs that its filter sees.

    `source` is a row with both margins.
    """
    m, length = columns.counts[l, c] * lanes, columns.lengths[l]
    margin = (source.size - out.size) // 2
    if not columns.straight[l, c]:
        sources = columns.sources[l, c]
        none = sources.shape[1]
        for k in range(columns.counts[l, c]):
            for b in range(lanes):
                out[k * lanes + b] = 0.0
            for d in range(length):
                if sources[d, k] < none:
                    first = margin + sources[d, k] * lanes
                    for b in range(lanes):
                        out[k * lanes + b] += source[first + b]
    elif length == 3:
        first = margin + columns.shifts[l, c, 0] * lanes
        a = source[first : first + m + 2 * lanes]
        if lanes == 8:  # the usual number; known distances within one array
            for e in range(a.size - 16):
                out[e] = (a[e] + a[e + 8]) + a[e + 16]
        else:
            b, c_ = a[lanes:], a[2 * lanes :]
            for e in range(m):
                out[e] = (a[e] + b[e]) + c_[e]
    else:
        for d in range(length):
            a = source[margin + columns.shifts[l, c, d] * lanes :]
            for e in range(m):
                out[e] = a[e] if d == 0 else out[e] + a[e]


@jit_part
def add_rows(rows, l, r, k, m, sums, out):
    """Write the sum of the rows that a row pair sees, of every matrix."""
    sources, length = rows.sources[l, r], rows.lengths[l]
    for s in range(sums.shape[0]):
        to = out[s]
        if length == 3:
            a, b = sums[s, sources[0, k]], sums[s, sources[1, k]]
            c = sums[s, sources[2, k]]
            for e in range(m):
                to[e] = (a[e] + b[e]) + c[e]
        else:
            for d in range(length):
                a = sums[s, sources[d, k]]
                for e in range(m):
                    to[e] = a[e] if d == 0 else to[e] + a[e]


@jit_part
def rectified_rows(sources, m, sums, numbers, parameters, roots, out):
    """Write what three rows become in a layer and its rectifier, for eights of pairs.

    These are `add_rows`, `take_steps` and `image_row` of a covariance and a kernel
    without derivatives, in one. The first layer has sums of the covariance only.
    """
    last = sums.shape[0] - 1
    scale = numbers[0, 0] if last else 0.0
    a, b, c = sums[0, sources[0]], sums[0, sources[1]], sums[0, sources[2]]
    u, v, w = sums[last, sources[0]], sums[last, sources[1]], sums[last, sources[2]]
    factor, added = numbers[0, 1], numbers[0, 2]
    variance, shift = numbers[1, 0], numbers[1, 2]
    near, inverse, far, inverse_far = roots
    family, (covariance, kernel) = (parameters[0], parameters[1]), out
    for e in range(0, m, 8):
        q = (load_eight(a, e) + load_eight(b, e)) + load_eight(c, e)
        t = (load_eight(u, e) + load_eight(v, e)) + load_eight(w, e)
        A, D = rectified_pair(
            family,
            variance * q + shift,
            load_eight(near, e),
            load_eight(inverse, e),
            load_eight(far, e),
            load_eight(inverse_far, e),
        )
        store_eight(covariance, e, A)
        store_eight(kernel, e, ((scale * t + factor * q) + added) * D)


@jit_views
def spread(places, count, lanes, row, out):
    """Write a number of each pixel of one image, once for each image of a block."""
    if lanes == 8:  # the usual number
        for k in range(count):
            store_eight(out, 8 * k, row[places[k]])
    elif lanes == 4:
        for k in range(count):
            store_four(out, 4 * k, row[places[k]])
    else:
        for k in range(count):
            value = row[places[k]]
            for b in range(lanes):
                out[k * lanes + b] = value


@jit_views
def turned(row, count, lanes, by, out):
    """Write the numbers of a block's images in turn: another one is first."""
    if lanes != 8:
        for k in range(count):
            for b in range(lanes):
                out[k * lanes + b] = row[k * lanes + (b + by) % lanes]
    elif by == 1:  # the usual number of images, and all turns of it
        for k in range(count):
            store_eight(out, 8 * k, turn_eight(load_eight(row, 8 * k), 1))
    elif by == 2:
        for k in range(count):
            store_eight(out, 8 * k, turn_eight(load_eight(row, 8 * k), 2))
    elif by == 3:
        for k in range(count):
            store_eight(out, 8 * k, turn_eight(load_eight(row, 8 * k), 3))
    else:
        for k in range(count):
            store_eight(out, 8 * k, turn_eight(load_eight(row, 8 * k), 4))


@jit_part
def of_block(columns, side, l, c, lanes, row, out):
    """Return the numbers of pixels of a block of images: a part of a row, or a copy."""
    places, count = columns.places[l, c, side], columns.counts[l, c]
    first, found = places[0] * lanes, row
    if not columns.together[l, c]:
        first, found = 0, out
        for k in range(count):
            for b in range(lanes):
                out[k * lanes + b] = row[places[k] * lanes + b]
    return found[first : first + count * lanes]


@jit_part
def of_first(columns, l, c, lanes, turn, row, spare, out):
    """Return the numbers of pixels of the first side, one for each image of a block."""
    count, found = columns.counts[l, c], out
    if turn < 0:
        spread(columns.places[l, c, 0], count, lanes, row, out)
    elif turn == 0:
        found = of_block(columns, 0, l, c, lanes, row, out)
    else:
        here = of_block(columns, 0, l, c, lanes, row, spare)
        turned(here, count, lanes, turn, out)
    return found[: count * lanes]


@jit_part
def first_rows(stack, r, c, sides, i, turn, lanes, memory):
    """Write the covariances of the input: sums of products over channels."""
    rows, columns, plane = stack.rows, stack.columns, memory.plane
    others = sides.others
    image = sides.images[i] if turn < 0 else others
    n_channels, m = others.shape[0], columns.counts[0, c] * lanes
    margin = (plane.shape[2] - memory.sums.shape[2]) // 2
    room, copies, spare = memory.sides, memory.work, memory.work[6]
    for k in range(rows.counts[0, r]):
        p, q = rows.places[0, r, 0, k], rows.places[0, r, 1, k]
        row, start = plane[0, k, margin:], 0
        if n_channels == 3:  # colours, in one pass
            start = 3
            x = of_first(columns, 0, c, lanes, turn, image[0, p], spare, room[0])
            y = of_first(columns, 0, c, lanes, turn, image[1, p], spare, room[1])
            z = of_first(columns, 0, c, lanes, turn, image[2, p], spare, room[2])
            u = of_block(columns, 1, 0, c, lanes, others[0, q], copies[0])
            v = of_block(columns, 1, 0, c, lanes, others[1, q], copies[1])
            w = of_block(columns, 1, 0, c, lanes, others[2, q], copies[2])
            for e in range(m):
                row[e] = x[e] * u[e] + y[e] * v[e] + z[e] * w[e]
        for n in range(start, n_channels):
            x = of_first(columns, 0, c, lanes, turn, image[n, p], spare, room[0])
            u = of_block(columns, 1, 0, c, lanes, others[n, q], copies[0])
            for e in range(m):
                row[e] = (0.0 if n == 0 else row[e]) + x[e] * u[e]


@jit_part
def pooled_rows(rows, columns, r, c, lanes, pooled, plane, margin):
    """Write the rows of a plane of what a pooling left."""
    for s in range(pooled.shape[0]):
        for k in range(rows.counts[0, r]):
            y, z = rows.places[0, r, 0, k], rows.places[0, r, 1, k]
            row = plane[s, k, margin:]
            for kk in range(columns.counts[0, c]):
                x = columns.places[0, c, 0, kk]
                first = columns.places[0, c, 1, kk] * lanes
                for b in range(lanes):
                    row[kk * lanes + b] = pooled[s, y, x, z, first + b]


@jit_part
def close(count, n_rows, lanes, plane, margin):
    """Write zeros into the right margins of a plane of so many column pairs."""
    first = margin + count * lanes
    for s in range(plane.shape[0]):
        for k in range(n_rows):
            for e in range(first, first + margin):
                plane[s, k, e] = 0.0


@jit_part
def write_slopes(columns, l, c, lanes, turn, left, right, out):
    """Write the derivatives of the variances of both sides of each pair of a row."""
    count, places = columns.counts[l, c], columns.places[l, c]
    for s in range(out.shape[1]):
        for k in range(count):
            for b in range(lanes):
                i = places[0, k]
                if turn >= 0:
                    i = i * lanes + (b + turn) % lanes
                out[0, s, k * lanes + b] = left[s, i]
                out[1, s, k * lanes + b] = right[s, places[1, k] * lanes + b]
