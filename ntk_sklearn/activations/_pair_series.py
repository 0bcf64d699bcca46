"""Any activation of aligned pairs: series whose coefficients are looked up.

`_series` finds the Hermite coefficients of each input of a layer. Networks of images,
sequences and graphs have too many variances for that: one for each pixel, time or node.
Here the coefficients are in an array, at variances that lie evenly on a logarithmic
scale, and compiled code interpolates between eight of these. A pair whose variances
are beyond the array, or whose correlation needs more terms than it has, is integrated
by `_quadrature`, which takes as long as a few hundred such series.

The array begins with the logarithm of its first variance, how many variances there are
to a unit of the logarithm, how many variances, how many blocks of sixteen coefficients,
the place of the table of the function (see `_table`), and the function and its
derivative at zero. For each variance follow ``E[phi^2]``, ``E[phi'^2]`` and
``E[u phi phi']``, what each number of blocks leaves of ``E[phi'^2]``, and the
coefficients, those of one more block included, which derivatives read.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .._utils.jit import jit, jit_arrays, jit_sums
from ._base import ANY, Activation
from ._deficit import gap
from ._hermite import BLOCK, SPREAD, TOLERANCE, coefficients_at
from ._quadrature import inner_means, pair_by_quadrature
from ._table import both, reach

CODE = ANY

# Variances of the array: between these, so many to a unit of the logarithm.
LEAST, MOST, PER_UNIT = 1e-9, 1e5, 50
# Coefficients of each variance, at most.
_MOST_ORDERS = 496
_HEAD, _FACTS = 7, 3
# Variances that one interpolation reads: so many on either side of its place.
_REACH = 4


def pair_table(activation: Activation) -> np.ndarray:
    """Return the array of an activation; remembered, if the activation can be."""
    try:
        return _cached_table(activation)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _build(activation.parameters)


@lru_cache(maxsize=16)
def _cached_table(activation: Activation) -> np.ndarray:
    table = _build(activation.parameters)
    table.flags.writeable = False
    return table


def _build(panels: np.ndarray) -> np.ndarray:
    """Return the array of a function that is given by its panels."""
    largest = min(MOST, (reach(panels) / SPREAD) ** 2)
    first = math.log(LEAST) - _REACH / PER_UNIT
    count = max(int((math.log(largest) - first) * PER_UNIT), 0)
    logs = first + np.arange(count) / PER_UNIT
    facts, coefficients, tails = coefficients_at(panels, logs, _MOST_ORDERS + BLOCK)
    # Where the function vanishes, or is too large, there is no series.
    fine = np.isfinite(coefficients).all(axis=1)
    start = count - int(np.argmin(fine[::-1])) if not fine.all() else 0
    facts, coefficients, tails = facts[start:], coefficients[start:], tails[start:]
    enough = (tails <= TOLERANCE).all(axis=0)
    blocks = int(np.argmax(enough)) + 1 if enough.any() else _MOST_ORDERS // BLOCK
    blocks = min(blocks, _MOST_ORDERS // BLOCK)
    rows = np.hstack(
        [facts, tails[:, :blocks], coefficients[:, : BLOCK * (blocks + 1)]]
    )
    # A rounding at zero would be a variance of its own in the next layer.
    at_zero = [
        float(part[0]) if abs(part[0]) > 1e-15 * np.abs(part).max() else 0.0
        for part in both(panels, np.array([0.0, -1.0, 1.0]))
    ]
    head = [first + start / PER_UNIT, PER_UNIT, len(rows), blocks, 0.0, *at_zero]
    head[4] = len(head) + rows.size
    return np.concatenate([head, rows.ravel(), panels])


@jit
def _row_size(p):
    """Return how many numbers there are for each variance."""
    blocks = int(p[3])
    return _FACTS + blocks + 16 * (blocks + 1)


@jit
def _place(p, n, weights):
    """Write the weights of eight variances; return the place of the first of them.

    It is -1 if the root of a variance, `n`, is beyond the array.
    """
    if not n > 0.0:
        return -1
    x = (2.0 * math.log(n) - p[0]) * p[1]
    below = math.floor(x)
    if not 3.0 <= below <= p[2] - 5.0:
        return -1
    t = x - below
    # Lagrange's polynomials at -3, -2, ..., 4.
    a, b, c, d = t + 3.0, t + 2.0, t + 1.0, t
    e, f, g, h = t - 1.0, t - 2.0, t - 3.0, t - 4.0
    abcd, efgh = (a * b) * (c * d), (e * f) * (g * h)
    weights[0] = (b * c * d) * efgh / -5040.0
    weights[1] = (a * c * d) * efgh / 720.0
    weights[2] = (a * b * d) * efgh / -240.0
    weights[3] = (a * b * c) * efgh / 144.0
    weights[4] = abcd * (f * g * h) / -144.0
    weights[5] = abcd * (e * g * h) / 240.0
    weights[6] = abcd * (e * f * h) / -720.0
    weights[7] = abcd * (e * f * g) / 5040.0
    return _HEAD + (int(below) - 3) * _row_size(p)


@jit
def _looked_up(p, first, weights, offset):
    """Return one number of each row, interpolated."""
    size = _row_size(p)
    found = 0.0
    for r in range(8):
        found += weights[r] * p[first + r * size + offset]
    return found


@jit
def _block(p, first, weights, block, out):
    """Write sixteen coefficients, interpolated."""
    size = _row_size(p)
    at = first + _FACTS + int(p[3]) + 16 * block
    c0, c1 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c2, c3 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c4, c5 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c6, c7 = p[at : at + 16], p[at + size : at + size + 16]
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    w4, w5, w6, w7 = weights[4], weights[5], weights[6], weights[7]
    for k in range(16):
        low = (w0 * c0[k] + w1 * c1[k]) + (w2 * c2[k] + w3 * c3[k])
        out[k] = low + ((w4 * c4[k] + w5 * c5[k]) + (w6 * c6[k] + w7 * c7[k]))


@jit
def _tail(p, first, block):
    """Return the larger of the tails of both variances beside a place."""
    size = _row_size(p)
    at = first + 3 * size + _FACTS + block
    return max(p[at], p[at + size])


@jit
def _needed(p, left, right, rho):
    """Return how many blocks a pair needs; zero if it needs more than there are."""
    r2 = rho * rho
    r4 = r2 * r2
    r8 = r4 * r4
    r32 = (r8 * r8) * (r8 * r8)
    power = 1.0
    for b in range(int(p[3])):
        power *= r32
        if _tail(p, left, b) * _tail(p, right, b) * power <= TOLERANCE * TOLERANCE:
            return b + 1
    return 0


@jit
def _panels(p):
    return p[int(p[4]) :]


@jit
def _mean_of(p, n, first, weights):
    """Return the means of the function and of its derivative, of a variance n^2."""
    if not n > 0.0:
        return p[5], p[6]
    if first >= 0:
        offset = _FACTS + int(p[3])
        zeroth = _looked_up(p, first, weights, offset)
        return zeroth, _looked_up(p, first, weights, offset + 1) / n
    inner = np.empty(5)
    inner_means(_panels(p), 0.0, n, (0.0, 0.0), inner)
    return inner[0], inner[2]


@jit
def _integrated(p, n, m, rho, found):
    """Write A, D and their derivatives by quadrature.

    The derivatives are those of D in rho and in both log variances, rho held, and those
    of A in both log variances.
    """
    d = gap(rho)
    of_i, of_j = (n, 1.0), (m, 1.0)
    pair_by_quadrature(_panels(p), of_i, of_j, -d if rho < 0.0 else d, found)
    found[0] = found[7]


@jit
def _same(n, m, rho):
    """Return whether a pair is one point, up to rounding."""
    return rho > 0.0 and gap(rho) == 0.0 and abs(n - m) <= 1e-14 * n


@jit_sums
def _sums(a, c, powers, lower, first):
    """Return what a block adds to A and to D."""
    value, slope = 0.0, 0.0
    for k in range(16):
        product = a[k] * c[k]
        value += product * powers[k]
        slope += (first + k) * product * lower[k]
    return value, slope


@jit_arrays
def pairs(p, b, sides, A, D):
    """Write A and D of aligned pairs; see `_pairs`."""
    n, o, m, w = sides
    of_i, of_j, c, found = np.empty(8), np.empty(8), np.empty(16), np.empty(8)
    powers, lower = np.empty(16), np.empty(16)
    blocks = int(p[3])
    # Coefficients of the first side, which is often that of the pair before.
    a, known, n_known, left = np.empty((blocks, 16)), 0, -1.0, -1
    for e in range(b.size):
        n_i, n_j = n[e], m[e]
        rho = b[e] * (o[e] * w[e])
        if n_i != n_known:
            left, known, n_known = _place(p, n_i, of_i), 0, n_i
        if left >= 0 and _same(n_i, n_j, rho):
            A[e] = _looked_up(p, left, of_i, 0)
            D[e] = _looked_up(p, left, of_i, 1)
            continue
        right = _place(p, n_j, of_j)
        if not (n_i > 0.0 and n_j > 0.0):
            mean_i, mean_j = _mean_of(p, n_i, left, of_i), _mean_of(p, n_j, right, of_j)
            A[e], D[e] = mean_i[0] * mean_j[0], mean_i[1] * mean_j[1]
            continue
        needed = _needed(p, left, right, rho) if min(left, right) >= 0 else 0
        if needed == 0:
            _integrated(p, n_i, n_j, rho, found)
            A[e], D[e] = found[0], found[1]
            continue
        power = 1.0
        lower[0] = 0.0
        for k in range(16):
            powers[k] = power
            if k < 15:
                lower[k + 1] = power
            power *= rho
        value, slope = 0.0, 0.0
        for block in range(needed):
            if block == known:
                _block(p, left, of_i, block, a[block])
                known += 1
            _block(p, right, of_j, block, c)
            more = _sums(a[block], c, powers, lower, 16.0 * block)
            value += more[0]
            slope += more[1]
            first = powers[15]
            for k in range(16):
                powers[k] *= power
                lower[k] *= power
            lower[0] = first
        A[e], D[e] = value, slope * (o[e] * w[e])


@jit_arrays
def slopes(p, b, sides, out):
    """Write the derivatives of aligned pairs into the rows of `out`; see `_pairs`."""
    n, o, m, w = sides
    of_i, of_j, found = np.empty(8), np.empty(8), np.empty(8)
    size = 16 * (int(p[3]) + 1)
    a, c = np.empty(size), np.empty(size)
    for e in range(b.size):
        n_i, o_i, n_j, o_j = n[e], o[e], m[e], w[e]
        rho = b[e] * (o_i * o_j)
        left, right = _place(p, n_i, of_i), _place(p, n_j, of_j)
        if left >= 0 and _same(n_i, n_j, rho):
            # Of one point all three numbers move together, and only their sum counts.
            slope = _looked_up(p, left, of_i, 1)
            by_a = 0.5 * (_looked_up(p, left, of_i, 2) * o_i * o_i - slope)
            by_b = _slope_of_slope(p, n_i, of_i) * o_i * o_i
            out[0, e], out[1, e] = by_a, by_a
            out[2, e], out[3, e], out[4, e] = 0.0, by_b, 0.0
            continue
        needed = _needed(p, left, right, rho) if min(left, right) >= 0 else 0
        if needed == 0:
            _integrated(p, n_i, n_j, rho, found)
            # From derivatives in log variances, rho held, to those in variances.
            by_rho, turned = 0.5 * rho * found[1] * n_i * n_j, 0.5 * rho * found[2]
            out[0, e] = (found[5] - by_rho) * (o_i * o_i)
            out[1, e] = (found[6] - by_rho) * (o_j * o_j)
            out[2, e] = (found[3] - turned) * (o_i * o_i)
            out[3, e] = found[2] * (o_i * o_j)
            out[4, e] = (found[4] - turned) * (o_j * o_j)
            continue
        for block in range(min(needed + 1, int(p[3])) + 1):
            _block(p, left, of_i, block, a[16 * block : 16 * block + 16])
            _block(p, right, of_j, block, c[16 * block : 16 * block + 16])
        s0, s1, s2, s3, s4, power = 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
        for k in range(16 * min(needed + 1, int(p[3]))):
            two, three = (k + 1.0) * (k + 2.0), (k + 2.0) * (k + 3.0)
            root, other = math.sqrt(two), (k + 1.0) * math.sqrt(three)
            s0 += root * a[k + 2] * c[k] * power
            s1 += root * a[k] * c[k + 2] * power
            s2 += other * a[k + 3] * c[k + 1] * power
            s3 += two * a[k + 2] * c[k + 2] * power
            s4 += other * a[k + 1] * c[k + 3] * power
            power *= rho
        both_o = o_i * o_j
        out[0, e] = 0.5 * s0 * o_i * o_i
        out[1, e] = 0.5 * s1 * o_j * o_j
        out[2, e] = 0.5 * s2 * both_o * o_i * o_i
        out[3, e] = s3 * both_o * both_o
        out[4, e] = 0.5 * s4 * both_o * o_j * o_j


@jit
def _slope_of_slope(p, n, weights):
    """Return the derivative of ``E[phi'^2]`` in the logarithm of the variance."""
    moved = 2e-4
    low = _place(p, n * math.exp(-moved), weights)
    below = _looked_up(p, low, weights, 1) if low >= 0 else 0.0
    high = _place(p, n * math.exp(moved), weights)
    above = _looked_up(p, high, weights, 1) if high >= 0 else 0.0
    if min(low, high) < 0:
        return 0.0
    return (above - below) / (4.0 * moved)


@jit_arrays
def mean(p, q):
    """Return ``E[phi(z)]`` and its derivative in the variance."""
    root, inner = math.sqrt(q), np.empty(5)
    if not root > 0.0:
        return p[5], 0.0
    inner_means(_panels(p), 0.0, root, (0.0, 0.0), inner)
    return inner[0], 0.5 * inner[3] / root
