"""The derivative of every pair in every free hyperparameter: (n, n, p)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .first_layer import close_shares, input_shares
from .forward import forward
from .network import Network
from .pairs import Correlator, Forward, symmetric_plan, to_deficits
from .ranks import rank_product
from .recursion import forward_row


class Chain(NamedTuple):
    """The rest of the chain rule: from layers and inputs to the columns of the result.

    The rows of `columns` are layer weights, weight variances, bias variances and length
    scales; each entry is the column it counts in, or -1. The answers are those of the
    log gained moment at layer l in the log variance at h < l.
    """

    columns: np.ndarray  # (4, width)
    answers: np.ndarray  # (depth + 1, depth, n)
    shares: np.ndarray  # (n, n_features) of each column in the first variance


@jit
def _gradient_tile(layers, x, pairs, p, chain, out):
    """Write the derivatives of every pair of a tile; see `full_gradient`."""
    i0, j0, width = pairs.i0, pairs.j0, pairs.rho.shape[1]
    for r in range(pairs.rho.shape[0]):
        i = i0 + r
        m = r + 1 if pairs.lower else width
        to_deficits(pairs, r, p.eta[0][:m])
        forward_row(layers, x, i, j0, m, p)
        p.h_bar[:] = 1.0
        backward_row(layers, x, i, j0, m, p)
        rows = out[i][j0 : j0 + m]
        _add_direct(layers, chain.columns, p, rows)
        _add_through_inputs(x, i, j0, p, chain, rows)
        _add_first_layer(x, pairs, r, p, chain, rows)
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
            if columns[2, l] >= 0:
                entry[columns[2, l]] += p.level[l, k]
        for l in range(1, layers.weights.size):
            gained = p.first[l, k] + p.second[l, k]
            if columns[1, l] >= 0:
                entry[columns[1, l]] += p.slope[l, k] + gained
            if columns[2, l] >= 0:
                entry[columns[2, l]] -= gained


@jit
def _add_through_inputs(x, i, j0, p, chain, rows):
    """Add what comes through the variances of both inputs, but in the first layer."""
    columns, answers = chain.columns, chain.answers
    for k in range(rows.shape[0]):
        j, entry = j0 + k, rows[k]
        for l in range(1, x.norms.shape[0]):
            first, second = p.first[l, k], p.second[l, k]
            for h in range(1, l):
                f_i, f_j = first * answers[l, h, i], second * answers[l, h, j]
                if columns[1, h] >= 0:
                    c_i, c_j = x.bias_cos[h, i], x.bias_cos[h, j]
                    entry[columns[1, h]] += f_i * c_i * c_i + f_j * c_j * c_j
                if columns[2, h] >= 0:
                    s_i, s_j = x.bias_sin[h, i], x.bias_sin[h, j]
                    entry[columns[2, h]] += f_i * s_i * s_i + f_j * s_j * s_j
            of_i, of_j = first * answers[l, 0, i], second * answers[l, 0, j]
            p.mean[k] += 0.5 * (of_i + of_j)
            p.half[k] += 0.5 * (of_i - of_j)


@jit
def _add_first_layer(x, pairs, r, p, chain, rows):
    """Add the derivatives in the first variances and the length scales."""
    columns, m = chain.columns, rows.shape[0]
    n_features = chain.shares.shape[1]
    of_lengths = columns[3][:n_features]
    by_weight, by_bias = columns[1, 0], columns[2, 0]
    if max(by_weight, by_bias, of_lengths.max()) < 0:
        return
    shares = np.zeros((m, n_features + 1))
    _far_shares(x, pairs, r, p, chain.shares, shares)
    slopes = (p.correlation, p.mean, p.half)
    close_shares(x, pairs, r, p.eta[0][:m], slopes, True, shares)
    for k in range(m):
        entry, of_bias = rows[k], shares[k, n_features]
        for f in range(n_features):
            if of_lengths[f] >= 0:
                entry[of_lengths[f]] -= 2.0 * shares[k, f]
        if by_weight >= 0:
            entry[by_weight] += 2.0 * p.mean[k] - of_bias
        if by_bias >= 0:
            entry[by_bias] += of_bias


@jit
def _far_shares(x, pairs, r, p, of_inputs, out):
    """Write each pair's derivatives in the log of what multiplies a column.

    `of_inputs` are the shares of the columns in the inputs' variances.
    """
    i, j0, linear, ranks = pairs.i0 + r, pairs.j0, pairs.rows.scale.size, x.ranks
    n_features = of_inputs.shape[1]
    u, v, s_i = pairs.u[r], pairs.v, of_inputs[i]
    for k in range(out.shape[0]):
        eta, slope = p.eta[0, k], p.correlation[k]
        rho = -1.0 - eta if eta < 0.0 else 1.0 - eta
        first = p.mean[k] + p.half[k] - 0.5 * slope * rho
        second = p.mean[k] - p.half[k] - 0.5 * slope * rho
        s_j = of_inputs[j0 + k]
        for f in range(n_features):
            out[k, f] = first * s_i[f] + second * s_j[f]
        for f in range(linear):
            out[k, f] += slope * u[f] * v[k, f]
        u_b, v_b = u[linear], v[k, linear]
        out[k, n_features] = slope * u_b * v_b + first * u_b**2 + second * v_b**2
        for f in range(ranks.weights.size):
            product = rank_product(ranks, i, j0 + k, f)
            out[k, linear + f] += slope * product


def _answers(network: Network, x: Forward) -> np.ndarray:
    """Return the derivative of gained moments at layer l in variances at h < l."""
    depth = network.depth
    slopes = variance_slopes(x)
    out = np.zeros((depth + 1, depth, x.norms.shape[1]))
    for l in range(1, depth + 1):
        out[l, l - 1] = slopes[l - 1]
        for h in range(l - 2, -1, -1):
            out[l, h] = out[l, h + 1] * x.bias_cos[h + 1] ** 2 * slopes[h]
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
