"""Pairs of inputs, a tile at a time, and their correlations.

The correlations of a tile come from one BLAS product of unit rows into a scratch buffer
of a thread, to which ranks among the inputs are added. Whoever asked for them finishes
them there while they are in cache; nothing else is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array
from .._utils.jit import jit
from .exact import LONG, Rows, balance, compare, deficit, signed
from .network import Network
from .ranks import Ranks, add_ranks

# Rows and columns of a tile. A tile fits the second-level cache; 33 cache lines to a
# row keep the mirrored copy from falling on the same cache sets again and again.
TILE = 264


class Forward(NamedTuple):
    """The variance of each input, layer by layer; see `forward`.

    ``norms[l, i]`` is the root of the pre-activation variance. The roots of the shares
    of weights and bias in it are the cosine and the sine of an angle, so that adding a
    bias to a pair is adding angles.
    """

    norms: np.ndarray  # (depth + 1, n)
    bias_cos: np.ndarray  # (depth + 1, n)
    bias_sin: np.ndarray  # (depth + 1, n)
    statistics: np.ndarray  # (depth, n_statistics, n), or n = 0 if homogeneous
    slopes: np.ndarray  # (depth, n) E[phi'^2]
    excess: np.ndarray  # (depth, n) d log(E[phi^2] / q) / d log q
    ranks: Ranks


class Side(NamedTuple):
    """What the duals for whole arrays need of the rows of a tile, or of its columns.

    There is an array for each layer, shaped to be broadcast over the tile; of the
    statistics, there is one for each number.
    """

    norms: list[Array]
    bias_cos: list[Array]
    bias_sin: list[Array]
    statistics: list[list[Array]]


class Tile(NamedTuple):
    """Rows ``i0:i1`` against columns ``j0:j1``; `lower` marks one on the diagonal."""

    i0: int
    i1: int
    j0: int
    j1: int
    lower: bool


def symmetric_plan(n: int) -> Iterator[Tile]:
    """Yield the tiles of the lower half, the diagonal ones included, row by row."""
    for i0 in range(0, n, TILE):
        for j0 in range(0, i0 + 1, TILE):
            yield Tile(i0, min(i0 + TILE, n), j0, min(j0 + TILE, n), i0 == j0)


def rectangular_plan(n: int, m: int) -> Iterator[Tile]:
    """Yield the tiles of the whole rectangle."""
    for i0 in range(0, n, TILE):
        for j0 in range(0, m, TILE):
            yield Tile(i0, min(i0 + TILE, n), j0, min(j0 + TILE, m), False)


class Pairs(NamedTuple):
    """The pairs of a tile, as jitted functions take them.

    Row r of the tile is input ``i0 + r``, column k is input ``j0 + k``. With `lower`,
    the tile lies on the diagonal, and only its lower half is of interest.
    """

    i0: int
    j0: int
    lower: bool
    u: np.ndarray  # unit rows of the tile's rows, without their ranks
    v: np.ndarray  # and of its columns
    x: np.ndarray  # the tile's rows themselves
    rows: Rows  # and those of its columns
    n_x: np.ndarray  # roots of the first variances of all inputs
    n_y: np.ndarray
    close: np.ndarray  # deficits below which pairs with each row of X are close
    ready: bool  # whether `rho` holds signed deficits, with those of close pairs
    rho: np.ndarray  # the tile of correlations, to be overwritten


@jit
def unit_rows(X, powers, scale, bias, norms, rows, units):
    """Write the products' part of each row: as it is but for powers of two, and scaled.

    A unit row has the bias as a coordinate, and all is over the whole length.
    """
    d = scale.size
    for i in range(X.shape[0]):
        length = norms[i] if norms[i] > 0.0 else 1.0
        for k in range(d):
            z = X[i, k] * powers[k]
            rows[i, k] = z
            units[i, k] = z * scale[k] / length
        units[i, d] = bias / length


@jit
def to_deficits(pairs, r, eta):
    """Write signed deficits of the first pairs of a row of a tile; count close ones.

    Pairs too close for cosines are recomputed from the difference of their rows. The
    last one of a row of a tile on the diagonal is an input with itself, and is not
    counted. `eta` may be in single precision and must not be a part of the tile: loops
    over memory that may overlap are not vectorised.
    """
    row, below = pairs.rho[r], pairs.close[pairs.i0 + r]
    others, close = eta.size, 0
    if pairs.lower:
        others -= 1
        eta[others] = 0.0 if pairs.n_x[pairs.i0 + r] > 0.0 else 1.0
    if pairs.ready:
        for k in range(others):
            eta[k] = row[k]
            close += 1 if abs(row[k]) < below else 0
        return close
    for k in range(others):
        rho = row[k]
        d = max(1.0 - abs(rho), 0.0)
        close += 1 if d < below else 0
        eta[k] = -d if rho < 0.0 else d
    if close == 0:
        return close
    x, rows = pairs.x[r], pairs.rows
    n_i, n_j = pairs.n_x[pairs.i0 + r], pairs.n_y[pairs.j0 :]
    least = 1e-300 if eta.itemsize == 8 else 1e-36
    for k in range(others):
        if abs(eta[k]) < below:
            across, along, _ = compare(x, rows, k, row[k], (n_i, n_j[k]))
            eta[k] = signed(deficit(across, along), row[k], least)
    return close


@jit
def mirror(pairs, K):
    """Copy a finished tile of the lower half to its place in the upper half."""
    tile = pairs.rho
    for c in range(tile.shape[1]):
        first = c + 1 if pairs.lower else 0
        target = K[pairs.j0 + c]
        for r in range(first, tile.shape[0]):
            target[pairs.i0 + r] = tile[r, c]


class Correlator:
    """One thread's scratch: rows and unit rows of both sides, and the tile between."""

    def __init__(self, network: Network, X, x: Forward, Y, y: Forward):
        self._network = network
        self._sides = (X, x), (Y, y)
        self._close = closeness(network, x.norms[0])
        self._powers, self._scale = balance(network.linear_scale)
        self._exact = not network.homogeneous and bool(np.any(x.norms[0] > LONG))
        d = network.n_linear
        sizes = [min(TILE, Z.shape[0]) for Z in (X, Y)]
        self._rows = [(np.empty((n, d)), np.empty((n, d + 1))) for n in sizes]
        self.width = sizes[1]
        self._tile = np.empty(sizes[0] * sizes[1])
        self._at = [-1, -1]

    def _unit(self, side: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and unit rows of one side; kept while the next tile has them."""
        rows, units = (a[: stop - start] for a in self._rows[side])
        if self._at[side] != start:
            (Z, z), network = self._sides[side], self._network
            Z, norms = Z[start:stop], z.norms[0][start:stop]
            scales = self._powers, self._scale, network.first_bias
            unit_rows(Z, *scales, norms, rows, units)
            self._at[side] = start
        return rows, units

    def __call__(self, tile: Tile) -> Pairs:
        """Return the pairs of a tile; they are valid until the next call."""
        rows_x, u = self._unit(0, tile.i0, tile.i1)
        rows_y, v = self._unit(1, tile.j0, tile.j1)
        rho = self._tile[: len(u) * len(v)].reshape(len(u), len(v))
        np.dot(u, v.T, out=rho)
        (_, x), (_, y) = self._sides
        rows = Rows(rows_y, self._scale, self._network.first_bias, self._exact)
        pairs = Pairs(
            tile.i0,
            tile.j0,
            tile.lower,
            u,
            v,
            rows_x,
            rows,
            x.norms[0],
            y.norms[0],
            self._close,
            False,
            rho,
        )
        if not self._network.n_ranks:
            return pairs
        add_ranks(x.ranks, y.ranks, pairs)
        return pairs._replace(ready=True)


def closeness(network: Network, norms: np.ndarray) -> np.ndarray:
    """Return the deficit below which pairs with each input are close.

    If the activation is not homogeneous, the kernel of long inputs turns at deficits of
    one over their variance.
    """
    close = np.full(norms.size, network.closest)
    long = norms > (np.inf if network.homogeneous else LONG)
    close[long] = np.maximum(close[long], np.maximum(120.0 / norms[long] ** 2, 1e-4))
    return close
