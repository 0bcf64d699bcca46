"""Kernel matrices of rows on a device, in the functions of any array library.

They are those of `tiles`, to rounding. Each tile passes through all layers as a whole,
so that its size is a matter of the device's memory.
"""

from __future__ import annotations

import numpy as np

from .._utils.arrays import Array
from ..activations._array_pairs import Deficits
from .array_layers import next_deficits
from .array_rows import TEMPORARIES, ArrayRows, Correlator, plan, run_tiles, sides_of
from .forward import diagonal as diagonal_of
from .network import Network
from .pairs import Side
from .profile import DOUBLE, PROFILE_WORK, Profile
from .tiles import check_fits, find_profile

# Passes over a tile that a layer of the recursion takes, in units of a term of a
# polynomial.
_PASSES = 12


def array_gram(
    network: Network,
    X: Array,
    Y: Array | None = None,
    dtype: np.dtype | type = np.float64,
    profile_work: float = PROFILE_WORK,
) -> Array:
    """Return the weighted kernel of every pair; symmetric if `Y` is None.

    Parameters
    ----------
    network, X, Y, dtype, profile_work
        As for `tiles.gram`, the rows in the most exact type of their device.

    Returns
    -------
    array of shape (n, m)
        On the same device.
    """
    x = ArrayRows(network, X)
    y = x if Y is None else ArrayRows(network, Y)
    place, symmetric = x.place, Y is None
    xp = place.xp
    own = [diagonal_of(network, z.X, z.forward) for z in (x, y)]
    if np.dtype(dtype) != DOUBLE:
        check_fits(np.dtype(dtype), *own)
    K = xp.empty((x.n_rows, y.n_rows), dtype=place.of(dtype), device=place.device)
    diagonal = place.move(own[0]) if symmetric else None
    large = network.work(x.n_rows * y.n_rows) > profile_work
    profile = find_profile(network, DOUBLE) if large else None
    if profile is not None and profile.coefficients.size > _PASSES * network.depth:
        profile = None

    def make_worker():
        correlate = Correlator(x, y)

        def fill(tile):
            pairs = correlate(tile)
            if profile is None:
                sides = sides_of(x, y, pairs)
                block = weighted(xp, network, *sides, pairs.deficits)
            else:
                n_i = x.first[tile.i0 : tile.i1, None]
                n_j = y.first[None, tile.j0 : tile.j1]
                block = at_deficits(xp, profile, pairs.deficits)
                block *= n_i * n_j
                block += float(profile.constant)
            _write(place, K, tile, block, diagonal)

        return fill

    tiles = list(plan(place, x.n_rows, y.n_rows, symmetric, TEMPORARIES))
    run_tiles(place, tiles, make_worker, network.work(x.n_rows * y.n_rows))
    return K


def _write(place, K, tile, block, diagonal) -> None:
    """Write a tile into a matrix; if its diagonal is given, into both halves of it."""
    xp = place.xp
    if tile.lower:
        same = xp.eye(tile.i1 - tile.i0, dtype=xp.bool, device=place.device)
        block = xp.where(same, diagonal[tile.i0 : tile.i1, None], block)
    block = xp.astype(block, K.dtype, copy=False)
    K[tile.i0 : tile.i1, tile.j0 : tile.j1] = block
    if diagonal is not None and not tile.lower:
        K[tile.j0 : tile.j1, tile.i0 : tile.i1] = xp.matrix_transpose(block)


def array_diagonal(network: Network, X: Array) -> Array:
    """Return the kernel's diagonal, on the device of the rows."""
    x = ArrayRows(network, X)
    return x.place.move(diagonal_of(network, X, x.forward))


def array_components(network: Network, X: Array, Y: Array | None = None) -> Array:
    """Return every layer's own, unweighted term: (depth + 1, n, m)."""
    x = ArrayRows(network, X)
    y = x if Y is None else ArrayRows(network, Y)
    place, depth, symmetric = x.place, network.depth, Y is None
    xp = place.xp
    shape = (depth + 1, x.n_rows, y.n_rows)
    out = xp.empty(shape, dtype=place.of(np.float64), device=place.device)
    one = np.eye(depth + 1)
    diagonals = [
        place.move(diagonal_of(network.with_weights(one[l]), x.X, x.forward))
        for l in range(depth + 1)
    ]

    def make_worker():
        correlate = Correlator(x, y)

        def fill(tile):
            pairs = correlate(tile)
            terms = terms_of(xp, network, *sides_of(x, y, pairs), pairs.deficits)
            for l, block in enumerate(terms):
                own = diagonals[l] if symmetric else None
                _write(place, out[l, ...], tile, block, own)

        return fill

    held = TEMPORARIES + 2 * depth
    tiles = list(plan(place, x.n_rows, y.n_rows, symmetric, held))
    run_tiles(place, tiles, make_worker, network.work(x.n_rows * y.n_rows))
    return out


def terms_of(xp, network: Network, i: Side, j: Side, pairs: Deficits) -> list[Array]:
    """Return every layer's own, unweighted term of a tile, in one recursion."""
    terms, derivatives = [], []
    for l in range(network.depth + 1):
        if l > 0:
            pairs, derivative = next_deficits(xp, network, l, i, j, pairs)
            derivatives.append(derivative)
        term = pairs.correlations()
        term *= i.norms[l]
        term *= j.norms[l]
        terms.append(term)
    product = None
    for l in range(network.depth - 1, -1, -1):
        derivatives[l] *= float(network.layers.weight_variance[l + 1])
        product = derivatives[l] if product is None else product * derivatives[l]
        terms[l] *= product
    return terms


def weighted(xp, network: Network, i: Side, j: Side, pairs: Deficits) -> Array:
    """Return the weighted kernel of a tile, by the recursion over layers."""
    layers, out = network.layers, None
    scale = 1.0  # that `out` lacks: one factor at the end, and none for each layer
    for l in range(network.depth + 1):
        if l > 0:
            pairs, derivative = next_deficits(xp, network, l, i, j, pairs)
        weight, gain = float(layers.weights[l]), float(layers.weight_variance[l])
        extra = float((layers.bias_weights[l] - weight) * layers.bias_variance[l])
        if out is not None:
            out *= derivative
            scale *= gain
        elif weight == 0.0 and extra == 0.0:
            continue  # frozen layers cost nothing
        if weight != 0.0 or extra != 0.0:
            term = pairs.correlations()
            term *= (weight / scale * i.norms[l]) * j.norms[l]
            if extra != 0.0:
                term += extra / scale
            if out is not None:
                term += out
            out = term
    if out is None:
        return xp.zeros_like(pairs.size)
    if scale != 1.0:
        out *= scale
    return out


def at_deficits(xp, profile: Profile, pairs: Deficits) -> Array:
    """Return the polynomial that stands for a network, at the deficits of a tile."""
    a, slope, even = profile.variable
    near, far = xp.sqrt(0.5 * pairs.size), xp.sqrt(1.0 - 0.5 * pairs.size)
    sine, cosine = near, far
    negative = pairs.negative
    if negative is not None and not even:
        sine = xp.where(negative, far, near)
        cosine = xp.where(negative, near, far)
    b = float(a) * (1.0 + cosine)
    z = (float(slope) * sine - b) / (sine + b)
    first, *others = profile.coefficients.tolist()
    value = xp.full_like(z, first)
    for coefficient in others:
        value *= z
        value += coefficient
    return value
