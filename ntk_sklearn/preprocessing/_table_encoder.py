"""How the estimators write a table for a network: scaled columns, and their ranks.

A network on raw columns sees each one as a straight line. Written also as steps over
its quantiles, a column can bend anywhere, whatever its units: squared distances then
hold the distance of ranks. The steps are columns, or a rank, which kernels know. All
statistics are weighted, so that a row of weight 2 is the row twice.
"""

from __future__ import annotations

import numpy as np

from .._utils.validation import is_flat, weighted_moments

# Inputs are held within the training range widened by this share on either side:
# rectified kernels extrapolate linearly, and one stray value would rule a prediction.
MARGIN = 0.1

BLOCKS = ("standard", "thermometer", "ranks")

# Nearer to zero than this, numbers have one rank: slopes between them would overflow.
_TINY = 1e-290


class _Standard:
    """``(x - mean) / std``, clipped to the widened training range."""

    length_scale = 1.0

    def fit(self, x, s, clip):
        mean, scale = weighted_moments(x, s)
        self.usable = scale > 0.0 and not is_flat(x)
        self.mean, self.scale = mean, scale if self.usable else 1.0
        reach = MARGIN * np.ptp(x) if clip else np.inf
        self.low, self.high = x.min() - reach, x.max() + reach
        return self

    def transform(self, x):
        return ((np.clip(x, self.low, self.high) - self.mean) / self.scale)[:, None]


class _Thermometer:
    """Indicators of x lying above each of its quantiles: centred, of variance one."""

    length_scale = 1.0

    def fit(self, x, s, n_steps):
        self.edges = np.empty(0) if is_flat(x) else self._edges(x, s, n_steps)
        self.usable = self.edges.size > 0
        if self.usable:
            Z = self._climb(x)
            self.mean = s @ Z / s.sum()
            self.scale = np.sqrt((s @ (Z - self.mean) ** 2).sum() / s.sum())
        return self

    @staticmethod
    def _edges(x, s, n_steps):
        values, mass = _masses(x, s)
        below = np.cumsum(mass)[:-1] / mass.sum()
        middle = values[:-1] + np.diff(values) / 2
        if len(middle) <= n_steps:
            return middle
        wanted = np.arange(1, n_steps + 1) / (n_steps + 1)
        return middle[np.unique(np.abs(below - wanted[:, None]).argmin(axis=1))]

    def _climb(self, x):
        return (x[:, None] > self.edges).astype(np.float64)

    def transform(self, x):
        return (self._climb(x) - self.mean) / self.scale


class _Ranks:
    """Rank of x between 0 and 1: straight between quantiles, or between few values.

    Divided by `length_scale`, the steps that a kernel makes of it have variance one, or
    nearly: they are taken to be infinitely many.
    """

    def fit(self, x, s, n_steps):
        self.usable = not is_flat(x)
        x = _flushed(x)
        if self.usable:
            values, mass = _masses(x, s)
            # Of two values, the standardised copy already says everything.
            self.usable = len(values) > 2
            few = len(values) <= n_steps + 1
            levels = np.linspace(0, 1, n_steps + 1)
            self.edges = values if few else _quantiles(values, mass, levels)
            ranks = self.transform(values).ravel()
            below = np.cumsum(mass)[:-1] / mass.sum()
            self.length_scale = np.sqrt(6.0 * np.diff(ranks) @ (below * (1.0 - below)))
        return self

    def transform(self, x):
        levels = np.linspace(0.0, 1.0, len(self.edges))
        return np.interp(_flushed(x), self.edges, levels)[:, None]


def _flushed(x):
    return np.where(np.abs(x) < _TINY, 0.0, x)


def _masses(x, s):
    """Return the distinct values and the weight of each."""
    values, inverse = np.unique(x, return_inverse=True)
    return values, np.bincount(inverse.ravel(), weights=s)


def _quantiles(values, mass, levels):
    """Quantiles as of the repeated rows, interpolated linearly."""
    mass = mass / min(1.0, mass.min())  # shares of a row have no positions of their own
    last = np.cumsum(mass) - 1.0  # position of each value's last copy
    first = last - mass + 1.0
    positions = np.stack([first, last], axis=1).ravel()
    grid = np.repeat(values, 2)
    keep = np.concatenate([[True], np.diff(positions) > 0])
    at = levels * (mass.sum() - 1.0)
    return np.unique(np.interp(at, positions[keep], grid[keep]))


class TableEncoding:
    """Write a table in one or more blocks of columns.

    Parameters
    ----------
    blocks : tuple of {"standard", "thermometer", "ranks"}
        What each column is written as, one block after the other; ranks come last.
    n_steps : int, default=32
        Steps of a thermometer at most, or quantiles between which ranks are straight.
    clip : bool, default=True
        Whether to hold inputs within the widened training range.

    Attributes
    ----------
    n_varying_ : int
        Columns that vary. The encoded columns are scaled so that a kernel, which
        divides inner products by the number of its inputs, divides by this number.
    n_ranks_ : int
        How many of the last encoded columns are ranks.
    length_scale_ : ndarray of shape (n_encoded,)
        What a kernel is to divide each encoded column by; not one for ranks only,
        which cannot be scaled themselves.
    """

    def __init__(self, blocks, n_steps=32, clip=True):
        self.blocks = blocks
        self.n_steps = n_steps
        self.clip = clip

    def fit(self, X, sample_weight):
        """Learn the statistics of every column."""
        self._columns = []
        scales: list[np.ndarray] = []
        varying = set()
        for block in self.blocks:
            for j, x in enumerate(X.T):
                column = self._fit_column(block, x, sample_weight)
                if column.usable:
                    width = column.transform(x[:1]).shape[1]
                    scales.append(np.full(width, column.length_scale))
                    self._columns.append((j, column))
                    varying.add(j)
        self.n_varying_ = max(1, len(varying))
        self.n_ranks_ = sum(isinstance(c, _Ranks) for _, c in self._columns)
        self.length_scale_ = np.concatenate(scales) if scales else np.ones(1)
        self._gain = np.sqrt(self.length_scale_.size / self.n_varying_)
        first = self.length_scale_.size - self.n_ranks_
        self.length_scale_[first:] /= self._gain
        return self

    def _fit_column(self, block, x, s):
        if block == "standard":
            return _Standard().fit(x, s, self.clip)
        steps = _Ranks() if block == "ranks" else _Thermometer()
        return steps.fit(x, s, self.n_steps)

    def transform(self, X):
        """Write rows of the same table."""
        if not self._columns:
            return np.zeros((len(X), 1))
        parts = [column.transform(X[:, j]) for j, column in self._columns]
        Z = np.concatenate(parts, axis=1)
        Z[:, : Z.shape[1] - self.n_ranks_] *= self._gain
        return Z
