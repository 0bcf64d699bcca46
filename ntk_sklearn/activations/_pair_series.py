"""Any activation of aligned pairs: series whose coefficients are looked up.

`_series` finds the Hermite coefficients of each input of a layer. Networks of images,
sequences and graphs have too many variances for that: one for each pixel, time or node.
Here they come from an array of the activation; see `_pair_table`. A pair whose
variances are beyond the array, or whose correlation needs more terms than it has, is
integrated by `_quadrature`, which takes as long as a few hundred such series.
"""

from __future__ import annotations

import math

import numpy as np

from .._utils.jit import jit, jit_arrays, jit_sums
from ._base import ANY
from ._deficit import gap
from ._hermite import TOLERANCE
from ._pair_table import FACTS, find_place, looked_up, tail_at, write_block
from ._quadrature import inner_means, slopes_by_quadrature

CODE = ANY


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
        if tail_at(p, left, b) * tail_at(p, right, b) * power <= TOLERANCE * TOLERANCE:
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
        offset = FACTS + int(p[3])
        zeroth = looked_up(p, first, weights, offset)
        return zeroth, looked_up(p, first, weights, offset + 1) / n
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
    slopes_by_quadrature(_panels(p), of_i, of_j, -d if rho < 0.0 else d, found)
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
            left, known, n_known = find_place(p, n_i, of_i), 0, n_i
        if left >= 0 and _same(n_i, n_j, rho):
            A[e] = looked_up(p, left, of_i, 0)
            D[e] = looked_up(p, left, of_i, 1)
            continue
        right = find_place(p, n_j, of_j)
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
                write_block(p, left, of_i, block, a[block])
                known += 1
            write_block(p, right, of_j, block, c)
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
        left, right = find_place(p, n_i, of_i), find_place(p, n_j, of_j)
        if left >= 0 and _same(n_i, n_j, rho):
            # Of one point all three numbers move together, and only their sum counts.
            slope = looked_up(p, left, of_i, 1)
            by_a = 0.5 * (looked_up(p, left, of_i, 2) * o_i * o_i - slope)
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
            write_block(p, left, of_i, block, a[16 * block : 16 * block + 16])
            write_block(p, right, of_j, block, c[16 * block : 16 * block + 16])
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
    low = find_place(p, n * math.exp(-moved), weights)
    below = looked_up(p, low, weights, 1) if low >= 0 else 0.0
    high = find_place(p, n * math.exp(moved), weights)
    above = looked_up(p, high, weights, 1) if high >= 0 else 0.0
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
