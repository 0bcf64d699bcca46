"""A matrix contracted with the kernel's derivatives, in one pass over the tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from .._utils.jit import jit, total
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .first_layer import (
    FirstLayer,
    add_first_layer,
    add_products,
    collect_first_layer,
    empty_sums,
)
from .forward import forward
from .network import Contraction, Network
from .pairs import Forward, symmetric_plan, to_deficits
from .profile import NODES, PROFILE_WORK, chebyshev_nodes, deficits_at, profile_of
from .profile_contraction import Derivatives, ProfileContraction, fit_derivatives
from .recursion import component_rows, forward_row, unit_inputs, unit_kernel
from .sparse_pairs import correlator

# Partial sums are added up in this many groups of tiles, whatever the number of
# threads, so that the result does not depend on it.
GROUPS = 16


class Sums(NamedTuple):
    """The sums of a contraction in the recursion lane."""

    by_layer: np.ndarray  # (3, depth + 1) in weights, weight and bias variances
    by_input: np.ndarray  # (depth + 1, n) in the log gained moment, layer and input


@jit
def _contract_tile(layers, x, pairs, G, p, columns, sums, first_layer):
    """Add one tile's share; leaves the derivative in far pairs' correlations there."""
    depth, j0 = layers.weights.size - 1, pairs.j0
    for r in range(pairs.rho.shape[0]):
        i = pairs.i0 + r
        m = r + 1 if pairs.lower else pairs.rho.shape[1]
        close = to_deficits(pairs, r, p.eta[0][:m])
        seed, given = p.h_bar[:m], G[i][j0 : j0 + m]
        for k in range(m):
            seed[k] = 2.0 * given[k]  # the pair and its mirror image
        if pairs.lower:
            seed[r] = G[i, i]
        forward_row(layers, x, i, j0, m, p)
        backward_row(layers, x, i, j0, m, p)
        for l in range(depth + 1):
            sums.by_layer[0, l] += total(p.weight[l][:m])
            sums.by_layer[2, l] += total(p.level[l][:m])
        for l in range(1, depth + 1):
            first, second = total(p.first[l][:m]), total(p.second[l][:m])
            sums.by_layer[1, l] += total(p.slope[l][:m]) + first + second
            sums.by_layer[2, l] -= first + second
            sums.by_input[l, i] += first
            of_j, target = p.second[l], sums.by_input[l][j0 : j0 + m]
            for k in range(m):
                target[k] += of_j[k]
        slopes = (p.correlation[:m], p.mean[:m], p.half[:m])
        eta, wanted = p.eta[0][:m], (close > 0, columns)
        add_first_layer(x, pairs, r, eta, slopes, wanted, first_layer)


class RecursionContraction:
    """A contraction in the recursion lane, tile by tile."""

    def __init__(self, network: Network, x: Forward, G: np.ndarray):
        self.network, self.x, self.G = network, x, G

    def zeros(self) -> Sums:
        """Return empty sums."""
        depth = self.network.depth
        return Sums(np.zeros((3, depth + 1)), np.zeros((depth + 1, self.G.shape[0])))

    def worker(self, width: int, columns: bool) -> Callable[..., None]:
        """Return the function of one tile, with the scratch of one thread."""
        layers, x, G = self.network.layers, self.x, self.G
        p = scratch(self.network.depth, width)
        return lambda pairs, sums, first_layer: _contract_tile(
            layers, x, pairs, G, p, columns, sums, first_layer
        )

    def collect(
        self, by_layer: np.ndarray, by_input: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Carry what was collected per input down to the first layer.

        Returns the sums per layer, and those in the inputs' first log variances.
        """
        _, variance, bias = by_layer
        x = self.x
        slopes = variance_slopes(x)
        through = np.zeros(x.norms.shape[1])
        for l in range(self.network.depth, 0, -1):
            bias[l] += through @ x.bias_sin[l] ** 2
            gained = through * x.bias_cos[l] ** 2
            variance[l] += gained.sum()
            through = (by_input[l] + gained) * slopes[l - 1]
        return by_layer, through


def derivatives_of(network: Network) -> Derivatives | None:
    """Return the network's profile with its derivatives; None if it has none."""
    own_bias = network.first_bias > 0 and not network.layers.tied
    profile = None if own_bias else profile_of(network, unit_kernel)
    if profile is None:
        return None
    depth = network.depth
    eta = deficits_at(chebyshev_nodes()[0], profile.variable)
    layers, x = unit_inputs(network.layers, NODES)
    terms, gaps = np.empty((depth + 1, NODES)), np.empty((depth, NODES))
    component_rows(layers, x, 0, x, 0, eta.copy(), gaps, terms)
    p = scratch(depth, NODES)
    p.eta[0] = eta
    forward_row(layers, x, 0, 0, NODES, p)
    p.h_bar[:] = 1.0
    backward_row(layers, x, 0, 0, NODES, p)
    return fit_derivatives(profile, eta, terms, p.correlation)


def contract(
    network: Network,
    X: np.ndarray,
    G: np.ndarray,
    length_scale: bool = False,
    weights_only: bool = False,
    profile_work: float = PROFILE_WORK,
) -> Contraction:
    """Contract a symmetric matrix with the kernel's derivatives, in one pass.

    Parameters
    ----------
    network : Network
    X : ndarray or sparse array of shape (n, n_features)
    G : ndarray of shape (n, n)
        Symmetric; only its lower half is read.
    length_scale : bool, default=False
        Whether to differentiate in the length scales, which takes another product of
        each tile with the inputs. Of sparse rows only the sum of these derivatives is
        known, as that in a length scale which all features share: each has its share.
    weights_only : bool, default=False
        Whether only the layer weights are of interest, so that the others need not be
        right. It saves time in the profile lane.
    profile_work : float
        Number of pair-layers above which the profile is used, if there is one.

    Returns
    -------
    Contraction
    """
    x = forward(network, X)
    n, columns = X.shape[0], length_scale and not issparse(X)
    large = network.work(n**2 / 2) > profile_work
    derivatives = derivatives_of(network) if large else None
    lane: RecursionContraction | ProfileContraction
    if derivatives is None:
        lane = RecursionContraction(network, x, G)
    else:
        wanted = length_scale or network.first_bias > 0
        all_of_it = wanted and not weights_only
        lane = ProfileContraction(network, derivatives, x, G, all_of_it)
    plan = list(symmetric_plan(n))
    groups = [plan[g::GROUPS] for g in range(min(GROUPS, len(plan)))]
    sums, first_layer = _sum_tiles(network, X, x, lane, groups, columns)
    (weight, variance, bias), through = lane.collect(*sums)
    found = collect_first_layer(network, X, x, first_layer, through)
    variance[0] += found[0]
    bias[0] += found[1]
    scales = -2.0 * found[2] if length_scale else np.zeros(network.feature_scale.size)
    return Contraction(weight, variance, bias, scales)


def _sum_tiles(network, X, x, lane, groups, length_scale):
    """Return the lane's sums over all tiles, and those in the first layer."""
    sums = [lane.zeros() for _ in groups]
    first_layer = [empty_sums(network, X.shape[0]) for _ in groups]

    def make_worker():
        correlate = correlator(network, X, x, X, x)
        add = lane.worker(correlate.width, length_scale)

        def work_off(group):
            for tile in groups[group]:
                pairs = correlate(tile)
                add(pairs, sums[group], first_layer[group])
                if length_scale:
                    add_products(first_layer[group], x, pairs)

        return work_off

    run(range(len(groups)), make_worker, 4 * network.work(X.shape[0] ** 2 / 2))
    totals = (
        [np.sum(parts, axis=0) for parts in zip(*groups, strict=True)]
        for groups in (sums, first_layer)
    )
    return next(totals), FirstLayer(*next(totals))
