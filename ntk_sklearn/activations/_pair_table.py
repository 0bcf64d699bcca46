"""The array of an activation: Hermite coefficients at many variances.

The variances lie evenly on a logarithmic scale, and compiled code interpolates between
eight of them. The array begins with the logarithm of its first variance, how many
variances there are to a unit of the logarithm, how many variances, how many blocks of
sixteen coefficients, the place of the table of the function (see `_table`), and the
function and its derivative at zero. For each variance follow ``E[phi^2]``,
``E[phi'^2]`` and ``E[u phi phi']``, what each number of blocks leaves of
``E[phi'^2]``, and the coefficients, those of one more block included, which derivatives
read.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._hermite import BLOCK, SPREAD, TOLERANCE, coefficients_at
from ._table import both, reach

# Variances of the array: between these, so many to a unit of the logarithm.
LEAST, MOST, PER_UNIT = 1e-9, 1e5, 50
# Coefficients of each variance, at most.
_MOST_ORDERS = 496
# Numbers before those of the first variance, and before the coefficients of each.
HEAD, FACTS = 7, 3
# Variances that one interpolation reads: so many on either side of its place.
_REACH = 4


def pair_table(activation: Activation) -> np.ndarray:
    """Return the array of an activation; remembered, if the activation can be."""
    try:
        return _cached_table(activation)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _build(activation.parameters)


@lru_cache(maxsize=16)
def _cached_table(activation: Activation) -> np.ndarray:
    table = _build(activation.parameters)
    table.flags.writeable = False
    return table


def _build(panels: np.ndarray) -> np.ndarray:
    """Return the array of a function that is given by its panels."""
    largest = min(MOST, (reach(panels) / SPREAD) ** 2)
    first = math.log(LEAST) - _REACH / PER_UNIT
    count = max(int((math.log(largest) - first) * PER_UNIT), 0)
    logs = first + np.arange(count) / PER_UNIT
    facts, coefficients, tails = coefficients_at(panels, logs, _MOST_ORDERS + BLOCK)
    # Where the function vanishes, or is too large, there is no series.
    fine = np.isfinite(coefficients).all(axis=1)
    start = count - int(np.argmin(fine[::-1])) if not fine.all() else 0
    facts, coefficients, tails = facts[start:], coefficients[start:], tails[start:]
    enough = (tails <= TOLERANCE).all(axis=0)
    blocks = int(np.argmax(enough)) + 1 if enough.any() else _MOST_ORDERS // BLOCK
    blocks = min(blocks, _MOST_ORDERS // BLOCK)
    rows = np.hstack(
        [facts, tails[:, :blocks], coefficients[:, : BLOCK * (blocks + 1)]]
    )
    # A rounding at zero would be a variance of its own in the next layer.
    at_zero = [
        float(part[0]) if abs(part[0]) > 1e-15 * np.abs(part).max() else 0.0
        for part in both(panels, np.array([0.0, -1.0, 1.0]))
    ]
    head = [first + start / PER_UNIT, PER_UNIT, len(rows), blocks, 0.0, *at_zero]
    head[4] = len(head) + rows.size
    return np.concatenate([head, rows.ravel(), panels])


@jit
def row_size(p):
    """Return how many numbers there are for each variance."""
    blocks = int(p[3])
    return FACTS + blocks + 16 * (blocks + 1)


@jit
def find_place(p, n, weights):
    """Write the weights of eight variances; return the place of the first of them.

    It is -1 if the root of a variance, `n`, is beyond the array.
    """
    if not n > 0.0:
        return -1
    x = (2.0 * math.log(n) - p[0]) * p[1]
    below = math.floor(x)
    if not 3.0 <= below <= p[2] - 5.0:
        return -1
    t = x - below
    # Lagrange's polynomials at -3, -2, ..., 4.
    a, b, c, d = t + 3.0, t + 2.0, t + 1.0, t
    e, f, g, h = t - 1.0, t - 2.0, t - 3.0, t - 4.0
    abcd, efgh = (a * b) * (c * d), (e * f) * (g * h)
    weights[0] = (b * c * d) * efgh / -5040.0
    weights[1] = (a * c * d) * efgh / 720.0
    weights[2] = (a * b * d) * efgh / -240.0
    weights[3] = (a * b * c) * efgh / 144.0
    weights[4] = abcd * (f * g * h) / -144.0
    weights[5] = abcd * (e * g * h) / 240.0
    weights[6] = abcd * (e * f * h) / -720.0
    weights[7] = abcd * (e * f * g) / 5040.0
    return HEAD + (int(below) - 3) * row_size(p)


@jit
def looked_up(p, first, weights, offset):
    """Return one number of each row, interpolated."""
    size = row_size(p)
    found = 0.0
    for r in range(8):
        found += weights[r] * p[first + r * size + offset]
    return found


@jit
def write_block(p, first, weights, block, out):
    """Write sixteen coefficients, interpolated."""
    size = row_size(p)
    at = first + FACTS + int(p[3]) + 16 * block
    c0, c1 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c2, c3 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c4, c5 = p[at : at + 16], p[at + size : at + size + 16]
    at += 2 * size
    c6, c7 = p[at : at + 16], p[at + size : at + size + 16]
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    w4, w5, w6, w7 = weights[4], weights[5], weights[6], weights[7]
    for k in range(16):
        low = (w0 * c0[k] + w1 * c1[k]) + (w2 * c2[k] + w3 * c3[k])
        out[k] = low + ((w4 * c4[k] + w5 * c5[k]) + (w6 * c6[k] + w7 * c7[k]))


@jit
def tail_at(p, first, block):
    """Return the larger of the tails of both variances beside a place."""
    size = row_size(p)
    at = first + 3 * size + FACTS + block
    return max(p[at], p[at + size])
