"""Codes of one column of a table: scaled numbers, or a rank.

Each has `usable`, whether the column varies enough to be written at all;
`length_scale`, by which a neural tangent kernel divides it; and `suffixes`, a single
one, which its name gets. Missing values, as NaN, are written as the mean. Statistics
are weighted, so that a row of weight 2 is the row twice.
"""

from __future__ import annotations

import numpy as np

from .._utils.validation import is_flat, weighted_moments

# Numbers are held within the training range widened by this share on either side:
# rectified kernels extrapolate linearly, and one stray value would rule a prediction.
MARGIN = 0.1
# Nearer to zero than this, in units of the largest one, numbers have one rank: slopes
# between them would overflow.
_TINY = 1e-290
# Values and positions that differ by this share are the same but for rounding, which a
# change of units may bring about or undo.
_ROUNDING = 1e-12


class Standard:
    """``(x - mean) / std``, clipped to the widened training range."""

    length_scale, suffixes = 1.0, ("",)

    def __init__(self, clip: bool):
        self.clip = clip

    def fit(self, x: np.ndarray, s: np.ndarray) -> Standard:
        """Learn the mean, the deviation and the range of a column."""
        mean, scale = weighted_moments(x, s)
        self.usable = scale > 0.0 and not is_flat(x)
        self.mean, self.scale = mean, scale if self.usable else 1.0
        reach = MARGIN * np.ptp(x) if self.clip else np.inf
        self.low, self.high = x.min() - reach, x.max() + reach
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scale the numbers of a column."""
        held = np.minimum(np.maximum(x, self.low), self.high)
        return np.where(np.isnan(x), 0.0, (held - self.mean) / self.scale)


class Rank:
    """Position of a number among the training values, between 0 and 1.

    A rank is a straight line between two quantiles, or between two values where there
    are few. Divided by `length_scale`, the steps that a neural tangent kernel makes of
    it have variance one, or nearly: they are taken to be infinitely many.
    """

    suffixes = ("_rank",)

    def __init__(self, n_quantiles: int, by_mass: bool, is_standard: bool):
        self.n_quantiles = n_quantiles
        self.by_mass = by_mass  # levels are mid-ranks, and not equally far apart
        self.is_standard = is_standard  # centred and of variance one, then

    def fit(self, x: np.ndarray, s: np.ndarray) -> Rank:
        """Learn the quantiles of a column."""
        # In units of a power of two, so that no quantile and no slope leaves the range
        # of numbers, and no digit changes.
        self.exponent = int(np.frexp(np.abs(x).max(initial=0.0))[1])
        values, mass = _masses(self._in_units(x), s)
        self.is_binary = len(values) == 2
        few = len(values) <= self.n_quantiles + 1
        wanted = np.linspace(0.0, 1.0, self.n_quantiles + 1)
        self.edges = values if few else _quantiles(values, mass, wanted)
        self.levels = np.linspace(0.0, 1.0, len(self.edges))
        # Divided by their own end: their sum, rounded otherwise, may be less.
        up_to = np.cumsum(mass)
        if self.by_mass:
            middle = (up_to - mass / 2.0) / up_to[-1]
            # Less rounding errors, so that columns without ties have the same levels.
            self.levels = np.interp(self.edges, values, middle).round(12)
        ranks = np.interp(values, self.edges, self.levels)
        below = up_to[:-1] / up_to[-1]
        self.length_scale = np.sqrt(6.0 * np.diff(ranks) @ (below * (1.0 - below)))
        # Beside the weight of one value, that of all others may be lost to rounding.
        self.usable = self.length_scale > 0.0 and not is_flat(x)
        self.fill = float(ranks @ mass / mass.sum())
        if self.is_standard:
            self.length_scale, self.fill = 1.0, 0.0
            self.mean, self.scale = weighted_moments(ranks, mass)
        return self

    def _in_units(self, x):
        with np.errstate(over="ignore"):  # far beyond the largest value
            x = np.ldexp(x, -self.exponent)
        return np.where(np.abs(x) < _TINY, 0.0, x)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Write the numbers of a column as ranks."""
        ranks = np.interp(self._in_units(x), self.edges, self.levels)
        if self.is_standard:
            ranks -= self.mean
            ranks /= self.scale
        return np.where(np.isnan(x), self.fill, ranks)


def _masses(x, s):
    """Return the distinct values and the weight of each.

    Values that differ by rounding only, such as 0.3 and 0.1 + 0.2, are one.
    """
    values, inverse = np.unique(x, return_inverse=True)
    mass = np.bincount(inverse.ravel(), weights=s)
    near = np.diff(values) <= _ROUNDING * np.abs(values[1:])
    if not near.any():
        return values, mass
    starts = np.flatnonzero(np.concatenate([[True], ~near]))
    sizes = np.diff(np.append(starts, len(values)))
    lowest, highest = values[starts], values[starts + sizes - 1]
    # A long run, of time stamps for instance, is no rounding.
    long = highest - lowest > _ROUNDING * np.maximum(np.abs(lowest), np.abs(highest))
    first = np.repeat(long, sizes)
    first[starts] = True
    return values[first], np.add.reduceat(mass, np.flatnonzero(first))


def _quantiles(values, mass, levels):
    """Quantiles as of the repeated rows, interpolated linearly."""
    mass = mass / min(1.0, mass.min())  # shares of a row have no positions of their own
    last = np.cumsum(mass) - 1.0  # position of each value's last copy
    first = last - mass + 1.0
    positions = np.stack([first, last], axis=1).ravel()
    grid = np.repeat(values, 2)
    keep = np.concatenate([[True], np.diff(positions) > 0])
    positions, grid = positions[keep], grid[keep]
    at = _snapped(levels * (mass.sum() - 1.0), positions)
    return np.unique(np.interp(at, positions, grid))


def _snapped(at, positions):
    """Move what misses a position by rounding onto it.

    Beside the first of many equal values would be another quantile, and all ranks
    above would be one level higher.
    """
    right = np.searchsorted(positions, at).clip(max=len(positions) - 1)
    for neighbour in (np.maximum(right - 1, 0), right):
        near = np.abs(positions[neighbour] - at) <= _ROUNDING * positions[-1]
        at = np.where(near, positions[neighbour], at)
    return at
