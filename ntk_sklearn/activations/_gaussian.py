"""The Gaussian bump, ``exp(-scale z^2)``.

With the shrunk correlation ``r`` (see `_shrinkage`, c = 2 scale), ``w = l_i l_j``
and ``E = 1 - r^2``, ``A = w / sqrt(E)`` and ``D = 2 scale r w^2 / E^{3/2}``.

Reference: Williams, "Computing with infinite networks", NIPS 1996.
"""

import math

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._shrinkage import shrink, shrunk_deficit, signed_deficit

CODE = 3


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    scale = parameters[0]
    a = 1.0 / math.sqrt(1.0 + 4.0 * scale * q)
    return a, 4.0 * scale * scale * q * a * a * a


@jit
def statistics(parameters, q, out):
    """Write k, l and the inverse root of the second moment."""
    shrink(2.0 * parameters[0], q, moments(parameters, q)[0], out)


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
def pullback(parameters, eta, n_i, n_j, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    a_bar, d_bar = bars
    q_out, i_out, j_out = out
    scale = parameters[0]
    c_i = 2.0 * scale * n_i * n_i
    for k in range(eta.size):
        rho = -1.0 - eta[k] if eta[k] < 0.0 else 1.0 - eta[k]
        c_j = 2.0 * scale * n_j[k] * n_j[k]
        l2_i, l2_j = 1.0 / (1.0 + c_i), 1.0 / (1.0 + c_j)
        k2_i, k2_j = c_i * l2_i, c_j * l2_j
        k_k, w, g = math.sqrt(k2_i * k2_j), math.sqrt(l2_i * l2_j), n_i * n_j[k]
        e = shrunk_deficit(
            abs(eta[k]),
            math.sqrt(k2_i),
            math.sqrt(k2_j),
            math.sqrt(l2_i),
            math.sqrt(l2_j),
        )
        e = e * (2.0 - e)
        r = rho * k_k
        a = w / math.sqrt(e)
        d_over_r = 2.0 * scale * w * a / e
        bend = d_over_r * k_k * (1.0 + 3.0 * r * r / e)
        q_out[k] = a_bar[k] * d_over_r * r * g + d_bar[k] * bend
        norms = -0.5 / e * (a_bar[k] * a + 3.0 * d_bar[k] * d_over_r * r)
        i_out[k] = k2_i * norms
        j_out[k] = k2_j * norms


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
        n_statistics=3,
        arguments=(1.0,),
        argument_name="scale",
        reference="Williams, Computing with infinite networks, NIPS 1996",
    ),
)
