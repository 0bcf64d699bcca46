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
from ._exponential import decay
from ._shrinkage import inverse_root, signed_deficit

CODE = 4

# parameters: (weight of near in A, weight of far in A, of near and far in D, exponent)


@jit
def _waves(apart, g, d, exponent):
    """Return the larger wave, and how much of it the smaller one lacks.

    The exponents are those of ``apart + g d`` and of ``2 g (1 - d)`` more; nothing
    cancels, for small variances either.
    """
    s, p = decay(exponent * (apart + g * d))
    wave = s + s * p
    s, p = decay(2.0 * exponent * g * (1.0 - d))
    return wave, (1.0 - s) - s * p


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    near, far, slope_near, slope_far, exponent = parameters[:5]
    # In terms of 1 - exp(-2 q), which keeps its digits where q is small.
    gap = -math.expm1(-2.0 * exponent * q)
    return near + far - far * gap, slope_near + slope_far - slope_far * gap


@jit
def statistics(parameters, n, tail, out):
    """Write ``sqrt(q)``, its tail, the inverse root of the second moment, its excess.

    The waves of two long inputs depend on the difference of their lengths: hence the
    digits of a length beyond those of a float.
    """
    _, far, _, _, exponent = parameters[:5]
    y = 2.0 * exponent * n * n
    second_moment, _ = moments(parameters, n * n)
    out[0], out[1] = n, tail
    out[2] = inverse_root(second_moment)
    slope = -far * y * math.exp(-y) / second_moment if second_moment > 0.0 else 1.0
    out[3] = slope - 1.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    a_near, a_far, d_near, d_far, exponent = parameters[:5]
    n_i, t_i, m_i = s_i[0, i], s_i[1, i], s_i[2, i]
    n_j, t_j, m_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        apart = 0.5 * ((n_i - n_j[k]) + (t_i - t_j[k])) ** 2
        wave, gap = _waves(apart, n_i * n_j[k], abs(eta[k]), exponent)
        derivative[k] = wave * (d_near + d_far - (d_near if negative else d_far) * gap)
        a = wave * (a_near + a_far - (a_near if negative else a_far) * gap)
        eta[k] = signed_deficit(a * m_i * m_j[k])


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, d_bar = bars
    rho_out, mean, half = out
    a_near, a_far, d_near, d_far, exponent = parameters[:5]
    n_i, t_i, m_i, x_i = stats[0, i], stats[1, i], stats[2, i], stats[3, i]
    n_j, t_j, m_j, x_j = stats[0][j0:], stats[1][j0:], stats[2][j0:], stats[3][j0:]
    for k in range(eta.size):
        negative, d, g = eta[k] < 0.0, abs(eta[k]), n_i * n_j[k]
        difference = (n_i - n_j[k]) + (t_i - t_j[k])
        apart = 0.5 * difference * difference
        wave, gap = _waves(apart, g, d, exponent)
        r_hat = r_bar[k] * m_i * m_j[k]
        near = r_hat * a_near + d_bar[k] * d_near
        far = r_hat * a_far + d_bar[k] * d_far
        large, small = (far, near) if negative else (near, far)
        # What both waves together have, and what the smaller one lacks of it.
        both, lost = wave * (large + small), wave * small * gap
        slope = exponent * g * (both - lost - 2.0 * (wave * small - lost))
        rho_out[k] = -slope if negative else slope
        image = r_hat * wave * (a_near + a_far - (a_near if negative else a_far) * gap)
        lengths = apart * (both - lost)
        angles = g * (d * wave * large + (2.0 - d) * (wave * small - lost))
        mean[k] = -0.5 * exponent * (lengths + angles)
        mean[k] -= 0.25 * image * (2.0 + x_i + x_j[k])
        half[k] = -0.25 * exponent * difference * (n_i + n_j[k]) * (both - lost)
        half[k] -= 0.25 * image * (x_i - x_j[k])


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
        n_statistics=4,
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
