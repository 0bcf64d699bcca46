"""One backward pass per row of pairs, through the layers that the forward pass kept.

A layer's covariance is the product of two norms and a correlation, and derivatives are
taken in these three: in a correlation, the norms held, and in the logarithms of both
variances, the correlation held. Two inputs close to each other have large derivatives
in their covariance and in their variances, which nearly cancel; not so in these.

What a pair's kernel owes to the variances of its two inputs is collected per input and
layer and carried to the hyperparameters along each input's own recursion, which costs
O(n depth). The variance of a layer is its gain times the second moment of the image of
the one below, and a bias; the derivatives collected are in the logarithm of the first
part. Those in the first layer, which is made of the inputs, `first_layer` takes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from ..activations._dispatch import pullback
from .pairs import Forward


class Pass(NamedTuple):
    """Scratch of one backward pass; rows are layers, columns the pairs of a segment."""

    eta: np.ndarray  # (depth + 1, m) deficits
    derivative: np.ndarray  # (depth, m) D between layers
    tangent: np.ndarray  # (depth + 1, m) weighted kernel up to the layer
    weight: np.ndarray  # (depth + 1, m) derivative in the layer weight
    slope: np.ndarray  # (depth + 1, m) in the log gain of the tangent below
    level: np.ndarray  # (depth + 1, m) in what adds to the variances, all of it
    first: np.ndarray  # (depth + 1, m) in the log gained moment of the row's input
    second: np.ndarray  # (depth + 1, m) and of the column's input
    # In the end of the first layer: in the correlation, the norms held; and half of the
    # sum and of the difference of those in both log variances.
    correlation: np.ndarray  # (m,)
    mean: np.ndarray  # (m,)
    half: np.ndarray  # (m,)
    # Derivatives that are passed on, in the image of the layer below: in its
    # correlation and in D; and in the tangent, where the pass begins with the seeds.
    r_bar: np.ndarray  # (m,)
    d_bar: np.ndarray  # (m,)
    h_bar: np.ndarray  # (m,)


def scratch(depth: int, m: int) -> Pass:
    """Return the scratch for segments of up to `m` pairs."""
    layered = [np.zeros((depth + 1, m)) for _ in Pass._fields[:-6]]
    return Pass(*layered, *(np.zeros(m) for _ in Pass._fields[-6:]))


@jit
def _turn(s, other, eta):
    """Return ``s rho - other``, where s and `other` may differ little."""
    return s * (-1.0 - eta) - other if eta < 0.0 else (s - other) - s * eta


@jit
def backward_row(layers, x, i, j0, m, p):
    """Differentiate a weighted sum of `m` pairs in all that `Pass` lists.

    The weights are in ``p.h_bar``. The forward pass of the row is there: see
    `forward_row`. Of the first layer's variances, only what does not pass the inputs is
    in the result. The loops over a segment are short: each is vectorised only if the
    compiler need not ask of too many pairs of arrays whether they overlap.
    """
    h_bar, r_bar, d_bar = p.h_bar[:m], p.r_bar[:m], p.d_bar[:m]
    rho_bar, mean, half = p.correlation[:m], p.mean[:m], p.half[:m]
    rho_bar[:], mean[:], half[:] = 0.0, 0.0, 0.0
    for l in range(layers.weights.size - 1, -1, -1):
        eta, level = p.eta[l][:m], p.level[l]
        n_i, n_j = x.norms[l, i], x.norms[l][j0 : j0 + m]
        weight, bias = layers.weights[l], layers.bias_variance[l]
        extra = (layers.bias_weights[l] - weight) * bias
        own_bias = 0.0 if layers.tied else bias  # it has a weight of its own
        weighted = (weight, own_bias)
        _direct(eta, n_i, n_j, h_bar, weighted, p.weight[l], rho_bar, mean)
        if l == 0:
            for k in range(m):
                level[k] = extra * h_bar[k]
            return
        for k in range(m):
            level[k] = extra * h_bar[k] + 2.0 * mean[k]
        c_i, c_j = x.bias_cos[l, i], x.bias_cos[l][j0 : j0 + m]
        first, second = p.first[l], p.second[l]
        if bias > 0.0:
            s_i, s_j = x.bias_sin[l, i], x.bias_sin[l][j0 : j0 + m]
            for k in range(m):
                turn = 0.5 * s_i * _turn(s_i, s_j[k], eta[k])
                first[k] = (mean[k] + half[k]) * c_i * c_i + rho_bar[k] * turn
            for k in range(m):
                turn = 0.5 * s_j[k] * _turn(s_j[k], s_i, eta[k])
                second[k] = (mean[k] - half[k]) * c_j[k] * c_j[k] + rho_bar[k] * turn
        else:
            for k in range(m):
                first[k] = mean[k] + half[k]
                second[k] = mean[k] - half[k]
        below, d, slope = p.tangent[l - 1], p.derivative[l - 1], p.slope[l]
        gain = layers.weight_variance[l]
        for k in range(m):
            d_bar[k] = gain * h_bar[k] * below[k]
            slope[k] = d_bar[k] * d[k]
        for k in range(m):
            r_bar[k] = rho_bar[k] * c_i * c_j[k]
            h_bar[k] *= gain * d[k]
        eta, s_x = p.eta[l - 1][:m], x.statistics[l - 1]
        bars, out = (r_bar, d_bar), (rho_bar, mean, half)
        code, parameters = layers.codes[l - 1], layers.parameters[l - 1]
        pullback(code, parameters, eta, s_x, i, j0, bars, out)


@jit
def _direct(eta, n_i, n_j, h_bar, weighted, by_weight, rho_bar, mean):
    """Write the derivative in the layer weight, and add what the weighted q adds."""
    weight, own_bias = weighted
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        by_weight[k] = h_bar[k] * (n_i * n_j[k] * rho - own_bias)
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        moved = weight * h_bar[k] * n_i * n_j[k]
        rho_bar[k] += moved
        mean[k] += 0.5 * moved * rho


def variance_slopes(x: Forward) -> np.ndarray:
    """Return the derivative of each layer's log second moment in its log variance."""
    return 1.0 + x.excess
