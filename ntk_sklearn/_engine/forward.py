"""The forward pass of each input's own variance through the network."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import issparse

from .._utils.jit import jit
from ..activations._dispatch import prepare
from .exact import LONG, balance, norm_tails
from .network import Network
from .pairs import Forward
from .ranks import Ranks, measure_ranks


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
def _bias_angles(a, bias, bias_cos, bias_sin):
    """Write the roots of the shares of weights and bias in the variance."""
    for i in range(a.size):
        bias_cos[i] = math.sqrt(a[i] / (a[i] + bias))
        bias_sin[i] = math.sqrt(bias / (a[i] + bias))


def forward(network: Network, X: np.ndarray) -> Forward:
    """Follow every row's own variance through the network, in O(n depth).

    Raises
    ------
    ValueError
        If a variance leaves the range of float64.
    """
    n = X.shape[0]
    first = np.zeros(n)
    of_ranks = np.zeros((n, 0)) if issparse(X) else X[:, network.n_linear :]
    ranks = measure_ranks(of_ranks, network.rank_scale)
    added = 2.0 * ranks.spread
    for i, rows, scale in _dense_parts(X, network.linear_scale):
        _row_norms(rows, scale, network.first_bias, added[i], first[i])
    ranks.inverse[:] = np.divide(1.0, first, out=np.zeros(n), where=first > 0)
    check_lengths(first)
    return follow(network, first, _tails(network, X, added, first), ranks)


def check_lengths(first: np.ndarray) -> None:
    """Raise if the square of the length of a row leaves the range of float64.

    Parameters
    ----------
    first : ndarray of shape (n,)
        The roots of the first variances.
    """
    _check_range(
        first,
        "X has rows whose squared length {} float64 (row {}, length {:.3g}); rescale "
        "X, for instance with StandardScaler.",
    )


def follow(
    network: Network, first: np.ndarray, tails: np.ndarray, ranks: Ranks
) -> Forward:
    """Follow variances from the first layer on.

    Parameters
    ----------
    network : Network
    first, tails : ndarray of shape (n,)
        The roots of the first variances, and what rounding leaves of them.
    ranks : Ranks
        The ranks among the inputs.

    Returns
    -------
    Forward
    """
    depth, n = network.depth, len(first)
    norms = np.zeros((depth + 1, n))
    norms[0] = first
    bias_cos, bias_sin = np.ones_like(norms), np.zeros_like(norms)
    slopes, excess = np.empty((depth, n)), np.empty((depth, n))
    stats = np.empty((depth, 0, 0 if network.homogeneous else n))
    for l, activation in enumerate(network.activations):
        layer = prepare(activation, norms[l], tails)
        slopes[l], excess[l] = layer.slope, layer.excess
        stats, above = _kept(stats, l, layer.statistics), layer.moment
        del layer  # large, and only a part of it is needed
        # What leaves the range of floats is reported at the end.
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            above *= network.layers.weight_variance[l + 1]
            bias = network.layers.bias_variance[l + 1]
            if bias > 0.0:
                _bias_angles(above, bias, bias_cos[l + 1], bias_sin[l + 1])
            above += bias
            np.sqrt(above, out=norms[l + 1])
        del above
        if l == 0:
            tails = np.zeros(n)
    _check_range(
        norms[-1],
        "the variances {} float64 before the last layer (row {}, root {:.3g}); lower "
        "depth={depth} or bring weight_variance nearer to the activation's critical "
        "value (2 for relu).",
        depth=depth,
        was=norms[0],
    )
    return Forward(norms, bias_cos, bias_sin, stats, slopes, excess, ranks)


def _kept(stats, l, own) -> np.ndarray:
    """Return all layers' statistics with those of one more, in its first rows."""
    depth, rows, n = stats.shape
    if len(own) > rows:
        grown = np.empty((depth, len(own), n))
        grown[:l, :rows] = stats[:l]
        stats = grown
    if n:
        stats[l, : len(own)] = own
    return stats


def _tails(network, X, added, norms):
    """Return what the first norms lack of the true lengths, where that may matter."""
    tails = np.zeros(len(X))
    if not network.homogeneous and np.any(norms > LONG):
        powers, left = balance(network.linear_scale)
        columns = np.arange(network.n_linear)
        for i, rows, used in _dense_parts(X, columns):
            z, bias = rows[:, : len(used)] * powers[used], network.first_bias
            norm_tails(z, left[used], bias, added[i], norms[i], tails[i])
    return tails


def _dense_parts(X, of_columns: np.ndarray):
    """Yield dense rows, and what belongs to their columns, of rows of either kind.

    Sparse rows come one by one, in the columns that they have.
    """
    if not issparse(X):
        yield slice(None), X, of_columns
        return
    for i, (start, stop) in enumerate(zip(X.indptr, X.indptr[1:], strict=False)):
        yield (
            slice(i, i + 1),
            X.data[None, start:stop],
            of_columns[X.indices[start:stop]],
        )


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


def diagonal(
    network: Network, X: np.ndarray, known: Forward | None = None
) -> np.ndarray:
    """Return the kernel's diagonal, from its own one-dimensional recursion.

    The forward pass of `X` is computed unless it is `known`.
    """
    x = forward(network, X) if known is None else known
    layers, out = network.layers, np.zeros(X.shape[0])
    for l in range(network.depth + 1):
        gain, bias = layers.weight_variance[l], layers.bias_variance[l]
        if l > 0:
            with np.errstate(under="ignore"):
                out *= gain * x.slopes[l - 1]
        weight, extra = layers.weights[l], layers.bias_weights[l] * bias
        out += weight * (np.square(x.norms[l]) - bias) + extra
    return out
