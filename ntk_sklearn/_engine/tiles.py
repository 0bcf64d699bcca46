"""Whole kernel matrices, filled tile by tile.

A lane finishes each tile of correlations in the scratch buffer where it lies; then it
is copied into the result and, for the symmetric case, mirrored. There are two lanes:
the recursion over layers, which every network has, and the profile, which costs the
same at any depth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._utils.threads import run
from .forward import diagonal, forward
from .network import Network
from .pairs import (
    Forward,
    Pairs,
    mirror,
    rectangular_plan,
    symmetric_plan,
)
from .profile import DOUBLE, PROFILE_WORK, Profile, profile_of
from .recursion import component_tile, recursion_tile, unit_kernel
from .sparse_pairs import correlator


def gram(
    network: Network,
    X: np.ndarray,
    Y: np.ndarray | None = None,
    dtype: np.dtype | type = np.float64,
    profile_work: float = PROFILE_WORK,
) -> np.ndarray:
    """Return the weighted kernel of every pair; symmetric if `Y` is None.

    The deficits are computed in double precision, whatever `dtype` the result has:
    cosines in single precision would cost a rectifier's kernel half of their digits
    once more. A profile is then evaluated in single precision, if it is as exact as
    that; the recursion is not, because every layer adds to its errors.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (m, n_features), default=None
        The other side; None means `X`.
    dtype : dtype, default=float64
        Type of the result, float64 or float32.
    profile_work : float
        Number of pair-layers above which the profile is used, if there is one.

    Returns
    -------
    ndarray of shape (n, m)
    """
    symmetric = Y is None
    x = forward(network, X)
    y = x if Y is None else forward(network, Y)
    Y = X if Y is None else Y
    n, m = X.shape[0], Y.shape[0]
    if dtype != DOUBLE:
        check_fits(dtype, diagonal(network, X, x), diagonal(network, Y, y))
    K = np.empty((n, m), dtype)
    large = network.work(n * m) > profile_work
    profile = find_profile(network, K.dtype) if large else None
    finish = _lane(network, x, y, profile, K)

    def make_worker():
        correlate = correlator(network, X, x, Y, y)

        def fill(tile):
            pairs = correlate(tile)
            finish(pairs)
            if symmetric:
                mirror(pairs, K)

        return fill

    plan = symmetric_plan(n) if symmetric else rectangular_plan(n, m)
    n_pairs = n * m / 2 if symmetric else n * m
    run(plan, make_worker, 2 * n_pairs if profile else network.work(n_pairs))
    if symmetric:
        np.fill_diagonal(K, diagonal(network, X, x))
    return K


def _lane(
    network: Network, x: Forward, y: Forward, profile: Profile | None, K: np.ndarray
) -> Callable[[Pairs], None]:
    """Return the function that finishes a tile, there and in `K`."""
    if profile is None:
        return lambda pairs: recursion_tile(network.layers, x, y, pairs, K)
    lengths_x = x.norms[0].astype(profile.dtype)
    lengths_y = y.norms[0].astype(profile.dtype)
    return lambda pairs: profile.finish(lengths_x, lengths_y, pairs, K)


def check_fits(dtype, diagonal_x, diagonal_y):
    """Raise if an entry, which its diagonals bound, may overflow a type."""
    largest = np.sqrt(diagonal_x.max()) * np.sqrt(diagonal_y.max())
    if not largest <= np.finfo(dtype).max:
        raise ValueError(
            f"X leads to kernel values of {largest:.2g}, which overflow {dtype}; "
            'rescale X, or use dtype="float64".'
        )


def find_profile(network: Network, dtype: np.dtype) -> Profile | None:
    """Return the profile in the precision of the result; else in double; or None."""
    profile = profile_of(network, unit_kernel, dtype)
    if profile is None and dtype != DOUBLE:
        return profile_of(network, unit_kernel)
    return profile


def components(
    network: Network, X: np.ndarray, Y: np.ndarray | None = None
) -> np.ndarray:
    """Return every layer's own, unweighted term: (depth + 1, n, m)."""
    x = forward(network, X)
    y = x if Y is None else forward(network, Y)
    Z = X if Y is None else Y
    out = np.empty((network.depth + 1, X.shape[0], Z.shape[0]))

    def make_worker():
        correlate = correlator(network, X, x, Z, y)
        return lambda tile: component_tile(network.layers, x, y, correlate(tile), out)

    plan = rectangular_plan(X.shape[0], Z.shape[0])
    run(plan, make_worker, network.work(X.shape[0] * Z.shape[0]))
    if Y is None:
        for l in range(network.depth + 1):
            lower = np.tril(out[l], -1)
            out[l] = lower + lower.T
            one = np.zeros(network.depth + 1)
            one[l] = 1.0
            np.fill_diagonal(out[l], diagonal(network.with_weights(one), X, x))
    return out
