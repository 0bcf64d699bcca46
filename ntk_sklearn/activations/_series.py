"""Any activation: its duals as power series in the correlation.

With ``a_k`` the normalised Hermite coefficients of each input (see `_hermite`),

    R = sum_k a_k(i) a_k(j) rho^k,        D = g_i g_j dR / d rho,

where ``g^2 = E[phi^2] / q``. One run of Horner's rule gives both. Each group of inputs
takes as many terms as its largest correlation needs; pairs for which all terms are too
few are integrated one by one, see `_quadrature`.

Reference: Daniely, Frostig and Singer, "Toward deeper understanding of neural networks:
the power of initialization and a dual view on expressivity", NIPS 2016.
"""

import math

import numpy as np

from .._utils.jit import jit, jit_views
from ._base import ANY
from ._hermite import HEAD, LEAST, LIMITS, ROWS_OF_BLOCK, expand
from ._quadrature import pair_by_quadrature, slopes_by_quadrature
from ._shrinkage import signed_deficit

CODE = ANY

# Statistics: g, the excess, the root of the variance, that of the second moment, how
# many blocks there are, of even orders and of odd ones, and the mean squared slope;
# then the blocks of an `Expansion`, whose last only derivatives read.
# Pairs that take the same number of terms: a third of a tile, in whole vectors. And how
# many blocks the first group of a row is thought to take.
_GROUP, _GUESS = 88, 3
# Where all coefficients are below this, as rounding leaves them, so are their products.
_NOTHING = 1e-9


def prepare(table, norms):
    """Return statistics, second moment, slope and excess of each input.

    They are ``(n_statistics, n)``, and of shape (n,) the others.
    """
    found = expand(table, norms * norms)
    stats, moment = found.table, np.exp(found.log_moment)
    # Of a variance that vanishes, the images are those of the least that is known.
    safe = np.maximum(norms, LEAST)
    fallen = np.minimum(np.log(np.maximum(norms, 1e-160) / LEAST), 0.0)
    inside = moment * np.exp(-2.0 * fallen * (1.0 + found.excess))
    blocks = len(stats) // ROWS_OF_BLOCK - 1
    stats[0] = np.sqrt(inside) / safe
    stats[1] = found.excess
    stats[2] = safe
    stats[3] = np.sqrt(inside)
    stats[4] = blocks
    stats[7] = np.exp(found.log_slope)
    sizes = found.sizes[HEAD:-ROWS_OF_BLOCK].reshape(blocks, ROWS_OF_BLOCK)
    for parity in (0, 1):
        own = sizes[:, 8 * parity : 8 * parity + 8].max(axis=1)
        used = np.flatnonzero(own > _NOTHING)
        stats[5 + parity] = used[-1] + 1 if used.size else 0
    return stats, moment, stats[7].copy(), found.excess


@jit
def _row(k):
    return HEAD + ROWS_OF_BLOCK * (k // 16) + (k % 16) // 2 + 8 * (k % 2)


@jit_views
def _eight(sides, places, row, z):
    """Take eight terms of a series in the first row of `z`, of a few inputs.

    The second row is its value, the third its derivative.
    """
    (s_i, s_j), (i, j, m) = sides, places
    a0, a1, a2, a3 = s_i[row, i], s_i[row + 1, i], s_i[row + 2, i], s_i[row + 3, i]
    a4, a5, a6, a7 = s_i[row + 4, i], s_i[row + 5, i], s_i[row + 6, i], s_i[row + 7, i]
    # One row for each: of a part of the whole, the compiler knows no stride.
    b0, b1 = s_j[row][j : j + m], s_j[row + 1][j : j + m]
    b2, b3 = s_j[row + 2][j : j + m], s_j[row + 3][j : j + m]
    b4, b5 = s_j[row + 4][j : j + m], s_j[row + 5][j : j + m]
    b6, b7 = s_j[row + 6][j : j + m], s_j[row + 7][j : j + m]
    square, value, slope = z
    for n in range(m):
        x, y, d = square[n], value[n], slope[n]
        d = d * x + y
        y = y * x + a7 * b7[n]
        d = d * x + y
        y = y * x + a6 * b6[n]
        d = d * x + y
        y = y * x + a5 * b5[n]
        d = d * x + y
        y = y * x + a4 * b4[n]
        d = d * x + y
        y = y * x + a3 * b3[n]
        d = d * x + y
        y = y * x + a2 * b2[n]
        d = d * x + y
        y = y * x + a1 * b1[n]
        d = d * x + y
        y = y * x + a0 * b0[n]
        value[n], slope[n] = y, d


@jit_views
def _parity(sides, places, which, z):
    """Write the series of the even orders, or of the odd ones, in the square of rho.

    `which` is 0 or 1, for even or odd, and how many blocks there are.
    """
    odd, blocks = which
    for n in range(places[2]):
        z[1][n], z[2][n] = 0.0, 0.0
    for b in range(blocks - 1, -1, -1):
        _eight(sides, places, HEAD + ROWS_OF_BLOCK * b + 8 * odd, z)


@jit_views
def _enough(sides, places, b, rho):
    """Return whether all of some correlations need no more than b + 1 blocks."""
    (s_i, s_j), (i, j, m) = sides, places
    row, top = HEAD + ROWS_OF_BLOCK * b + 16, np.int64(0)
    c_j = s_j[row][j : j + m]
    for n in range(m):
        # Positive floats are in the order of their bits, as integers, whose maximum
        # is fast.
        top = max(top, np.float64(abs(rho[n]) * c_j[n]).view(np.int64))
    return s_i[row, i] * np.int64(top).view(np.float64) <= LIMITS[b]


@jit_views
def _needed(sides, places, rho, guess):
    """Return how many blocks a group of correlations needs.

    It is one more than there are if some need more; these become NaN. The guess, from
    one up, is how many another group needed.
    """
    (s_i, s_j), (i, j, m) = sides, places
    blocks = int(min(s_i[4, 0], s_j[4, 0]))
    b = min(guess, blocks) - 1
    if _enough(sides, places, b, rho):
        while b > 0 and _enough(sides, places, b - 1, rho):
            b -= 1
        return b + 1
    for more in range(b + 1, blocks):
        if _enough(sides, places, more, rho):
            return more + 1
    row = HEAD + ROWS_OF_BLOCK * (blocks - 1) + 16
    for n in range(m):
        if s_i[row, i] * s_j[row, j + n] * abs(rho[n]) > LIMITS[blocks - 1]:
            rho[n] = np.nan
    return blocks + 1


@jit_views
def _images(sides, places, e, scratch, guess):
    """Write signed deficits and D of a group of pairs; return how many blocks it took.

    They are the third and the second row of the scratch array; the first are the
    correlations, which are NaN where the series is no good.
    """
    (s_i, s_j), (i, j, m) = sides, places
    rho, square, value, even_slope = scratch[0], scratch[1], scratch[2], scratch[3]
    odd, odd_slope = scratch[4], scratch[5]
    n_i, g_i = s_i[2, i], s_i[0, i]
    g, n_j, alike = s_j[0][j : j + m], s_j[2][j : j + m], 0
    for n in range(m):
        itself = (e[n] == 0.0) & (n_i == n_j[n])  # which needs no series
        r = 0.0 if itself else 1.0 - abs(e[n])
        alike += 1 if itself else 0
        rho[n] = -r if e[n] < 0.0 else r
    needed = _needed(sides, places, rho, guess)
    most = min(needed, int(min(s_i[4, 0], s_j[4, 0])))
    n_even, n_odd = int(max(s_i[5, 0], s_j[5, 0])), int(max(s_i[6, 0], s_j[6, 0]))
    for n in range(m):
        square[n] = rho[n] * rho[n]
    _parity(sides, places, (0, min(most, n_even)), (square, value, even_slope))
    _parity(sides, places, (1, min(most, n_odd)), (square, odd, odd_slope))
    for n in range(m):
        x = rho[n]
        slope = odd[n] + 2.0 * x * (even_slope[n] + x * odd_slope[n])
        square[n] = g_i * g[n] * slope
    for n in range(m):
        value[n] = signed_deficit(value[n] + rho[n] * odd[n])
    if alike > 0:
        for n in range(m):
            if e[n] == 0.0 and n_i == n_j[n]:
                square[n], value[n] = s_i[7, i], 0.0
    return needed


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    scratch = np.empty((6, _GROUP))
    found = np.empty(8)
    blocks, needed = int(min(s_i[4, 0], s_j[4, 0])), _GUESS
    for start in range(0, eta.size, _GROUP):
        m, j = min(_GROUP, eta.size - start), j0 + start
        e, d = eta[start : start + m], derivative[start : start + m]
        needed = _images((s_i, s_j), (i, j, m), e, scratch, needed)
        if needed > blocks:
            for n in range(m):
                if math.isnan(scratch[0, n]):
                    of_i, of_j = (s_i[2, i], s_i[3, i]), (s_j[2, j + n], s_j[3, j + n])
                    pair_by_quadrature(parameters, of_i, of_j, e[n], found)
                    scratch[2, n], scratch[1, n] = found[0], found[1]
        for n in range(m):
            e[n], d[n] = scratch[2, n], scratch[1, n]


@jit
def _one(s_i, i, s_j, j, k, z):
    """Take one term of the series and of its derivatives, of a few inputs."""
    rho, r0, r1, r2, u0, u1, v0, v1 = z
    m = rho.size
    row, up = _row(k), _row(k + 2)
    a, a_up = s_i[row, i], s_i[up, i]
    b, b_up = s_j[row][j : j + m], s_j[up][j : j + m]
    c = math.sqrt((k + 1.0) * (k + 2.0))
    for n in range(m):
        x = rho[n]
        r2[n] = r2[n] * x + r1[n]
        r1[n] = r1[n] * x + r0[n]
        r0[n] = r0[n] * x + a * b[n]
        u1[n] = u1[n] * x + u0[n]
        u0[n] = u0[n] * x + c * a_up * b[n]
        v1[n] = v1[n] * x + v0[n]
        v0[n] = v0[n] * x + c * a * b_up[n]


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`.

    ``d alpha_k / d log q`` is half of ``k alpha_k + sqrt((k+1)(k+2)) alpha_{k+2}``.
    """
    r_bar, d_bar = bars
    rho_out, mean, half = out
    scratch = np.empty((8, _GROUP))
    found = np.empty(8)
    g_i, x_i, n_i, m_i = stats[0, i], stats[1, i], stats[2, i], stats[3, i]
    needed = _GUESS
    for start in range(0, eta.size, _GROUP):
        m, j = min(_GROUP, eta.size - start), j0 + start
        e = eta[start : start + m]
        rho, r0, r1 = scratch[0][:m], scratch[1][:m], scratch[2][:m]
        r2, u0, u1 = scratch[3][:m], scratch[4][:m], scratch[5][:m]
        v0, v1 = scratch[6][:m], scratch[7][:m]
        z = (rho, r0, r1, r2, u0, u1, v0, v1)
        scratch[1:] = 0.0
        for n in range(m):
            rho[n] = -1.0 - e[n] if e[n] < 0.0 else 1.0 - e[n]
        needed = _needed((stats, stats), (i, j, m), rho, needed)
        # The series of derivatives have a block more to converge.
        for k in range(16 * min(needed + 1, int(stats[4, 0])) - 1, -1, -1):
            _one(stats, i, stats, j, k, z)
        for n in range(m):
            g, x_j = g_i * stats[0, j + n], stats[1, j + n]
            r_hat, d_hat = r_bar[start + n], d_bar[start + n]
            if math.isnan(rho[n]):
                n_j, m_j = stats[2, j + n], stats[3, j + n]
                slopes_by_quadrature(parameters, (n_i, m_i), (n_j, m_j), e[n], found)
                r = -1.0 - found[0] if found[0] < 0.0 else 1.0 - found[0]
                by_rho = r_hat * found[1] / g + d_hat * found[2]
                r_first = found[5] - 0.5 * (1.0 + x_i) * r
                r_second = found[6] - 0.5 * (1.0 + x_j) * r
                d_first, d_second = found[3], found[4]
            else:
                x, r, slope, bend = rho[n], r0[n], r1[n], 2.0 * r2[n]
                by_rho = r_hat * slope + d_hat * g * bend
                r_first = 0.5 * (x * slope + u0[n] - (1.0 + x_i) * r)
                r_second = 0.5 * (x * slope + v0[n] - (1.0 + x_j) * r)
                d_first = 0.5 * g * (x * bend + u1[n])
                d_second = 0.5 * g * (x * bend + v1[n])
            first = r_hat * r_first + d_hat * d_first
            second = r_hat * r_second + d_hat * d_second
            rho_out[start + n] = by_rho
            mean[start + n] = 0.5 * (first + second)
            half[start + n] = 0.5 * (first - second)
