"""Tile plans, and the drivers that fill a result tile by tile.

Each tile's correlations come from one BLAS product of unit rows into a scratch buffer
of a thread, to which ranks among the inputs are added; the lane finishes it there while
it is in cache; then it is copied into the result and, for the symmetric case, mirrored.
Nothing else is allocated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.threads import run
from .network import Network, Walk, diagonal, unit_rows, walk
from .profile import DOUBLE, profile_of
from .ranks import add_ranks
from .recursion import component_tile, mirror, recursion_tile

# Rows and columns of a tile. A tile fits the second-level cache; 33 cache lines to a
# row keep the mirrored copy from falling on the same cache sets again and again.
TILE = 264

# Finding a profile takes as long as the recursion needs for so many pair-layers.
PROFILE_WORK = 100_000


# Partial sums are added up in this many groups of tiles, whatever the number of
# threads, so that the result does not depend on it.
GROUPS = 16


class Tile(NamedTuple):
    """Rows ``i0:i1`` against columns ``j0:j1``; `lower` marks one on the diagonal."""

    i0: int
    i1: int
    j0: int
    j1: int
    lower: bool


def symmetric_plan(n: int):
    """Tiles of the lower half, the diagonal ones included, row by row."""
    for i0 in range(0, n, TILE):
        for j0 in range(0, i0 + 1, TILE):
            yield Tile(i0, min(i0 + TILE, n), j0, min(j0 + TILE, n), i0 == j0)


def rectangular_plan(n: int, m: int):
    """Tiles of the whole rectangle."""
    for i0 in range(0, n, TILE):
        for j0 in range(0, m, TILE):
            yield Tile(i0, min(i0 + TILE, n), j0, min(j0 + TILE, m), False)


class Correlator:
    """One thread's scratch: unit rows of both sides and the tile between them."""

    def __init__(self, network: Network, X, x: Walk, Y, y: Walk):
        self.network = network
        self._sides = (X, x), (Y, y)
        shapes = [(min(TILE, Z.shape[0]), network.n_linear + 1) for Z in (X, Y)]
        self._rows = [np.empty(shape) for shape in shapes]
        self.width = shapes[1][0]
        self._tile = np.empty(shapes[0][0] * shapes[1][0])
        self._at = [-1, -1]

    def unit(self, side: int, start: int, stop: int) -> np.ndarray:
        """Return unit rows of one side; kept while the next tile has the same ones."""
        rows = self._rows[side][: stop - start]
        if self._at[side] != start:
            Z, z = self._sides[side]
            network = self.network
            unit_rows(
                Z[start:stop],
                network.linear_scale,
                network.first_bias,
                z.norms[0][start:stop],
                rows,
            )
            self._at[side] = start
        return rows

    def __call__(self, tile: Tile):
        """Return unit rows, unit columns and their correlations.

        If there are ranks, signed deficits in place of the correlations.
        """
        u = self.unit(0, tile.i0, tile.i1)
        v = self.unit(1, tile.j0, tile.j1)
        rho = self._tile[: len(u) * len(v)].reshape(len(u), len(v))
        np.dot(u, v.T, out=rho)
        if self.network.n_ranks:
            x, y = (z.ranks for _, z in self._sides)
            add_ranks(
                x, tile.i0, y, tile.j0, tile.lower, u, v, self.network.closest, rho
            )
        return u, v, rho


def layer_work(network: Network, n_pairs: float) -> float:
    """Return the recursion's work on so many pairs, as `run` counts it."""
    return n_pairs * (network.depth + 1)


def gram(
    network: Network,
    X: np.ndarray,
    Y: np.ndarray | None = None,
    dtype: np.dtype | type = np.float64,
) -> np.ndarray:
    """Return the weighted kernel of every pair; symmetric if `Y` is None.

    The deficits are computed in double precision, whatever `dtype` the result has:
    cosines in single precision would cost a rectifier's kernel half of their digits
    once more. A profile is then evaluated in single precision, if it is as exact as
    that; the recursion is not, because every layer adds to its errors.
    """
    symmetric = Y is None
    x = walk(network, X)
    y = x if Y is None else walk(network, Y)
    Y = X if Y is None else Y
    n, m = X.shape[0], Y.shape[0]
    if dtype != DOUBLE:
        _check_fits(dtype, diagonal(network, X, x), diagonal(network, Y, y))
    K = np.empty((n, m), dtype)
    worth_it = layer_work(network, n * m) > PROFILE_WORK
    profile = _profile(network, K.dtype) if worth_it else None
    if profile is not None:
        lengths_x = x.norms[0].astype(profile.dtype)
        lengths_y = y.norms[0].astype(profile.dtype)

    def make_worker():
        correlate = Correlator(network, X, x, Y, y)

        def fill(tile):
            u, v, rho = correlate(tile)
            if profile is not None:
                profile.finish(
                    lengths_x, tile, lengths_y, u, v, network.repair_below, rho, K
                )
            else:
                recursion_tile(
                    network.layers,
                    x,
                    tile.i0,
                    y,
                    tile.j0,
                    tile.lower,
                    u,
                    v,
                    network.repair_below,
                    rho,
                    K,
                )
            if symmetric:
                mirror(rho, tile.lower, K, tile.i0, tile.j0)

        return fill

    plan = symmetric_plan(n) if symmetric else rectangular_plan(n, m)
    pairs = n * m / 2 if symmetric else n * m
    run(plan, make_worker, 2 * pairs if profile else layer_work(network, pairs))
    if symmetric:
        np.fill_diagonal(K, diagonal(network, X, x))
    return K


def _check_fits(dtype, diagonal_x, diagonal_y):
    """Raise if an entry, which its diagonals bound, may overflow."""
    largest = np.sqrt(diagonal_x.max()) * np.sqrt(diagonal_y.max())
    if not largest <= np.finfo(dtype).max:
        raise ValueError(
            f"X leads to kernel values of {largest:.2g}, which overflow {dtype}; "
            'rescale X, or use dtype="float64".'
        )


def _profile(network: Network, dtype: np.dtype):
    """Return the profile in the precision of the result; else in double; or None."""
    found = profile_of(network, dtype)
    return profile_of(network) if found is None and dtype != DOUBLE else found


def components(
    network: Network, X: np.ndarray, Y: np.ndarray | None = None
) -> np.ndarray:
    """Return every layer's own, unweighted term: (depth + 1, n, m)."""
    x = walk(network, X)
    y = x if Y is None else walk(network, Y)
    Z = X if Y is None else Y
    out = np.empty((network.depth + 1, X.shape[0], Z.shape[0]))

    def make_worker():
        correlate = Correlator(network, X, x, Z, y)

        def fill(tile):
            u, v, rho = correlate(tile)
            component_tile(
                network.layers,
                x,
                tile.i0,
                y,
                tile.j0,
                u,
                v,
                network.repair_below,
                rho,
                out,
            )

        return fill

    plan = rectangular_plan(X.shape[0], Z.shape[0])
    run(plan, make_worker, layer_work(network, X.shape[0] * Z.shape[0]))
    if Y is None:
        for l in range(network.depth + 1):
            lower = np.tril(out[l], -1)
            out[l] = lower + lower.T
            one = np.zeros(network.depth + 1)
            one[l] = 1.0
            np.fill_diagonal(out[l], diagonal(network.with_weights(one), X, x))
    return out
