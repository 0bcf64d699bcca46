"""Arithmetic that keeps what rounding leaves, where digits would cancel otherwise.

The product of two floats is a float and its error, which is one too (Dekker 1971). With
it, the difference of two nearly parallel rows is known to its own digits, and a length
to twice as many as a float has.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, jit_exact

# Lengths below this need no more digits; squares of those above the other overflow.
LONG, TOO_LONG = 30.0, 1e140
# Of a square, less a part of it that is known to rounding, this share is rounding.
ROUNDED = 1e-14


class Rows(NamedTuple):
    """Rows as they are compared; columns that are ranks are not among theirs."""

    Y: np.ndarray
    scale: np.ndarray
    bias: float  # a coordinate of every row, beside those of the scaled columns
    exact: bool  # whether the difference of two rows needs all digits


@jit_exact
def product(a, b):
    """Return ``a * b`` and the error of its rounding."""
    p = a * b
    t = 134217729.0 * a  # 2^27 + 1: the upper half of the digits
    a_high = t - (t - a)
    t = 134217729.0 * b
    b_high = t - (t - b)
    a_low, b_low = a - a_high, b - b_high
    low = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low
    return p, low


@jit_exact
def residual(a, b, c):
    """Return ``b - c * a``, to its own digits."""
    p, low = product(c, a)
    return (b - p) - low


@jit_exact
def _accumulate(high, low, a):
    """Return the unevaluated sum of `high`, `low` and `a`."""
    s = high + a
    t = s - high
    return s, low + ((high - (s - t)) + (a - t))


@jit_exact
def norm_tails(X, scale, bias, ranks, norms, out):
    """Write what the true length of each row has beyond its norm, if that is long."""
    for i in range(X.shape[0]):
        out[i] = 0.0
        if not LONG < norms[i] < TOO_LONG:
            continue
        p, low = product(norms[i], norms[i])
        high, low = -p, -low
        high, low = _accumulate(high, low, bias * bias)
        high, low = _accumulate(high, low, ranks[i])
        for k in range(scale.size):
            z, z_low = product(X[i, k], scale[k])
            p, p_low = product(z, z)
            high, low = _accumulate(high, low, p)
            low += p_low + 2.0 * z * z_low
        out[i] = (high + low) / (2.0 * norms[i])


@jit
def compare(x, rows, k, rho, lengths):
    """Return how the shorter of row x and row k of Y differs from a multiple.

    With a the longer row, b the other, and c the multiple that their correlation says,
    these are: the square of ``b - c a``, over that of b; its product with a, over both
    lengths, which is only what rounding leaves; and c. See `Rows`.
    """
    Y, scale, bias, exact = rows
    first = lengths[0] >= lengths[1]
    n_a, n_b = (lengths[0], lengths[1]) if first else (lengths[1], lengths[0])
    c, one_a, one_b = rho * (n_b / n_a), 1.0 / n_a, 1.0 / n_b
    w, u = (1.0 - c) * bias * one_b, bias * one_a
    across, along = w * w, w * u
    for f in range(scale.size):
        z_a, z_b = (x[f], Y[k, f]) if first else (Y[k, f], x[f])
        w = (residual(z_a, z_b, c) if exact else z_b - c * z_a) * (scale[f] * one_b)
        across += w * w
        along += w * (z_a * (scale[f] * one_a))
    return across, along, c


@jit_exact
def deficit(across, along):
    """Return ``1 - cos(t)`` of an acute angle t, from what `compare` says."""
    sine2 = across - along * along
    if sine2 < ROUNDED * across:  # the rows are multiples of each other
        return 0.0
    return sine2 / (1.0 + math.sqrt(1.0 - sine2))


@jit_exact
def signed(d, rho, least=1e-36):
    """Return the signed deficit; never minus zero, as its sign must be seen.

    In its place is the negative of `least`: a root is taken of it in each layer whose
    units jump. The default is a number that single precision has too.
    """
    return -max(d, least) if rho < 0.0 else d


def balance(scale):
    """Return powers of two for the rows, and the scale that is left for their columns.

    A row times a power of two is exact, and then all products are of moderate factors.
    """
    left, exponent = np.frexp(scale)
    return np.ldexp(1.0, exponent), left
