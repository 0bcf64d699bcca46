"""The derivative of every pair in every free hyperparameter: (n, n, p)."""

from __future__ import annotations

import numpy as np

from .._utils.jit import jit
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .network import Network, input_shares, walk
from .ranks import rank_product
from .recursion import to_deficits
from .tiles import Correlator, layer_work, symmetric_plan


@jit
def _gradient_tile(
    layers,
    x,
    i0,
    j0,
    lower,
    u,
    v,
    repair_below,
    tile,
    p,
    answers,
    columns,
    shares,
    out,
):
    """Write the derivatives of every pair of a tile; see `full_gradient`."""
    depth = layers.weights.size - 1
    d = u.shape[1] - 1
    seed = np.ones(tile.shape[1])
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if lower else tile.shape[1]
        eta = p.eta[0][:m]
        to_deficits(tile[r][:m], u[r], v, repair_below, eta)
        backward_row(layers, x, i, x, j0, seed[:m], p)
        for k in range(m):
            j = j0 + k
            entry = out[i, j]
            along_i, along_j = 0.0, 0.0  # into the first layer's variances
            for l in range(depth + 1):
                if columns[0, l] >= 0:
                    entry[columns[0, l]] += layers.weights[l] * p.weight[l, k]
                if columns[1, l] >= 0:
                    entry[columns[1, l]] += p.variance[l, k]
                if columns[2, l] >= 0:
                    entry[columns[2, l]] += p.bias[l, k]
            for l in range(depth):
                first, second = p.first[l, k], p.second[l, k]
                for h in range(l + 1):
                    f_i, f_j = first * answers[l, h, i], second * answers[l, h, j]
                    q_i, q_j = x.norms[h, i] ** 2, x.norms[h, j] ** 2
                    b = layers.bias_variance[h]
                    b_i = b / q_i if q_i > 0.0 else 0.0
                    b_j = b / q_j if q_j > 0.0 else 0.0
                    if columns[1, h] >= 0:
                        entry[columns[1, h]] += f_i * (1.0 - b_i) + f_j * (1.0 - b_j)
                    if columns[2, h] >= 0:
                        entry[columns[2, h]] += f_i * b_i + f_j * b_j
                along_i += first * answers[l, 0, i]
                along_j += second * answers[l, 0, j]
            for f in range(shares.shape[1]):
                column = columns[3, f]
                if column >= 0:
                    s_i, s_j = shares[i, f], shares[j, f]
                    if f < d:
                        both = u[r, f] * v[k, f]
                    else:
                        both = rank_product(x, i, j, f - d, s_i, s_j)
                    entry[column] -= 2.0 * (
                        p.correlation[k] * both + along_i * s_i + along_j * s_j
                    )
            out[j, i] = entry


def _answers(network, x):
    """How the log variance at layer l answers to the one at h <= l: (l, h, input)."""
    depth = network.depth
    slopes = variance_slopes(network, x.norms)
    out = np.zeros((depth, depth, x.norms.shape[1]))
    for l in range(depth):
        out[l, l] = 1.0
        for h in range(l - 1, -1, -1):
            out[l, h] = out[l, h + 1] * slopes[h]
    return out


def full_gradient(network: Network, X: np.ndarray, columns, n_columns: int):
    """Return the derivative of every pair in every free hyperparameter.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features)
    columns : sequence of four integer sequences
        For each layer weight, weight variance, bias variance (depth + 1 each) and
        length scale (n_features): the column its logarithm is to be counted in, or -1.
    n_columns : int
        Number of columns.

    Returns
    -------
    ndarray of shape (n, n, n_columns)
    """
    n = X.shape[0]
    x = walk(network, X)
    out = np.zeros((n, n, n_columns))
    width = max(len(row) for row in columns)
    table = np.full((4, width), -1, dtype=np.int64)
    for row, values in zip(table, columns, strict=True):
        row[: len(values)] = values
    answers = _answers(network, x)
    shares = input_shares(network, X, x)

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        p = scratch(network.depth, correlate.width)

        def fill(tile):
            u, v, rho = correlate(tile)
            _gradient_tile(
                network.layers,
                x,
                tile.i0,
                tile.j0,
                tile.lower,
                u,
                v,
                network.repair_below,
                rho,
                p,
                answers,
                table,
                shares,
                out,
            )

        return fill

    if n_columns:
        run(symmetric_plan(n), make_worker, 4 * layer_work(network, n * n / 2))
    return out
