"""Planes of pixel pairs through a stack of convolutions, for a block of images at once.

A block holds a few images side by side: the innermost axis runs over the columns of a
plane and over the images of the block, so that short rows fill vectors too. A row of a
plane has margins of zeros, so that filters see zeros beyond the border without asking
where it is; a row of zeros stands for rows that are none. See `planes` for what a plane
is, and `linear_steps` for what its matrices are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit_part, jit_views
from .._utils.memory import aligned_zeros
from ..activations._pairs import PairActivation
from ..activations._rectified import CODE as RECTIFIED
from .aligned import image_row
from .linear_steps import Steps, take_steps
from .plane_rows import (
    add_columns,
    add_rows,
    close,
    first_rows,
    of_block,
    of_first,
    pooled_rows,
    rectified_rows,
    write_slopes,
)
from .planes import Axis


class Stack(NamedTuple):
    """Convolutions, each with its activation, up to a pooling or the read-out.

    Attributes
    ----------
    rows, columns : Axis
        The planes of both axes.
    steps : Steps
        What each layer's weights and biases do.
    activations : PairActivation
        The activations.
    """

    rows: Axis
    columns: Axis
    steps: Steps
    activations: PairActivation


class Sides(NamedTuple):
    """Images, or pairs of pixels that were pooled, and a block that they meet.

    Attributes
    ----------
    images : ndarray of shape (n_images, n_channels, height, width)
        The images of the first side.
    others : ndarray of shape (n_channels, height, width * lanes)
        The images of the block, side by side.
    pooled : ndarray of shape (n_matrices, height, width, height, width * lanes)
        What a pooling left of those that meet; no matrices at the first stack.
    left : ndarray of shape (n_layers, 2, n_images, height, width)
        Roots of the variances of the first images in each layer, and the inverses.
    right : ndarray of shape (n_layers, 2, height, width * lanes)
        Those of the block.
    left_slopes, right_slopes : ndarray
        Derivatives of the variances, as `left` and `right` with n_variance_slots in
        place of 2.
    """

    images: np.ndarray
    others: np.ndarray
    pooled: np.ndarray
    left: np.ndarray
    right: np.ndarray
    left_slopes: np.ndarray
    right_slopes: np.ndarray


class Meeting(NamedTuple):
    """What a block of images meets.

    Attributes
    ----------
    own : bool
        Whether the block meets itself. It is turned for that, so that each of its
        images meets the one that is so many places on.
    first, stop : int
        Which images of the first side; or numbers of places. All pairs of the block's
        own images meet, if these go from zero to half the number of its images.
    """

    own: bool
    first: int
    stop: int


class Memory(NamedTuple):
    """Memory of one thread; whatever no one writes is zero.

    Attributes
    ----------
    plane : ndarray of shape (n_matrices, n_rows, margin + m + margin)
        A plane.
    sums : ndarray of shape (n_matrices, n_rows + 1, m)
        Its sums over columns. The last row is zero.
    rows : ndarray of shape (n_matrices, m)
        One row of each matrix.
    sides, work : ndarray of shapes (4, m) and (7, m)
        What an activation needs.
    """

    plane: np.ndarray
    sums: np.ndarray
    rows: np.ndarray
    sides: np.ndarray
    work: np.ndarray


def memory(stack: Stack, n_matrices: int, lanes: int) -> Memory:
    """Return memory for a stack and blocks of so many images."""
    n_rows, m = stack.rows.none, stack.columns.none * lanes
    width = m + 2 * stack.columns.margin * lanes
    return Memory(
        aligned_zeros((n_matrices, n_rows, width)),
        aligned_zeros((n_matrices, n_rows + 1, m)),
        aligned_zeros((n_matrices, m)),
        aligned_zeros((4, m)),
        aligned_zeros((7, m)),
    )


@jit_part
def _plane(stack, r, c, sides, first, slopes, lanes, memory):
    """Take one plane through all layers, in ``memory.plane``.

    `first` is the number of the first image and -1, or how the block is turned, twice.
    """
    i, turn = first
    rows, columns, plane, sums = stack.rows, stack.columns, memory.plane, memory.sums
    margin = (plane.shape[2] - sums.shape[2]) // 2
    fresh = sides.pooled.shape[0] == 0
    if fresh:
        first_rows(stack, r, c, sides, i, turn, lanes, memory)
    else:
        pooled_rows(rows, columns, r, c, lanes, sides.pooled, plane, margin)
    # Of the first convolution, only the covariance is more than zero.
    n_matrices = 1 if fresh else plane.shape[0]
    close(columns.counts[0, c], rows.counts[0, r], lanes, plane, margin)
    for l in range(1, rows.counts.shape[0]):
        count = columns.counts[l, c]
        m, summed = count * lanes, 0
        right, right_slopes = sides.right[l - 1], sides.right_slopes[l - 1]
        quick = plane.shape[0] == 2 and rows.lengths[l] == 3 and m % 8 == 0
        for k in range(rows.counts[l, r]):
            # Sums over columns, of the rows below that are needed now, while they are
            # in cache; and of row k itself, which is overwritten.
            for below in range(summed, rows.needed[l, r, k]):
                for s in range(n_matrices):
                    add_columns(columns, l, c, lanes, plane[s, below], sums[s, below])
            summed = max(summed, rows.needed[l, r, k])
            numbers = stack.steps.numbers[l - 1]
            y, z = rows.places[l, r, 0, k], rows.places[l, r, 1, k]
            near, inverse = right[0, y], right[1, y]
            if turn < 0:
                near, inverse = sides.left[l - 1, 0, i, y], sides.left[l - 1, 1, i, y]
            phi, room, spare = stack.activations, memory.sides, memory.work[6]
            roots = (
                of_first(columns, l, c, lanes, turn, near, spare, room[0]),
                of_first(columns, l, c, lanes, turn, inverse, spare, room[1]),
                of_block(columns, 1, l, c, lanes, right[0, z], room[2]),
                of_block(columns, 1, l, c, lanes, right[1, z], room[3]),
            )
            if quick and phi.code[l - 1] == RECTIFIED:
                rectified_rows(
                    rows.sources[l, r, :, k],
                    m,
                    sums[:n_matrices],
                    numbers,
                    phi.parameters[l - 1],
                    roots,
                    (plane[0, k][margin:], plane[1, k][margin:]),
                )
                continue
            for s in range(n_matrices, plane.shape[0]):
                for e in range(m):
                    memory.rows[s, e] = 0.0
            add_rows(rows, l, r, k, m, sums[:n_matrices], memory.rows)
            take_steps(stack.steps.places[l - 1], numbers, m, memory.rows)
            if slopes is not None:
                steep = right_slopes[:, y]
                if turn < 0:
                    steep = sides.left_slopes[l - 1, :, i, y]
                far = right_slopes[:, z]
                write_slopes(columns, l, c, lanes, turn, steep, far, slopes)
            image_row(
                (phi.code[l - 1], phi.parameters[l - 1], phi.series),
                roots,
                slopes,
                memory.rows,
                memory.work,
                plane,
                k,
                margin,
            )
        fresh, n_matrices = False, plane.shape[0]
        close(count, rows.counts[l, r], lanes, plane, margin)


@jit_part
def _fold(plane, margin, n_rows, m, lanes, row, out):
    """Add the sums over a plane, for each matrix and image, to `out`."""
    for s in range(out.shape[0]):
        for e in range(m):
            row[e] = 0.0
        for k in range(n_rows):
            seen = plane[s, k, margin:]
            for e in range(m):
                row[e] += seen[e]
        for first in range(0, m, lanes):
            for b in range(lanes):
                out[s, b] += row[first + b]


@jit_part
def _scatter(rows, columns, r, c, lanes, plane, margin, out):
    """Write a plane where its pairs of pixels belong."""
    last = rows.counts.shape[0] - 1
    for s in range(plane.shape[0]):
        for k in range(rows.counts[last, r]):
            y, z = rows.places[last, r, 0, k], rows.places[last, r, 1, k]
            for kk in range(columns.counts[last, c]):
                x = columns.places[last, c, 0, kk]
                first = columns.places[last, c, 1, kk] * lanes
                for b in range(lanes):
                    value = plane[s, k, margin + kk * lanes + b]
                    out[s, y, x, z, first + b] = value


@jit_views
def all_planes(stack, sides, meeting, slopes, lanes, memory, out, grid):
    """Take all planes of a block of images and what it meets through a stack.

    Parameters
    ----------
    stack : Stack
    sides : Sides
    meeting : Meeting
    slopes : ndarray of shape (2, n_variance_slots, m), or None
        Memory for derivatives of variances; None means that there are none.
    lanes : int
        Number of images of the block.
    memory : Memory
    out : ndarray of shape (n_images, n_matrices, lanes)
        Sums over all planes are written there, unless there is a grid.
    grid : ndarray of shape (n_matrices, height, width, height, width * lanes)
        All pairs of pixels of the last to meet are written there, if it has matrices.
    """
    rows, columns, plane = stack.rows, stack.columns, memory.plane
    last = rows.counts.shape[0] - 1
    margin = (plane.shape[2] - memory.sums.shape[2]) // 2
    for i in range(meeting.first, meeting.stop):
        found, turn = out[i - meeting.first], i if meeting.own else -1
        for s in range(out.shape[1]):
            for b in range(lanes):
                found[s, b] = 0.0
        for r in range(rows.counts.shape[1]):
            for c in range(columns.counts.shape[1]):
                _plane(stack, r, c, sides, (i, turn), slopes, lanes, memory)
                n_rows, m = rows.counts[last, r], columns.counts[last, c] * lanes
                if grid.shape[0] > 0:
                    _scatter(rows, columns, r, c, lanes, plane, margin, grid)
                else:
                    _fold(plane, margin, n_rows, m, lanes, memory.work[0], found)


@jit_views
def write_meeting(meeting, start, found, out):
    """Write what pairs of images are, and of a block's own in the upper half.

    Parameters
    ----------
    meeting : Meeting
    start : int
        The number of the block's first image.
    found : ndarray of shape (n_images, n_matrices, lanes)
        As `all_planes` writes them.
    out : ndarray of shape (n_matrices, n, m)
        The matrices.
    """
    lanes = found.shape[2]
    for i in range(meeting.first, meeting.stop):
        for s in range(found.shape[1]):
            for b in range(lanes):
                row, column = i, start + b
                if meeting.own:
                    row = start + (b + i) % lanes
                    row, column = min(row, column), max(row, column)
                out[s, row, column] = found[i - meeting.first, s, b]
