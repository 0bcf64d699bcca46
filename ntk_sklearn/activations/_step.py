"""Units that jump: ``sign(z)`` and the Heaviside step.

With t the angle between the inputs, A is ``1 - 2 t / pi`` for the sign and
``(pi - t) / (2 pi)`` for the step. Their derivative is zero wherever it is a number, so
that D is zero: gradient descent on such a network trains the last layer only, and its
NTK is that of the last layer, the NNGP kernel. See `SurrogateNTKernel` for training
with a derivative of another function.

Reference: Cho and Saul, "Kernel methods for deep learning", NIPS 2009.
"""

import math

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._deficit import TINY, angle_over_root, gap

CODE = 5

# parameters: (slope of the deficit in t / pi, E[phi^2])


def encode_sign():
    """Return the parameters of the sign."""
    return 2.0, 1.0


def encode_step():
    """Return the parameters of the step."""
    return 1.0, 0.5


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    return parameters[1], 0.0


@jit
def statistics(_parameters, _n, _tail, out):
    """Write the excess."""
    out[0] = -1.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    slope = parameters[0] / math.pi
    odd = parameters[0] == 2.0
    for k in range(eta.size):
        d = abs(eta[k])
        near = slope * math.sqrt(d) * angle_over_root(d)
        derivative[k] = 0.0
        below = -max(near, 1e-300) if odd else 1.0 - near
        eta[k] = below if eta[k] < 0.0 else near


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, _ = bars
    rho_out, mean, half = out
    for k in range(eta.size):
        d = abs(eta[k])
        sine = math.sqrt(d * (2.0 - d)) if d > TINY else math.inf
        rho_out[k] = r_bar[k] * parameters[0] / (math.pi * sine)
    mean[:], half[:] = 0.0, 0.0


@jit
def pair(parameters, b, n_i, o_i, n_j, o_j):
    """Return A and D of one pair; see `_pairs`."""
    d = gap(b * (o_i * o_j))
    angle = math.sqrt(d) * angle_over_root(d)
    theta = math.pi - angle if b < 0.0 else angle
    return parameters[1] * (1.0 - parameters[0] * theta / math.pi), 0.0


@jit
def pair_slopes(parameters, b, n_i, o_i, n_j, o_j):
    """Return the derivatives of A in both variances and in the covariance."""
    rho = b * (o_i * o_j)
    d = gap(rho)
    scale = parameters[1] * parameters[0] / math.pi
    steep = scale / math.sqrt(d * (2.0 - d)) if d > 0.0 else 0.0
    turn = -0.5 * steep * rho
    return turn * (o_i * o_i), turn * (o_j * o_j), steep * (o_i * o_j)


@jit
def mean(parameters, q):
    """Return ``E[phi(z)]`` and its derivative in the variance."""
    return (0.0 if parameters[0] == 2.0 else 0.5), 0.0


def step(z):
    """Return 1 where `z` is positive, 0 elsewhere, and a half at zero."""
    return np.heaviside(z, 0.5)


_CHO = "Cho and Saul, Kernel methods for deep learning, NIPS 2009"

ACTIVATIONS = tuple(
    Activation(name, CODE, phi, np.zeros_like, encode, n_statistics=1, reference=_CHO)
    for name, phi, encode in (
        ("sign", np.sign, encode_sign),
        ("step", step, encode_step),
    )
)
