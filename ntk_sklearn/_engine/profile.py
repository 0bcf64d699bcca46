"""The profile lane: a network of any depth as one function of one variable.

If the activation is positively homogeneous and no hidden layer has a bias, then
``K_ij = n_i n_j k(t) + constant`` with t the angle between the inputs (each with its
bias coordinate) and n their lengths. However deep the network, k is an analytic
function of t on the whole of [0, pi], its nearest singularity about ``3 pi / depth``
below zero. In ``tau = tan(t / 4)`` and

    x = ((1 + 2 a / top) tau - a) / (tau + a),        0 <= tau <= top,

which runs from -1 to 1 and moves that singularity away, a polynomial of degree 24 to 47
is exact to rounding. It is found anew for every network, from the recursion itself,
and used only if its error, measured between the nodes, is rounding too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .network import Layers, Network
from .pairs import Pairs, to_deficits

# Finding a profile takes as long as the recursion needs for so many pair-layers.
PROFILE_WORK = 100_000
# Nodes of the interpolation; more than the largest degree, so that what the
# coefficients beyond the degree add up to bounds the truncation error.
NODES = 80
# Coefficients come in blocks, one pass over a row in first-level cache for each.
BLOCK = 8
LARGEST_DEGREE = 47


class Precision(NamedTuple):
    """The errors that a profile may have, relative to k(0)."""

    truncation: float  # what is left out of the polynomial
    tolerance: float  # all errors together


PRECISIONS = {
    np.dtype(np.float64): Precision(4e-15, 3e-14),
    np.dtype(np.float32): Precision(2e-8, 1e-6),
}
DOUBLE = np.dtype(np.float64)


class Variable(NamedTuple):
    """The polynomial's variable, as the jitted functions take it."""

    a: float
    slope: float
    even: bool


@dataclass(frozen=True)
class Profile:
    """The function k of a network, ready to evaluate in one precision.

    Attributes
    ----------
    coefficients : ndarray of shape (degree + 1,)
        Of the powers of x, highest first; their number is a multiple of `BLOCK`.
    variable : Variable
        The constants of x: a, ``1 + 2 a / top``, and whether k takes the same value
        at t and pi - t, as abs makes it, so that top is tan(pi/8) instead of 1.
    constant : float
        Added to every entry: the read-out's bias.
    """

    coefficients: np.ndarray
    variable: Variable
    constant: float

    @property
    def dtype(self) -> np.dtype:
        """The precision that it is evaluated in."""
        return self.coefficients.dtype

    def at(self, eta: np.ndarray) -> np.ndarray:
        """Return k of some signed deficits."""
        eta = eta.astype(self.dtype)
        x, p = np.empty_like(eta), np.empty_like(eta)
        evaluate(self.coefficients, self.variable, eta, x, p)
        return p

    def finish(
        self, lengths_x: np.ndarray, lengths_y: np.ndarray, pairs: Pairs, K: np.ndarray
    ) -> None:
        """Turn a tile of correlations into a tile of the kernel, there and in `K`."""
        c, variable, constant = self.coefficients, self.variable, self.constant
        _profile_tile(c, variable, constant, lengths_x, lengths_y, pairs, K)


@jit
def evaluate(c, variable, eta, x, p):
    """Write k of each signed deficit into `p`, and the polynomial's variable into `x`.

    Horner's rule in blocks of eight coefficients, which are held in registers: one
    loop over the row for each. The first does two of them, because they pass the time
    while roots and quotients are being computed.
    """
    a, slope, even = variable
    one, half = eta.dtype.type(1.0), eta.dtype.type(0.5)
    a0, a1, a2, a3, a4, a5, a6, a7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    b0, b1, b2, b3 = c[8], c[9], c[10], c[11]
    b4, b5, b6, b7 = c[12], c[13], c[14], c[15]
    for k in range(eta.size):
        d = abs(eta[k])
        near, far = math.sqrt(half * d), math.sqrt(one - half * d)
        swap = eta[k] < 0.0 and not even
        sine = far if swap else near  # of t / 2
        cosine = near if swap else far
        b = a * (one + cosine)
        z = (slope * sine - b) / (sine + b)
        x[k] = z
        q = (((a0 * z + a1) * z + a2) * z + a3) * z + a4
        q = (((q * z + a5) * z + a6) * z + a7) * z + b0
        q = (((q * z + b1) * z + b2) * z + b3) * z + b4
        p[k] = ((q * z + b5) * z + b6) * z + b7
    horner(c, 16, x, p)


@jit
def horner(c, first, x, p):
    """Continue Horner's rule with the coefficients from `first` on."""
    for j in range(first, c.size, 8):
        a0, a1, a2, a3 = c[j], c[j + 1], c[j + 2], c[j + 3]
        a4, a5, a6, a7 = c[j + 4], c[j + 5], c[j + 6], c[j + 7]
        for k in range(x.size):
            z = x[k]
            q = (((p[k] * z + a0) * z + a1) * z + a2) * z + a3
            p[k] = (((q * z + a4) * z + a5) * z + a6) * z + a7


@jit
def _profile_tile(c, variable, constant, lengths_x, lengths_y, pairs, K):
    tile, j0 = pairs.rho, pairs.j0
    width = tile.shape[1]
    eta, z, p = (
        np.empty(width, c.dtype),
        np.empty(width, c.dtype),
        np.empty(width, c.dtype),
    )
    for r in range(tile.shape[0]):
        i = pairs.i0 + r
        m = r + 1 if pairs.lower else width
        to_deficits(pairs, r, eta[:m])
        evaluate(c, variable, eta[:m], z[:m], p[:m])
        row, target = tile[r][:m], K[i][j0 : j0 + m]
        n_i, n_j = lengths_x[i], lengths_y[j0 : j0 + m]
        for k in range(m):
            value = n_i * n_j[k] * p[k] + constant
            row[k] = value
            target[k] = value


def variable_of(network: Network) -> Variable | None:
    """Return the variable the network's kernel is smooth in, or None."""
    layers = network.layers
    hidden_bias = layers.bias_variance[1:-1].any()
    split_bias = layers.weights[0] != layers.bias_weights[0] and network.first_bias > 0
    if not network.homogeneous or hidden_bias or split_bias:
        return None
    even = network.activations[0].even
    a = min(2.0, (7.0 if even else 17.0) / network.depth)
    top = math.tan(math.pi / 8) if even else 1.0
    return Variable(a, 1.0 + 2.0 * a / top, even)


def profile_of(
    network: Network,
    unit_kernel: Callable[[Layers, np.ndarray], np.ndarray],
    dtype: np.dtype = DOUBLE,
) -> Profile | None:
    """Return the network's profile, or None if it has none to rounding of `dtype`.

    ``unit_kernel(layers, eta)`` is the kernel of pairs of inputs of length one, without
    biases, from their signed deficits: the function that the profile is fitted to.
    """
    variable = variable_of(network)
    if variable is None:
        return None
    layers = network.layers
    nodes, between, _ = chebyshev_nodes()
    size = unit_kernel(layers, np.zeros(1))[0]
    eta = deficits_at(nodes, variable)
    powers = fit(unit_kernel(layers, eta), size, PRECISIONS[dtype].truncation)
    if powers is None:
        return None
    real = dtype.type
    constant = real(layers.bias_weights[-1] * layers.bias_variance[-1])
    rounded = Variable(real(variable.a), real(variable.slope), variable.even)
    profile = Profile(powers.astype(dtype), rounded, constant)
    eta = deficits_at(between, variable)
    error = np.abs(profile.at(eta) - unit_kernel(layers, eta)).max()
    return profile if error <= PRECISIONS[dtype].tolerance * size else None


def chebyshev_coefficients(
    values: np.ndarray, size, truncation: float = PRECISIONS[DOUBLE].truncation
) -> np.ndarray | None:
    """Return the coefficients of a Chebyshev series without those that are rounding.

    The last axis of `values` runs over the nodes; `size` is what errors are relative
    to. None if too many are left.
    """
    if not (np.all(size > 0) and np.isfinite(values).all()):
        return None
    coefficients = values @ chebyshev_nodes()[2].T
    large = np.abs(coefficients) > truncation * np.asarray(size)[..., None]
    count = np.flatnonzero(large.reshape(-1, NODES).any(axis=0))[-1] + 1
    return coefficients[..., :count] if count <= LARGEST_DEGREE + 1 else None


def fit(values: np.ndarray, size: float, *truncation: float) -> np.ndarray | None:
    """Return the powers' coefficients, highest first, in whole blocks; or None."""
    chebyshev = chebyshev_coefficients(values, size, *truncation)
    if chebyshev is None:
        return None
    powers = _to_powers(chebyshev.size - 1) @ chebyshev
    blocks = max(2, -(-powers.size // BLOCK))
    padded = np.zeros(blocks * BLOCK)
    padded[padded.size - powers.size :] = powers[::-1]
    return padded


def deficits_at(x: np.ndarray, variable: Variable) -> np.ndarray:
    """Return the signed deficit at each value of the polynomial's variable."""
    a, slope, _ = variable
    tau = np.minimum(a * (1.0 + x) / (slope - x), 1.0)
    near = np.sin(2.0 * np.arctan(tau)) ** 2
    far = np.sin(2.0 * np.arctan((1.0 - tau) / (1.0 + tau))) ** 2
    return np.where(near <= far, 2.0 * near, -2.0 * far)


@functools.cache
def chebyshev_nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
