"""A matrix contracted with the kernel's derivatives, in one pass over the tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, total
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .forward import forward, input_shares
from .network import Network
from .pairs import Correlator, Forward, Pairs, symmetric_plan, to_deficits
from .profile import NODES, PROFILE_WORK, chebyshev_nodes, deficits_at, profile_of
from .profile_contraction import Derivatives, ProfileContraction, fit_derivatives
from .ranks import Ranks, contract_ranks
from .recursion import component_rows, forward_row, unit_inputs, unit_kernel

# Partial sums are added up in this many groups of tiles, whatever the number of
# threads, so that the result does not depend on it.
GROUPS = 16


class Sums(NamedTuple):
    """The sums of a contraction in the recursion lane."""

    by_layer: np.ndarray  # (3, depth + 1) in weights, weight and bias variances
    by_input: np.ndarray  # (depth, n) in the log variance of each layer and input


@jit
def _contract_tile(layers, x, pairs, G, p, sums):
    """Add one tile's share; leaves the derivative in each correlation in the tile."""
    depth, j0 = layers.weights.size - 1, pairs.j0
    for r in range(pairs.rho.shape[0]):
        i = pairs.i0 + r
        m = r + 1 if pairs.lower else pairs.rho.shape[1]
        to_deficits(pairs, r, p.eta[0][:m])
        seed = 2.0 * G[i][j0 : j0 + m]  # the pair and its mirror image
        if pairs.lower:
            seed[r] = G[i, i]
        forward_row(layers, x, i, j0, m, p)
        backward_row(layers, x, i, j0, seed, p)
        for l in range(depth + 1):
            sums.by_layer[0, l] += total(p.weight[l][:m])
            sums.by_layer[1, l] += total(p.variance[l][:m])
            sums.by_layer[2, l] += total(p.bias[l][:m])
        for l in range(depth):
            sums.by_input[l, i] += total(p.first[l][:m])
            second = p.second[l]
            target = sums.by_input[l][j0 : j0 + m]
            for k in range(m):
                target[k] += second[k]
        row = pairs.rho[r]
        for k in range(row.size):
            row[k] = p.correlation[k] if k < m else 0.0


class RecursionContraction:
    """A contraction in the recursion lane, tile by tile."""

    def __init__(self, network: Network, x: Forward, G: np.ndarray):
        self.network, self.x, self.G = network, x, G

    def zeros(self) -> Sums:
        """Return empty sums."""
        depth = self.network.depth
        return Sums(np.zeros((3, depth + 1)), np.zeros((depth, self.G.shape[0])))

    def worker(self, width: int) -> Callable[[Pairs, Sums], None]:
        """Return the function of one tile, with the scratch of one thread."""
        layers, x, G = self.network.layers, self.x, self.G
        p = scratch(self.network.depth, width)
        return lambda pairs, sums: _contract_tile(layers, x, pairs, G, p, sums)

    def collect(
        self, by_layer: np.ndarray, by_input: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums as they are."""
        return by_layer, by_input


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
    backward_row(layers, x, 0, 0, np.ones(NODES), p)
    return fit_derivatives(profile, eta, terms, p.correlation)


class ColumnSums:
    """Sums over pairs, for each input column and group of tiles, for length scales."""

    def __init__(self, network: Network, ranks: Ranks, n_groups: int):
        self.ranks = ranks
        self.by_feature = np.zeros((n_groups, network.n_linear + 1))
        self.by_distance = np.zeros((n_groups, network.n_ranks))
        self.by_rank = np.zeros((n_groups, len(ranks.rows)))

    def add(self, group: int, pairs: Pairs) -> None:
        """Add a tile's share; the tile holds the derivative in each correlation."""
        u, v, rho = pairs.u, pairs.v, pairs.rho
        self.by_feature[group] += np.einsum("if,if->f", rho @ v, u)
        if self.by_distance.size:
            by_rank, by_distance = self.by_rank[group], self.by_distance[group]
            contract_ranks(self.ranks, pairs, by_rank, by_distance)

    def total(self) -> np.ndarray:
        """Return the sum for each column, the norms of the inputs held."""
        together = self.by_rank.sum(axis=0) @ self.ranks.raised
        apart = self.ranks.weights * self.by_distance.sum(axis=0)
        return np.concatenate([self.by_feature.sum(axis=0)[:-1], together - apart])


class Contraction(NamedTuple):
    """``<G, dK/d .>`` for every hyperparameter of a network.

    Attributes
    ----------
    layer_weights : ndarray of shape (depth + 1,)
        In each layer weight itself: ``<G, K_l>``.
    weight_variance, bias_variance : ndarray of shape (depth + 1,)
        In the logarithm of each layer's variance.
    length_scale : ndarray of shape (n_features,)
        In the logarithm of each feature's length scale; zeros unless asked for.
    """

    layer_weights: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    length_scale: np.ndarray


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
    X : ndarray of shape (n, n_features)
    G : ndarray of shape (n, n)
        Symmetric; only its lower half is read.
    length_scale : bool, default=False
        Whether to differentiate in the length scales, which takes another product of
        each tile with the inputs.
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
    large = network.work(len(X) ** 2 / 2) > profile_work
    derivatives = derivatives_of(network) if large else None
    lane: RecursionContraction | ProfileContraction
    if derivatives is None:
        lane = RecursionContraction(network, x, G)
    else:
        wanted = length_scale or network.first_bias > 0
        all_of_it = wanted and not weights_only
        lane = ProfileContraction(network, derivatives, x, G, all_of_it)
    plan = list(symmetric_plan(len(X)))
    groups = [plan[g::GROUPS] for g in range(min(GROUPS, len(plan)))]
    columns = ColumnSums(network, x.ranks, len(groups)) if length_scale else None
    sums = _sum_tiles(network, X, x, lane, groups, columns)
    contraction, through = _collect(network, x, *lane.collect(*sums))
    if columns is not None:
        by_pair = columns.total() + through @ input_shares(network, X, x)
        contraction.length_scale[:] = -2.0 * by_pair
    return contraction


def _sum_tiles(network, X, x, lane, groups, columns):
    """Return the lane's sums over all tiles; `columns`, if wanted, are filled."""
    sums = [lane.zeros() for _ in groups]

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        add = lane.worker(correlate.width)

        def work_off(group):
            for tile in groups[group]:
                pairs = correlate(tile)
                add(pairs, sums[group])
                if columns is not None:
                    columns.add(group, pairs)

        return work_off

    run(range(len(groups)), make_worker, 4 * network.work(len(X) ** 2 / 2))
    return [sum(parts) for parts in zip(*sums, strict=True)]


def _collect(network, x, by_layer, by_input):
    """Carry what was collected per input down to the hyperparameters.

    Returns the contraction without the length scales, and the derivatives in the
    logarithms of the inputs' first variances.
    """
    weight, variance, bias = by_layer
    slopes = variance_slopes(network, x.norms)
    through = np.zeros(x.norms.shape[1])
    for l in range(network.depth - 1, -1, -1):
        through += by_input[l]
        q = x.norms[l] ** 2
        share = np.divide(
            network.layers.bias_variance[l], q, out=np.zeros_like(q), where=q > 0
        )
        bias[l] += through @ share
        variance[l] += through @ (1.0 - share)
        if l > 0:
            through = through * slopes[l - 1]
    n_features = len(network.feature_scale)
    return Contraction(weight, variance, bias, np.zeros(n_features)), through
