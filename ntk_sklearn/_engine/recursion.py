"""The recursion over layers, for one row of pairs at a time.

A row segment of a few hundred pairs stays in the first-level cache while it passes
through all layers; every loop here is over such a segment, and each is vectorised. In
the jitted functions, the row is input `i` of `x`, the segment begins with input `j0` of
`y`, and `eta` holds the first layer's deficits and is consumed.
"""

from __future__ import annotations

import math

import numpy as np

from .._utils.jit import jit
from ..activations._dispatch import dual, moments
from .network import Layers
from .pairs import Forward, to_deficits
from .ranks import NO_RANKS


@jit
def add_bias(eta, c_i, c_j, s_i, s_j):
    """Take deficits through a bias: the angles of each input's bias share add up."""
    for k in range(eta.size):
        cc = c_i * c_j[k]
        ss = s_i * s_j[k]
        d = abs(eta[k])
        negative = eta[k] < 0.0
        rho = ss - cc * (1.0 - d)
        apart = 0.5 * (c_i - c_j[k]) ** 2
        near = cc * d + apart + 0.5 * (s_i - s_j[k]) ** 2
        far = -max(cc * d + apart + 0.5 * (s_i + s_j[k]) ** 2, 1e-300)
        eta[k] = (far if rho < 0.0 else 1.0 - rho) if negative else near


@jit
def next_covariance(layers, l, x, i, y, j0, eta, derivative):
    """Turn deficits at layer ``l - 1`` into those at `l`; write D between the two."""
    s_x, s_y = x.statistics[l - 1], y.statistics[l - 1]
    code, parameters = layers.codes[l - 1], layers.parameters[l - 1]
    dual(code, parameters, eta, derivative, s_x, i, s_y, j0)
    if layers.bias_variance[l] > 0.0:
        c_j, s_j = y.bias_cos[l][j0 : j0 + eta.size], y.bias_sin[l][j0 : j0 + eta.size]
        add_bias(eta, x.bias_cos[l, i], c_j, x.bias_sin[l, i], s_j)


@jit
def _begin(out, eta, n_i, n_j, weight, extra):
    """Write ``weight * q + extra``."""
    for k in range(out.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        out[k] = weight * n_i * n_j[k] * rho + extra


@jit
def _continue(out, eta, derivative, n_i, n_j, weight, extra, gain):
    """Write ``gain * D * out + weight * q + extra``."""
    for k in range(out.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        out[k] = gain * derivative[k] * out[k] + weight * n_i * n_j[k] * rho + extra


@jit
def weighted_row(layers, x, i, y, j0, eta, derivative, out):
    """Write the weighted kernel of one input with a segment of inputs into `out`."""
    fresh = True  # no weight so far: frozen layers cost nothing
    for l in range(layers.weights.size):
        if l > 0:
            next_covariance(layers, l, x, i, y, j0, eta, derivative)
        weight, gain = layers.weights[l], layers.weight_variance[l]
        extra = (layers.bias_weights[l] - weight) * layers.bias_variance[l]
        n_i, n_j = x.norms[l, i], y.norms[l][j0 : j0 + eta.size]
        if not fresh:
            _continue(out, eta, derivative, n_i, n_j, weight, extra, gain)
        elif weight != 0.0 or extra != 0.0:
            _begin(out, eta, n_i, n_j, weight, extra)
            fresh = False
    if fresh:
        out[:] = 0.0


@jit
def component_rows(layers, x, i, y, j0, eta, derivatives, out):
    """Write every layer's own term of one row of pairs into ``out[:, segment]``."""
    depth = layers.weights.size - 1
    m = eta.size
    for l in range(depth + 1):
        if l > 0:
            next_covariance(layers, l, x, i, y, j0, eta, derivatives[l - 1][:m])
        n_j = y.norms[l][j0 : j0 + m]
        row = out[l]
        for k in range(m):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            row[k] = x.norms[l, i] * n_j[k] * rho
    product = np.ones(m)
    for l in range(depth - 1, -1, -1):
        d = derivatives[l]
        row = out[l]
        for k in range(m):
            product[k] *= layers.weight_variance[l + 1] * d[k]
            row[k] *= product[k]


@jit
def forward_row(layers, x, i, j0, m, p):
    """Keep what `backward_row` needs of `m` pairs: their deficits, D and tangents.

    Both inputs of a pair are of `x`. ``p.eta[0]`` holds the first layer's deficits.
    """
    for l in range(layers.weights.size):
        eta, tangent = p.eta[l][:m], p.tangent[l][:m]
        if l > 0:
            eta[:] = p.eta[l - 1][:m]
            next_covariance(layers, l, x, i, x, j0, eta, p.derivative[l - 1][:m])
        n_i, n_j = x.norms[l, i], x.norms[l][j0 : j0 + m]
        weight, gain = layers.weights[l], layers.weight_variance[l]
        extra = (layers.bias_weights[l] - weight) * layers.bias_variance[l]
        for k in range(m):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            tangent[k] = weight * n_i * n_j[k] * rho + extra
        if l > 0:
            d, below = p.derivative[l - 1], p.tangent[l - 1]
            for k in range(m):
                tangent[k] += gain * d[k] * below[k]


@jit
def recursion_tile(layers, x, y, pairs, K):
    """Turn a tile of correlations into a tile of the kernel, there and in `K`."""
    rho, j0 = pairs.rho, pairs.j0
    derivative = np.empty(rho.shape[1])
    eta = np.empty(rho.shape[1])
    for r in range(rho.shape[0]):
        i = pairs.i0 + r
        m = r + 1 if pairs.lower else rho.shape[1]
        row = rho[r][:m]
        to_deficits(pairs, r, eta[:m])
        weighted_row(layers, x, i, y, j0, eta[:m], derivative[:m], row)
        K[i][j0 : j0 + m] = row


@jit
def component_tile(layers, x, y, pairs, out):
    """Turn a tile of correlations into every layer's term, written into `out`."""
    depth, j0 = layers.weights.size - 1, pairs.j0
    m = pairs.rho.shape[1]
    derivatives = np.empty((depth, m))
    rows = np.empty((depth + 1, m))
    eta = np.empty(m)
    for r in range(pairs.rho.shape[0]):
        i = pairs.i0 + r
        to_deficits(pairs, r, eta)
        component_rows(layers, x, i, y, j0, eta, derivatives, rows)
        for l in range(depth + 1):
            out[l, i, j0 : j0 + m] = rows[l]


def unit_inputs(layers: Layers, m: int) -> tuple[Layers, Forward]:
    """Return `m` inputs of length one, and the layers, without biases, they pass.

    The activation is homogeneous: each layer multiplies every variance by one number.
    """
    no_bias = np.zeros_like(layers.bias_variance)
    layers = layers._replace(bias_variance=no_bias, bias_weights=layers.weights)
    norms, norm = np.ones((layers.weights.size, m)), 1.0
    slopes = np.empty((layers.weights.size - 1, m))
    for l, gain in enumerate(layers.weight_variance[1:].tolist()):
        second_moment, slope = moments(layers.codes[l], layers.parameters[l], 1.0)
        norm = math.sqrt(norm * norm * second_moment * gain)
        norms[l + 1], slopes[l] = norm, slope
    no_statistics = np.zeros((layers.weights.size - 1, 0, 0))
    ones, zeros = np.ones_like(norms), np.zeros_like(norms)
    rows = norms, ones, zeros, no_statistics, slopes, np.zeros_like(slopes)
    return layers, Forward(*rows, NO_RANKS)


def unit_kernel(layers: Layers, eta: np.ndarray) -> np.ndarray:
    """Return the kernel of pairs of inputs of length one, from their deficits."""
    layers, x = unit_inputs(layers, eta.size)
    out, scratch = np.empty(eta.size), np.empty(eta.size)
    weighted_row(layers, x, 0, x, 0, eta.copy(), scratch, out)
    return out
