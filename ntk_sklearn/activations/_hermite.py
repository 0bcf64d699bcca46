"""Hermite coefficients of an activation at the variances of all inputs of a layer.

With ``phi(sqrt(q) z) = sum_k alpha_k(q) h_k(z)`` in normalised Hermite polynomials,
``E[phi(u) phi(v)] = sum_k alpha_k(q_ii) alpha_k(q_jj) rho^k``: a power series whose
coefficients are products of a number of each input. They are integrals by
Gauss-Legendre quadrature between the kinks, and smooth functions of the logarithm of
the variance: of many inputs, they are interpolated between Chebyshev nodes, in
intervals that are the same for all inputs.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit_sums
from .._utils.threads import one_blas_thread
from ._panels import evaluate_table
from ._table import both, kinks_of, reach

# Orders that are tried, in blocks of sixteen; one with errors below this is enough.
ORDERS, BLOCK, TOLERANCE = (32, 80, 192, 512), 16, 3e-13
# Rows of the table of an expansion: those before the blocks, and those of a block.
HEAD, ROWS_OF_BLOCK = 8, BLOCK + 1
# What blocks of k orders leave of a pair is at most rho^k sqrt(t t'), with t the tails
# of its two inputs. Kept are the roots of tails, of degree 2 k, so that rho times those
# of both inputs is compared with one number for each block.
ROOTS = 1.0 / (2.0 * BLOCK * np.arange(1, ORDERS[-1] // BLOCK + 1))
LIMITS = TOLERANCE ** (2.0 * ROOTS)
# More orders than a series needs: those of its derivatives.
EXTRA = BLOCK
# The root of the least variance that is told from zero.
LEAST, _FAR = 1e-15, 13.0
# A normal variable is taken to be within so many deviations.
SPREAD = 9.0
# Intervals of the logarithm of the variance, in which curves are interpolated: of more
# than a few inputs.
_WIDTH, _FEW = math.log(4.0), 8
# Inputs whose curves are evaluated at a time: what they take stays in the cache.
_AT_ONCE = 256
# Errors of the sum of all shares: those of quadrature.
_ROUNDING = 1e-13
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class Expansion(NamedTuple):
    """What the series need of some variances.

    Attributes
    ----------
    table : ndarray of shape (HEAD + ROWS_OF_BLOCK * (blocks + 1), n)
        First rows that are not written; then, for each block, eight Hermite
        coefficients of even orders over the root of the second moment, eight of odd
        ones, and the share of ``E[phi'^2]`` that so many blocks leave, or a little
        more, to the power `ROOTS`. A last block is for derivatives only.
    sizes : ndarray of shape (HEAD + ROWS_OF_BLOCK * (blocks + 1),)
        Bounds of the numbers in each row of coefficients.
    log_moment, log_slope : ndarray of shape (n,)
        Logarithms of ``E[phi^2]`` and ``E[phi'^2]``.
    excess : ndarray of shape (n,)
        ``d log(E[phi^2] / q) / d log q``.
    """

    table: np.ndarray
    sizes: np.ndarray
    log_moment: np.ndarray
    log_slope: np.ndarray
    excess: np.ndarray


@jit_sums
def _project(z, w, y, out):
    """Write ``sum(w * y * h_k(z))`` for every k."""
    low, high = np.zeros(z.size), w * y
    before = 0.0
    for k in range(out.size):
        s = 0.0
        after = np.sqrt(k + 1.0)
        over, back = 1.0 / after, before / after
        for n in range(z.size):
            h = high[n]
            s += h
            high[n] = z[n] * over * h - back * low[n]
            low[n] = h
        out[k] = s
        before = after


@jit_sums
def _means(table, root, z, w, coefficients):
    """Write Hermite coefficients; return the means of phi^2, phi'^2 and u phi phi'."""
    y, s = np.empty(z.size), np.empty(z.size)
    evaluate_table(table, root * z, y, s)
    square, slope, cross = 0.0, 0.0, 0.0
    for n in range(z.size):
        square += w[n] * y[n] * y[n]
        slope += w[n] * s[n] * s[n]
        cross += w[n] * root * z[n] * y[n] * s[n]
    _project(z, w, y, coefficients)
    return square, slope, cross


def _nodes(table, root, order):
    """Return nodes and weights of a mean over a normal variable times `root`."""
    n = int(table[0])
    edges = table[3 : 2 + n]
    inside = np.append(edges[np.abs(edges) > 0.1], kinks_of(table)) / root
    grid = np.linspace(-_FAR, _FAR, 27 if order <= 160 else 53)
    edges = np.concatenate([grid, inside[np.abs(inside) < _FAR]])
    edges = np.unique(edges)
    half = 0.5 * np.diff(edges)[:, None]
    z = (edges[:-1, None] + half * (1.0 + _NODES)).ravel()
    return z, (half * _WEIGHTS).ravel() * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)


def _exact(table, log_variances, order):
    """Return the three numbers and the coefficients of each variance."""
    out = np.empty((len(log_variances), order + 3))
    square, slope, cross = _integrals(table, log_variances, out[:, 3:])
    bad = ~((square > 1e-300) & (square < np.inf))
    if bad.any():
        raise ValueError(
            "the activation is zero, or too large for float64, at all numbers that a "
            f"layer of variance {np.exp(log_variances[bad][0]):.3g} gives it."
        )
    out[:, 3:] /= np.sqrt(square)[:, None]
    out[:, 0], out[:, 1] = np.log(square), np.log(np.maximum(slope, 1e-300))
    out[:, 2] = cross / square - 1.0
    return out


def _integrals(table, log_variances, coefficients):
    """Write coefficients; return the means of phi^2, phi'^2 and u phi(u) phi'(u)."""
    roots = np.exp(0.5 * log_variances)
    finest = _finest(table) / roots.max()
    if finest > 1.0 / 16.0 and not len(kinks_of(table)):
        return _on_one_grid(table, roots, min(finest, 1.0), coefficients)
    means, order = np.empty((3, len(roots))), coefficients.shape[1]
    for k, root in enumerate(roots):
        nodes = _nodes(table, root, order)
        means[:, k] = _means(table, root, *nodes, coefficients[k])
    return means


def coefficients_at(table: np.ndarray, log_variances: np.ndarray, order: int):
    """Return the coefficients at some variances, and what belongs to them.

    Parameters
    ----------
    table : ndarray
        The activation; see `_table`.
    log_variances : ndarray of shape (n,)
    order : int

    Returns
    -------
    facts : ndarray of shape (n, 3)
        ``E[phi(u)^2]``, ``E[phi'(u)^2]`` and ``E[u phi(u) phi'(u)]``.
    coefficients : ndarray of shape (n, order)
        Those of the function itself.
    tails : ndarray of shape (n, order / 16)
        The share of ``E[phi'^2]`` that each number of blocks leaves; zero where there
        is none.
    """
    facts = np.empty((len(log_variances), 3))
    coefficients = np.empty((len(log_variances), order))
    for first in range(0, len(log_variances), 32):
        part = slice(first, first + 32)
        facts[part] = np.stack(
            _integrals(table, log_variances[part], coefficients[part]), axis=1
        )
    shares = np.arange(order) * coefficients**2 * np.exp(-log_variances)[:, None]
    shares /= np.maximum(facts[:, 1:2], 1e-300)
    tails = np.where(facts[:, 1:2] > 1e-300, _left(shares), 0.0)
    return facts, coefficients, tails


def _finest(table):
    """Return the length of intervals on each of which one polynomial is enough."""
    edges = table[2 : 3 + int(table[0])]
    width, x = 0.5, np.cos(np.pi * (np.arange(16) + 0.5) / 16)
    while width > 1e-3:
        y = both(table, 0.5 * width * np.array([x + 1.0, x - 1.0]))[0]
        last = np.polynomial.chebyshev.chebfit(x, y.T, 15)[-3:]
        if np.abs(last).max() < 1e-13 * np.abs(y).max():
            break
        width *= 0.5
    return 2.0 * min(width, np.diff(edges[np.abs(edges) > 0.4]).min())


def _on_one_grid(table, roots, finest, coefficients):
    """Do what `_means` does for several variances, of a function without kinks."""
    order = coefficients.shape[1]
    power = 2.0 ** math.floor(math.log2(finest))
    rounded = next(o + EXTRA for o in ORDERS if o + EXTRA >= order)
    z, w, H = _grid(power, rounded)
    y, s = both(table, roots[:, None] * z)
    coefficients[:] = (y * w) @ H[:, :order]
    return (y * y) @ w, (s * s) @ w, roots * ((y * s) @ (w * z))


@lru_cache(maxsize=8)
def _grid(width, order):
    """Return nodes and weights in panels of a width, and Hermite polynomials there."""
    edges = np.arange(
        -_FAR, _FAR + 0.5 * width, min(width, 0.5 if order > 168 else 1.0)
    )
    half = 0.5 * np.diff(edges)[:, None]
    z = (edges[:-1, None] + half * (1.0 + _NODES)).ravel()
    w = (half * _WEIGHTS).ravel() * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    H = np.empty((order, len(z)))
    H[0], H[1] = 1.0, z
    for k in range(1, order - 1):
        H[k + 1] = (z * H[k] - math.sqrt(k) * H[k - 1]) / math.sqrt(k + 1.0)
    return z, w, H.T


class Part(NamedTuple):
    """What is known of variances of an interval, or of curves over it.

    Attributes
    ----------
    facts : ndarray of shape (3, n)
        The first numbers that `_exact` returns.
    body : ndarray of shape (ROWS_OF_BLOCK * blocks, n)
        As in `Expansion`.
    """

    facts: np.ndarray
    body: np.ndarray

    @property
    def roots(self) -> np.ndarray:
        """The rows of the roots, of all blocks but the last."""
        return self.body[BLOCK:-ROWS_OF_BLOCK:ROWS_OF_BLOCK]


def _arranged(rows) -> Part:
    """Return what `_exact` does, row by row; there are no roots yet, but zeros."""
    columns = np.ascontiguousarray(rows.T)
    blocks, n = (len(columns) - 3) // BLOCK, columns.shape[1]
    body = np.zeros((blocks, ROWS_OF_BLOCK, n))
    orders = columns[3:].reshape(blocks, BLOCK // 2, 2, n)
    body[:, : BLOCK // 2], body[:, BLOCK // 2 : BLOCK] = (
        orders[:, :, 0],
        orders[:, :, 1],
    )
    return Part(columns[:3], body.reshape(-1, n))


class Curves(NamedTuple):
    """What `_exact` returns, of all variances of an interval.

    Attributes
    ----------
    low, high : float
        The ends of the interval, logarithms of variances.
    series : Part
        Coefficients of Chebyshev polynomials of the place between the ends.
    nodes : ndarray of shape (m + 1,)
        Logarithms of variances, rising.
    roots : ndarray of shape (blocks, m + 1)
        Of the tails of the nodes.
    """

    low: float
    high: float
    series: Part
    nodes: np.ndarray
    roots: np.ndarray

    def at(self, logs: np.ndarray) -> Part:
        """Return what is known of some variances."""
        middle, half = 0.5 * (self.high + self.low), 0.5 * (self.high - self.low)
        place = np.clip((logs - middle) / half, -1.0, 1.0)
        m = len(self.nodes) - 1
        powers = np.polynomial.chebyshev.chebvander(place, m).T
        found = Part(self.series.facts @ powers, self.series.body @ powers)
        # Of an input between two nodes, the larger of their tails.
        after = np.searchsorted(self.nodes, logs).clip(1, m)
        larger = np.maximum(self.roots[:, 1:], self.roots[:, :-1])
        np.take(larger, after - 1, axis=1, out=found.roots, mode="clip")
        return found

    def sizes(self) -> np.ndarray:
        """Return bounds of the rows of the body."""
        return np.abs(self.series.body).sum(axis=1)


def _ends(table, interval: int) -> tuple[float, float]:
    """Return the ends of an interval, as far as the table reaches."""
    last = 2.0 * math.log(reach(table) / SPREAD)
    return interval * _WIDTH, min((interval + 1) * _WIDTH, last)


@lru_cache(maxsize=1024)
def _order(numbers: bytes, interval: int) -> int:
    """Return how many orders an interval of variances needs."""
    table = np.frombuffer(numbers)
    ends = np.array(_ends(table, interval))
    try:
        for tried in ORDERS:
            if _tails(_exact(table, ends, tried), ends)[:, -1].max() <= TOLERANCE:
                return tried
    except ValueError:  # at an end that no input need have
        pass
    return ORDERS[-1]


@lru_cache(maxsize=64)
def _curves(numbers: bytes, interval: int, order: int) -> Curves | None:
    """Return the curves of an interval, or None where there are none.

    They are remembered: all layers, and further inputs, have variances in few
    intervals, and the integrals take longer than anything else here.
    """
    table = np.frombuffer(numbers)
    low, high = _ends(table, interval)
    if not high > low:
        return None
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    m, rows = 8, None
    while m <= 256:
        angles = np.pi * np.arange(m + 1) / m
        nodes = middle + half * np.cos(angles)
        if rows is None:
            rows = _exact(table, nodes, order)
        else:  # every second node was there
            finer = np.empty((m + 1, order + 3))
            finer[::2], finer[1::2] = rows, _exact(table, nodes[1::2], order)
            rows = finer
        ends = np.where(np.arange(m + 1) % m == 0, 0.5, 1.0)
        map_to = 2.0 / m * np.cos(np.outer(np.arange(m + 1), angles)) * ends
        series = (map_to * ends[:, None]) @ rows
        if np.abs(series[-3:]).max() < 1e-13:
            # Nodes come in pairs of about equal last terms, which bound the error.
            roots = _roots(rows, nodes)[:, ::-1].copy()
            return Curves(low, high, _arranged(series), nodes[::-1], roots)
        m *= 2
    return None


def _curves_of(numbers, interval, order, many: bool) -> Curves | None:
    """Return the curves of an interval, for many inputs, or None."""
    if many:
        with suppress(ValueError):  # at a variance that no input need have
            return _curves(numbers, interval, order)
    return None


def _one_by_one(numbers, logs, order) -> Part:
    """Return what is known of some variances by integrals of each."""
    unique, back = np.unique(logs, return_inverse=True)
    rows = _exact(np.frombuffer(numbers), unique, order)
    found = _arranged(rows)
    found.roots[:] = _roots(rows, unique)
    return Part(found.facts[:, back], found.body[:, back])


def _tails(found, logs):
    """Return the share of ``E[phi'^2]`` beyond each block of orders: (n, blocks)."""
    k = np.arange(found.shape[1] - 3)
    # D is the sum of k a_k^2 E[phi^2] / q.
    scale = np.exp(found[:, 0] - logs - found[:, 1])[:, None]
    return _left(k * found[:, 3:] ** 2 * scale)


def _roots(found, logs):
    """Return `_tails` to the power `ROOTS`, of all blocks but the last: (blocks, n)."""
    tails = _tails(found, logs)[:, :-1]
    return (tails ** ROOTS[: tails.shape[1]]).T


def _left(shares):
    """Return what each number of blocks leaves of shares that sum to one.

    Summed from the end: the difference of a sum to one has no digits below rounding,
    and where it has none, what is beyond all blocks is less than the last of them.
    """
    blocks = np.add.reduceat(shares, np.arange(0, shares.shape[1], BLOCK), axis=1)
    beyond = 1.0 - shares.sum(axis=1)
    beyond = np.where(beyond > _ROUNDING, beyond, blocks[:, -1])
    tails = np.cumsum(np.hstack([beyond[:, None], blocks[:, :0:-1]]), axis=1)
    return tails[:, ::-1]


def expand(table: np.ndarray, variances: np.ndarray) -> Expansion:
    """Return the expansion of an activation at some variances.

    Parameters
    ----------
    table : ndarray
        The activation; see `_table`.
    variances : ndarray of shape (n,)

    Returns
    -------
    Expansion

    Raises
    ------
    ValueError
        If the variances are too large for the table.
    """
    largest = float(variances.max(initial=0.0))
    if SPREAD * np.sqrt(largest) > reach(table):
        raise ValueError(
            f"a layer has pre-activations of variance {largest:.3g}, but the "
            f"activation is known, as a function with few bends, up to "
            f"{reach(table):.3g} only; rescale X or lower weight_variance."
        )
    logs = np.log(np.maximum(variances, LEAST**2))
    if not logs.size:
        none, rows = np.zeros(0), HEAD + 2 * ROWS_OF_BLOCK
        return Expansion(np.zeros((rows, 0)), np.zeros(rows), none, none, none)
    numbers = table.tobytes()
    intervals = np.floor(logs / _WIDTH).astype(np.int64)
    present = [int(interval) for interval in np.unique(intervals)]
    order = max(_order(numbers, interval) for interval in present)
    many = len(np.unique(logs)) > _FEW
    blocks = order // BLOCK + 1
    found = np.empty((HEAD + ROWS_OF_BLOCK * blocks, len(logs)))
    facts, sizes = np.empty((3, len(logs))), np.zeros(len(found))
    with one_blas_thread():  # products are small
        for interval in present:
            own = np.flatnonzero(intervals == interval)
            curves = _curves_of(numbers, interval, order + EXTRA, many)
            if curves is None:
                part = _one_by_one(numbers, logs[own], order + EXTRA)
                size = np.abs(part.body).max(axis=1)
                facts[:, own], found[HEAD:, own] = part
            else:
                size = curves.sizes()
                for start in range(0, len(own), _AT_ONCE):
                    some = own[start : start + _AT_ONCE]
                    facts[:, some], found[HEAD:, some] = curves.at(logs[some])
            np.maximum(sizes[HEAD:], size, out=sizes[HEAD:])
    roots = Part(facts, found[HEAD:]).roots
    enough = roots.max(axis=1) <= TOLERANCE ** ROOTS[: blocks - 1]
    if enough.any():
        blocks = int(np.argmax(enough)) + 2
    rows = HEAD + ROWS_OF_BLOCK * blocks
    # Below the least variance, the moment goes on as it did.
    below = np.minimum(np.log(np.maximum(variances, 1e-320)) - 2.0 * np.log(LEAST), 0.0)
    log_moment = facts[0] + below * (1.0 + facts[2])
    return Expansion(found[:rows], sizes[:rows], log_moment, facts[1], facts[2])
