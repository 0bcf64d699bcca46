"""Power series of any activation for arrays of pairs; see `_series`.

Each term is a product of a number of each input, and a power of the correlation. The
few pairs that all terms are not enough for, of inputs close to each other, are
integrated one by one by the jitted functions.
"""

from __future__ import annotations

import math

import numpy as np

from .._utils.arrays import to_numpy
from .._utils.jit import jit
from ._array_pairs import Deficits, deficits_of
from ._hermite import HEAD, LIMITS, ROWS_OF_BLOCK
from ._on_arrays import DUALS, PULLBACKS
from ._series import CODE
from ._series import dual as jitted_dual
from ._series import pullback as jitted_pullback


def _row(k):
    """Return the row of the statistics that holds the coefficients of an order."""
    return HEAD + ROWS_OF_BLOCK * (k // 16) + (k % 16) // 2 + 8 * (k % 2)


def _needed(xp, rho, s_i, s_j):
    """Return how many blocks are needed, and which pairs need more than there are."""
    blocks = int(min(float(s_i[4][0, 0]), float(s_j[4][0, 0])))
    size = xp.abs(rho)
    for b in range(blocks):
        row = HEAD + ROWS_OF_BLOCK * b + 16
        left = s_i[row] * s_j[row] * size
        if float(xp.max(left)) <= LIMITS[b]:
            return b + 1, None
    return blocks, left > float(LIMITS[blocks - 1])


def _dual(xp, parameters, pairs, s_i, s_j):
    rho = pairs.correlations()
    needed, hard = _needed(xp, rho, s_i, s_j)
    if hard is not None:
        rho = xp.where(hard, 0.0, rho)
    square = rho * rho
    even = _series(xp, square, s_i, s_j, 0, needed)
    odd = _series(xp, square, s_i, s_j, 1, needed)
    value = even[0] + rho * odd[0]
    slope = odd[0] + 2.0 * rho * (even[1] + rho * odd[1])
    size, sign = deficits_of(xp, value)
    derivative = (s_i[0] * s_j[0]) * slope
    itself = (pairs.size == 0.0) & (s_i[2] == s_j[2])
    if pairs.sign is not None:
        itself = itself & (pairs.sign > 0.0)
    size = xp.where(itself, 0.0, size)
    if hard is not None:
        e, d = _dual_one_by_one(parameters, *_gathered(xp, hard, pairs, s_i, s_j))
        derivative[hard] = xp.asarray(
            d, dtype=derivative.dtype, device=derivative.device
        )
        sizes = xp.asarray(np.abs(e), dtype=rho.dtype, device=rho.device)
        size[hard] = sizes
        signs = np.where(e < 0.0, -1.0, 1.0)
        sign[hard] = xp.asarray(signs, dtype=rho.dtype, device=rho.device)
    return Deficits(size, sign), derivative


def _series(xp, square, s_i, s_j, odd, blocks):
    """Return the series of the even or of the odd orders, and its derivative."""
    blocks = min(blocks, int(max(float(s_i[5 + odd][0, 0]), float(s_j[5 + odd][0, 0]))))
    value, slope = xp.zeros_like(square), xp.zeros_like(square)
    for b in range(blocks - 1, -1, -1):
        first = HEAD + ROWS_OF_BLOCK * b + 8 * odd
        for row in range(first + 7, first - 1, -1):
            slope *= square
            slope += value
            value *= square
            value += s_i[row] * s_j[row]
    return value, slope


def _gathered(xp, hard, pairs, s_i, s_j):
    """Return signed deficits and statistics of some pairs, as arrays of NumPy."""
    signs = np.ones(1)
    if pairs.sign is not None:
        signs = np.where(to_numpy(pairs.sign[hard]) < 0.0, -1.0, 1.0)
    e = np.asarray(to_numpy(pairs.size[hard]), dtype=np.float64)
    e = np.where(signs < 0.0, -np.maximum(e, 1e-300), e)
    i, j = xp.nonzero(hard)
    sides = (
        xp.take(xp.stack(s_i)[:, :, 0], i, axis=1),
        xp.take(xp.stack(s_j)[:, 0, :], j, axis=1),
    )
    stats = [np.asarray(to_numpy(side), dtype=np.float64) for side in sides]
    return e, np.ascontiguousarray(np.hstack(stats))


@jit
def _each_dual(parameters, e, d, stats):
    for k in range(e.size):
        one, slope = e[k : k + 1], d[k : k + 1]
        jitted_dual(parameters, one, slope, stats, k, stats, e.size + k)


def _dual_one_by_one(parameters, e, stats):
    """Return signed deficits of images, and D, of pairs of columns of statistics."""
    e, d = e.copy(), np.empty_like(e)
    _each_dual(parameters, e, d, stats)
    return e, d


@jit
def _each_pullback(parameters, e, stats, r_bar, d_bar, out):
    for k in range(e.size):
        bars = (r_bar[k : k + 1], d_bar[k : k + 1])
        ones = (out[0, k : k + 1], out[1, k : k + 1], out[2, k : k + 1])
        jitted_pullback(parameters, e[k : k + 1], stats, k, e.size + k, bars, ones)


def _pullback(xp, parameters, pairs, sides, bars):
    (s_i, s_j), (r_bar, d_bar) = sides, bars
    rho = pairs.correlations()
    needed, hard = _needed(xp, rho, s_i, s_j)
    if hard is not None:
        rho = xp.where(hard, 0.0, rho)
    blocks = int(min(float(s_i[4][0, 0]), float(s_j[4][0, 0])))
    r0, r1, r2, u0, u1, v0, v1 = (xp.zeros_like(rho) for _ in range(7))
    for k in range(16 * min(needed + 1, blocks) - 1, -1, -1):
        row, up, c = _row(k), _row(k + 2), math.sqrt((k + 1.0) * (k + 2.0))
        r2 = r2 * rho + r1
        r1 = r1 * rho + r0
        r0 = r0 * rho + s_i[row] * s_j[row]
        u1 = u1 * rho + u0
        u0 = u0 * rho + (c * s_i[up]) * s_j[row]
        v1 = v1 * rho + v0
        v0 = v0 * rho + (c * s_i[row]) * s_j[up]
    g, bend = s_i[0] * s_j[0], 2.0 * r2
    by_rho = r_bar * r1 + d_bar * g * bend
    first = 0.5 * r_bar * (rho * r1 + u0 - (1.0 + s_i[1]) * r0)
    second = 0.5 * r_bar * (rho * r1 + v0 - (1.0 + s_j[1]) * r0)
    first = first + 0.5 * d_bar * g * (rho * bend + u1)
    second = second + 0.5 * d_bar * g * (rho * bend + v1)
    out = [by_rho, 0.5 * (first + second), 0.5 * (first - second)]
    if hard is not None:
        e, stats = _gathered(xp, hard, pairs, s_i, s_j)
        given = [np.asarray(to_numpy(bar[hard]), dtype=np.float64) for bar in bars]
        found = np.empty((3, e.size))
        _each_pullback(parameters, e, stats, *given, found)
        for array, values in zip(out, found, strict=True):
            array[hard] = xp.asarray(values, dtype=array.dtype, device=array.device)
    return tuple(out)


# The families of all activations, by their codes.
ARRAY_DUALS = {**DUALS, CODE: _dual}
ARRAY_PULLBACKS = {**PULLBACKS, CODE: _pullback}
