"""Derivatives in the hyperparameters: contracted with a matrix, or in full.

One backward pass per row of pairs, through the layers that the forward pass kept in
cache. A pair's kernel depends on the hyperparameters directly, and through the
variances of its two inputs; the second part is collected per input and layer, as the
derivative in the logarithm of that variance, and carried to the hyperparameters along
each input's own recursion, which costs O(n depth).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._jit import jit
from ..activations._dispatch import pullback
from ._network import Network, walk
from ._recursion import next_covariance, to_deficits
from ._threads import run
from ._tiles import Correlator, _layer_work, symmetric_plan

# Partial sums are added up in this many groups, whatever the number of threads, so
# that the result does not depend on it.
GROUPS = 16


class Pass(NamedTuple):
    """Scratch of one backward pass; rows are layers, columns the pairs of a segment."""

    eta: np.ndarray  # (depth + 1, m) deficits
    derivative: np.ndarray  # (depth, m) D between layers
    tangent: np.ndarray  # (depth + 1, m) weighted kernel up to the layer
    weight: np.ndarray  # (depth + 1, m) derivative in the layer weight
    variance: np.ndarray  # (depth + 1, m) in the log weight variance
    bias: np.ndarray  # (depth + 1, m) in the log bias variance
    first: np.ndarray  # (depth + 1, m) in the log variance of the row's input
    second: np.ndarray  # (depth + 1, m) and of the column's input
    correlation: np.ndarray  # (m,) in the first correlation, norms held


def _scratch(depth: int, m: int) -> Pass:
    layered = {name: np.zeros((depth + 1, m)) for name in Pass._fields[:-1]}
    return Pass(correlation=np.zeros(m), **layered)


@jit
def backward_row(layers, x, i, y, j0, seed, p):
    """Differentiate ``sum(seed * K[i, segment])``; ``p.eta[0]`` holds the deficits."""
    depth = layers.weights.size - 1
    m = seed.size
    for l in range(depth + 1):
        eta, tangent = p.eta[l][:m], p.tangent[l][:m]
        if l > 0:
            eta[:] = p.eta[l - 1][:m]
            next_covariance(layers, l, x, i, y, j0, eta, p.derivative[l - 1][:m])
        n_i, n_j = x.norms[l, i], y.norms[l][j0 : j0 + m]
        weight, bias = layers.weights[l], layers.bias_variance[l]
        extra = (layers.bias_weights[l] - weight) * bias
        for k in range(m):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            tangent[k] = weight * n_i * n_j[k] * rho + extra
        if l > 0:
            d, below = p.derivative[l - 1], p.tangent[l - 1]
            for k in range(m):
                tangent[k] += layers.weight_variance[l] * d[k] * below[k]

    h_bar = seed.copy()
    from_above = np.zeros(m)  # derivative in q of this layer, times both norms
    a_bar = np.empty(m)
    d_bar = np.empty(m)
    for l in range(depth, -1, -1):
        eta, tangent = p.eta[l][:m], p.tangent[l][:m]
        n_i, n_j = x.norms[l, i], y.norms[l][j0 : j0 + m]
        weight, bias = layers.weights[l], layers.bias_variance[l]
        gain = layers.weight_variance[l]
        extra_weight = layers.bias_weights[l] - weight
        by_weight, by_variance, by_bias = p.weight[l], p.variance[l], p.bias[l]
        for k in range(m):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            g = n_i * n_j[k]
            q = g * rho
            own = weight * q + extra_weight * bias
            q_bar = weight * h_bar[k] + (from_above[k] / g if g > 0.0 else 0.0)
            by_weight[k] = h_bar[k] * q
            by_variance[k] = q_bar * (q - bias)
            by_variance[k] += h_bar[k] * (tangent[k] - own)
            by_bias[k] = bias * (q_bar + extra_weight * h_bar[k])
            a_bar[k] = gain * q_bar
        if l == 0:
            for k in range(m):
                g = n_i * n_j[k]
                p.correlation[k] = from_above[k] + weight * h_bar[k] * g
            return
        below, d = p.tangent[l - 1], p.derivative[l - 1]
        for k in range(m):
            d_bar[k] = gain * h_bar[k] * below[k]
            h_bar[k] *= gain * d[k]
        pullback(
            layers.code,
            layers.parameters,
            p.eta[l - 1][:m],
            x.norms[l - 1, i],
            y.norms[l - 1][j0 : j0 + m],
            a_bar,
            d_bar,
            from_above,
            p.first[l - 1][:m],
            p.second[l - 1][:m],
        )


@jit
def _variance_slopes(layers, norms, out):
    """``d log q_{l+1} / d log q_l`` of every input: ``out[l, i]``."""
    depth = layers.weights.size - 1
    one, zero, eta = np.ones(1), np.zeros(1), np.zeros(1)
    q_out, i_out, j_out = np.empty(1), np.empty(1), np.empty(1)
    for l in range(depth):
        for i in range(norms.shape[1]):
            n = norms[l, i]
            n_j = norms[l, i : i + 1].copy()
            eta[0] = 0.0
            pullback(
                layers.code,
                layers.parameters,
                eta,
                n,
                n_j,
                one,
                zero,
                q_out,
                i_out,
                j_out,
            )
            above = norms[l + 1, i] * norms[l + 1, i]
            slope = layers.weight_variance[l + 1] * (q_out[0] + i_out[0] + j_out[0])
            out[l, i] = slope / above if above > 0.0 else 0.0


def variance_slopes(network: Network, norms: np.ndarray) -> np.ndarray:
    """How each input's log variance answers to the one a layer below."""
    out = np.zeros((network.depth, norms.shape[1]))
    _variance_slopes(network.layers, norms, out)
    return out


@jit
def _contract_tile(
    layers, x, i0, j0, lower, u, v, repair_below, tile, G, p, sums, by_input
):
    """Add one tile's share; leaves the derivative in each correlation in `tile`."""
    depth = layers.weights.size - 1
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if lower else tile.shape[1]
        eta = p.eta[0][:m]
        eta[:] = tile[r][:m]
        to_deficits(eta, u[r], v, repair_below)
        seed = 2.0 * G[i][j0 : j0 + m]  # the pair and its mirror image
        if lower:
            seed[r] = G[i, i]
        backward_row(layers, x, i, x, j0, seed, p)
        for l in range(depth + 1):
            weight, variance, bias = 0.0, 0.0, 0.0
            for k in range(m):
                weight += p.weight[l, k]
                variance += p.variance[l, k]
                bias += p.bias[l, k]
            sums[0, l] += weight
            sums[1, l] += variance
            sums[2, l] += bias
        for l in range(depth):
            second = p.second[l]
            target = by_input[l][j0 : j0 + m]
            first = 0.0
            for k in range(m):
                first += p.first[l, k]
                target[k] += second[k]
            by_input[l, i] += first
        row = tile[r]
        for k in range(tile.shape[1]):
            row[k] = p.correlation[k] if k < m else 0.0


class Contraction(NamedTuple):
    """``<G, dK/d .>`` for every hyperparameter of a network.

    Attributes
    ----------
    layer_weights : ndarray of shape (depth + 1,)
        In each layer weight itself: ``<G, K_l>``.
    weight_variance, bias_variance : ndarray of shape (depth + 1,)
        In the logarithm of each layer's variance.
    length_scale : ndarray of shape (n_features,)
        In the logarithm of each feature's length scale; zeros unless asked for.
    """

    layer_weights: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    length_scale: np.ndarray


def contract(
    network: Network, X: np.ndarray, G: np.ndarray, length_scale: bool = False
) -> Contraction:
    """Contract a symmetric matrix with the kernel's derivatives, in one pass.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features)
    G : ndarray of shape (n, n)
        Symmetric; only its lower half is read.
    length_scale : bool, default=False
        Whether to differentiate in the length scales, which takes another product of
        each tile with the inputs.

    Returns
    -------
    Contraction
    """
    depth, n = network.depth, X.shape[0]
    x = walk(network, X)
    sums = np.zeros((GROUPS, 3, depth + 1))
    by_input = np.zeros((GROUPS, depth, n))
    by_feature = np.zeros((GROUPS, X.shape[1] + 1))
    plan = list(symmetric_plan(n))

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        p = _scratch(depth, correlate.width)

        def add(group):
            for tile in plan[group::GROUPS]:
                u, v, rho = correlate(tile)
                _contract_tile(
                    network.layers,
                    x,
                    tile.i0,
                    tile.j0,
                    tile.lower,
                    u,
                    v,
                    network.repair_below,
                    rho,
                    G,
                    p,
                    sums[group],
                    by_input[group],
                )
                if length_scale:
                    by_feature[group] += np.einsum("if,if->f", rho @ v, u)

        return add

    groups = range(min(GROUPS, len(plan)))
    run(groups, make_worker, 4 * _layer_work(network, n * n / 2))
    return _collect(
        network, X, x, sums.sum(axis=0), by_input.sum(axis=0), by_feature.sum(axis=0)
    )


def _collect(network, X, x, sums, by_input, by_feature) -> Contraction:
    """Carry what was collected per input down to the hyperparameters."""
    weight, variance, bias = sums
    slopes = variance_slopes(network, x.norms)
    through = np.zeros(X.shape[0])
    for l in range(network.depth - 1, -1, -1):
        through += by_input[l]
        q = x.norms[l] ** 2
        share = np.divide(
            network.layers.bias_variance[l], q, out=np.zeros_like(q), where=q > 0
        )
        bias[l] += through @ share
        variance[l] += through @ (1.0 - share)
        if l > 0:
            through = through * slopes[l - 1]
    features = -2.0 * by_feature[:-1]
    if by_feature.any():
        length = np.where(x.norms[0] > 0, x.norms[0], 1.0)
        squares = (X * (network.feature_scale / length[:, None])) ** 2
        features -= 2.0 * through @ squares
    return Contraction(weight, variance, bias, features)


@jit
def _gradient_tile(
    layers, x, i0, j0, lower, u, v, repair_below, tile, p, answers, columns, out
):
    """Write the derivatives of every pair of a tile; see `full_gradient`."""
    depth = layers.weights.size - 1
    d = u.shape[1] - 1
    seed = np.ones(tile.shape[1])
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if lower else tile.shape[1]
        eta = p.eta[0][:m]
        eta[:] = tile[r][:m]
        to_deficits(eta, u[r], v, repair_below)
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
            for f in range(d):
                column = columns[3, f]
                if column >= 0:
                    z_i, z_j = u[r, f], v[k, f]
                    entry[column] -= 2.0 * (
                        p.correlation[k] * z_i * z_j
                        + along_i * z_i * z_i
                        + along_j * z_j * z_j
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

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        p = _scratch(network.depth, correlate.width)

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
                out,
            )

        return fill

    if n_columns:
        run(symmetric_plan(n), make_worker, 4 * _layer_work(network, n * n / 2))
    return out
