"""Rows on a device, and the correlations of their pairs, a tile at a time.

What belongs to single inputs is computed by the other engine, from the lengths of the
rows: it is little. A column that is a rank becomes its steps, as many columns (see
`ranks`), so that all correlations are products of matrices. Of pairs too close for
cosines they are found from what the shorter row has across the longer one, whose digits
no rounding takes: see `exact`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array, Place, place_at, to_numpy
from .._utils.threads import run
from ..activations._array_pairs import Deficits, signs_of
from .exact import LONG, balance
from .forward import check_lengths, follow, forward
from .network import Network
from .pairs import Forward, Side, Tile, closeness
from .ranks import NO_RANKS, STEPS, VARIANCE

# Temporary arrays of the size of a tile.
TEMPORARIES = 12
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


class ArrayRows:
    """Rows on a device, with the variances of each, layer by layer.

    Parameters
    ----------
    network : Network
    X : array of shape (n, n_features)
        Checked rows, in the most exact type of their device.
    """

    def __init__(self, network: Network, X):
        self.network, self.X = network, X
        self.place: Place = place_at(X)
        self.n_rows = X.shape[0]
        self._powers, scale = balance(network.linear_scale)
        ranks = np.repeat(network.rank_scale / math.sqrt(VARIANCE), STEPS)
        scales = np.concatenate([scale, ranks, [network.first_bias]])
        self.scales = self.place.move(scales)
        self.forward = self._forward()
        move = self.place.move
        self.first = move(self.forward.norms[0])
        self._layers = [move(part) for part in self.forward[:4]]
        self._units: dict[tuple[int, int], Array] = {}
        self._sides: dict[tuple[int, int, bool], Side] = {}
        close = closeness(network, self.forward.norms[0])
        close = np.minimum(close * self.place.digits, 0.02)
        self.close, self.closest = move(close), float(close.max(initial=0.0))

    def _forward(self) -> Forward:
        first = np.empty(self.n_rows)
        for start, stop in self.blocks():
            xp, Z = self.place.xp, self.scaled(start, stop)
            largest = xp.max(xp.abs(Z), axis=1, keepdims=True)
            safe = xp.where(largest > 0.0, largest, 1.0)
            lengths = safe[:, 0] * xp.sqrt(xp.sum((Z / safe) ** 2, axis=1))
            first[start:stop] = to_numpy(lengths)
        check_lengths(first)
        if not self.network.homogeneous and (first > LONG).any():
            rows = np.ascontiguousarray(to_numpy(self.X), dtype=np.float64)
            return forward(self.network, rows)  # which knows more digits of lengths
        return follow(self.network, first, np.zeros(self.n_rows), NO_RANKS)

    @property
    def width(self) -> int:
        """Number of columns of a scaled row, the bias included."""
        return self.network.n_linear + STEPS * self.network.n_ranks + 1

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield the ends of blocks of rows that fit into the memory of the device."""
        size = max(1, int(self.place.budget() / (32.0 * self.width)))
        for start in range(0, self.n_rows, size):
            yield start, min(start + size, self.n_rows)

    def raw(self, start: int, stop: int):
        """Return some rows before they are scaled: see `scaled`.

        What a power of two of its column leaves of a number is as exact as the number.
        """
        xp, network = self.place.xp, self.network
        rows = self.X[start:stop, :]
        parts = [rows[:, : network.n_linear] * self.place.move(self._powers)]
        if network.n_ranks:
            at = STEPS * rows[:, network.n_linear :, None]
            k = xp.arange(STEPS, dtype=rows.dtype, device=self.place.device)
            climbed = xp.clip(at - k, 0.0, 1.0) - (1.0 - (k + 0.5) / STEPS)
            shape = (stop - start, STEPS * network.n_ranks)
            parts.append(xp.reshape(climbed, shape))
        parts.append(xp.ones_like(rows[:, :1]))
        return xp.concat(parts, axis=1)

    def scaled(self, start: int, stop: int):
        """Return some rows, scaled, ranks in steps, and the bias at the end."""
        return self.raw(start, stop) * self.scales

    def units(self, start: int, stop: int):
        """Return some rows over their lengths; rows of zeros stay. All are kept."""
        found = self._units.get((start, stop))
        if found is None:
            norms = self.first[start:stop, None]
            lengths = self.place.xp.where(norms > 0.0, norms, 1.0)
            found = self._units[start, stop] = self.scaled(start, stop) / lengths
        return found

    def side(self, start: int, stop: int, column: bool) -> Side:
        """Return what the duals need of some rows, as a row or a column of a tile."""
        key = (start, stop, column)
        if key not in self._sides:
            self._sides[key] = self._side(start, stop, column)
        return self._sides[key]

    def _side(self, start: int, stop: int, column: bool) -> Side:
        at = (None, slice(None)) if column else (slice(None), None)

        def cut(part):
            if part.ndim > 1:
                return [cut(part[k, ...]) for k in range(part.shape[0])]
            return part[start:stop][at]

        norms, cosines, sines, statistics = self._layers
        no_statistics: list[list[Array]] = [[] for _ in range(self.network.depth)]
        of_layers = no_statistics if self.network.homogeneous else cut(statistics)
        return Side(cut(norms), cut(cosines), cut(sines), of_layers)


def plan(
    place: Place, n: int, m: int, symmetric: bool, temporaries: float
) -> Iterator[Tile]:
    """Yield tiles whose temporary arrays fit into the memory of the device.

    Parameters
    ----------
    place : Place
    n, m : int
        Rows and columns of the matrix.
    symmetric : bool
        Whether only the lower half is needed.
    temporaries : float
        How many arrays of the size of a tile are held.

    Yields
    ------
    Tile
    """
    size = max(64, int(math.sqrt(place.budget() / (8.0 * temporaries))))
    for i0 in range(0, n, size):
        i1 = min(i0 + size, n)
        for j0 in range(0, i1 if symmetric else m, size):
            lower = symmetric and i0 == j0
            yield Tile(i0, i1, j0, min(j0 + size, n if symmetric else m), lower)


def run_tiles(place: Place, tiles: list[Tile], make_worker: Callable, work: float):
    """Call a worker on every tile: on several threads on the CPU, in turn elsewhere.

    Parameters
    ----------
    place, tiles
        The place, and what is to be done.
    make_worker, work
        As for `threads.run`.
    """
    if place.free_memory() is None:
        run(tiles, make_worker, work)
        return
    fill = make_worker()
    for tile in tiles:
        fill(tile)


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
