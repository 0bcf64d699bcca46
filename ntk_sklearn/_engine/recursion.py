"""The recursion over layers, for one row of pairs at a time.

A row segment of a few hundred pairs stays in the first-level cache while it passes
through all layers; every loop here is over such a segment, and each is vectorised.
"""

import numpy as np

from .._utils.jit import jit
from ..activations._dispatch import dual


@jit
def to_deficits(row, u_i, v, repair_below, eta):
    """Write signed deficits of correlations; recompute pairs too close for cosines.

    `u_i` and `v` are unit rows: near one, ``1 - rho`` is half the squared length of
    their difference, and near minus one, of their sum. `eta` may be in single precision
    and must not be `row`: loops over memory that may overlap are not vectorised. With
    `repair_below` negative, `row` holds such deficits already.
    """
    if repair_below < 0.0:
        for k in range(eta.size):
            eta[k] = row[k]
        return
    close = 0
    for k in range(eta.size):
        rho = row[k]
        d = max(1.0 - abs(rho), 0.0)
        close += 1 if d < repair_below else 0
        eta[k] = -d if rho < 0.0 else d
    if close == 0:
        return
    for k in range(eta.size):
        if abs(eta[k]) < repair_below:
            plus = 0.0
            minus = 0.0
            for f in range(u_i.size):
                plus += (u_i[f] + v[k, f]) ** 2
                minus += (u_i[f] - v[k, f]) ** 2
            # Never minus zero: the sign must survive a comparison.
            eta[k] = 0.5 * minus if minus <= plus else -max(0.5 * plus, 1e-36)


@jit
def add_bias(eta, c_i, c_j, s_i, s_j):
    """Deficits after a bias: the two angles of each input's weight share add up."""
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
def _accumulate(out, eta, derivative, n_i, n_j, weight, extra, gain, fresh):
    """``out = gain * D * out + weight * q + extra``, or without the first term."""
    if fresh:
        for k in range(out.size):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            out[k] = weight * n_i * n_j[k] * rho + extra
    else:
        for k in range(out.size):
            rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
            out[k] = gain * derivative[k] * out[k] + weight * n_i * n_j[k] * rho + extra


@jit
def next_covariance(layers, l, x, i, y, j0, eta, derivative):
    """Deficits at layer `l` from those at ``l - 1``, and D between the two."""
    s_x, s_y = x.statistics[l - 1], y.statistics[l - 1]
    dual(layers.code, layers.parameters, eta, derivative, s_x, i, s_y, j0)
    if layers.bias_variance[l] > 0.0:
        c_j, s_j = y.shrink[l][j0 : j0 + eta.size], y.shift[l][j0 : j0 + eta.size]
        add_bias(eta, x.shrink[l, i], c_j, x.shift[l, i], s_j)


@jit
def weighted_row(layers, x, i, y, j0, eta, derivative, out):
    """Write the weighted kernel of input `i` with a segment of inputs into `out`.

    `eta` holds the first layer's deficits and is consumed.
    """
    fresh = True  # no weight so far: frozen layers cost nothing
    for l in range(layers.weights.size):
        if l > 0:
            next_covariance(layers, l, x, i, y, j0, eta, derivative)
        weight = layers.weights[l]
        extra = (layers.bias_weights[l] - weight) * layers.bias_variance[l]
        if fresh and weight == 0.0 and extra == 0.0:
            continue
        n_j = y.norms[l][j0 : j0 + eta.size]
        gain = layers.weight_variance[l]
        _accumulate(
            out, eta, derivative, x.norms[l, i], n_j, weight, extra, gain, fresh
        )
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
def recursion_tile(layers, x, i0, y, j0, lower, u, v, repair_below, tile, K):
    """Turn a tile of correlations into a tile of the kernel, there and in `K`.

    With `lower`, the tile lies on the diagonal and only its lower half is computed.
    """
    derivative = np.empty(tile.shape[1])
    eta = np.empty(tile.shape[1])
    for r in range(tile.shape[0]):
        m = r + 1 if lower else tile.shape[1]
        row = tile[r][:m]
        to_deficits(row, u[r], v, repair_below, eta[:m])
        weighted_row(layers, x, i0 + r, y, j0, eta[:m], derivative[:m], row)
        K[i0 + r][j0 : j0 + m] = row


@jit
def component_tile(layers, x, i0, y, j0, u, v, repair_below, tile, out):
    """Turn a tile of correlations into every layer's term, written into `out`."""
    depth = layers.weights.size - 1
    m = tile.shape[1]
    derivatives = np.empty((depth, m))
    rows = np.empty((depth + 1, m))
    eta = np.empty(m)
    for r in range(tile.shape[0]):
        to_deficits(tile[r], u[r], v, repair_below, eta)
        component_rows(layers, x, i0 + r, y, j0, eta, derivatives, rows)
        for l in range(depth + 1):
            out[l, i0 + r, j0 : j0 + m] = rows[l]


@jit
def mirror(tile, lower, K, i0, j0):
    """Copy a finished tile of the lower half to its place in the upper half."""
    for c in range(tile.shape[1]):
        first = c + 1 if lower else 0
        target = K[j0 + c]
        for r in range(first, tile.shape[0]):
            target[i0 + r] = tile[r, c]
