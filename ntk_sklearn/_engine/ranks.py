"""Inputs that are ranks: columns of many steps, at the cost of one difference.

A rank x, counted in steps from 0 to `STEPS`, stands for how far it has come on each of
them, ``clip(x - k, 0, 1)``, less the mean over all ranks. With f the part of the step
that x is on, and v the squared length, two ranks have the inner product

    (v(x) + v(y) - D(x, y)) / 2,
    D = |x - y| - f (1 - f) - g (1 - g)    on different steps,
    D = (x - y)^2                          on the same one.

With infinitely many steps this is the first Bernoulli kernel of smoothing splines
(Wahba 1990). Correlations of pairs with ranks come as signed deficits, in which the
distance of near pairs is exact: it is no difference of two large numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, jit_sums
from .exact import compare, deficit, signed

# Steps that a rank between 0 and 1 climbs.
STEPS = 32
# The variance of uniform ranks, on all steps together.
VARIANCE = STEPS / 6.0 - 1.0 / 6.0 + 1.0 / (12.0 * STEPS)


class Ranks(NamedTuple):
    """The ranks of some inputs, in steps.

    A rank is on a part f of its step; its bend is ``f (1 - f)``.
    """

    weights: np.ndarray  # (n_ranks,) of squared distances in the covariance
    rows: np.ndarray  # (n, n_ranks)
    columns: np.ndarray  # (n_ranks, n), the same
    shares: np.ndarray  # (n, n_ranks) what each adds to the first variance
    raised: np.ndarray  # (n, n_ranks) half of it, and the weighted bend
    spread: np.ndarray  # (n,) sums of half the shares
    lifted: np.ndarray  # (n,) sums of what is raised
    inverse: np.ndarray  # (n,) one over the root of the first variance


NO_RANKS = Ranks(*(np.zeros((0,) * n) for n in (1, 2, 2, 2, 2, 1, 1, 1)))


def measure_ranks(X: np.ndarray, scale: np.ndarray) -> Ranks:
    """Return ranks between 0 and 1 in steps; `inverse` is not known yet.

    `scale` has the factor of each column in the first covariance.
    """
    weights = scale**2 / (2.0 * VARIANCE)
    rows = STEPS * X
    whole = np.floor(rows)
    part = rows - whole
    mean = 1.0 - (whole + 0.5) / STEPS  # of this step, over all ranks
    shared = whole * (1.0 - whole / (2.0 * STEPS)) + part * mean
    mean_square = STEPS / 3.0 - 1.0 / (12.0 * STEPS)
    # The squared length of the steps is ``whole + part**2``: with its bend, the rank.
    raised = weights * (rows - 2.0 * shared + mean_square)
    shares = 2.0 * (raised - weights * part * (1.0 - part))
    return Ranks(
        weights,
        rows,
        np.ascontiguousarray(rows.T),
        shares,
        raised,
        shares.sum(axis=1) / 2.0,
        raised.sum(axis=1),
        np.zeros(len(X)),
    )


@jit
def _bent(a, step, part, b):
    """Return D of two ranks and both bends; `step` and `part` are those of `a`.

    On the same step, ``(f - g)^2 + f (1 - f) + g (1 - g) = f + g - 2 f g``.
    """
    other = math.floor(b)
    near = part + (1.0 - 2.0 * part) * (b - other)
    return near if other == step else abs(a - b)


@jit
def _add_distances(weight, a, columns, out):
    """Add the weighted distances, bends included, of one rank and a segment."""
    step = math.floor(a)
    part = a - step
    for k in range(out.size):
        out[k] += weight * _bent(a, step, part, columns[k])


@jit_sums
def _weighted_distance(weights, a, columns):
    """Return the weighted sum of the distances of one rank and a segment."""
    step = math.floor(a)
    part, s = a - step, 0.0
    for k in range(weights.size):
        s += weights[k] * _bent(a, step, part, columns[k])
    return s


@jit
def add_ranks(x, y, pairs):
    """Turn products of the other columns into signed deficits of the correlations.

    `x` and `y` are the ranks of both sides. Pairs too close for cosines are recomputed
    from differences.
    """
    i0, j0, tile = pairs.i0, pairs.j0, pairs.rho
    width = tile.shape[1]
    distances = np.empty(width)
    lifted, inverse = y.lifted[j0 : j0 + width], y.inverse[j0 : j0 + width]
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if pairs.lower else width
        row, apart = tile[r][:m], distances[:m]
        apart[:] = 0.0
        for f in range(x.weights.size):
            a, columns = x.rows[i, f], y.columns[f][j0 : j0 + m]
            _add_distances(x.weights[f], a, columns, apart)
        own, n_i, below = x.lifted[i], x.inverse[i], pairs.close[i]
        close = 0
        for k in range(m):
            rho = row[k] + (own + lifted[k] - apart[k]) * (n_i * inverse[k])
            d = max(1.0 - abs(rho), 0.0)
            close += 1 if d < below else 0
            row[k] = -d if rho < 0.0 else d
        if close == 0:
            continue
        for k in range(m):
            if abs(row[k]) < below:
                row[k] = _from_differences(x, y, pairs, r, k)


@jit
def _from_differences(x, y, pairs, r, k):
    """Return the signed deficit of a pair from the difference of its rows."""
    eta, i, j = pairs.rho[r, k], pairs.i0 + r, pairs.j0 + k
    rho = -1.0 - eta if eta < 0.0 else 1.0 - eta
    lengths = (pairs.n_x[i], pairs.n_y[j])
    across, along, c = compare(pairs.x[r], pairs.rows, k, rho, lengths)
    more = all_rank_parts(x, i, y, j, c)
    return signed(deficit(across + more[0], along + more[1]), eta)


@jit
def all_rank_parts(x, i, y, j, c):
    """Return the part of all ranks in the first two that `compare` returns."""
    across, along = 0.0, 0.0
    for f in range(x.weights.size):
        ww, uw, _ = rank_parts(x, i, y, j, f, c)
        across += ww
        along += uw
    return across, along


@jit
def rank_parts(x, i, y, j, f, c):
    """Return the part of one rank in what `compare` says of inputs i of x and j of y.

    And the share of that rank in the variance of the longer one.
    """
    s_i, s_j, n_i, n_j = x.shares[i, f], y.shares[j, f], x.inverse[i], y.inverse[j]
    apart = 2.0 * x.weights[f] * _distance(x.rows[i, f], y.rows[j, f])
    s_a, s_b = (s_i, s_j) if n_i <= n_j else (s_j, s_i)
    n_a, n_b = (n_i, n_j) if n_i <= n_j else (n_j, n_i)
    across = (1.0 - c) * (s_b - c * s_a) + c * apart
    along = 0.5 * (s_i + s_j - apart) - c * s_a
    return across * n_b * n_b, along * n_i * n_j, s_a * n_a * n_a


@jit
def _distance(a, b):
    """Return D of two ranks as a sum of squares, which cancels nothing."""
    low, high = min(a, b), max(a, b)
    first, last = math.floor(low), math.floor(high)
    if first == last:
        return (high - low) ** 2
    return (first + 1.0 - low) ** 2 + (last - first - 1.0) + (high - last) ** 2


@jit
def contract_ranks(x, pairs, by_input, by_distance):
    """Add one tile's share of ``sum_ij H_ij D_ij``, bends included, to `by_distance`.

    H are the derivatives in the correlations, which the tile holds, over both lengths;
    its sums over rows and columns are added to `by_input`.
    """
    i0, j0, tile = pairs.i0, pairs.j0, pairs.rho
    width = tile.shape[1]
    scratch = np.empty(width)
    inverse = x.inverse[j0 : j0 + width]
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if pairs.lower else width
        weights, row = scratch[:m], tile[r]
        n_i, s = x.inverse[i], 0.0
        for k in range(m):
            weights[k] = row[k] * n_i * inverse[k]
        for k in range(m):
            s += weights[k]
            by_input[j0 + k] += weights[k]
        by_input[i] += s
        for f in range(x.weights.size):
            columns = x.columns[f][j0 : j0 + m]
            by_distance[f] += _weighted_distance(weights, x.rows[i, f], columns)


@jit
def rank_product(x, i, j, f):
    """Return the part of one rank in a correlation."""
    apart = x.weights[f] * _distance(x.rows[i, f], x.rows[j, f])
    both = 0.5 * (x.shares[i, f] + x.shares[j, f]) - apart
    return both * x.inverse[i] * x.inverse[j]
