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

from .._utils.jit import jit
from ._base import ANY
from ._hermite import LEAST, TOLERANCE, expand
from ._quadrature import pair_by_quadrature
from ._shrinkage import signed_deficit

CODE = ANY

# Statistics: g, the excess, the root of the variance, that of the second moment, how
# many blocks there are, of even orders and of odd ones, and the mean squared slope;
# then each block's eight coefficients of even orders, eight of odd ones, and its tail;
# and a last block that only derivatives read.
ROWS_BEFORE, ROWS_OF_BLOCK, _GROUP = 8, 17, 66
# Where all coefficients are below this, as rounding leaves them, so are their products.
_NOTHING = 1e-9


def prepare(table, norms):
    """Return statistics, second moment, slope and excess of each input.

    They are ``(n_statistics, n)``, and of shape (n,) the others.
    """
    found = expand(table, norms * norms)
    n, blocks = found.tails.shape
    stats = np.empty((ROWS_BEFORE + ROWS_OF_BLOCK * (blocks + 1), n))
    moment = np.exp(found.log_moment)
    # Of a variance that vanishes, the images are those of the least that is known.
    safe = np.maximum(norms, LEAST)
    fallen = np.minimum(np.log(np.maximum(norms, 1e-160) / LEAST), 0.0)
    inside = moment * np.exp(-2.0 * fallen * (1.0 + found.excess))
    stats[0] = np.sqrt(inside) / safe
    stats[1] = found.excess
    stats[2] = safe
    stats[3] = np.sqrt(inside)
    stats[4] = blocks
    stats[7] = np.exp(found.log_slope)
    body = stats[ROWS_BEFORE:].reshape(blocks + 1, ROWS_OF_BLOCK, n)
    orders = found.coefficients.reshape(blocks + 1, 8, 2, n)
    for parity in (0, 1):
        own = orders[:, :, parity]
        body[:, 8 * parity : 8 * parity + 8] = own
        highest, lowest = (f(axis=(1, 2), initial=0.0) for f in (own.max, own.min))
        largest = np.maximum(highest, -lowest)
        used = np.flatnonzero(largest > _NOTHING)
        stats[5 + parity] = min(used[-1] + 1, blocks) if used.size else 0
    body[:-1, 16] = found.tails.T
    body[-1, 16] = 0.0
    return stats, moment, stats[7].copy(), found.excess


@jit
def _row(k):
    return ROWS_BEFORE + ROWS_OF_BLOCK * (k // 16) + (k % 16) // 2 + 8 * (k % 2)


@jit
def _four(s_i, i, s_j, j, row, z):
    """Take four terms of a series in the first array of `z`, of a few inputs.

    The second array is its value, the third its derivative.
    """
    a3, a2, a1, a0 = s_i[row + 3, i], s_i[row + 2, i], s_i[row + 1, i], s_i[row, i]
    square, value, slope = z
    m = square.size
    b3, b2 = s_j[row + 3][j : j + m], s_j[row + 2][j : j + m]
    b1, b0 = s_j[row + 1][j : j + m], s_j[row][j : j + m]
    for n in range(m):
        x, y, d = square[n], value[n], slope[n]
        d = d * x + y
        y = y * x + a3 * b3[n]
        d = d * x + y
        y = y * x + a2 * b2[n]
        d = d * x + y
        y = y * x + a1 * b1[n]
        d = d * x + y
        y = y * x + a0 * b0[n]
        value[n], slope[n] = y, d


@jit
def _parity(s_i, i, s_j, j, which, z):
    """Write the series of the even orders, or of the odd ones, in the square of rho.

    `which` is 0 or 1, for even or odd, and how many blocks there are.
    """
    odd, blocks = which
    z[1][:], z[2][:] = 0.0, 0.0
    for b in range(blocks - 1, -1, -1):
        row = ROWS_BEFORE + ROWS_OF_BLOCK * b + 8 * odd
        _four(s_i, i, s_j, j, row + 4, z)
        _four(s_i, i, s_j, j, row, z)


@jit
def _correlations(eta, s_i, i, s_j, j, z, apart):
    """Write the correlations of a group; return how many blocks they need.

    It is one more than there are if some need more; their correlations become NaN. With
    `apart`, zeros are written for inputs with themselves, which need no series.
    """
    m = eta.size
    rho, power, r32 = z
    n_i, n_j = s_i[2, i], s_j[2][j : j + m]
    for n in range(m):
        d = abs(eta[n])
        itself = apart & (eta[n] == 0.0) & (n_i == n_j[n])
        r = 0.0 if itself else 1.0 - d
        rho[n] = -r if eta[n] < 0.0 else r
        r *= r
        r *= r
        r *= r
        r *= r
        r32[n] = r * r
        power[n] = r * r
    blocks, allowed = int(min(s_i[4, 0], s_j[4, 0])), TOLERANCE * TOLERANCE
    for b in range(blocks):
        row = ROWS_BEFORE + ROWS_OF_BLOCK * b + 16
        t_i, t_j = s_i[row, i], s_j[row][j : j + m]
        top = np.int64(0)
        for n in range(m):
            # Positive floats are in the order of their bits, as integers, whose
            # maximum is fast.
            top = max(top, np.float64(power[n] * t_j[n]).view(np.int64))
            power[n] *= r32[n]
        if t_i * np.int64(top).view(np.float64) <= allowed:
            return b + 1
    row = ROWS_BEFORE + ROWS_OF_BLOCK * (blocks - 1) + 16
    for n in range(m):
        if s_i[row, i] * s_j[row, j + n] * abs(rho[n]) ** (32 * blocks) > allowed:
            rho[n] = np.nan
    return blocks + 1


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    scratch = np.empty((6, _GROUP))
    found = np.empty(8)
    n_i, g_i, own_slope = s_i[2, i], s_i[0, i], s_i[7, i]
    blocks = int(min(s_i[4, 0], s_j[4, 0]))
    n_even, n_odd = int(max(s_i[5, 0], s_j[5, 0])), int(max(s_i[6, 0], s_j[6, 0]))
    for start in range(0, eta.size, _GROUP):
        m, j = min(_GROUP, eta.size - start), j0 + start
        e, d = eta[start : start + m], derivative[start : start + m]
        # One row for each: of a part of the whole, the compiler knows no stride.
        rho, square = scratch[0][:m], scratch[1][:m]
        value, even_slope = scratch[2][:m], scratch[3][:m]
        odd, odd_slope = scratch[4][:m], scratch[5][:m]
        needed = _correlations(e, s_i, i, s_j, j, (rho, value, odd), True)
        most = min(needed, blocks)
        for n in range(m):
            square[n] = rho[n] * rho[n]
        even = (square, value, even_slope)
        _parity(s_i, i, s_j, j, (0, min(most, n_even)), even)
        _parity(s_i, i, s_j, j, (1, min(most, n_odd)), (square, odd, odd_slope))
        g, n_j = s_j[0][j : j + m], s_j[2][j : j + m]
        for n in range(m):
            x = rho[n]
            slope = odd[n] + 2.0 * x * (even_slope[n] + x * odd_slope[n])
            itself = (e[n] == 0.0) & (n_i == n_j[n])
            square[n] = own_slope if itself else g_i * g[n] * slope
            value[n] = 0.0 if itself else signed_deficit(value[n] + x * odd[n])
        if needed > blocks:
            for n in range(m):
                if math.isnan(rho[n]):
                    of_i, of_j = (n_i, s_i[3, i]), (n_j[n], s_j[3, j + n])
                    pair_by_quadrature(parameters, of_i, of_j, e[n], found)
                    value[n], square[n] = found[0], found[1]
        e[:], d[:] = value, square


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
    for start in range(0, eta.size, _GROUP):
        m, j = min(_GROUP, eta.size - start), j0 + start
        e = eta[start : start + m]
        rho, r0, r1 = scratch[0][:m], scratch[1][:m], scratch[2][:m]
        r2, u0, u1 = scratch[3][:m], scratch[4][:m], scratch[5][:m]
        v0, v1 = scratch[6][:m], scratch[7][:m]
        z = (rho, r0, r1, r2, u0, u1, v0, v1)
        needed = _correlations(e, stats, i, stats, j, (rho, r0, r1), False)
        scratch[1:] = 0.0
        # The series of derivatives have a block more to converge.
        for k in range(16 * min(needed + 1, int(stats[4, 0])) - 1, -1, -1):
            _one(stats, i, stats, j, k, z)
        for n in range(m):
            g, x_j = g_i * stats[0, j + n], stats[1, j + n]
            r_hat, d_hat = r_bar[start + n], d_bar[start + n]
            if math.isnan(rho[n]):
                n_j, m_j = stats[2, j + n], stats[3, j + n]
                pair_by_quadrature(parameters, (n_i, m_i), (n_j, m_j), e[n], found)
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
