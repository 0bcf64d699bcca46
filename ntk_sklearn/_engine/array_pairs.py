"""The correlations of pairs of rows on a device, a tile at a time.

They are products of unit rows. Of pairs too close for cosines they are found from what
the shorter row has across the longer one, whose digits no rounding takes: the product
of two floats is a float and its error, as in `exact`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array, Place
from ..activations._on_arrays import Deficits, signs_of
from .array_rows import ArrayRows, Side
from .pairs import Tile

# Numbers of differences of close pairs that are held at a time.
_AT_ONCE = 2**24


class Pairs(NamedTuple):
    """The pairs of a tile.

    Attributes
    ----------
    tile : Tile
        Its place in the matrix.
    u, v : array of shape (m, d + 1) and (k, d + 1)
        Unit rows, the bias as their last coordinate.
    deficits : Deficits
        The correlations.
    close : array of bool or None
        Pairs that were recomputed from the difference of their rows; None if none was.
    """

    tile: Tile
    u: Array
    v: Array
    deficits: Deficits
    close: Array | None


class Close(NamedTuple):
    """Close pairs, and how the shorter row differs from a multiple of the longer.

    Attributes
    ----------
    u : array of shape (p, d + 1)
        Unit rows of the longer inputs.
    w : array of shape (p, d + 1)
        What is across these in the shorter ones, over their lengths. Its length is the
        sine of the angle between the two.
    first : array of bool, shape (p,)
        Whether the row of the tile is the longer one, and not that of its column.
    """

    u: Array
    w: Array
    first: Array


class Correlator:
    """The correlations of tiles."""

    def __init__(self, x: ArrayRows, y: ArrayRows):
        self._x, self._y = x, y

    def __call__(self, tile: Tile) -> Pairs:
        """Return the pairs of a tile."""
        x, xp = self._x, self._x.place.xp
        u, v = x.units(tile.i0, tile.i1), self._y.units(tile.j0, tile.j1)
        rho = u @ xp.matrix_transpose(v)
        # Extremes take one pass, and masks several.
        sign = signs_of(xp, rho) if float(xp.min(rho)) < 0.0 else None
        size = 1.0 - xp.abs(rho)
        least = float(xp.min(size))
        if least >= x.closest:
            return Pairs(tile, u, v, Deficits(size, sign), None)
        if least < 0.0:
            size = xp.clip(size, 0.0, None)
        close = size < x.close[tile.i0 : tile.i1, None]
        if not bool(xp.any(close)):
            return Pairs(tile, u, v, Deficits(size, sign), None)
        parts = []
        for found in close_pairs(x, self._y, tile, close, sign):
            sine2 = xp.sum(found.w * found.w, axis=1)
            parts.append(sine2 / (1.0 + xp.sqrt(1.0 - sine2)))
        size[close] = xp.concat(parts) if len(parts) > 1 else parts[0]
        return Pairs(tile, u, v, Deficits(size, sign), close)


def close_pairs(
    x: ArrayRows, y: ArrayRows, tile: Tile, close, signs
) -> Iterator[Close]:
    """Yield the close pairs of a tile, as many at a time as are held."""
    xp, scales = x.place.xp, x.scales
    i, j = xp.nonzero(close)
    ratio = x.place.move(np.ones(1)) if signs is None else signs[close]
    sides = (x, tile.i0, tile.i1, i), (y, tile.j0, tile.j1, j)
    (n_i, n_j), (rows_i, rows_j) = (
        [xp.take(z.first[start:stop], k) for z, start, stop, k in sides],
        [z.raw(start, stop) for z, start, stop, _ in sides],
    )
    first = n_i >= n_j
    n_a, n_b = xp.where(first, n_i, n_j), xp.where(first, n_j, n_i)
    ratio = ratio * (n_b / n_a)
    step = max(1, _AT_ONCE // rows_i.shape[1])
    for start in range(0, i.shape[0], step):
        some = slice(start, min(start + step, i.shape[0]))
        z_i, z_j = xp.take(rows_i, i[some], axis=0), xp.take(rows_j, j[some], axis=0)
        order = first[some, None]
        a, b = xp.where(order, z_i, z_j), xp.where(order, z_j, z_i)
        u = a * (scales / n_a[some, None])
        w = _residual(x.place, a, b, ratio[some, None]) * (scales / n_b[some, None])
        w -= xp.sum(w * u, axis=1, keepdims=True) * u
        yield Close(u, w, first[some])


def _residual(place: Place, a, b, c):
    """Return ``b - c * a``, to its own digits: see `exact.residual`."""
    half = 134217729.0 if place.digits == 1.0 else 4097.0  # has half of the digits
    p = c * a
    (a, a_low), (c, c_low) = (_split(part, half) for part in (a, c))
    low = ((a * c - p) + a * c_low + a_low * c) + a_low * c_low
    return (b - p) - low


def _split(values, half):
    t = half * values
    high = t - (t - values)
    return high, values - high


def sides_of(x: ArrayRows, y: ArrayRows, pairs: Pairs) -> tuple[Side, Side]:
    """Return what the duals need of the rows and of the columns of a tile."""
    tile = pairs.tile
    return x.side(tile.i0, tile.i1, False), y.side(tile.j0, tile.j1, True)
