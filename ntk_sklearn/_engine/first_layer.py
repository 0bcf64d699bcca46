"""From the first layer's correlations and variances to the columns of the inputs.

A pair's first covariance is a sum over columns f of products ``z_f z'_f``; the bias is
one of them. Scaling a column moves the correlation and both variances. For pairs far
enough from each other, that is a product of matrices and a sum per input. Of close
pairs it is a difference, taken pair by pair: with u and v their unit rows, u that of
the longer one, ``t`` their angle and ``w = v - u cos(t)``,

    d rho = sin(t)^2 (u_f^2 cos(t) / 2 + u_f w_f) - w_f^2 cos(t) / 2,
    u_f^2 - v_f^2 = sin(t)^2 u_f^2 - 2 cos(t) u_f w_f - w_f^2

in the logarithm of what multiplies ``z_f z'_f``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from .._utils.jit import jit, jit_sums, product_total, total
from .exact import compare, residual
from .network import Network
from .pairs import Forward, Pairs
from .ranks import all_rank_parts, contract_ranks, rank_parts


class FirstLayer(NamedTuple):
    """Sums over pairs of derivatives in the first layer."""

    by_input: np.ndarray  # (n,) in the log variance of each input
    by_column: np.ndarray  # (n_features + 1,) of close pairs; the bias comes last
    scalars: np.ndarray  # (2,) in both log variances; correlations over both norms
    by_product: np.ndarray  # (n_linear + 1,) of far pairs, by products of unit rows
    by_distance: np.ndarray  # (n_ranks,) of far pairs, by distances of ranks
    by_rank: np.ndarray  # (n,) of far pairs, by each input's own ranks


def empty_sums(network: Network, n: int) -> FirstLayer:
    """Return sums of nothing."""
    sizes = (n, network.feature_scale.size + 1, 2, network.n_linear + 1)
    return FirstLayer(*(np.zeros(size) for size in (*sizes, network.n_ranks, n)))


@jit
def close_shares(x, pairs, r, eta, slopes, all_columns, out):
    """Write close pairs' derivatives in the log of what multiplies each column.

    Row k of `out` is that of pair k, which is left alone if it is far. The bias comes
    last; it is the only one unless `all_columns` are wanted. `slopes` are derivatives
    in the correlation, and half of the sum and of the difference of those in both log
    variances.
    """
    i, j0, ranks, below = pairs.i0 + r, pairs.j0, x.ranks, pairs.close[pairs.i0 + r]
    row, rows, (slope, mean, half) = pairs.x[r], pairs.rows, slopes
    Y, scale, bias, exact = rows
    n_i, n_j, with_ranks = x.norms[0, i], x.norms[0][j0:], ranks.weights.size > 0
    for k in range(eta.size):
        if abs(eta[k]) >= below:
            continue
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        across, along, c = compare(row, rows, k, rho, (n_i, n_j[k]))
        if with_ranks:
            more = all_rank_parts(ranks, i, ranks, j0 + k, c)
            across, along = across + more[0], along + more[1]
        sine2 = max(across - along * along, 0.0)
        # Factors of u^2, u w and w^2, w being without what rounding left along u.
        first = n_i >= n_j[k]
        lead = mean[k] - half[k] if first else mean[k] + half[k]
        by_uu = (0.5 * slope[k] * rho - lead) * sine2 + 2.0 * mean[k]
        by_uw = slope[k] * sine2 + 2.0 * rho * lead
        by_ww = lead - 0.5 * slope[k] * rho
        one_a, one_b = 1.0 / max(n_i, n_j[k]), 1.0 / min(n_i, n_j[k])
        u = bias * one_a
        w = (1.0 - c) * bias * one_b - along * u
        out[k, -1] = by_uu * u * u + by_uw * u * w + by_ww * w * w
        if not all_columns:
            continue
        for f in range(scale.size):
            z_a, z_b = (row[f], Y[k, f]) if first else (Y[k, f], row[f])
            u = z_a * (scale[f] * one_a)
            w = residual(z_a, z_b, c) if exact else z_b - c * z_a
            w = w * (scale[f] * one_b) - along * u
            out[k, f] = by_uu * u * u + by_uw * u * w + by_ww * w * w
        for f in range(ranks.weights.size):
            ww, uw, uu = rank_parts(ranks, i, ranks, j0 + k, f, c)
            ww, uw = ww - along * (2.0 * uw - along * uu), uw - along * uu
            out[k, scale.size + f] = by_uu * uu + by_uw * uw + by_ww * ww


@jit
def add_first_layer(x, pairs, r, eta, slopes, wanted, sums):
    """Add the derivatives of one row of pairs; leave those in correlations in the tile.

    `slopes` are, for each pair, what `close_shares` takes, and are used up. Only far
    pairs are left in the tile, for the sums by products; of close ones, all is done but
    the columns, unless they are `wanted`: whether there are close pairs, and columns.
    """
    slope, mean, half = slopes
    i, j0, m = pairs.i0 + r, pairs.j0, eta.size
    sums.scalars[0] += 2.0 * total(mean)
    others = m
    if pairs.lower:
        others -= 1
        slope[others] = 0.0  # an input's correlation with itself is one
    if wanted[0]:
        _add_close(x, pairs, r, eta[:others], slopes, wanted[1], sums)
    row, by_input = pairs.rho[r], sums.by_input[j0 : j0 + m]
    if pairs.rows.bias > 0.0:
        inverse = x.ranks.inverse
        over_n_j = product_total(slope, inverse[j0 : j0 + m])
        sums.scalars[1] += over_n_j * inverse[i]
    for k in range(m):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        row[k] = slope[k]
        slope[k] *= 0.5 * rho
    row[m:] = 0.0
    for k in range(m):
        by_input[k] += mean[k] - half[k] - slope[k]
    sums.by_input[i] += _lead_total(slope, mean, half)


@jit_sums
def _lead_total(slope, mean, half):
    """Return the sum of the derivatives in the log variance of the row's input."""
    s = 0.0
    for k in range(slope.size):
        s += mean[k] + half[k] - slope[k]
    return s


@jit
def _add_close(x, pairs, r, eta, slopes, columns, sums):
    """Add the derivatives of the close pairs of a row, and take them out."""
    slope, mean, half = slopes
    below, by_column = pairs.close[pairs.i0 + r], sums.by_column
    out, first = np.empty((eta.size, by_column.size)), by_column.size
    if columns or pairs.rows.bias > 0.0:
        first = 0 if columns else by_column.size - 1
        close_shares(x, pairs, r, eta, slopes, columns, out)
    for k in range(eta.size):
        if abs(eta[k]) < below:
            slope[k], mean[k], half[k] = 0.0, 0.0, 0.0
            for f in range(first, by_column.size):
                by_column[f] += out[k, f]


def add_products(sums: FirstLayer, x: Forward, pairs: Pairs) -> None:
    """Add a tile's share of the sums by products; it holds the derivatives in rho."""
    sums.by_product[:] += np.einsum("if,if->f", pairs.rho @ pairs.v, pairs.u)
    if sums.by_distance.size:
        contract_ranks(x.ranks, pairs, sums.by_rank, sums.by_distance)


def collect_first_layer(
    network: Network, X: np.ndarray, x: Forward, sums: FirstLayer, through: np.ndarray
) -> tuple[float, float, np.ndarray]:
    """Return derivatives in the log variances of weights and bias, and of the columns.

    `through` are those in the log variances of the inputs, of the layers above.
    """
    bias, q = network.layers.bias_variance[0], x.norms[0] ** 2
    share = np.divide(bias, q, out=np.zeros_like(q), where=q > 0)
    by_input = sums.by_input + through
    by_bias = bias * sums.scalars[1] + by_input @ share + sums.by_column[-1]
    by_weight = sums.scalars[0] + through.sum() - by_bias
    if issparse(X):  # whose columns are scaled together, as a weight variance does it
        return (
            by_weight,
            by_bias,
            np.full(network.n_linear, by_weight / network.n_linear),
        )
    ranks = sums.by_rank @ x.ranks.raised - x.ranks.weights * sums.by_distance
    by_column = np.concatenate([sums.by_product[:-1], ranks])
    by_column += sums.by_column[:-1] + by_input @ input_shares(network, X, x)
    return by_weight, by_bias, by_column


def input_shares(network: Network, X: np.ndarray, x: Forward) -> np.ndarray:
    """Return the share of each column in each input's first variance."""
    length = np.where(x.norms[0] > 0, x.norms[0], 1.0)[:, None]
    products = (X[:, : network.n_linear] * (network.linear_scale / length)) ** 2
    return np.hstack([products, x.ranks.shares / length**2])
