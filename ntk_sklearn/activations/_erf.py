"""The error function, ``erf(z)``.

With the shrunk correlation ``r`` (see `_shrinkage`, c = 2) and E one minus its
square, ``A = (2/pi) asin(r)`` and ``D = (4/pi) l_i l_j / sqrt(E)``.

Reference: Williams, "Computing with infinite networks", NIPS 1996.
"""

import math

import numpy as np
from scipy.special import erf

from .._utils.jit import jit
from ._base import Activation
from ._deficit import arcs
from ._shrinkage import inverse_root, remaining, shrink, shrunk_deficit, signed_deficit

CODE = 1


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    l2 = 1.0 / (1.0 + 2.0 * q)
    arc, _ = arcs(2.0 * q * l2, l2)
    return 2.0 / math.pi * arc, 4.0 / math.pi / math.sqrt(1.0 + 4.0 * q)


@jit
def statistics(parameters, n, _tail, out):
    """Write k, l, the inverse root of the second moment, and its excess."""
    q = n * n
    second_moment, slope = moments(parameters, q)
    out[0], out[1] = shrink(2.0, q)
    out[2] = inverse_root(second_moment)
    out[3] = q * slope / ((1.0 + 2.0 * q) * second_moment) - 1.0 if q > 0.0 else 0.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    k_i, l_i, m_i = s_i[0, i], s_i[1, i], s_i[2, i]
    k_j, l_j, m_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        d, k_k = abs(eta[k]), k_i * k_j[k]
        e = shrunk_deficit(d, k_i, k_j[k], l_i, l_j[k])
        derivative[k] = 4.0 / math.pi * l_i * l_j[k] / math.sqrt(e * (2.0 - e))
        arc, _ = arcs(k_k * (1.0 - d), e)
        a = 2.0 / math.pi * arc * m_i * m_j[k]
        eta[k] = signed_deficit(-a if negative else a)


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, d_bar = bars
    rho_out, mean, half = out
    k_i, l_i, m_i, x_i = stats[0, i], stats[1, i], stats[2, i], stats[3, i]
    k_j, l_j, m_j, x_j = stats[0][j0:], stats[1][j0:], stats[2][j0:], stats[3][j0:]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        d, k_k = abs(eta[k]), k_i * k_j[k]
        e = shrunk_deficit(d, k_i, k_j[k], l_i, l_j[k])
        r = k_k * (1.0 - d)
        arc, _ = arcs(r, e)
        r, arc = (-r, -arc) if negative else (r, arc)
        e2 = e * (2.0 - e)
        scale = 2.0 / math.pi * m_i * m_j[k]
        steep = scale / math.sqrt(e2)
        D = 4.0 / math.pi * l_i * l_j[k] / math.sqrt(e2)
        rho_out[k] = k_k * (r_bar[k] * steep + d_bar[k] * D * r / e2)
        l2_i, l2_j = l_i * l_i, l_j[k] * l_j[k]
        # Derivatives in the logarithm of k are those of r; l^2 loses what k^2 gains.
        by_r = 0.5 * (r_bar[k] * steep * r + d_bar[k] * D * r * r / e2)
        a = 0.5 * r_bar[k] * scale * arc
        first = by_r * l2_i - 0.5 * d_bar[k] * D * k_i * k_i - a * (1.0 + x_i)
        second = by_r * l2_j - 0.5 * d_bar[k] * D * k_j[k] ** 2 - a * (1.0 + x_j[k])
        mean[k], half[k] = 0.5 * (first + second), 0.5 * (first - second)


@jit
def pair(parameters, b, n_i, o_i, n_j, o_j):
    """Return A and D of one pair; see `_pairs`."""
    root = math.sqrt(remaining(2.0, b, n_i, o_i, n_j, o_j))
    return 2.0 / math.pi * math.atan2(2.0 * b, root), 4.0 / math.pi / root


@jit
def pair_slopes(parameters, b, n_i, o_i, n_j, o_j):
    """Return the derivatives of A and D of one pair; see `_pairs`."""
    P = remaining(2.0, b, n_i, o_i, n_j, o_j)
    D = 4.0 / math.pi / math.sqrt(P)
    p_i, p_j = 1.0 + 2.0 * n_i * n_i, 1.0 + 2.0 * n_j * n_j
    return -D * b / p_i, -D * b / p_j, -D * p_j / P, 4.0 * D * b / P, -D * p_i / P


@jit
def mean(parameters, q):
    """Return ``E[phi(z)]`` and its derivative in the variance: the function is odd."""
    return 0.0, 0.0


def erf_derivative(z):
    """Return the derivative of the error function."""
    return 2.0 / np.sqrt(np.pi) * np.exp(-(z**2))


ACTIVATIONS = (
    Activation(
        "erf",
        CODE,
        erf,
        erf_derivative,
        tuple,
        n_statistics=4,
        reference="Williams, Computing with infinite networks, NIPS 1996",
    ),
)
