"""Rows on a device, the tiles of their pairs, and the steps from layer to layer.

What belongs to single inputs is computed by the other engine, from the lengths of the
rows: it is little. A column that is a rank becomes its steps, as many columns (see
`ranks`), so that all correlations are products of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array, Place, place_at, to_numpy
from .._utils.threads import run
from ..activations._on_arrays import Deficits
from ..activations._series_on_arrays import ARRAY_DUALS
from .exact import LONG, balance
from .forward import check_lengths, follow, forward
from .network import Network
from .pairs import Forward, Tile, closeness
from .ranks import NO_RANKS, STEPS, VARIANCE

# Temporary arrays of the size of a tile.
TEMPORARIES = 12


class Side(NamedTuple):
    """What the duals need of the rows of a tile, or of its columns.

    There is an array for each layer, shaped to be broadcast over the tile; of the
    statistics, there is one for each number.
    """

    norms: list[Array]
    bias_cos: list[Array]
    bias_sin: list[Array]
    statistics: list[list[Array]]


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


def next_deficits(xp, network: Network, l: int, i: Side, j: Side, pairs: Deficits):
    """Return the deficits at a layer from those below, and D between the two."""
    layers, activation = network.layers, network.activations[l - 1]
    parameters = numbers(activation)
    s_i, s_j = i.statistics[l - 1], j.statistics[l - 1]
    pairs, derivative = ARRAY_DUALS[activation.code](xp, parameters, pairs, s_i, s_j)
    if layers.bias_variance[l] > 0.0:
        angles = (i.bias_cos[l], j.bias_cos[l], i.bias_sin[l], j.bias_sin[l])
        pairs = _add_bias(xp, pairs, *angles)
    return pairs, derivative


def numbers(activation):
    """Return the numbers of an activation: plain ones, as arrays mix with those."""
    parameters = activation.parameters
    return parameters.tolist() if activation.closed_form else parameters


def _add_bias(xp, pairs, c_i, c_j, s_i, s_j):
    """Take deficits through a bias: the angles of each input's bias share add up."""
    d, sign = pairs
    half = 0.5**0.5
    near, apart = half * c_i - half * c_j, half * s_i - half * s_j
    near *= near
    apart *= apart
    near += apart
    across = c_i * c_j
    across *= d
    near += across
    if sign is None:
        return Deficits(near)
    # Of what was opposite, one plus the correlation; it may be beyond a right angle.
    far = 1.0 - sign
    far *= s_i
    far *= s_j
    far += near
    turned = sign * (1.0 - far)
    return Deficits(xp.minimum(far, 2.0 - far), xp.copysign(sign, turned))
