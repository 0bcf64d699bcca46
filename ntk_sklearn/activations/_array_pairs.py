"""Pairs of inputs as arrays of any library: their deficits, angles and sines."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._utils.arrays import Array

# See `_deficit`.
_TINY = 1e-33


class Deficits(NamedTuple):
    """The correlations of pairs, by what their absolute values lack of one.

    Attributes
    ----------
    size : array
        ``1 - abs(rho)``.
    sign : array or None
        The signs of the correlations, floats that are one or minus one; None means that
        none is negative.
    """

    size: Array
    sign: Array | None = None

    @property
    def negative(self):
        """Whether each correlation is negative; None if none is."""
        return None if self.sign is None else self.sign < 0.0

    def signed(self, values):
        """Return values with the signs of the correlations."""
        return values if self.sign is None else self.sign * values

    def correlations(self):
        """Return the correlations themselves."""
        rho = 1.0 - self.size
        if self.sign is not None:
            rho *= self.sign  # several times as fast as where
        return rho


def signs_of(xp, values):
    """Return the signs of values: floats, none of them zero."""
    return xp.copysign(xp.ones_like(values), values)


def deficits_of(xp, rho):
    """Return the deficits of correlations that are known to rounding."""
    return Deficits(xp.clip(1.0 - xp.abs(rho), 0.0, None), signs_of(xp, rho))


def acute_angle(xp, size):
    """Return the acute angle whose cosine has a deficit: no digits are lost near 0."""
    return xp.atan2(sine(xp, size), 1.0 - size)


def sine(xp, size):
    """Return the sine of the angle whose cosine has a deficit."""
    square = 2.0 - size
    square *= size
    return xp.sqrt(square)


def angles(xp, pairs):
    """Return acute angles, and those of the pairs."""
    acute = acute_angle(xp, pairs.size)
    return acute, whole_angle(xp, pairs, acute)


def whole_angle(xp, pairs, acute):
    """Return the angles of pairs, whose acute ones are given."""
    if pairs.sign is None:
        return acute
    found = acute - 0.5 * math.pi
    found *= pairs.sign
    found += 0.5 * math.pi
    return found


def over_sine(xp, size, values):
    """Return values over the sines of angles; zero where inputs are one."""
    apart = size > _TINY
    return xp.where(apart, values / sine(xp, xp.where(apart, size, 1.0)), 0.0)
