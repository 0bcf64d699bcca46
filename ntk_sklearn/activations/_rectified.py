"""The rectified family: relu, leaky_relu, abs and identity.

``phi(z) = z`` for ``z > 0`` and ``slope * z`` otherwise, positively homogeneous. With
``h = (1 + slope^2) / 2``, ``r = (1 - slope)^2 / (pi (1 + slope^2))`` and ``t`` the
angle between the inputs,

    A = h sqrt(q_ii q_jj) (cos t + r (sin t - t cos t)),        D = h (1 - r t).

References: Cho and Saul, "Kernel methods for deep learning", NIPS 2009 (relu);
Tsuchida, Roosta-Khorasani and Gallagher, "Invariance of weight distributions in
rectified MLPs", ICML 2018 (leaky relu and abs).
"""

import math

import numpy as np

from .._utils.eight import load_eight, store_eight, where_less
from .._utils.jit import jit
from ._base import Activation
from ._deficit import TINY, angle_over_root, angle_over_sine, gap, lens_over_root

CODE = 0


def encode(slope):
    """Return ``(r, h, pi r, 1 - slope)`` of the slope on the negative side."""
    c = (1.0 - slope) ** 2 / (1.0 + slope**2)
    return c / np.pi, (1.0 + slope**2) / 2.0, c, 1.0 - slope


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    return parameters[1] * q, parameters[1]


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    r, h, c = parameters[0], parameters[1], parameters[2]
    for k in range(eta.size):
        negative = eta[k] < 0.0
        d = abs(eta[k])
        u = math.sqrt(d)
        lens = r * d * u * lens_over_root(d)
        angle = u * angle_over_root(d)
        theta = math.pi - angle if negative else angle
        derivative[k] = h * (1.0 - r * theta)
        # On the negative side the correlation of the images is
        # (c - 1)(1 - d) + lens; each case keeps the difference that does not cancel.
        flipped = negative and (c - 1.0) * (1.0 - d) + lens < 0.0
        upper = (2.0 - c) + (c - 1.0) * d - lens
        lower = -max(c + (1.0 - c) * d + lens, 1e-300)
        eta[k] = lower if flipped else (upper if negative else d - lens)


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, d_bar = bars
    rho_out, mean, half = out
    r, h = parameters[0], parameters[1]
    for k in range(eta.size):
        d = abs(eta[k])
        u = math.sqrt(d)
        angle = u * angle_over_root(d)
        theta = math.pi - angle if eta[k] < 0.0 else angle
        steep = h * r * d_bar[k] / (u * math.sqrt(2.0 - d)) if d > TINY else 0.0
        rho_out[k] = r_bar[k] * (1.0 - r * theta) + steep
    mean[:], half[:] = 0.0, 0.0


@jit
def pair(parameters, b, n_i, o_i, n_j, o_j):
    """Return A and D of one pair, or of eight; see `_pairs`.

    Both in terms of D: ``A = sqrt(q_ii q_jj) (D cos t + h r sin t)``.
    """
    h, hr = parameters[1], parameters[0] * parameters[1]
    rho = b * (o_i * o_j)
    d = gap(rho)
    c = 1.0 - d
    sin = math.sqrt(d * (1.0 + c))
    angle = sin * angle_over_sine(c)
    theta = where_less(rho, 0.0, math.pi - angle, angle)
    cos = where_less(rho, 0.0, -c, c)
    D = h - hr * theta
    return (n_i * n_j) * (cos * D + hr * sin), D


@jit
def pairs(parameters, b, sides, A, D):
    """Write A and D of aligned pairs: of eight at a time, then of those left."""
    n, o, m, w = sides
    numbers = parameters[0], parameters[1]  # read once: they are not what is written
    many = b.size - b.size % 8
    for k in range(0, many, 8):
        here = load_eight(n, k), load_eight(o, k), load_eight(m, k), load_eight(w, k)
        a, d = pair(numbers, load_eight(b, k), *here)
        store_eight(A, k, a)
        store_eight(D, k, d)
    for k in range(many, b.size):
        A[k], D[k] = pair(numbers, b[k], n[k], o[k], m[k], w[k])


@jit
def pair_slopes(parameters, b, n_i, o_i, n_j, o_j):
    """Return the derivatives of A and D of one pair; see `_pairs`."""
    r, h = parameters[0], parameters[1]
    rho = b * (o_i * o_j)
    d = gap(rho)
    sin = math.sqrt(d * (2.0 - d))
    cos = d - 1.0 if rho < 0.0 else 1.0 - d
    over_sin = h * r / sin if sin > 0.0 else 0.0
    lift = 0.5 * h * r * sin
    turn = -0.5 * over_sin * cos
    return (
        lift * n_j * o_i,
        lift * n_i * o_j,
        turn * o_i * o_i,
        over_sin * (o_i * o_j),
        turn * o_j * o_j,
    )


@jit
def mean(parameters, q):
    """Return ``E[phi(z)]`` and its derivative in the variance."""
    scale = parameters[3] / math.sqrt(2.0 * math.pi)
    root = math.sqrt(q)
    return scale * root, 0.5 * scale / root if root > 0.0 else 0.0


def leaky_relu(z, slope):
    """Return ``z`` where it is positive, ``slope * z`` elsewhere."""
    return np.where(z > 0, z, slope * z)


def leaky_relu_derivative(z, slope):
    """Return 1 where `z` is positive, `slope` elsewhere."""
    return np.where(z > 0, 1.0, slope)


_CHO = "Cho and Saul, Kernel methods for deep learning, NIPS 2009"
_TSUCHIDA = (
    "Tsuchida, Roosta-Khorasani and Gallagher, Invariance of weight distributions in "
    "rectified MLPs, ICML 2018"
)


def _rectifier(name, slope, reference, argument_name=None):
    return Activation(
        name,
        CODE,
        leaky_relu,
        leaky_relu_derivative,
        encode,
        homogeneous=True,
        arguments=(slope,),
        argument_name=argument_name,
        reference=reference,
    )


ACTIVATIONS = (
    _rectifier("relu", 0.0, _CHO),
    _rectifier("leaky_relu", 0.01, _TSUCHIDA, argument_name="negative slope"),
    _rectifier("abs", -1.0, _TSUCHIDA),
    _rectifier("identity", 1.0, "A linear network: A = q, D = 1"),
)
