"""Pairs of inputs, a tile at a time, and their correlations.

The correlations of a tile come from one BLAS product of unit rows into a scratch buffer
of a thread, to which ranks among the inputs are added. Whoever asked for them finishes
them there while they are in cache; nothing else is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
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
    ranks: Ranks


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
    # Deficit below which a pair is to be recomputed from `u` and `v`. If negative, all
    # of that is done, and `rho` holds signed deficits.
    repair_below: float
    rho: np.ndarray  # the tile of correlations, to be overwritten


@jit
def unit_rows(X, scale, bias, norms, out):
    """Write each row's products' part, scaled, with bias, over the whole length."""
    d = scale.size
    for i in range(X.shape[0]):
        length = norms[i] if norms[i] > 0.0 else 1.0
        for k in range(d):
            out[i, k] = X[i, k] * scale[k] / length
        out[i, d] = bias / length


@jit
def to_deficits(pairs, r, eta):
    """Write the signed deficits of the first pairs of a row of a tile.

    Pairs too close for cosines are recomputed from their unit rows: near one,
    ``1 - rho`` is half the squared length of their difference, and near minus one, of
    their sum. `eta` may be in single precision and must not be a part of the tile:
    loops over memory that may overlap are not vectorised.
    """
    row, repair_below = pairs.rho[r], pairs.repair_below
    if repair_below < 0.0:
        for k in range(eta.size):
            eta[k] = row[k]
        return
    close = 0
    for k in range(eta.size):
        rho = row[k]
        d = max(1.0 - abs(rho), 0.0)
        close += 1 if d < repair_below else 0
        eta[k] = -d if rho < 0.0 else d
    if close == 0:
        return
    u_i, v = pairs.u[r], pairs.v
    for k in range(eta.size):
        if abs(eta[k]) < repair_below:
            plus = 0.0
            minus = 0.0
            for f in range(u_i.size):
                plus += (u_i[f] + v[k, f]) ** 2
                minus += (u_i[f] - v[k, f]) ** 2
            # Never minus zero: the sign must survive a comparison.
            eta[k] = 0.5 * minus if minus <= plus else -max(0.5 * plus, 1e-36)


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
    """One thread's scratch: unit rows of both sides and the tile between them."""

    def __init__(self, network: Network, X, x: Forward, Y, y: Forward):
        self._network, self._closest = network, network.closest
        self._sides = (X, x), (Y, y)
        shapes = [(min(TILE, Z.shape[0]), network.n_linear + 1) for Z in (X, Y)]
        self._rows = [np.empty(shape) for shape in shapes]
        self.width = shapes[1][0]
        self._tile = np.empty(shapes[0][0] * shapes[1][0])
        self._at = [-1, -1]

    def _unit(self, side: int, start: int, stop: int) -> np.ndarray:
        """Return unit rows of one side; kept while the next tile has the same ones."""
        rows = self._rows[side][: stop - start]
        if self._at[side] != start:
            (Z, z), network = self._sides[side], self._network
            Z, norms = Z[start:stop], z.norms[0][start:stop]
            unit_rows(Z, network.linear_scale, network.first_bias, norms, rows)
            self._at[side] = start
        return rows

    def __call__(self, tile: Tile) -> Pairs:
        """Return the pairs of a tile; they are valid until the next call."""
        u = self._unit(0, tile.i0, tile.i1)
        v = self._unit(1, tile.j0, tile.j1)
        rho = self._tile[: len(u) * len(v)].reshape(len(u), len(v))
        np.dot(u, v.T, out=rho)
        pairs = Pairs(tile.i0, tile.j0, tile.lower, u, v, self._closest, rho)
        if not self._network.n_ranks:
            return pairs
        (_, x), (_, y) = self._sides
        add_ranks(x.ranks, y.ranks, pairs)
        return pairs._replace(repair_below=-1.0)
