"""A matrix contracted with the kernel's derivatives, on a device.

Tile by tile, as in `contraction`: forward through the layers, and backward as in
`backward`, with the first layer as in `first_layer`. What remains after the pairs have
been summed up belongs to single inputs and is small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.arrays import Array, to_numpy
from ..activations._array_pairs import Deficits
from ..activations._series_on_arrays import ARRAY_PULLBACKS
from .array_layers import next_deficits, numbers
from .array_rows import (
    TEMPORARIES,
    ArrayRows,
    Correlator,
    Pairs,
    close_pairs,
    plan,
    sides_of,
)
from .backward import variance_slopes
from .network import Contraction, Network
from .ranks import STEPS


class _Slopes(NamedTuple):
    """Derivatives of a tile: in correlations, and in both log variances."""

    rho: Array
    mean: Array  # half of the sum
    half: Array  # half of the difference


class _Sums(NamedTuple):
    """Sums over pairs, those of a row or column on the device."""

    by_layer: np.ndarray  # (3, depth + 1)
    by_input: list[Array]  # for each layer, (n,): in the log gained moment
    first: Array  # (n,) in the first log variance of each input
    by_column: np.ndarray  # (d + 1,) in the log of what multiplies each product
    both: list[float]  # the sum of derivatives in both first log variances


def array_contract(
    network: Network,
    X: Array,
    G: Array,
    length_scale: bool = False,
    weights_only: bool = False,
) -> Contraction:
    """Contract a symmetric matrix with the kernel's derivatives, in one pass.

    Parameters
    ----------
    network, X, G, length_scale, weights_only
        As for `contraction.contract`, the matrix on the device of the rows.

    Returns
    -------
    Contraction
        Arrays of NumPy.
    """
    x, depth = ArrayRows(network, X), network.depth
    xp, n = x.place.xp, x.n_rows
    zeros = [xp.zeros_like(x.first) for _ in range(depth + 2)]
    sums = _Sums(
        np.zeros((3, depth + 1)), zeros[1:], zeros[0], np.zeros(x.width), [0.0]
    )
    correlate = Correlator(x, x)
    for tile in plan(x.place, n, n, True, TEMPORARIES + 4 * depth):
        pairs = correlate(tile)
        seeds = G[tile.i0 : tile.i1, tile.j0 : tile.j1]
        seeds = xp.astype(seeds, x.first.dtype) * (1.0 if tile.lower else 2.0)
        slopes = _backward(xp, x, pairs, seeds, sums)
        if not weights_only:
            _add_first_layer(xp, x, pairs, slopes, length_scale, sums)
    return _collected(x, sums, length_scale)


def _forward(xp, network, sides, pairs):
    """Return deficits, D and weighted tangents, layer by layer."""
    layers, (i, j) = network.layers, sides
    deficits, derivatives = [pairs], []
    tangents: list[Array] = []
    for l in range(network.depth + 1):
        if l > 0:
            pairs, derivative = next_deficits(xp, network, l, i, j, pairs)
            deficits.append(pairs)
            derivatives.append(derivative)
        weight, gain = float(layers.weights[l]), float(layers.weight_variance[l])
        extra = float((layers.bias_weights[l] - weight) * layers.bias_variance[l])
        tangent = pairs.correlations() * ((weight * i.norms[l]) * j.norms[l]) + extra
        if l > 0:
            tangent = tangent + gain * (derivatives[-1] * tangents[-1])
        tangents.append(tangent)
    return deficits, derivatives, tangents


def _turn(xp, s, other, pairs: Deficits):
    """Return ``s rho - other``, where s and `other` may differ little."""
    near = (s - other) - s * pairs.size
    if pairs.sign is None:
        return near
    return xp.where(pairs.negative, -s * (1.0 - pairs.size) - other, near)


def _backward(xp, x: ArrayRows, pairs: Pairs, seeds, sums: _Sums) -> _Slopes:
    """Add what a tile owes to each layer; return derivatives in the first one."""
    network, layers, tile = x.network, x.network.layers, pairs.tile
    i, j = sides = sides_of(x, x, pairs)
    deficits, derivatives, tangents = _forward(xp, network, sides, pairs.deficits)
    rho_bar, mean, half = (xp.zeros_like(seeds) for _ in range(3))
    h_bar, by_layer = seeds, sums.by_layer
    for l in range(network.depth, -1, -1):
        weight, bias = float(layers.weights[l]), float(layers.bias_variance[l])
        extra = float((layers.bias_weights[l] - weight) * bias)
        rho = deficits[l].correlations()
        product = h_bar * (i.norms[l] * j.norms[l])
        own_bias = 0.0 if layers.tied else bias
        total = _total(xp, h_bar)
        by_layer[0, l] += _total(xp, product * rho) - own_bias * total
        rho_bar = rho_bar + weight * product
        mean = mean + (0.5 * weight) * product * rho
        if l == 0:
            by_layer[2, 0] += extra * total
            break
        by_layer[2, l] += extra * total + 2.0 * _total(xp, mean)
        c_i, c_j = i.bias_cos[l], j.bias_cos[l]
        first, second = mean + half, mean - half
        if bias > 0.0:
            s_i, s_j = i.bias_sin[l], j.bias_sin[l]
            first = first * c_i**2 + rho_bar * (
                0.5 * s_i * _turn(xp, s_i, s_j, deficits[l])
            )
            second = second * c_j**2 + rho_bar * (
                0.5 * s_j * _turn(xp, s_j, s_i, deficits[l])
            )
        gain = float(layers.weight_variance[l])
        d_bar = gain * h_bar * tangents[l - 1]
        both = _total(xp, first) + _total(xp, second)
        by_layer[1, l] += _total(xp, d_bar * derivatives[l - 1]) + both
        by_layer[2, l] -= both
        sums.by_input[l][tile.i0 : tile.i1] += xp.sum(first, axis=1)
        sums.by_input[l][tile.j0 : tile.j1] += xp.sum(second, axis=0)
        r_bar = rho_bar * c_i * c_j
        h_bar = h_bar * (gain * derivatives[l - 1])
        activation = network.activations[l - 1]
        statistics = i.statistics[l - 1], j.statistics[l - 1]
        rho_bar, mean, half = (
            part if hasattr(part, "shape") else xp.zeros_like(seeds)
            for part in ARRAY_PULLBACKS[activation.code](
                xp, numbers(activation), deficits[l - 1], statistics, (r_bar, d_bar)
            )
        )
    return _Slopes(rho_bar, mean, half)


def _total(xp, values) -> float:
    return float(xp.sum(values))


def _add_first_layer(xp, x, pairs: Pairs, slopes: _Slopes, columns, sums: _Sums):
    """Add the derivatives in the first layer's correlations and variances."""
    tile, (slope, mean, half) = pairs.tile, slopes
    sums.both[0] += 2.0 * _total(xp, mean)
    rho = pairs.deficits.correlations()
    wanted = slice(None) if columns else slice(x.width - 1, x.width)
    u, v = pairs.u[:, wanted], pairs.v[:, wanted]
    found = sums.by_column[wanted]
    if pairs.close is not None:
        found += _close_shares(xp, x, pairs, slopes, wanted)
        slope, mean, half = (
            xp.where(pairs.close, 0.0, part) for part in (slope, mean, half)
        )
    found += to_numpy(xp.sum(u * (slope @ v), axis=0))
    turned = 0.5 * slope * rho
    sums.first[tile.i0 : tile.i1] += xp.sum(mean + half - turned, axis=1)
    sums.first[tile.j0 : tile.j1] += xp.sum(mean - half - turned, axis=0)


def _close_shares(xp, x, pairs: Pairs, slopes: _Slopes, wanted: slice):
    """Return derivatives of close pairs in the log of what multiplies some columns.

    With u and w as of `Close`, this is what `first_layer` says.
    """
    close, deficits, start = pairs.close, pairs.deficits, 0
    size, rho = deficits.size[close], deficits.correlations()[close]
    slope, mean, half = (part[close] for part in slopes)
    out = np.zeros(x.width)[wanted]
    for found in close_pairs(x, x, pairs.tile, close, deficits.sign):
        some = slice(start, start + found.first.shape[0])
        start = some.stop
        d, r, s, m, h = (part[some] for part in (size, rho, slope, mean, half))
        u, w = found.u[:, wanted], found.w[:, wanted]
        lead = xp.where(found.first, m - h, m + h)
        sine2 = d * (2.0 - d)
        by_uu = (0.5 * s * r - lead) * sine2 + 2.0 * m
        by_uw = s * sine2 + 2.0 * r * lead
        by_ww = lead - 0.5 * s * r
        shares = by_uu[:, None] * u**2 + by_uw[:, None] * u * w
        out += to_numpy(xp.sum(shares + by_ww[:, None] * w**2, axis=0))
    return out


def _collected(x: ArrayRows, sums: _Sums, length_scale: bool) -> Contraction:
    """Carry what was collected per input down to the columns of the inputs."""
    known, network = x.forward, x.network
    weight, variance, bias = sums.by_layer
    slopes = variance_slopes(known)
    through = np.zeros(x.n_rows)
    for l in range(network.depth, 0, -1):
        bias[l] += through @ known.bias_sin[l] ** 2
        gained = through * known.bias_cos[l] ** 2
        variance[l] += gained.sum()
        through = (to_numpy(sums.by_input[l]) + gained) * slopes[l - 1]
    by_input, by_column = sums.first + x.place.move(through), sums.by_column
    for start, stop in x.blocks():
        units = x.units(start, stop)
        shares = by_input[start:stop, None] * units**2
        by_column += to_numpy(x.place.xp.sum(shares, axis=0))
    by_bias = float(by_column[-1])
    bias[0] += by_bias
    variance[0] += sums.both[0] + through.sum() - by_bias
    scales = np.zeros(network.feature_scale.size)
    if length_scale:
        linear, steps = np.split(by_column[:-1], [network.n_linear])
        ranks = steps.reshape(network.n_ranks, STEPS).sum(axis=1)
        scales = -2.0 * np.append(linear, ranks)
    return Contraction(weight, variance, bias, scales)
