"""Waves: ``sin(z)``, ``cos(z)`` and the random Fourier feature of the RBF kernel.

With ``near = exp(-(q_ii + q_jj - 2 q_ij) / 2)`` and
``far = exp(-(q_ii + q_jj + 2 q_ij) / 2)``,

    sin: A = (near - far) / 2,  D = (near + far) / 2;
    cos: A = (near + far) / 2,  D = (near - far) / 2;
    rbf: phi(z) = sqrt(2) sin(sqrt(2 gamma) z + pi / 4), A = near^{2 gamma},
         D = 2 gamma A.

References: Pearce, Tsuchida, Zaki, Brintrup and Neely, "Expressive priors in Bayesian
neural networks", UAI 2019 (sin and cos); Rahimi and Recht, "Random features for
large-scale kernel machines", NIPS 2007 (rbf).
"""

import math

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._shrinkage import signed_deficit

CODE = 4

# parameters: (weight of near in A, weight of far in A, of near and far in D, exponent)


@jit
def _waves(d, negative, n_i, n_j, exponent):
    """Return ``near`` and ``far``, to the exponent; nothing cancels."""
    apart = 0.5 * (n_i - n_j) ** 2
    g = n_i * n_j
    small, large = g * d, g * (2.0 - d)
    near = math.exp(-exponent * (apart + (large if negative else small)))
    far = math.exp(-exponent * (apart + (small if negative else large)))
    return near, far


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    near, far, slope_near, slope_far, exponent = parameters
    # In terms of 1 - exp(-2 q), which keeps its digits where q is small.
    gap = -math.expm1(-2.0 * exponent * q)
    return near + far - far * gap, slope_near + slope_far - slope_far * gap


@jit
def statistics(parameters, q, out):
    """Write ``sqrt(q)`` and the inverse root of the second moment."""
    second_moment = moments(parameters, q)[0]
    out[0] = math.sqrt(q)
    out[1] = 1.0 / math.sqrt(second_moment) if second_moment > 0.0 else 0.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    a_near, a_far, d_near, d_far, exponent = parameters
    n_i, m_i = s_i[0, i], s_i[1, i]
    n_j, m_j = s_j[0][j0:], s_j[1][j0:]
    for k in range(eta.size):
        near, far = _waves(abs(eta[k]), eta[k] < 0.0, n_i, n_j[k], exponent)
        derivative[k] = d_near * near + d_far * far
        eta[k] = signed_deficit((a_near * near + a_far * far) * m_i * m_j[k])


@jit
def pullback(parameters, eta, n_i, n_j, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    a_bar, d_bar = bars
    q_out, i_out, j_out = out
    a_near, a_far, d_near, d_far, exponent = parameters
    for k in range(eta.size):
        near, far = _waves(abs(eta[k]), eta[k] < 0.0, n_i, n_j[k], exponent)
        near *= a_bar[k] * a_near + d_bar[k] * d_near
        far *= a_bar[k] * a_far + d_bar[k] * d_far
        q_out[k] = exponent * n_i * n_j[k] * (near - far)
        norms = -0.5 * exponent * (near + far)
        i_out[k] = norms * n_i * n_i
        j_out[k] = norms * n_j[k] * n_j[k]


# The numbers that the jitted functions read: `parameters`, above.
def encode_sin():
    """Return the parameters of the sine."""
    return 0.5, -0.5, 0.5, 0.5, 1.0


def encode_cos():
    """Return the parameters of the cosine."""
    return 0.5, 0.5, 0.5, -0.5, 1.0


def encode_rbf(gamma):
    """Return the parameters of the random Fourier feature."""
    return 1.0, 0.0, 2.0 * gamma, 0.0, 2.0 * gamma


def minus_sin(z):
    """Return the derivative of the cosine."""
    return -np.sin(z)


def fourier_feature(z, gamma):
    """Return the random Fourier feature of the RBF kernel."""
    return np.sqrt(2) * np.sin(np.sqrt(2 * gamma) * z + np.pi / 4)


def fourier_feature_derivative(z, gamma):
    """Return its derivative."""
    return 2 * np.sqrt(gamma) * np.cos(np.sqrt(2 * gamma) * z + np.pi / 4)


_PEARCE = "Pearce et al., Expressive priors in Bayesian neural networks, UAI 2019"
_RAHIMI = "Rahimi and Recht, Random features, NIPS 2007"


def _wave(name, phi, derivative, encode, reference, **argument):
    return Activation(
        name,
        CODE,
        phi,
        derivative,
        encode,
        n_statistics=2,
        reference=reference,
        **argument,
    )


ACTIVATIONS = (
    _wave("sin", np.sin, np.cos, encode_sin, _PEARCE),
    _wave("cos", np.cos, minus_sin, encode_cos, _PEARCE),
    _wave(
        "rbf",
        fourier_feature,
        fourier_feature_derivative,
        encode_rbf,
        _RAHIMI,
        arguments=(1.0,),
        argument_name="gamma",
    ),
)
