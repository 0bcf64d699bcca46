"""The profile lane: a network of any depth as one function of one variable.

If the activation is positively homogeneous and no hidden layer has a bias, then
``K_ij = n_i n_j k(t) + constant`` with t the angle between the inputs (each with its
bias coordinate) and n their lengths. However deep the network, k is an analytic
function of t on the whole of [0, pi], its nearest singularity about ``3 pi / depth``
below zero. In ``tau = tan(t / 4)`` and

    x = ((1 + 2 a / top) tau - a) / (tau + a),        0 <= tau <= top,

which runs from -1 to 1 and moves that singularity away, a polynomial of degree 24 to 48
is exact to rounding. It is found anew for every network, from the recursion itself,
and used only if its error, measured between the nodes, is rounding too.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from .._jit import jit
from ._network import Layers, Network, Walk, _walk
from ._recursion import to_deficits, weighted_row

# Nodes of the interpolation; more than the largest degree, so that what the
# coefficients beyond the degree add up to bounds the truncation error.
NODES = 80
# Coefficients come in blocks, one pass over a row in first-level cache for each.
BLOCK = 8
LARGEST_DEGREE = 47
# Relative to k(0): what truncation may cost, and what all errors together may.
TRUNCATION = 4e-15
TOLERANCE = 3e-14


@dataclass(frozen=True)
class Profile:
    """The function k of a network, ready to evaluate.

    Attributes
    ----------
    coefficients : ndarray of shape (degree + 1,)
        Of the powers of x, highest first; their number is a multiple of `BLOCK`.
    a : float
        Where the singularity is moved from.
    top : float
        The largest tau: 1, or tan(pi/8) if `even`.
    even : bool
        Whether k takes the same value at t and pi - t, as abs makes it.
    constant : float
        Added to every entry: the read-out's bias.
    """

    coefficients: np.ndarray
    a: float
    top: float
    even: bool
    constant: float

    def finish(self, n_x, i0, n_y, j0, lower, u, v, repair_below, tile) -> None:
        """Turn a tile of correlations into a tile of the kernel, in place."""
        slope = 1.0 + 2.0 * self.a / self.top
        _profile_tile(
            self.coefficients,
            self.a,
            slope,
            self.even,
            self.constant,
            n_x[i0:],
            n_y[j0:],
            lower,
            u,
            v,
            repair_below,
            tile,
        )


@jit
def to_variable(eta, a, slope, even, x):
    """Write the polynomial's variable of each signed deficit."""
    for k in range(eta.size):
        d = abs(eta[k])
        near, far = math.sqrt(0.5 * d), math.sqrt(1.0 - 0.5 * d)
        swap = eta[k] < 0.0 and not even
        sine = far if swap else near  # of t / 2
        cosine = near if swap else far
        b = a * (1.0 + cosine)
        x[k] = (slope * sine - b) / (sine + b)


@jit
def polynomial(c, x, p):
    """Horner's rule for a row, in blocks of eight coefficients held in registers."""
    a0, a1, a2, a3, a4, a5, a6, a7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    for k in range(x.size):
        z = x[k]
        q = (((a0 * z + a1) * z + a2) * z + a3) * z + a4
        p[k] = ((q * z + a5) * z + a6) * z + a7
    for b in range(8, c.size, 8):
        a0, a1, a2, a3 = c[b], c[b + 1], c[b + 2], c[b + 3]
        a4, a5, a6, a7 = c[b + 4], c[b + 5], c[b + 6], c[b + 7]
        for k in range(x.size):
            z = x[k]
            q = (((p[k] * z + a0) * z + a1) * z + a2) * z + a3
            p[k] = (((q * z + a4) * z + a5) * z + a6) * z + a7


@jit
def _profile_tile(
    c, a, slope, even, constant, n_x, n_y, lower, u, v, repair_below, tile
):
    x = np.empty(tile.shape[1], dtype=tile.dtype)
    for r in range(tile.shape[0]):
        m = r + 1 if lower else tile.shape[1]
        row = tile[r][:m]
        to_deficits(row, u[r], v, repair_below)
        to_variable(row, a, slope, even, x[:m])
        polynomial(c, x[:m], row)
        n_i = n_x[r]
        for k in range(m):
            row[k] = n_i * n_y[k] * row[k] + constant


def profile_of(network: Network) -> Profile | None:
    """Return the network's profile, or None if it has none to rounding."""
    layers = network.layers
    hidden_bias = layers.bias_variance[1:-1].any()
    split_bias = layers.weights[0] != layers.bias_weights[0] and network.first_bias > 0
    if not network.homogeneous or hidden_bias or split_bias:
        return None
    constant = layers.bias_weights[-1] * layers.bias_variance[-1]
    layers = layers._replace(
        bias_variance=np.zeros_like(layers.bias_variance), bias_weights=layers.weights
    )
    # With r = (1 - slope)^2 / (pi (1 + slope^2)): abs has 2 / pi, the largest value.
    even = bool(layers.parameters[2] == 2.0)
    top = math.tan(math.pi / 8) if even else 1.0
    a = min(2.0, (7.0 if even else 17.0) / network.depth)
    nodes, between, to_chebyshev = _nodes()
    size = _kernel(layers, np.zeros(1))[0]
    values = _kernel(layers, _deficits(nodes, a, top))
    if not (size > 0 and np.isfinite(values).all()):
        return None
    coefficients = to_chebyshev @ values
    beyond = np.flatnonzero(np.abs(coefficients) > TRUNCATION * size)
    degree = beyond[-1] if beyond.size else 0
    if degree > LARGEST_DEGREE:
        return None
    powers = _to_powers(degree) @ coefficients[: degree + 1]
    padded = np.zeros(-(-powers.size // BLOCK) * BLOCK)
    padded[padded.size - powers.size :] = powers[::-1]
    profile = Profile(padded, a, top, even, constant)
    eta = _deficits(between, a, top)
    x, found = np.empty_like(eta), np.empty_like(eta)
    to_variable(eta, a, 1.0 + 2.0 * a / top, even, x)
    polynomial(padded, x, found)
    error = np.abs(found - _kernel(layers, eta)).max()
    return profile if error <= TOLERANCE * size else None


def _kernel(layers: Layers, eta: np.ndarray) -> np.ndarray:
    """Return the kernel of pairs of unit inputs, by the recursion."""
    depth, m = layers.weights.size - 1, eta.size
    norms = np.ones((depth + 1, m))
    shrink, shift = np.ones_like(norms), np.zeros_like(norms)
    walked = Walk(norms, shrink, shift, np.zeros((depth, 1, 0)))
    _walk(layers, *walked)
    out = np.empty(m)
    weighted_row(layers, walked, 0, walked, 0, eta.copy(), np.empty(m), out)
    return out


def _deficits(x: np.ndarray, a: float, top: float) -> np.ndarray:
    """Return the signed deficit at each value of the polynomial's variable."""
    tau = np.minimum(a * (1.0 + x) / (1.0 + 2.0 * a / top - x), 1.0)
    near = np.sin(2.0 * np.arctan(tau)) ** 2
    far = np.sin(2.0 * np.arctan((1.0 - tau) / (1.0 + tau))) ** 2
    return np.where(near <= far, 2.0 * near, -2.0 * far)


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Chebyshev nodes, points between, and the map from values to coefficients.

    The angles are reduced in integers: their cosines must be right to rounding.
    """
    j = np.arange(NODES)
    turn = np.outer(j, 2 * j + 1) % (4 * NODES)
    cosines = np.cos(np.pi / (2 * NODES) * turn)
    to_chebyshev = 2.0 / NODES * cosines
    to_chebyshev[0] /= 2.0
    between = np.cos(np.pi / NODES * np.arange(NODES + 1))
    return cosines[1], between, to_chebyshev


@functools.cache
def _to_powers(degree: int) -> np.ndarray:
    """Return the coefficients of the Chebyshev polynomials: ``[power, degree]``.

    Exact: they are integers, and up to degree 55 below 2^53 or multiples of a power
    of two. The largest times the coefficient of its polynomial stays moderate, because
    that falls faster than these grow.
    """
    powers = np.zeros((degree + 1, degree + 1))
    powers[0, 0] = 1.0
    if degree:
        powers[1, 1] = 1.0
    for k in range(2, degree + 1):
        powers[1:, k] = 2.0 * powers[:-1, k - 1]
        powers[:, k] -= powers[:, k - 2]
    return powers
