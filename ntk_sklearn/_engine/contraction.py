"""A matrix contracted with the kernel's derivatives, in one pass over the tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit, total
from .._utils.threads import run
from .backward import backward_row, scratch, variance_slopes
from .network import Network, Walk, input_shares, walk
from .profile_contraction import ProfileContraction, fit_derivatives
from .ranks import contract_ranks
from .recursion import to_deficits
from .tiles import GROUPS, PROFILE_WORK, Correlator, layer_work, symmetric_plan


@jit
def _contract_tile(
    layers, x, i0, j0, lower, u, v, repair_below, tile, G, p, sums, by_input
):
    """Add one tile's share; leaves the derivative in each correlation in `tile`."""
    depth = layers.weights.size - 1
    for r in range(tile.shape[0]):
        i = i0 + r
        m = r + 1 if lower else tile.shape[1]
        eta = p.eta[0][:m]
        to_deficits(tile[r][:m], u[r], v, repair_below, eta)
        seed = 2.0 * G[i][j0 : j0 + m]  # the pair and its mirror image
        if lower:
            seed[r] = G[i, i]
        backward_row(layers, x, i, x, j0, seed, p)
        for l in range(depth + 1):
            sums[0, l] += total(p.weight[l][:m])
            sums[1, l] += total(p.variance[l][:m])
            sums[2, l] += total(p.bias[l][:m])
        for l in range(depth):
            by_input[l, i] += total(p.first[l][:m])
            second = p.second[l]
            target = by_input[l][j0 : j0 + m]
            for k in range(m):
                target[k] += second[k]
        row = tile[r]
        for k in range(tile.shape[1]):
            row[k] = p.correlation[k] if k < m else 0.0


class _RecursionContraction:
    """The sums of a contraction in the recursion lane."""

    def __init__(self, network: Network, x: Walk, G: np.ndarray):
        self.network, self.x, self.G = network, x, G

    def zeros(self):
        """Return empty sums: (3, depth + 1), and per layer and input."""
        depth = self.network.depth
        return np.zeros((3, depth + 1)), np.zeros((depth, self.G.shape[0]))

    def worker(self, width: int):
        """Return the function of one tile, with the scratch of one thread."""
        p = scratch(self.network.depth, width)

        def add(tile, u, v, rho, sums):
            _contract_tile(
                self.network.layers,
                self.x,
                tile.i0,
                tile.j0,
                tile.lower,
                u,
                v,
                self.network.repair_below,
                rho,
                self.G,
                p,
                *sums,
            )

        return add

    def collect(self, sums, by_input):
        """Return the sums as they are."""
        return sums, by_input


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

    Returns
    -------
    Contraction
    """
    x = walk(network, X)
    large = layer_work(network, len(X) ** 2 / 2) > PROFILE_WORK
    derivatives = fit_derivatives(network) if large else None
    by_tile: _RecursionContraction | ProfileContraction
    if derivatives is None:
        by_tile = _RecursionContraction(network, x, G)
    else:
        wanted = length_scale or network.first_bias > 0
        by_tile = ProfileContraction(
            network, derivatives, x, G, wanted and not weights_only
        )
    plan = list(symmetric_plan(len(X)))
    n_groups = min(GROUPS, len(plan))
    found = [by_tile.zeros() for _ in range(n_groups)]
    by_feature = np.zeros((n_groups, network.n_linear + 1))
    by_distance = np.zeros((n_groups, network.n_ranks))
    by_rank = np.zeros((n_groups, len(X)))

    def make_worker():
        correlate = Correlator(network, X, x, X, x)
        add = by_tile.worker(correlate.width)

        def work_off(group):
            for tile in plan[group::n_groups]:
                u, v, rho = correlate(tile)
                add(tile, u, v, rho, found[group])
                if length_scale:
                    by_feature[group] += np.einsum("if,if->f", rho @ v, u)
                if length_scale and network.n_ranks:
                    contract_ranks(
                        x.ranks,
                        tile.i0,
                        tile.j0,
                        tile.lower,
                        rho,
                        by_rank[group],
                        by_distance[group],
                    )

        return work_off

    run(range(n_groups), make_worker, 4 * layer_work(network, len(X) ** 2 / 2))
    totals = [sum(parts) for parts in zip(*found, strict=True)]
    sums, by_input = by_tile.collect(*totals)
    contraction, through = _collect(network, X, x, sums, by_input)
    if length_scale:
        together = by_rank.sum(axis=0) @ x.ranks.raised
        apart = x.ranks.weights * by_distance.sum(axis=0)
        by_pair = [by_feature.sum(axis=0)[:-1], together - apart]
        by_pair = np.concatenate(by_pair) + through @ input_shares(network, X, x)
        contraction.length_scale[:] = -2.0 * by_pair
    return contraction


def _collect(network, X, x, sums, by_input):
    """Carry what was collected per input down to the hyperparameters.

    Returns the contraction without the length scales, and the derivatives in the
    logarithms of the inputs' first variances.
    """
    weight, variance, bias = sums
    slopes = variance_slopes(network, x.norms)
    through = np.zeros(X.shape[0])
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
    return Contraction(weight, variance, bias, np.zeros(X.shape[1])), through
