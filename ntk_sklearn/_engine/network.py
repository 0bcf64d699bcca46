"""What the engine is told: a network as plain arrays, and the inputs' way through."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from ..activations._base import N_STATISTICS
from ..activations._dispatch import moments, statistics
from .ranks import VARIANCE, Ranks, measure_ranks


class Layers(NamedTuple):
    """The network as jitted code sees it; every array has ``depth + 1`` entries."""

    code: int
    parameters: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    weights: np.ndarray
    bias_weights: np.ndarray
    tied: bool = True  # whether the bias weights follow the weights


class Walk(NamedTuple):
    """What each input's own variance becomes, layer by layer.

    ``norms[l, i]`` is the root of the pre-activation variance. ``shrink`` and ``shift``
    are the shares of weights and bias in it, as the cosine and the sine of an angle, so
    that adding a bias to a pair is adding angles.
    """

    norms: np.ndarray  # (depth + 1, n)
    shrink: np.ndarray  # (depth + 1, n)
    shift: np.ndarray  # (depth + 1, n)
    statistics: np.ndarray  # (depth, N_STATISTICS, n), or n = 0 if homogeneous
    ranks: Ranks


@dataclass(frozen=True)
class Network:
    """An infinitely wide fully connected network, validated and ready to evaluate.

    Attributes
    ----------
    layers : Layers
        Activation, variances and learning rates.
    homogeneous : bool
        Whether the activation is positively homogeneous.
    feature_scale : ndarray of shape (n_features,)
        The factor of each input column in the first covariance:
        ``sqrt(weight_variance[0] / n_features) / length_scale``.
    n_ranks : int, default=0
        How many of the last columns are ranks; see `_ranks`.
    """

    layers: Layers
    homogeneous: bool
    feature_scale: np.ndarray
    n_ranks: int = 0

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.layers.weights) - 1

    @property
    def first_bias(self) -> float:
        """Standard deviation of the first layer's bias."""
        return math.sqrt(self.layers.bias_variance[0])

    @property
    def n_linear(self) -> int:
        """Number of columns that enter by their products."""
        return len(self.feature_scale) - self.n_ranks

    @property
    def linear_scale(self) -> np.ndarray:
        """The factors of those columns."""
        return self.feature_scale[: self.n_linear]

    @property
    def rank_weights(self) -> np.ndarray:
        """Half of what a squared distance on the steps counts in the covariance."""
        return self.feature_scale[self.n_linear :] ** 2 / (2.0 * VARIANCE)

    @property
    def repair_below(self) -> float:
        """What a lane is to repair of a tile: nothing, if ranks come as deficits."""
        return -1.0 if self.n_ranks else self.closest

    @property
    def closest(self) -> float:
        """Deficit below which a pair is recomputed from the difference of its rows.

        A dot product leaves some 4e-16 in the correlation, which an angle t magnifies
        by 1/t, and every layer's slope adds to it: at this threshold what is left of a
        rectifier's kernel is wrong by 1e-13 of its diagonal.
        """
        return min(2e-6 * max(1.0, self.depth / math.pi) ** 2, 0.02)

    def with_weights(self, weights) -> Network:
        """Return the same network with other layer weights, biases weighted alike."""
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        layers = self.layers._replace(weights=weights, bias_weights=weights, tied=True)
        return replace(self, layers=layers)


@jit
def _row_norms(X, scale, bias, ranks, out):
    """Write the roots of the first variances; `ranks` is what ranks add to them."""
    for i in range(X.shape[0]):
        total = ranks[i]
        largest = max(bias, math.sqrt(ranks[i]))
        for k in range(scale.size):
            z = abs(X[i, k] * scale[k])
            total += z * z
            largest = max(largest, z)
        if 1e-140 < largest < 1e140 or largest == 0.0:
            out[i] = math.sqrt(total + bias * bias)
        else:  # squares would overflow or vanish
            total = (bias / largest) ** 2 + ranks[i] / largest / largest
            for k in range(scale.size):
                total += (X[i, k] * scale[k] / largest) ** 2
            out[i] = largest * math.sqrt(total)


@jit
def unit_rows(X, scale, bias, norms, out):
    """Write each row's products' part, scaled, with bias, over the whole length."""
    d = scale.size
    for i in range(X.shape[0]):
        length = norms[i] if norms[i] > 0.0 else 1.0
        for k in range(d):
            out[i, k] = X[i, k] * scale[k] / length
        out[i, d] = bias / length


@jit
def _walk(layers, norms, shrink, shift, stats):
    depth = layers.weights.size - 1
    homogeneous = stats.shape[2] == 0
    unit, _ = moments(layers.code, layers.parameters, 1.0)
    scratch = np.zeros(stats.shape[1])
    for l in range(depth):
        gain, bias = layers.weight_variance[l + 1], layers.bias_variance[l + 1]
        below, above = norms[l], norms[l + 1]
        if homogeneous:
            for i in range(below.size):
                above[i] = below[i] * below[i] * unit * gain
        else:
            for i in range(below.size):
                q = below[i] * below[i]
                statistics(layers.code, layers.parameters, q, scratch)
                stats[l, :, i] = scratch
                above[i] = moments(layers.code, layers.parameters, q)[0] * gain
        if bias > 0.0:
            _shares(above, bias, shrink[l + 1], shift[l + 1])
        for i in range(below.size):
            above[i] = math.sqrt(above[i] + bias)


@jit
def _shares(a, bias, shrink, shift):
    """Write the roots of the shares of weights and bias in the variance."""
    for i in range(a.size):
        shrink[i] = math.sqrt(a[i] / (a[i] + bias))
        shift[i] = math.sqrt(bias / (a[i] + bias))


def walk(network: Network, X: np.ndarray) -> Walk:
    """Follow every row's own variance through the network, in O(n depth).

    Raises
    ------
    ValueError
        If a variance leaves the range of float64.
    """
    depth, n = network.depth, X.shape[0]
    norms = np.zeros((depth + 1, n))
    ranks = measure_ranks(X[:, network.n_linear :], network.rank_weights)
    added = 2.0 * ranks.spread
    _row_norms(X, network.linear_scale, network.first_bias, added, norms[0])
    ranks.inverse[:] = np.divide(1.0, norms[0], out=np.zeros(n), where=norms[0] > 0)
    _check_range(
        norms[0],
        "X has rows whose squared length {} float64 (row {}, length {:.3g}); rescale "
        "X, for instance with StandardScaler.",
    )
    shrink, shift = np.ones_like(norms), np.zeros_like(norms)
    stats = np.zeros((depth, N_STATISTICS, 0 if network.homogeneous else n))
    _walk(network.layers, norms, shrink, shift, stats)
    _check_range(
        norms[-1],
        "the variances {} float64 before the last layer (row {}, root {:.3g}); lower "
        "depth={depth} or bring weight_variance nearer to the activation's critical "
        "value (2 for relu).",
        depth=depth,
        was=norms[0],
    )
    return Walk(norms, shrink, shift, stats, ranks)


def _check_range(norms, sentence, was=None, **details):
    """Raise if the square of a norm would overflow, or vanish without being zero.

    A norm that is zero now must have been so before, in `was`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        too_large = ~(norms < 1e152)
    too_small = ((norms if was is None else was) > 0) & (norms < 1e-152)
    for bad, what in ((too_large, "overflows"), (too_small, "underflows")):
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(sentence.format(what, row, norms[row], **details))


@jit
def _weighted_diagonal(layers, homogeneous, norms, out):
    _, unit = moments(layers.code, layers.parameters, 1.0)
    for l in range(layers.weights.size):
        gain, bias = layers.weight_variance[l], layers.bias_variance[l]
        weight, extra = layers.weights[l], layers.bias_weights[l] * bias
        if l == 0:
            out[:] = 0.0
        elif homogeneous:
            out *= gain * unit
        else:
            for i in range(out.size):
                q = norms[l - 1, i] * norms[l - 1, i]
                out[i] *= gain * moments(layers.code, layers.parameters, q)[1]
        row = norms[l]
        for i in range(out.size):
            out[i] += weight * (row[i] * row[i] - bias) + extra


def diagonal(network: Network, X: np.ndarray, walked: Walk | None = None) -> np.ndarray:
    """Return the kernel's diagonal, from its own one-dimensional recursion."""
    out = np.empty(X.shape[0])
    walked = walk(network, X) if walked is None else walked
    _weighted_diagonal(network.layers, network.homogeneous, walked.norms, out)
    return out


def input_shares(network: Network, X: np.ndarray, x: Walk) -> np.ndarray:
    """Return the share of each column in each input's first variance."""
    length = np.where(x.norms[0] > 0, x.norms[0], 1.0)[:, None]
    products = (X[:, : network.n_linear] * (network.linear_scale / length)) ** 2
    return np.hstack([products, x.ranks.shares / length**2])
