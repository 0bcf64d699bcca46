"""Activations of common networks that have no closed form here; see `_series`.

Each is a function, its derivative, and the places where one of the two bends.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ._base import ANY, Activation

_SCALE, _ALPHA = 1.0507009873554804934, 1.6732632423543772848


def sech2(z):
    """Return the derivative of tanh."""
    return 1.0 / np.cosh(np.minimum(np.abs(z), 350.0)) ** 2


def sigmoid_derivative(z):
    """Return the derivative of the logistic function."""
    return expit(z) * expit(-z)


def silu(z):
    """Return the sigmoid linear unit, also called swish."""
    return z * expit(z)


def silu_derivative(z):
    """Return its derivative."""
    return expit(z) * (1.0 + z * expit(-z))


def softplus(z):
    """Return ``log(1 + exp(z))``."""
    return np.logaddexp(0.0, z)


def mish(z):
    """Return ``z tanh(softplus(z))``."""
    return z * np.tanh(softplus(z))


def mish_derivative(z):
    """Return its derivative."""
    return np.tanh(softplus(z)) + z * sech2(softplus(z)) * expit(z)


def elu(z):
    """Return the exponential linear unit."""
    return np.where(z > 0.0, z, np.expm1(np.minimum(z, 0.0)))


def elu_derivative(z):
    """Return its derivative."""
    return np.exp(np.minimum(z, 0.0))


def selu(z):
    """Return the scaled exponential linear unit."""
    return _SCALE * np.where(z > 0.0, z, _ALPHA * np.expm1(np.minimum(z, 0.0)))


def selu_derivative(z):
    """Return its derivative."""
    return _SCALE * np.where(z > 0.0, 1.0, _ALPHA * np.exp(np.minimum(z, 0.0)))


def softsign(z):
    """Return ``z / (1 + abs(z))``."""
    return z / (1.0 + np.abs(z))


def softsign_derivative(z):
    """Return its derivative."""
    return 1.0 / (1.0 + np.abs(z)) ** 2


def hard_tanh(z):
    """Return `z`, clipped to the interval from -1 to 1."""
    return np.clip(z, -1.0, 1.0)


def hard_tanh_derivative(z):
    """Return its derivative."""
    return (np.abs(z) < 1.0).astype(np.float64)


def relu6(z):
    """Return `z`, clipped to the interval from 0 to 6."""
    return np.clip(z, 0.0, 6.0)


def relu6_derivative(z):
    """Return its derivative."""
    return ((z > 0.0) & (z < 6.0)).astype(np.float64)


def hard_sigmoid(z):
    """Return ``z / 6 + 1 / 2``, clipped to the interval from 0 to 1."""
    return np.clip(z / 6.0 + 0.5, 0.0, 1.0)


def hard_sigmoid_derivative(z):
    """Return its derivative."""
    return (np.abs(z) < 3.0) / 6.0


def hard_swish(z):
    """Return `z` times its hard sigmoid."""
    return z * hard_sigmoid(z)


def hard_swish_derivative(z):
    """Return its derivative."""
    return np.where(np.abs(z) < 3.0, z / 3.0 + 0.5, (z >= 3.0).astype(np.float64))


def relu2(z):
    """Return the square of the positive part."""
    return np.maximum(z, 0.0) ** 2


def relu2_derivative(z):
    """Return its derivative."""
    return 2.0 * np.maximum(z, 0.0)


def polynomial(z, *coefficients):
    """Return a polynomial, whose coefficients begin with the constant."""
    return np.polynomial.polynomial.polyval(z, coefficients)


def polynomial_derivative(z, *coefficients):
    """Return its derivative."""
    return np.polynomial.polynomial.polyval(
        z, np.polynomial.polynomial.polyder(coefficients)
    )


_TABLE = (
    ("tanh", np.tanh, sech2, (), "LeCun et al., Efficient BackProp, 1998"),
    ("sigmoid", expit, sigmoid_derivative, (), "the logistic function"),
    ("silu", silu, silu_derivative, (), "Elfwing et al., Neural Networks, 2018"),
    ("softplus", softplus, expit, (), "Dugas et al., NIPS 2000"),
    ("mish", mish, mish_derivative, (), "Misra, Mish, BMVC 2020"),
    ("elu", elu, elu_derivative, (0.0,), "Clevert et al., ELU, ICLR 2016"),
    ("selu", selu, selu_derivative, (0.0,), "Klambauer et al., SNN, NIPS 2017"),
    ("softsign", softsign, softsign_derivative, (0.0,), "Bergstra et al., 2009"),
    ("hard_tanh", hard_tanh, hard_tanh_derivative, (-1.0, 1.0), "Collobert, 2004"),
    (
        "hard_sigmoid",
        hard_sigmoid,
        hard_sigmoid_derivative,
        (-3.0, 3.0),
        "Courbariaux et al., BinaryConnect, 2015",
    ),
    (
        "hard_swish",
        hard_swish,
        hard_swish_derivative,
        (-3.0, 3.0),
        "Howard et al., 2019",
    ),
    ("relu6", relu6, relu6_derivative, (0.0, 6.0), "Krizhevsky, CIFAR-10, 2010"),
    ("relu2", relu2, relu2_derivative, (0.0,), "So et al., Primer, NeurIPS 2021"),
)

ACTIVATIONS = (
    *(
        Activation(name, ANY, phi, slope, kinks=kinks, reference=reference)
        for name, phi, slope, kinks, reference in _TABLE
    ),
    Activation(
        "polynomial",
        ANY,
        polynomial,
        polynomial_derivative,
        arguments=(0.0, 1.0),
        argument_name="coefficients",
        reference="coefficients from the constant on",
    ),
)
