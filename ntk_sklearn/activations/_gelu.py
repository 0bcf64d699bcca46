"""The Gaussian error linear unit, ``z Phi(z)`` (the exact one).

With the shrunk correlation ``r`` (see `_shrinkage`, c = 1), ``w = l_i l_j`` and
``s = sqrt(1 - r^2)``,

    A = q_ij / 4 + (q_ij asin(r) + w r^2 / s + n_i n_j k_i k_j s) / (2 pi)
    D = 1 / 4 + (asin(r) + r (w^2 / s^2 + l_i^2 + l_j^2) / s) / (2 pi).

For large variances this is a rectifier, and the deficit of the image has to be as exact
as the one that comes in. With ``r = cos(t)`` and, for positive r,

    B = sin(t) - t cos(t) - (l_i^2 + l_j^2) sin(t) + w^2 / sin(t),
    2 k_i k_j A / (n_i n_j) = 1 - (1 - r) + B / pi,

whose value for one input with itself is called kappa^2, and ``lambda^2 = 1 - kappa^2``:
the deficit is then a difference of small numbers.

Reference: Tsuchida, Pearce, van der Heide, Roosta and Gallagher, "Avoiding kernel fixed
points: computing with ELU and GELU infinite networks", AAAI 2021.
"""

import math

import numpy as np
from scipy.special import ndtr

from .._utils.jit import jit
from ._base import Activation
from ._deficit import arcs
from ._shrinkage import (
    inverse_root,
    remaining,
    shrink,
    shrinkage,
    shrunk_deficit,
    signed_deficit,
)

CODE = 2


@jit
def moments(parameters, q):
    """Return ``E[phi(z)^2]`` and ``E[phi'(z)^2]``."""
    l2 = 1.0 / (1.0 + q)
    r = q * l2
    s2 = (1.0 + 2.0 * q) * l2 * l2
    s = math.sqrt(s2)
    arc, _ = arcs(r, l2)
    a = 0.25 * q + (q * arc + r * r * l2 / s + q * r * s) / (2.0 * math.pi)
    d = 0.25 + (arc + r / s * (l2 * l2 / s2 + 2.0 * l2)) / (2.0 * math.pi)
    return a, d


@jit
def _bulge(r, t, s, l2_i, l2_j, w2_over_s):
    """Return B; `t` is the angle whose cosine is r, and s its sine."""
    return (s - t * r) - (l2_i + l2_j) * s + w2_over_s


@jit
def statistics(parameters, n, _tail, out):
    """Write k, l; the shrinkage of the image, likewise two; 1 / kappa; the excess."""
    q = n * n
    k, l = shrink(1.0, q)
    l2 = l * l
    r, s = q * l2, math.sqrt(1.0 + 2.0 * q) * l2
    second_moment, _ = moments(parameters, q)
    if q > 1.0:
        _, t = arcs(r, l2)
        bulge = _bulge(r, t, s, l2, l2, l2 * l2 / s) / math.pi
        lost = max(l2 - bulge, 0.0)
        kept = 1.0 - lost
    else:
        kept = 2.0 * second_moment * l2
        lost = 1.0 - kept
    out[0], out[1] = k, l
    out[2], out[3] = math.sqrt(kept), math.sqrt(lost)
    out[4] = inverse_root(kept)
    l2_over_s = l2 / s
    rise = r * l2 * (2.0 * s + l2_over_s * (l2_over_s / s - 2.0 * r))
    out[5] = rise / (2.0 * math.pi) * q / second_moment if q > 0.0 else 0.0


@jit
def dual(parameters, eta, derivative, s_i, i, s_j, j0):
    """Map deficits through the activation; see `_base`."""
    k_i, l_i, kappa_i, lambda_i, h_i = (
        s_i[0, i],
        s_i[1, i],
        s_i[2, i],
        s_i[3, i],
        s_i[4, i],
    )
    k_j, l_j, kappa_j, lambda_j = s_j[0][j0:], s_j[1][j0:], s_j[2][j0:], s_j[3][j0:]
    h_j = s_j[4][j0:]
    for k in range(eta.size):
        negative, d = eta[k] < 0.0, abs(eta[k])
        k_k, l2_i, l2_j = k_i * k_j[k], l_i * l_i, l_j[k] * l_j[k]
        e = shrunk_deficit(d, k_i, k_j[k], l_i, l_j[k])
        rho = 1.0 - d
        r = k_k * rho
        arc, t = arcs(r, e)
        s = math.sqrt(e * (2.0 - e))
        over_s = 1.0 / s
        w2_over_s = l2_i * l2_j * over_s
        D = arc + r * over_s * (w2_over_s * over_s + l2_i + l2_j)
        derivative[k] = 0.25 + (-D if negative else D) * (0.5 / math.pi)
        f = h_i * h_j[k]
        bulge = _bulge(r, t, s, l2_i, l2_j, w2_over_s) * (1.0 / math.pi)
        lost = shrinkage(kappa_i, kappa_j[k], lambda_i, lambda_j[k])
        close = max((e - bulge - lost) * f, 0.0)
        # Where r is small, so is all that the bulge is made of; but not their sum.
        a = (rho * arc + k_k * (s + rho * rho * w2_over_s)) * (1.0 / math.pi)
        a = k_k * f * (a - 0.5 * rho if negative else a + 0.5 * rho)
        eta[k] = close if e < 0.5 and not negative else signed_deficit(a)


@jit
def pullback(parameters, eta, stats, i, j0, bars, out):
    """Propagate gradients back through the activation; see `_base`."""
    r_bar, d_bar = bars
    rho_out, mean, half = out
    k_i, l_i, h_i, x_i = stats[0, i], stats[1, i], stats[4, i], stats[5, i]
    k_j, l_j, h_j, x_j = stats[0][j0:], stats[1][j0:], stats[4][j0:], stats[5][j0:]
    l2_i = l_i * l_i
    k2_i = k_i * k_i
    for k in range(eta.size):
        negative, d = eta[k] < 0.0, abs(eta[k])
        k_k, l2_j, k2_j = k_i * k_j[k], l_j[k] * l_j[k], k_j[k] * k_j[k]
        e = shrunk_deficit(d, k_i, k_j[k], l_i, l_j[k])
        rho = 1.0 - d
        arc, _ = arcs(k_k * rho, e)
        rho, arc = (-rho, -arc) if negative else (rho, arc)
        r, s2, w2 = k_k * rho, e * (2.0 - e), l2_i * l2_j
        s = math.sqrt(s2)
        tail = w2 / s2
        D = 0.25 + (arc + r / s * (tail + l2_i + l2_j)) / (2.0 * math.pi)
        # dD/dr at fixed variances, and what the variances add.
        slope = (1.0 + (l2_i + l2_j) / s2 + tail / s2 * (1.0 + 2.0 * r * r)) / s
        d_hat = d_bar[k] / (2.0 * math.pi)
        a_hat = r_bar[k] * k_k * h_i * h_j[k] / math.pi
        rho_out[k] = 2.0 * math.pi * a_hat * D + d_hat * k_k * slope
        a = rho * arc + k_k * (s + rho * rho * w2 / s) + 0.5 * math.pi * rho
        bend = rho * rho * (1.0 + tail - 2.0 * k_k * k_k) + 1.0
        bend *= 0.5 * k_k / s
        cut = k_k * rho * rho / s
        first = a_hat * (l2_i * (bend - cut * l2_j * k2_i) - 0.5 * a * x_i)
        second = a_hat * (l2_j * (bend - cut * l2_i * k2_j) - 0.5 * a * x_j[k])
        first += d_hat * l2_i * r * (0.5 * slope - k2_i / s * (l2_j / s2 + 1.0))
        second += d_hat * l2_j * r * (0.5 * slope - k2_j / s * (l2_i / s2 + 1.0))
        mean[k], half[k] = 0.5 * (first + second), 0.5 * (first - second)


@jit
def pair(parameters, b, n_i, o_i, n_j, o_j):
    """Return A and D of one pair; see `_pairs`."""
    a, c = n_i * n_i, n_j * n_j
    s2 = remaining(1.0, b, n_i, o_i, n_j, o_j)
    P, s = (1.0 + a) * (1.0 + c), math.sqrt(s2)
    arc = math.atan2(b, s)
    A = ((b * b + a * c * s2) / (P * s) + b * arc) / (2.0 * math.pi)
    D = (arc + b / s * (1.0 / s2 + (1.0 - a * c) / P + 1.0)) / (2.0 * math.pi)
    return 0.25 * b + A, 0.25 + D


@jit
def _by_variance(a, c, b, s2, P):
    """Return the derivatives of A and D in the variance a."""
    s = math.sqrt(s2)
    arc = -b / (2.0 * (1.0 + a) * s)
    F = (b * b + a * c * s2) / (P * s)
    F_a = (c * s2 + a * c * (1.0 + c)) / (P * s)
    F_a -= F * (1.0 / (1.0 + a) + (1.0 + c) / (2.0 * s2))
    m = (1.0 - a * c) / P + 1.0
    G = -0.5 * (1.0 + c) / s2 * (1.0 / s2 + m)
    G = b / s * (G - (1.0 + c) / (s2 * s2) - 1.0 / (1.0 + a) ** 2)
    return (F_a + b * arc) / (2.0 * math.pi), (arc + G) / (2.0 * math.pi)


@jit
def pair_slopes(parameters, b, n_i, o_i, n_j, o_j):
    """Return the derivatives of A and D of one pair; see `_pairs`."""
    a, c = n_i * n_i, n_j * n_j
    s2 = remaining(1.0, b, n_i, o_i, n_j, o_j)
    P, s = (1.0 + a) * (1.0 + c), math.sqrt(s2)
    A_a, D_a = _by_variance(a, c, b, s2, P)
    A_c, D_c = _by_variance(c, a, b, s2, P)
    m = (1.0 - a * c) / P + 1.0
    D_b = 1.0 + P / s2 * (1.0 / s2 + m) + 2.0 * b * b / (s2 * s2)
    return A_a, A_c, D_a, D_b / (s * 2.0 * math.pi), D_c


@jit
def mean(parameters, q):
    """Return ``E[phi(z)]`` and its derivative in the variance."""
    root = math.sqrt(2.0 * math.pi * (1.0 + q))
    return q / root, (1.0 + 0.5 * q) / ((1.0 + q) * root)


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
        n_statistics=6,
        reference="Tsuchida et al., Avoiding kernel fixed points, AAAI 2021",
    ),
)
