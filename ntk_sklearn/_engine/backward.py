"""One backward pass per row of pairs, through the layers that the forward pass kept.

A pair's kernel depends on the hyperparameters directly, and through the variances of
its two inputs; the second part is collected per input and layer, as the derivative in
the logarithm of that variance, and carried to the hyperparameters along each input's
own recursion, which costs O(n depth).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from ..activations._dispatch import pullback
from .network import Network


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


def scratch(depth: int, m: int) -> Pass:
    """Return the scratch for segments of up to `m` pairs."""
    layered = {name: np.zeros((depth + 1, m)) for name in Pass._fields[:-1]}
    return Pass(correlation=np.zeros(m), **layered)


@jit
def backward_row(layers, x, i, j0, seed, p):
    """Differentiate ``sum(seed * K[i, segment])`` in all that `Pass` lists.

    The forward pass of the row is there: see `forward_row`.
    """
    m = seed.size
    h_bar = seed.copy()  # derivative in the tangent of this layer
    from_above = np.zeros(m)  # derivative in q of this layer, times both norms
    a_bar = np.empty(m)
    d_bar = np.empty(m)
    for l in range(layers.weights.size - 1, -1, -1):
        eta, tangent = p.eta[l][:m], p.tangent[l][:m]
        n_i, n_j = x.norms[l, i], x.norms[l][j0 : j0 + m]
        weight, bias = layers.weights[l], layers.bias_variance[l]
        gain = layers.weight_variance[l]
        extra_weight = layers.bias_weights[l] - weight
        own_bias = 0.0 if layers.tied else bias  # it has a weight of its own
        by_weight, by_variance, by_bias = p.weight[l], p.variance[l], p.bias[l]
        for k in range(m):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            g = n_i * n_j[k]
            q = g * rho
            own = weight * q + extra_weight * bias
            q_bar = weight * h_bar[k] + (from_above[k] / g if g > 0.0 else 0.0)
            by_weight[k] = h_bar[k] * (q - own_bias)
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
        eta, n_i, n_j = p.eta[l - 1][:m], x.norms[l - 1, i], x.norms[l - 1][j0 : j0 + m]
        out = (from_above, p.first[l - 1][:m], p.second[l - 1][:m])
        pullback(layers.code, layers.parameters, eta, n_i, n_j, (a_bar, d_bar), out)


@jit
def _variance_slopes(layers, norms, out):
    """Write ``d log q_{l+1} / d log q_l`` of every input into ``out[l, i]``."""
    depth = layers.weights.size - 1
    bars, eta = (np.ones(1), np.zeros(1)), np.zeros(1)
    q, of_i, of_j = np.empty(1), np.empty(1), np.empty(1)
    for l in range(depth):
        for i in range(norms.shape[1]):
            n = norms[l, i]
            n_j = norms[l, i : i + 1].copy()
            eta[0] = 0.0
            out_of = (q, of_i, of_j)
            pullback(layers.code, layers.parameters, eta, n, n_j, bars, out_of)
            above = norms[l + 1, i] * norms[l + 1, i]
            slope = layers.weight_variance[l + 1] * (q[0] + of_i[0] + of_j[0])
            out[l, i] = slope / above if above > 0.0 else 0.0


def variance_slopes(network: Network, norms: np.ndarray) -> np.ndarray:
    """Return the derivative of each log variance in the one a layer below."""
    out = np.zeros((network.depth, norms.shape[1]))
    _variance_slopes(network.layers, norms, out)
    return out
