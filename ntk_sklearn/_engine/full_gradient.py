"""The derivative of every pair in every free hyperparameter: (n, n, p)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .forward import forward, input_shares
from .network import Network
from .pairs import Correlator, Forward, symmetric_plan, to_deficits
from .ranks import rank_product
from .recursion import forward_row


class Chain(NamedTuple):
    """The rest of the chain rule: from layers and inputs to the columns of the result.

    The rows of `columns` are layer weights, weight variances, bias variances and length
    scales; each entry is the column it counts in, or -1.
    """

    columns: np.ndarray  # (4, width)
    answers: np.ndarray  # (depth, depth, n): log variance at layer l, in that at h <= l
    shares: np.ndarray  # (n, n_features) of each column in the first variance


@jit
def _gradient_tile(layers, x, pairs, p, chain, out):
    """Write the derivatives of every pair of a tile; see `full_gradient`."""
    i0, j0, width = pairs.i0, pairs.j0, pairs.rho.shape[1]
    seed = np.ones(width)
    for r in range(pairs.rho.shape[0]):
        i = i0 + r
        m = r + 1 if pairs.lower else width
        to_deficits(pairs, r, p.eta[0][:m])
        forward_row(layers, x, i, j0, m, p)
        backward_row(layers, x, i, j0, seed[:m], p)
        rows = out[i][j0 : j0 + m]
        _add_direct(layers, chain.columns, p, rows)
        _add_through_inputs(layers, x, pairs, r, p, chain, rows)
        for k in range(m):
            out[j0 + k, i] = rows[k]


@jit
def _add_direct(layers, columns, p, rows):
    """Add the derivatives of one row's pairs, the variances of all inputs held."""
    for k in range(rows.shape[0]):
        entry = rows[k]
        for l in range(layers.weights.size):
            if columns[0, l] >= 0:
                entry[columns[0, l]] += layers.weights[l] * p.weight[l, k]
            if columns[1, l] >= 0:
                entry[columns[1, l]] += p.variance[l, k]
            if columns[2, l] >= 0:
                entry[columns[2, l]] += p.bias[l, k]


@jit
def _add_through_inputs(layers, x, pairs, r, p, chain, rows):
    """Add what comes through the variances of both inputs, and the length scales."""
    columns, answers, shares = chain.columns, chain.answers, chain.shares
    i, d = pairs.i0 + r, pairs.u.shape[1] - 1
    for k in range(rows.shape[0]):
        j, entry = pairs.j0 + k, rows[k]
        along_i, along_j = 0.0, 0.0  # into the first layer's variances
        for l in range(layers.weights.size - 1):
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
                    both = pairs.u[r, f] * pairs.v[k, f]
                else:
                    both = rank_product(x, i, j, f - d, s_i, s_j)
                entry[column] -= 2.0 * (
                    p.correlation[k] * both + along_i * s_i + along_j * s_j
                )


def _answers(network: Network, x: Forward) -> np.ndarray:
    """Return the derivative of log variances at layer l in those at h <= l."""
    depth = network.depth
    slopes = variance_slopes(network, x.norms)
    out = np.zeros((depth, depth, x.norms.shape[1]))
    for l in range(depth):
        out[l, l] = 1.0
        for h in range(l - 1, -1, -1):
            out[l, h] = out[l, h + 1] * slopes[h]
    return out


def full_gradient(
    network: Network, X: np.ndarray, columns: Sequence[np.ndarray], n_columns: int
) -> np.ndarray:
    """Return the derivative of every pair in every free hyperparameter.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features)
    columns : sequence of four integer arrays
        For each layer weight, weight variance, bias variance (depth + 1 each) and
        length scale (n_features): the column its logarithm is to be counted in, or -1.
    n_columns : int
        Number of columns.

    Returns
    -------
    ndarray of shape (n, n, n_columns)
    """
    n = X.shape[0]
    x = forward(network, X)
    out = np.zeros((n, n, n_columns))
    width = max(len(row) for row in columns)
    table = np.full((4, width), -1, dtype=np.int64)
    for row, values in zip(table, columns, strict=True):
        row[: len(values)] = values
    chain = Chain(table, _answers(network, x), input_shares(network, X, x))

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        p = scratch(network.depth, correlate.width)

        def fill(tile):
            _gradient_tile(network.layers, x, correlate(tile), p, chain, out)

        return fill

    if n_columns:
        run(symmetric_plan(n), make_worker, 4 * network.work(n * n / 2))
    return out
