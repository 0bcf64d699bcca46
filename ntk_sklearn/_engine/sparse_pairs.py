"""Pairs of sparse inputs, a tile at a time, by sparse products."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, issparse

from .exact import LONG, Rows, balance
from .network import Network
from .pairs import TILE, Correlator, Forward, Pairs, Tile, closeness


def correlator(
    network: Network, X, x: Forward, Y, y: Forward
) -> Correlator | SparseCorrelator:
    """Return what computes the pairs of a thread's tiles.

    Parameters
    ----------
    network : Network
    X, Y : ndarray or sparse array of shapes (n, n_features) and (m, n_features)
        Rows of both sides: either both sparse or both dense.
    x, y : Forward
        Their variances.

    Returns
    -------
    Correlator or SparseCorrelator
    """
    kind = SparseCorrelator if issparse(X) else Correlator
    return kind(network, X, x, Y, y)


class SparseCorrelator:
    """The pairs of sparse rows, of which only close pairs ever become dense.

    Close pairs are recomputed from the difference of their rows, as in `Correlator`: in
    the columns that rows of close pairs of the tile have.
    """

    def __init__(self, network: Network, X, x: Forward, Y, y: Forward):
        self._network = network
        self._sides = (X, x.norms[0]), (Y, y.norms[0])
        self._close = closeness(network, x.norms[0])
        self._powers, self._scale = balance(network.linear_scale)
        self._exact = not network.homogeneous and bool(np.any(x.norms[0] > LONG))
        self._kept: list[tuple] = [(-1,), (-1,)]
        self.width = min(TILE, Y.shape[0])

    def _rows(self, side: int, start: int, stop: int) -> tuple[csr_array, csr_array]:
        """Return rows but for powers of two, and unit rows without their bias."""
        if self._kept[side][0] != start:
            X, norms = self._sides[side]
            rows = X[start:stop]
            length = _or_one(norms[start:stop]).repeat(np.diff(rows.indptr))
            z = rows.data * self._powers[rows.indices]
            units = z * self._scale[rows.indices] / length
            self._kept[side] = start, _like(rows, z), _like(rows, units)
        return self._kept[side][1:]

    def __call__(self, tile: Tile) -> Pairs:
        """Return the pairs of a tile."""
        rows_x, u = self._rows(0, tile.i0, tile.i1)
        rows_y, v = self._rows(1, tile.j0, tile.j1)
        n_x, n_y = (norms for _, norms in self._sides)
        bias, rho = self._network.first_bias, (u @ v.T).toarray(order="C")
        if bias > 0.0:
            of_x, of_y = bias / _or_one(n_x), bias / _or_one(n_y)
            rho += np.outer(of_x[tile.i0 : tile.i1], of_y[tile.j0 : tile.j1])
        close = 1.0 - np.abs(rho) < self._close[tile.i0 : tile.i1, None]
        if tile.lower:
            close = np.tril(close, -1)
        in_x, in_y = close.any(axis=1), close.any(axis=0)
        used = np.union1d(rows_x[in_x].indices, rows_y[in_y].indices).astype(int)
        dense_x, dense_y = _dense(rows_x, in_x, used), _dense(rows_y, in_y, used)
        nothing = np.empty((0, 0))  # no derivatives in columns are taken
        return Pairs(
            tile.i0,
            tile.j0,
            tile.lower,
            nothing,
            nothing,
            dense_x,
            Rows(dense_y, self._scale[used], bias, self._exact),
            n_x,
            n_y,
            self._close,
            False,
            rho,
        )


def _or_one(norms: np.ndarray) -> np.ndarray:
    """Return lengths by which rows can be divided."""
    return np.where(norms > 0.0, norms, 1.0)


def _like(rows: csr_array, data: np.ndarray) -> csr_array:
    """Return rows with other numbers in the same places."""
    return csr_array((data, rows.indices, rows.indptr), shape=rows.shape)


def _dense(rows, mask, used) -> np.ndarray:
    """Return the masked rows in some columns, and zeros for the others."""
    out = np.zeros((rows.shape[0], len(used)))
    if len(used):
        out[mask] = rows[mask][:, used].toarray()
    return out
