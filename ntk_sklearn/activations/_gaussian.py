"""The Gaussian bump, ``exp(-scale z^2)``.

With the shrunk correlation ``r`` (see `_shrinkage`, c = 2 scale), ``w = l_i l_j``
and ``E = 1 - r^2``, ``A = w / sqrt(E)`` and ``D = 2 scale r w^2 / E^{3/2}``.

Reference: Williams, "Computing with infinite networks", NIPS 1996.
"""

import math

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._shrinkage import inverse_root, remaining, shrink, shrunk_deficit, signed_deficit

CODE = 3


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    scale = parameters[0]
    a = 1.0 / math.sqrt(1.0 + 4.0 * scale * q)
    return a, 4.0 * scale * scale * q * a * a * a


@jit
def statistics(parameters, n, _tail, out):
    """Write k, l, the inverse root of the second moment, and its excess."""
    c_q = 2.0 * parameters[0] * n * n
    out[0], out[1] = shrink(1.0, c_q)
    out[2] = inverse_root(moments(parameters, n * n)[0])
    out[3] = -c_q / (1.0 + 2.0 * c_q) - 1.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    k_i, l_i, m_i = s_i[0, i], s_i[1, i], s_i[2, i]
    k_j, l_j, m_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:]
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        e = shrunk_deficit(abs(eta[k]), k_i, k_j[k], l_i, l_j[k])
        e = e * (2.0 - e)
        w = l_i * l_j[k]
        a = w / math.sqrt(e)
        derivative[k] = 2.0 * parameters[0] * rho * k_i * k_j[k] * w * a / e
        eta[k] = signed_deficit(a * m_i * m_j[k])


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, d_bar = bars
    rho_out, mean, half = out
    k_i, l_i, m_i, x_i = stats[0, i], stats[1, i], stats[2, i], stats[3, i]
    k_j, l_j, m_j, x_j = stats[0][j0:], stats[1][j0:], stats[2][j0:], stats[3][j0:]
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        e = shrunk_deficit(abs(eta[k]), k_i, k_j[k], l_i, l_j[k])
        e = e * (2.0 - e)
        k_k, w = k_i * k_j[k], l_i * l_j[k]
        r = rho * k_k
        a = w / math.sqrt(e)
        d_over_r = 2.0 * parameters[0] * w * a / e
        a_hat, d_hat = r_bar[k] * a * m_i * m_j[k], d_bar[k] * d_over_r
        rho_out[k] = k_k * (a_hat * r / e + d_hat * (1.0 + 3.0 * r * r / e))
        # Derivatives in log l^2, in log k^2 and of the second moments.
        d_hat *= r
        by_k = 0.5 * (a_hat * r * r / e + d_hat * (1.0 + 3.0 * r * r / e))
        by_l = 0.5 * a_hat + d_hat
        k2_i, k2_j, l2_i, l2_j = k_i * k_i, k_j[k] ** 2, l_i * l_i, l_j[k] ** 2
        first = by_k * l2_i - by_l * k2_i - 0.5 * a_hat * (1.0 + x_i)
        second = by_k * l2_j - by_l * k2_j - 0.5 * a_hat * (1.0 + x_j[k])
        mean[k], half[k] = 0.5 * (first + second), 0.5 * (first - second)


@jit
def pair(parameters, b, n_i, o_i, n_j, o_j):
    """Return A and D of one pair; see `_pairs`."""
    scale = parameters[0]
    P = remaining(2.0 * scale, b, n_i, o_i, n_j, o_j)
    A = 1.0 / math.sqrt(P)
    return A, 4.0 * scale * scale * b * A / P


@jit
def pair_slopes(parameters, b, n_i, o_i, n_j, o_j):
    """Return the derivatives of A and D of one pair; see `_pairs`."""
    s = parameters[0]
    P = remaining(2.0 * s, b, n_i, o_i, n_j, o_j)
    A = 1.0 / math.sqrt(P)
    D = 4.0 * s * s * b * A / P
    p_i, p_j = 1.0 + 2.0 * s * n_i * n_i, 1.0 + 2.0 * s * n_j * n_j
    D_b = 4.0 * s * s * A / P * (1.0 + 12.0 * s * s * b * b / P)
    return (
        -s * p_j * A / P,
        -s * p_i * A / P,
        -3.0 * s * D * p_j / P,
        D_b,
        -3.0 * s * D * p_i / P,
    )


@jit
def mean(parameters, q):
    """Return ``E[phi(z)]`` and its derivative in the variance."""
    m = 1.0 / math.sqrt(1.0 + 2.0 * parameters[0] * q)
    return m, -parameters[0] * m * m * m


def gaussian(z, scale):
    """Return the bump itself."""
    return np.exp(-scale * z**2)


def gaussian_derivative(z, scale):
    """Return the derivative of the bump."""
    return -2.0 * scale * z * np.exp(-scale * z**2)


def encode(scale):
    """Return the numbers that the jitted functions read: the scale alone."""
    return (scale,)


ACTIVATIONS = (
    Activation(
        "gaussian",
        CODE,
        gaussian,
        gaussian_derivative,
        encode,
        n_statistics=4,
        arguments=(1.0,),
        argument_name="scale",
        reference="Williams, Computing with infinite networks, NIPS 1996",
    ),
)
