"""The duals of activations for arrays of pairs, in the functions of any array library.

They are the formulas of the jitted families, written for whole arrays. Of each pair of
inputs there are its `Deficits`, and the statistics that `prepare` gives each of both:
lists of arrays of shape ``(m, 1)`` and ``(1, k)``. A family has

``dual(xp, parameters, pairs, s_i, s_j)``
    Return the deficits of the images, and ``D = E[phi'(u) phi'(v)]``.
``pullback(xp, parameters, pairs, sides, bars)``
    Return what the jitted `pullback` writes; ``s_i, s_j = sides``. Zero stands for
    arrays of zeros.
"""

from __future__ import annotations

import math

from . import _erf, _gaussian, _gelu, _rectified, _step, _trigonometric
from ._array_pairs import (
    Deficits,
    acute_angle,
    angles,
    deficits_of,
    over_sine,
    sine,
    whole_angle,
)

# -- rectifiers -----------------------------------------------------------------------


def _rectified_dual(xp, parameters, pairs, _i, _j):
    r, h, c = parameters[0], parameters[1], parameters[2]
    d, sign = pairs
    lens, cosine = sine(xp, d), 1.0 - d
    acute = xp.atan2(lens, cosine)
    lens -= cosine * acute
    lens *= r
    derivative = whole_angle(xp, pairs, acute)
    derivative *= -h * r
    derivative += h
    if sign is None or c == 1.0:
        # What images lack of one, if those of opposite inputs are orthogonal: of these,
        # one stands in place of the deficit.
        if sign is None:
            near = d - lens
        else:
            near = sign * cosine
            near -= cosine
            near *= -0.5
            near += d
            near -= lens
        return Deficits(xp.clip(near, 0.0, None)), derivative
    negative, near = sign < 0.0, xp.clip(d - lens, 0.0, None)
    upper = (c - 1.0) * d
    upper -= lens
    upper += 2.0 - c
    if c > 1.0:  # images of opposite inputs are never opposite
        return Deficits(xp.where(negative, upper, near)), derivative
    flipped = negative & ((c - 1.0) * (1.0 - d) + lens < 0.0)
    lower = c + (1.0 - c) * d + lens
    size = xp.where(flipped, lower, xp.where(negative, upper, near))
    return Deficits(size, 1.0 - 2.0 * xp.astype(flipped, d.dtype)), derivative


def _rectified_pullback(xp, parameters, pairs, _sides, bars):
    r_bar, d_bar = bars
    r, h = parameters[0], parameters[1]
    _, theta = angles(xp, pairs)
    return r_bar * (1.0 - r * theta) + over_sine(xp, pairs.size, h * r * d_bar), 0, 0


# -- what erf, gelu and the Gaussian share --------------------------------------------


def _shrinkage(k_i, k_j, l_i, l_j):
    """Return ``1 - k_i k_j``, as ``k^2 + l^2 = 1``, with digits of its own."""
    half = 0.5**0.5
    found = half * k_i - half * k_j
    found *= found
    found += (0.5 * l_i) * l_i
    found += (0.5 * l_j) * l_j
    return found


def _shrunk(d, k_i, k_j, l_i, l_j):
    """Return the deficit of ``k_i k_j (1 - d)``; rounding may leave more than one."""
    found = k_i * k_j
    found *= d
    found += _shrinkage(k_i, k_j, l_i, l_j)
    return found


def _arcs(xp, r, e):
    """Return arcsine and arccosine of r in [0, 1], whose deficit is e."""
    turn = acute_angle(xp, e)
    arc = xp.where(e < 0.5, 0.5 * math.pi - turn, xp.asin(xp.clip(r, 0.0, 1.0)))
    return arc, turn


# -- erf ------------------------------------------------------------------------------


def _erf_dual(xp, _parameters, pairs, s_i, s_j):
    d, r = pairs.size, 1.0 - pairs.size
    r *= s_i[0]
    r *= s_j[0]
    root = sine(xp, _shrunk(d, s_i[0], s_j[0], s_i[1], s_j[1]))
    arc = xp.atan2(r, root)
    arc *= (2.0 / math.pi) * s_i[2]
    arc *= s_j[2]
    derivative = ((4.0 / math.pi) * s_i[1]) * s_j[1]
    derivative /= root
    return Deficits(xp.clip(1.0 - arc, 0.0, None), pairs.sign), derivative


def _erf_pullback(xp, _parameters, pairs, sides, bars):
    r_bar, d_bar = bars
    (k_i, l_i, m_i, x_i), (k_j, l_j, m_j, x_j) = (s[:4] for s in sides)
    d, k_k = pairs.size, k_i * k_j
    e = _shrunk(d, k_i, k_j, l_i, l_j)
    r = k_k * (1.0 - d)
    arc, _ = _arcs(xp, r, e)
    r, arc = pairs.signed(r), pairs.signed(arc)
    e2 = e * (2.0 - e)
    scale = (2.0 / math.pi) * (m_i * m_j)
    steep = scale / xp.sqrt(e2)
    D = (4.0 / math.pi) * (l_i * l_j) / xp.sqrt(e2)
    rho_out = k_k * (r_bar * steep + d_bar * D * r / e2)
    by_r = 0.5 * (r_bar * steep * r + d_bar * D * r * r / e2)
    a = 0.5 * r_bar * scale * arc
    first = by_r * l_i**2 - 0.5 * d_bar * D * k_i**2 - a * (1.0 + x_i)
    second = by_r * l_j**2 - 0.5 * d_bar * D * k_j**2 - a * (1.0 + x_j)
    return rho_out, 0.5 * (first + second), 0.5 * (first - second)


# -- gelu -----------------------------------------------------------------------------


def _gelu_dual(xp, _parameters, pairs, s_i, s_j):
    d = pairs.size
    k_k, l2_i, l2_j = s_i[0] * s_j[0], s_i[1] ** 2, s_j[1] ** 2
    e = _shrunk(d, s_i[0], s_j[0], s_i[1], s_j[1])
    s, rho, both = sine(xp, e), 1.0 - d, l2_i + l2_j
    turn, r, w2_over_s = xp.atan2(s, 1.0 - e), k_k * rho, (l2_i * l2_j) / s
    arc = 0.5 * math.pi - turn
    derivative = w2_over_s / s
    derivative += both
    derivative *= r
    derivative /= s
    derivative += arc
    derivative = pairs.signed(derivative)
    derivative *= 0.5 / math.pi
    derivative += 0.25
    # The image, of which half a linear unit is a part.
    arc *= rho
    a = rho * rho
    a *= w2_over_s
    a += s
    a *= k_k
    a += arc
    a *= 1.0 / math.pi
    a += pairs.signed(0.5 * rho)
    k_k *= s_i[4]
    k_k *= s_j[4]
    a *= k_k
    by_value = deficits_of(xp, a)
    if float(xp.min(e)) >= 0.5:
        return by_value, derivative
    is_close = e < 0.5
    if pairs.sign is not None:
        is_close = is_close & (pairs.sign > 0.0)
    # What it lacks of one, of pairs close to each other: the deficit of the inputs,
    # less a bulge, less what differs between their lengths.
    turn *= r
    both -= 1.0
    both *= s
    turn += both
    turn -= w2_over_s
    turn *= 1.0 / math.pi
    turn += e
    turn -= _shrinkage(s_i[2], s_j[2], s_i[3], s_j[3])
    turn *= s_i[4]
    turn *= s_j[4]
    size = xp.where(is_close, xp.clip(turn, 0.0, None), by_value.size)
    return Deficits(size, by_value.sign), derivative


def _gelu_pullback(xp, _parameters, pairs, sides, bars):
    r_bar, d_bar = bars
    s_i, s_j = sides
    k_i, l_i, h_i, x_i = s_i[0], s_i[1], s_i[4], s_i[5]
    k_j, l_j, h_j, x_j = s_j[0], s_j[1], s_j[4], s_j[5]
    d, k_k, k2_i, k2_j = pairs.size, k_i * k_j, k_i**2, k_j**2
    l2_i, l2_j = l_i**2, l_j**2
    e = _shrunk(d, k_i, k_j, l_i, l_j)
    arc, _ = _arcs(xp, k_k * (1.0 - d), e)
    rho, arc = pairs.correlations(), pairs.signed(arc)
    r, s2, w2 = k_k * rho, e * (2.0 - e), l2_i * l2_j
    s = xp.sqrt(s2)
    tail = w2 / s2
    D = 0.25 + (arc + r / s * (tail + l2_i + l2_j)) / (2.0 * math.pi)
    slope = (1.0 + (l2_i + l2_j) / s2 + tail / s2 * (1.0 + 2.0 * r * r)) / s
    d_hat = d_bar / (2.0 * math.pi)
    a_hat = r_bar * k_k * (h_i * h_j) / math.pi
    rho_out = 2.0 * math.pi * a_hat * D + d_hat * k_k * slope
    a = rho * arc + k_k * (s + rho * rho * w2 / s) + 0.5 * math.pi * rho
    bend = (rho * rho * (1.0 + tail - 2.0 * k_k * k_k) + 1.0) * (0.5 * k_k / s)
    cut = k_k * rho * rho / s
    first = a_hat * (l2_i * (bend - cut * l2_j * k2_i) - 0.5 * a * x_i)
    second = a_hat * (l2_j * (bend - cut * l2_i * k2_j) - 0.5 * a * x_j)
    first = first + d_hat * l2_i * r * (0.5 * slope - k2_i / s * (l2_j / s2 + 1.0))
    second = second + d_hat * l2_j * r * (0.5 * slope - k2_j / s * (l2_i / s2 + 1.0))
    return rho_out, 0.5 * (first + second), 0.5 * (first - second)


# -- the Gaussian ---------------------------------------------------------------------


def _gaussian_dual(xp, parameters, pairs, s_i, s_j):
    rho = pairs.correlations()
    e = _shrunk(pairs.size, s_i[0], s_j[0], s_i[1], s_j[1])
    e = e * (2.0 - e)
    w = s_i[1] * s_j[1]
    a = w / xp.sqrt(e)
    derivative = (2.0 * parameters[0]) * rho * (s_i[0] * s_j[0]) * w * a / e
    return deficits_of(xp, a * (s_i[2] * s_j[2])), derivative


def _gaussian_pullback(xp, parameters, pairs, sides, bars):
    r_bar, d_bar = bars
    (k_i, l_i, m_i, x_i), (k_j, l_j, m_j, x_j) = (s[:4] for s in sides)
    e = _shrunk(pairs.size, k_i, k_j, l_i, l_j)
    e = e * (2.0 - e)
    k_k, w = k_i * k_j, l_i * l_j
    r = pairs.correlations() * k_k
    a = w / xp.sqrt(e)
    a_hat, d_hat = r_bar * a * (m_i * m_j), d_bar * (2.0 * parameters[0]) * w * a / e
    curve = 1.0 + 3.0 * r * r / e
    rho_out = k_k * (a_hat * r / e + d_hat * curve)
    d_hat = d_hat * r
    by_k = 0.5 * (a_hat * r * r / e + d_hat * curve)
    by_l = 0.5 * a_hat + d_hat
    first = by_k * l_i**2 - by_l * k_i**2 - 0.5 * a_hat * (1.0 + x_i)
    second = by_k * l_j**2 - by_l * k_j**2 - 0.5 * a_hat * (1.0 + x_j)
    return rho_out, 0.5 * (first + second), 0.5 * (first - second)


# -- waves ----------------------------------------------------------------------------


def _waves(xp, parameters, pairs, s_i, s_j):
    """Return the larger wave, what the smaller one lacks of it, and half squares."""
    exponent, d, g = parameters[4], pairs.size, s_i[0] * s_j[0]
    difference = (s_i[0] - s_j[0]) + (s_i[1] - s_j[1])
    apart = 0.5 * difference * difference
    wave = xp.exp(-exponent * (apart + g * d))
    gap = -xp.expm1((-2.0 * exponent) * g * (1.0 - d))
    return wave, gap, apart, difference, g


def _of_sign(xp, pairs, if_negative, otherwise):
    """Return one of two numbers for each pair."""
    if pairs.sign is None:
        return otherwise
    return xp.where(pairs.negative, if_negative, xp.full_like(pairs.size, otherwise))


def _wave_dual(xp, parameters, pairs, s_i, s_j):
    a_near, a_far, d_near, d_far, _ = parameters[:5]
    wave, gap, *_ = _waves(xp, parameters, pairs, s_i, s_j)
    derivative = wave * (d_near + d_far - _of_sign(xp, pairs, d_near, d_far) * gap)
    a = wave * (a_near + a_far - _of_sign(xp, pairs, a_near, a_far) * gap)
    return deficits_of(xp, a * (s_i[2] * s_j[2])), derivative


def _wave_pullback(xp, parameters, pairs, sides, bars):
    r_bar, d_bar = bars
    a_near, a_far, d_near, d_far, exponent = parameters[:5]
    (n_i, _, m_i, x_i), (n_j, _, m_j, x_j) = (s[:4] for s in sides)
    wave, gap, apart, difference, g = _waves(xp, parameters, pairs, *sides)
    d, r_hat = pairs.size, r_bar * (m_i * m_j)
    large, small = r_hat * a_near + d_bar * d_near, r_hat * a_far + d_bar * d_far
    negative = pairs.negative
    if negative is not None:
        large, small = (
            xp.where(negative, small, large),
            xp.where(negative, large, small),
        )
    both, lost = wave * (large + small), wave * small * gap
    slope = exponent * g * (both - lost - 2.0 * (wave * small - lost))
    image = a_near + a_far - _of_sign(xp, pairs, a_near, a_far) * gap
    image = r_hat * wave * image
    lengths = apart * (both - lost)
    angles = g * (d * wave * large + (2.0 - d) * (wave * small - lost))
    mean = -0.5 * exponent * (lengths + angles) - 0.25 * image * (2.0 + x_i + x_j)
    half = (-0.25 * exponent) * difference * (n_i + n_j) * (both - lost)
    return pairs.signed(slope), mean, half - 0.25 * image * (x_i - x_j)


# -- jumps ----------------------------------------------------------------------------


def _step_dual(xp, parameters, pairs, _i, _j):
    d, sign = pairs
    near, odd = (parameters[0] / math.pi) * acute_angle(xp, d), parameters[0] == 2.0
    derivative = xp.zeros_like(d)
    if sign is None or odd:
        return Deficits(near, sign), derivative
    return Deficits(xp.where(sign < 0.0, 1.0 - near, near)), derivative


def _step_pullback(xp, parameters, pairs, _sides, bars):
    return over_sine(xp, pairs.size, bars[0] * (parameters[0] / math.pi)), 0, 0


DUALS = {
    _rectified.CODE: _rectified_dual,
    _erf.CODE: _erf_dual,
    _gelu.CODE: _gelu_dual,
    _gaussian.CODE: _gaussian_dual,
    _trigonometric.CODE: _wave_dual,
    _step.CODE: _step_dual,
}
PULLBACKS = {
    _rectified.CODE: _rectified_pullback,
    _erf.CODE: _erf_pullback,
    _gelu.CODE: _gelu_pullback,
    _gaussian.CODE: _gaussian_pullback,
    _trigonometric.CODE: _wave_pullback,
    _step.CODE: _step_pullback,
}
