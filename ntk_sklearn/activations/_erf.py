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
from ._deficit import angle_over_root
from ._shrinkage import shrink, shrunk_deficit, signed_deficit

CODE = 1


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    k2 = 2.0 * q / (1.0 + 2.0 * q)
    return 2.0 / math.pi * math.asin(k2), 4.0 / math.pi / math.sqrt(1.0 + 4.0 * q)


@jit
def statistics(parameters, q, out):
    """Write k, l and the inverse root of the second moment."""
    shrink(2.0, q, moments(parameters, q)[0], out)


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    k_i, l_i, m_i = s_i[0, i], s_i[1, i], s_i[2, i]
    k_j, l_j, m_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        e = shrunk_deficit(abs(eta[k]), k_i, k_j[k], l_i, l_j[k])
        u = math.sqrt(e)
        derivative[k] = 4.0 / math.pi * l_i * l_j[k] / (u * math.sqrt(2.0 - e))
        a = (1.0 - 2.0 / math.pi * u * angle_over_root(e)) * m_i * m_j[k]
        eta[k] = signed_deficit(-a if negative else a)


@jit
def pullback(parameters, eta, n_i, n_j, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    a_bar, d_bar = bars
    q_out, i_out, j_out = out
    l2_i = 1.0 / (1.0 + 2.0 * n_i * n_i)
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        l2_j = 1.0 / (1.0 + 2.0 * n_j[k] * n_j[k])
        g = n_i * n_j[k]
        l_l = math.sqrt(l2_i * l2_j)
        k_i, k_j = math.sqrt(1.0 - l2_i), math.sqrt(1.0 - l2_j)
        e = shrunk_deficit(abs(eta[k]), k_i, k_j, math.sqrt(l2_i), math.sqrt(l2_j))
        e = e * (2.0 - e)
        d = 4.0 / math.pi * l_l / math.sqrt(e)
        k_k = 2.0 * g * l_l
        q_out[k] = d * (a_bar[k] * g + d_bar[k] * rho * k_k * k_k / e)
        norms = -0.5 * d * (a_bar[k] * g * rho + d_bar[k] / e)
        i_out[k] = norms * 2.0 * n_i * n_i * l2_i
        j_out[k] = norms * 2.0 * n_j[k] * n_j[k] * l2_j


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
        n_statistics=3,
        reference="Williams, Computing with infinite networks, NIPS 1996",
    ),
)
