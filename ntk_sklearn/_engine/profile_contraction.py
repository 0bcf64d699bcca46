"""Contractions in the profile lane: their cost does not depend on the depth.

Every layer's term is a series in Chebyshev polynomials of one variable x, so that all
of them are contracted through the moments ``sum_ij G_ij n_i n_j T_k(x_ij)``. What else
a pair needs, for the first layer's variances and the length scales, is k and its
derivative in the correlation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, jit_sums, total
from ..activations._deficit import TINY
from .backward import backward_row, scratch
from .network import Network, Walk
from .profile import (
    BLOCK,
    NODES,
    Profile,
    chebyshev_coefficients,
    chebyshev_nodes,
    deficits_at,
    evaluate,
    fit,
    horner,
    profile_of,
    unit_walk,
)
from .recursion import component_rows, to_deficits


class Derivatives(NamedTuple):
    """A network's profile and what its contractions need."""

    profile: Profile
    series: np.ndarray  # (depth + 1, count): every layer's term in Chebyshev series
    turning: np.ndarray  # powers of -dk / dt, highest first


def fit_derivatives(network: Network) -> Derivatives | None:
    """Return the profile with its derivatives, or None if they are not to rounding."""
    profile = profile_of(network)
    own_bias = network.first_bias > 0 and not network.layers.tied
    if profile is None or own_bias:
        return None
    depth = network.depth
    eta = deficits_at(chebyshev_nodes()[0], profile.variable)
    layers, walked = unit_walk(network.layers, NODES)
    terms, gaps = np.empty((depth + 1, NODES)), np.empty((depth, NODES))
    component_rows(layers, walked, 0, walked, 0, eta.copy(), gaps, terms)
    series = chebyshev_coefficients(terms, np.abs(terms).max(axis=1))
    p = scratch(depth, NODES)
    p.eta[0] = eta
    backward_row(layers, walked, 0, walked, 0, np.ones(NODES), p)
    sine = np.sqrt(np.abs(eta) * (2.0 - np.abs(eta)))
    # The derivative is known to fewer digits: it is relative to its own size.
    turning = fit(p.correlation * sine, 10.0 * np.abs(p.correlation * sine).max())
    if series is None or turning is None:
        return None
    whole = np.zeros((depth + 1, -(-series.shape[1] // BLOCK) * BLOCK))
    whole[:, : series.shape[1]] = series
    return Derivatives(profile, whole, turning)


@jit_sums
def add_moments(x, w, low, high, out):
    """Add ``sum(w * T_k(x))`` to every ``out[k]``, eight at a time; see `_jit`."""
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
def _slopes(even, inverse_i, inverse_j, eta, w, k_of, turning, h, by_bias, column):
    """Write the derivative in each correlation, and add up those in the norms."""
    for k in range(eta.size):
        d = abs(eta[k])
        rho = d - 1.0 if eta[k] < 0.0 else 1.0 - d
        steep = w[k] * turning[k] / math.sqrt(d * (2.0 - d)) if d > TINY else 0.0
        slope = -steep if even and eta[k] < 0.0 else steep
        share = 0.5 * (w[k] * k_of[k] - rho * slope)
        h[k] = slope
        k_of[k] = share
        column[k] += share
        by_bias[k] += slope * inverse_i * inverse_j[k]


@jit
def _contract_tile(
    c,
    turning,
    variable,
    all_of_it,
    n,
    i0,
    j0,
    lower,
    u,
    v,
    repair_below,
    tile,
    G,
    moments,
    by_input,
    scalars,
):
    """Add one tile's share to the last three arrays.

    With `all_of_it`, `tile` becomes the derivative in each correlation, norms held.
    """
    width = tile.shape[1]
    x, p, w, t = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    low, high, by_bias = np.empty(width), np.empty(width), np.zeros(width)
    inverse, deficits = np.empty(width), np.empty(width)
    for k in range(width):
        inverse[k] = 1.0 / n[j0 + k] if n[j0 + k] > 0.0 else 0.0
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if lower else width
        row, eta = tile[r][:m], deficits[:m]
        to_deficits(row, u[r], v, repair_below, eta)
        evaluate(c, variable, eta, x[:m], p[:m])
        seed, n_i, n_j = G[i][j0 : j0 + m], n[i], n[j0 : j0 + m]
        for k in range(m):
            t[k] = 2.0 * seed[k]  # the pair and its mirror image
        if lower:
            t[r] = seed[r]
        scalars[0] += total(t[:m])
        for k in range(m):
            w[k] = t[k] * n_i * n_j[k]
        add_moments(x[:m], w[:m], low[:m], high[:m], moments)
        if all_of_it:
            t[:] = 0.0
            horner(turning, 0, x[:m], t[:m])
            inverse_i = 1.0 / n_i if n_i > 0.0 else 0.0
            column, h = by_input[j0 : j0 + m], low[:m]
            even = variable.even
            _slopes(even, inverse_i, inverse, eta, w, p, t, h, by_bias, column)
            by_input[i] += total(p[:m])
            row[:] = h
            tile[r][m:] = 0.0
    scalars[1] += total(by_bias)


class ProfileContraction:
    """The sums of a contraction in the profile lane."""

    def __init__(self, network: Network, derivatives, x: Walk, G, all_of_it: bool):
        self.network, self.derivatives, self.x, self.G = network, derivatives, x, G
        self.all_of_it = all_of_it

    def zeros(self):
        """Return empty sums: moments, per input, and two scalars."""
        count = self.derivatives.series.shape[1]
        return np.zeros(count), np.zeros(self.G.shape[0]), np.zeros(2)

    def worker(self, _width: int):
        """Return the function of one tile."""
        profile = self.derivatives.profile

        def add(tile, u, v, rho, sums):
            _contract_tile(
                profile.coefficients,
                self.derivatives.turning,
                profile.variable,
                self.all_of_it,
                self.x.norms[0],
                tile.i0,
                tile.j0,
                tile.lower,
                u,
                v,
                self.network.repair_below,
                rho,
                self.G,
                *sums,
            )

        return add

    def collect(self, moments, by_input, scalars):
        """Return the sums over pairs, and those per layer and input."""
        layers, depth = self.network.layers, self.network.depth
        sums = np.zeros((3, depth + 1))
        weights, variance, bias = sums
        weights[:] = self.derivatives.series @ moments
        # Every variance multiplies the whole kernel; only the first shares with a bias.
        whole = layers.weights @ weights
        variance[1:] = whole
        bias[0] = layers.bias_variance[0] * scalars[1]
        variance[0] = whole - by_input.sum() - bias[0]
        constant = layers.bias_variance[-1] * scalars[0]
        weights[-1] += constant if layers.tied else 0.0
        bias[-1] += layers.bias_weights[-1] * constant
        through = np.zeros((depth, by_input.size))
        through[0] = by_input
        return sums, through
