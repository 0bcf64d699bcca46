"""The Gaussian error linear unit, ``z Phi(z)`` (the exact one).

With the shrunk correlation ``r`` (see `_shrinkage`, c = 1), ``w = l_i l_j`` and
``s = sqrt(1 - r^2)``,

    A = q_ij / 4 + (q_ij asin(r) + w r^2 / s + n_i n_j k_i k_j s) / (2 pi)
    D = 1 / 4 + (asin(r) + r (w^2 / s^2 + l_i^2 + l_j^2) / s) / (2 pi).

Reference: Tsuchida, Pearce, van der Heide, Roosta and Gallagher, "Avoiding kernel fixed
points: computing with ELU and GELU infinite networks", AAAI 2021.
"""

import math

import numpy as np
from scipy.special import ndtr

from .._utils.jit import jit
from ._base import Activation
from ._deficit import angle_over_root
from ._shrinkage import shrink, shrunk_deficit, signed_deficit

CODE = 2


@jit
def _arcsine(negative, e):
    """Return the arcsine of the correlation with deficit `e`."""
    arc = 0.5 * math.pi - math.sqrt(e) * angle_over_root(e)
    return -arc if negative else arc


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    l2 = 1.0 / (1.0 + q)
    r = q * l2
    s2 = (1.0 + 2.0 * q) * l2 * l2
    s = math.sqrt(s2)
    arc = math.asin(r)
    a = 0.25 * q + (q * arc + r * r * l2 / s + q * r * s) / (2.0 * math.pi)
    d = 0.25 + (arc + r / s * (l2 * l2 / s2 + 2.0 * l2)) / (2.0 * math.pi)
    return a, d


@jit
def statistics(parameters, q, out):
    """Write k, l, the inverse root of the second moment, and ``sqrt(q)``."""
    shrink(1.0, q, moments(parameters, q)[0], out)
    out[3] = math.sqrt(q)


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    k_i, l_i, m_i, n_i = s_i[0, i], s_i[1, i], s_i[2, i], s_i[3, i]
    k_j, l_j, m_j, n_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:], s_j[3][j0:]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        rho = -1.0 - eta[k] if negative else 1.0 - eta[k]
        e = shrunk_deficit(abs(eta[k]), k_i, k_j[k], l_i, l_j[k])
        s2 = e * (2.0 - e)
        s = math.sqrt(s2)
        arc = _arcsine(negative, e)
        k_k, w, g = k_i * k_j[k], l_i * l_j[k], n_i * n_j[k]
        r = rho * k_k
        tail = w * w / s2 + l_i * l_i + l_j[k] * l_j[k]
        derivative[k] = 0.25 + (arc + r / s * tail) / (2.0 * math.pi)
        a = 0.25 * g * rho + (g * (rho * arc + k_k * s) + w * r * r / s) / (
            2.0 * math.pi
        )
        eta[k] = signed_deficit(a * m_i * m_j[k])


@jit
def pullback(parameters, eta, n_i, n_j, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    a_bar, d_bar = bars
    q_out, i_out, j_out = out
    a = n_i * n_i
    e_i = 1.0 / (1.0 + a)
    k2_i = a * e_i
    for k in range(eta.size):
        negative = eta[k] < 0.0
        rho = -1.0 - eta[k] if negative else 1.0 - eta[k]
        c = n_j[k] * n_j[k]
        e_j = 1.0 / (1.0 + c)
        k2_j = c * e_j
        k_k, w, g = math.sqrt(k2_i * k2_j), math.sqrt(e_i * e_j), n_i * n_j[k]
        e = shrunk_deficit(
            abs(eta[k]),
            math.sqrt(k2_i),
            math.sqrt(k2_j),
            math.sqrt(e_i),
            math.sqrt(e_j),
        )
        s2 = e * (2.0 - e)
        s = math.sqrt(s2)
        r = rho * k_k
        arc = _arcsine(negative, e)
        tail = w * w / s2
        d = 0.25 + (arc + r / s * (tail + e_i + e_j)) / (2.0 * math.pi)
        # dD/dr at fixed variances, and what the variances add.
        slope = (1.0 + (e_i + e_j) / s2 + tail / s2 * (1.0 + 2.0 * r * r)) / s
        d_hat = d_bar[k] / (2.0 * math.pi)
        a_hat = a_bar[k] / (2.0 * math.pi)
        q_out[k] = a_bar[k] * d * g + d_hat * k_k * slope
        bend = 0.5 * w * r * r / s * (a + c + 4.0 + r * r / s2)
        lift = g * k_k * s
        i_out[k] = a_hat * (lift * (1.0 - 0.5 * k2_i) - k2_i * bend) - d_hat * k2_i * (
            0.5 * r * slope + r / s * e_i * (e_j / s2 + 1.0)
        )
        j_out[k] = a_hat * (lift * (1.0 - 0.5 * k2_j) - k2_j * bend) - d_hat * k2_j * (
            0.5 * r * slope + r / s * e_j * (e_i / s2 + 1.0)
        )


def gelu(z):
    """Return the Gaussian error linear unit of `z`."""
    return z * ndtr(z)


def gelu_derivative(z):
    """Return its derivative."""
    return ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


ACTIVATIONS = (
    Activation(
        "gelu",
        CODE,
        gelu,
        gelu_derivative,
        tuple,
        n_statistics=4,
        reference="Tsuchida et al., Avoiding kernel fixed points, AAAI 2021",
    ),
)
