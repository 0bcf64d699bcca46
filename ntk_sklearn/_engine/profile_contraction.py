"""Contractions in the profile lane: their cost does not depend on the depth.

Every layer's term is a series in Chebyshev polynomials of one variable x, so that all
of them are contracted through the moments ``sum_ij G_ij n_i n_j T_k(x_ij)``. The first
layer's variances and the length scales need, for each pair, k and its derivative in the
correlation as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, jit_sums, total
from ..activations._deficit import TINY
from .first_layer import add_first_layer
from .network import Network
from .pairs import Forward, to_deficits
from .profile import (
    BLOCK,
    Profile,
    Variable,
    chebyshev_coefficients,
    evaluate,
    fit,
    horner,
)


class Derivatives(NamedTuple):
    """A network's profile and what its contractions need."""

    profile: Profile
    series: np.ndarray  # (depth + 1, count): every layer's term in Chebyshev series
    turning: np.ndarray  # powers of -dk / dt, highest first


class Polynomials(NamedTuple):
    """What jitted functions read of a profile."""

    coefficients: np.ndarray
    turning: np.ndarray
    variable: Variable


def fit_derivatives(
    profile: Profile, eta: np.ndarray, terms: np.ndarray, slopes: np.ndarray
) -> Derivatives | None:
    """Return a profile with its derivatives, or None if they are not to rounding.

    Parameters
    ----------
    profile : Profile
    eta : ndarray of shape (NODES,)
        The deficits at the nodes.
    terms : ndarray of shape (depth + 1, NODES)
        Every layer's own term there, of inputs of length one.
    slopes : ndarray of shape (NODES,)
        The derivative of the kernel in the correlation there.
    """
    series = chebyshev_coefficients(terms, np.abs(terms).max(axis=1))
    turning = slopes * np.sqrt(np.abs(eta) * (2.0 - np.abs(eta)))
    # The derivative is known to fewer digits: it is relative to its own size.
    powers = fit(turning, 10.0 * np.abs(turning).max())
    if series is None or powers is None:
        return None
    whole = np.zeros((len(series), -(-series.shape[1] // BLOCK) * BLOCK))
    whole[:, : series.shape[1]] = series
    return Derivatives(profile, whole, powers)


@jit_sums
def add_moments(x, w, low, high, out):
    """Add ``sum(w * T_k(x))`` to every ``out[k]``, eight at a time; see `jit`."""
    for k in range(x.size):
        low[k] = 1.0
        high[k] = x[k]
    for j in range(0, out.size, 8):
        s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(x.size):
            z, g, a, b = 2.0 * x[k], w[k], low[k], high[k]
            s0 += g * a
            s1 += g * b
            a = z * b - a
            b = z * a - b
            s2 += g * a
            s3 += g * b
            a = z * b - a
            b = z * a - b
            s4 += g * a
            s5 += g * b
            a = z * b - a
            b = z * a - b
            s6 += g * a
            s7 += g * b
            a = z * b - a
            low[k] = a
            high[k] = z * a - b
        out[j] += s0
        out[j + 1] += s1
        out[j + 2] += s2
        out[j + 3] += s3
        out[j + 4] += s4
        out[j + 5] += s5
        out[j + 6] += s6
        out[j + 7] += s7


@jit
def _slopes(even, eta, w, turning, k_of, out):
    """Write the derivatives of each pair in the first layer: see `add_first_layer`."""
    slope, mean, half = out
    for k in range(eta.size):
        d = abs(eta[k])
        steep = w[k] * turning[k] / math.sqrt(d * (2.0 - d)) if d > TINY else 0.0
        slope[k] = -steep if even and eta[k] < 0.0 else steep
    for k in range(eta.size):
        mean[k] = 0.5 * w[k] * k_of[k]
    half[:] = 0.0


class Sums(NamedTuple):
    """The sums of a contraction in the profile lane."""

    moments: np.ndarray  # (count,)
    seeds: np.ndarray  # (1,)


@jit
def _contract_tile(d, all_of_it, columns, x, pairs, G, sums, first_layer):
    """Add one tile's share to the sums; with `all_of_it`, to the first layer's too."""
    tile, j0 = pairs.rho, pairs.j0
    width, n = tile.shape[1], x.norms[0]
    z, p, w, t = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    low, high, deficits = np.empty(width), np.empty(width), np.empty(width)
    for r in range(tile.shape[0]):
        i = pairs.i0 + r
        m = r + 1 if pairs.lower else width
        eta = deficits[:m]
        close = to_deficits(pairs, r, eta)
        evaluate(d.coefficients, d.variable, eta, z[:m], p[:m])
        seed, n_i, n_j = G[i][j0 : j0 + m], n[i], n[j0 : j0 + m]
        for k in range(m):
            t[k] = 2.0 * seed[k]  # the pair and its mirror image
        if pairs.lower:
            t[r] = seed[r]
        sums.seeds[0] += total(t[:m])
        for k in range(m):
            w[k] = t[k] * n_i * n_j[k]
        add_moments(z[:m], w[:m], low[:m], high[:m], sums.moments)
        if all_of_it:
            t[:] = 0.0
            horner(d.turning, 0, z[:m], t[:m])
            slopes = (low[:m], high[:m], z[:m])
            _slopes(d.variable.even, eta, w, t, p, slopes)
            wanted = (close > 0, columns)
            add_first_layer(x, pairs, r, eta, slopes, wanted, first_layer)


class ProfileContraction:
    """A contraction in the profile lane, tile by tile."""

    def __init__(
        self,
        network: Network,
        derivatives: Derivatives,
        x: Forward,
        G: np.ndarray,
        all_of_it: bool,
    ):
        self.network, self.derivatives, self.x, self.G = network, derivatives, x, G
        self.all_of_it = all_of_it

    def zeros(self) -> Sums:
        """Return empty sums."""
        return Sums(np.zeros(self.derivatives.series.shape[1]), np.zeros(1))

    def worker(self, _width: int, columns: bool) -> Callable[..., None]:
        """Return the function of one tile."""
        profile, turning = self.derivatives.profile, self.derivatives.turning
        polynomials = Polynomials(profile.coefficients, turning, profile.variable)
        x, G, all_of_it = self.x, self.G, self.all_of_it
        return lambda pairs, sums, first_layer: _contract_tile(
            polynomials, all_of_it, columns, x, pairs, G, sums, first_layer
        )

    def collect(
        self, moments: np.ndarray, seeds: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums per layer; no layer above the first depends on an input."""
        layers = self.network.layers
        sums = np.zeros((3, layers.weights.size))
        weights, variance, bias = sums
        weights[:] = self.derivatives.series @ moments
        # Every variance multiplies the whole kernel; only the first shares with a bias.
        whole = layers.weights @ weights
        variance[1:] = whole
        if not self.all_of_it:
            variance[0] = whole
        constant = layers.bias_variance[-1] * seeds[0]
        weights[-1] += constant if layers.tied else 0.0
        bias[-1] += layers.bias_weights[-1] * constant
        return sums, np.zeros(self.x.norms.shape[1])
