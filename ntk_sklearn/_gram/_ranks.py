"""Inputs that are ranks: infinitely many steps, at the cost of one difference.

A rank p in [0, 1] stands for its steps, the function ``1[t < p]`` of t, less their mean
over all ranks. Two of them have the inner product

    c(p, r) = (v(p) + v(r) - |p - r|) / 2,        v(p) = p^2 - p + 1/3,

the first Bernoulli kernel of smoothing splines (Wahba 1990), here times 6, so that its
diagonal is 1 on average. Correlations of pairs with ranks come as signed deficits, in
which the distance of near pairs is exact: it is no difference of two large numbers.
"""

from __future__ import annotations

import numpy as np

from .._jit import jit, jit_sums


@jit
def city_block(row, columns, j0, out):
    """Write the sums of absolute differences between a row and a segment of columns."""
    count, m = row.size, out.size
    out[:] = 0.0
    for f in range(0, count - count % 4, 4):
        a, b, c, d = row[f], row[f + 1], row[f + 2], row[f + 3]
        p, q = columns[f][j0 : j0 + m], columns[f + 1][j0 : j0 + m]
        r, s = columns[f + 2][j0 : j0 + m], columns[f + 3][j0 : j0 + m]
        for k in range(m):
            out[k] += (abs(a - p[k]) + abs(b - q[k])) + (abs(c - r[k]) + abs(d - s[k]))
    for f in range(count - count % 4, count):
        a, p = row[f], columns[f][j0 : j0 + m]
        for k in range(m):
            out[k] += abs(a - p[k])


@jit
def add_ranks(x, i0, y, j0, lower, u, v, closest, tile):
    """Turn products of the other columns into signed deficits of the correlations.

    `u` and `v` are unit rows without the ranks' part. Pairs closer than `closest` are
    recomputed from differences.
    """
    width = tile.shape[1]
    blocks = np.empty(width)
    spread, inverse = y.spread[j0 : j0 + width], y.inverse[j0 : j0 + width]
    for r in range(tile.shape[0]):
        m = r + 1 if lower else width
        row, apart = tile[r][:m], blocks[:m]
        city_block(x.rows[i0 + r], y.columns, j0, apart)
        s_i, n_i = x.spread[i0 + r], x.inverse[i0 + r]
        close = 0
        for k in range(m):
            rho = row[k] + (s_i + spread[k] - apart[k]) * (n_i * inverse[k])
            d = max(1.0 - abs(rho), 0.0)
            close += 1 if d < closest else 0
            row[k] = -d if rho < 0.0 else d
        if close == 0:
            continue
        for k in range(m):
            if abs(row[k]) < closest:
                row[k] = _from_differences(
                    u[r], v[k], apart[k], s_i, spread[k], n_i, inverse[k]
                )


@jit
def _from_differences(u, v, apart, s_i, s_j, n_i, n_j):
    """Return the signed deficit of a pair from its difference or its sum."""
    plus, minus = 0.0, 0.0
    for f in range(u.size):
        plus += (u[f] + v[f]) ** 2
        minus += (u[f] - v[f]) ** 2
    both = apart * n_i * n_j
    near = 0.5 * minus + (n_i - n_j) * (s_i * n_i - s_j * n_j) + both
    far = 0.5 * plus + (n_i + n_j) * (s_i * n_i + s_j * n_j) - both
    return near if near <= far else -max(far, 1e-36)


@jit_sums
def _weighted_distances(row, columns, j0, weights, out):
    """Add ``sum_k weights[k] |row[f] - columns[f, k]|`` to every ``out[f]``."""
    m = weights.size
    for f in range(row.size):
        a, p, s = row[f], columns[f][j0 : j0 + m], 0.0
        for k in range(m):
            s += weights[k] * abs(a - p[k])
        out[f] += s


@jit
def contract_ranks(x, i0, j0, lower, tile, by_input, by_distance):
    """Add one tile's share of ``sum_ij H_ij |p_i - p_j|`` to `by_distance`.

    H are the derivatives in the correlations, in `tile`, over both lengths; its sums
    over rows and columns are added to `by_input`.
    """
    width = tile.shape[1]
    scratch = np.empty(width)
    inverse = x.inverse[j0 : j0 + width]
    for r in range(tile.shape[0]):
        m = r + 1 if lower else width
        weights, row = scratch[:m], tile[r]
        n_i, s = x.inverse[i0 + r], 0.0
        for k in range(m):
            weights[k] = row[k] * n_i * inverse[k]
        for k in range(m):
            s += weights[k]
            by_input[j0 + k] += weights[k]
        by_input[i0 + r] += s
        _weighted_distances(x.rows[i0 + r], x.columns, j0, weights, by_distance)
