"""How the estimators write a table for a network: scaled columns, and their steps.

A network on raw columns sees each one as a straight line. Written also as a ladder of
its quantiles, a column can bend anywhere, whatever its units: squared distances then
hold the distance of ranks. All statistics are weighted, so that a row of weight 2 is
the row twice.
"""

from __future__ import annotations

import numpy as np

# Inputs are held within the training range widened by this share on either side:
# rectified kernels extrapolate linearly, and one stray value would rule a prediction.
MARGIN = 0.1

BLOCKS = ("standard", "piecewise", "thermometer")


class _Standard:
    """``(x - mean) / std``, clipped to the widened training range."""

    def fit(self, x, s, clip):
        mean = s @ x / s.sum()
        scale = np.sqrt(s @ (x - mean) ** 2 / s.sum())
        self.usable = scale > 1e-12 * max(1.0, abs(mean))
        self.mean, self.scale = mean, scale if self.usable else 1.0
        reach = MARGIN * np.ptp(x) if clip else np.inf
        self.low, self.high = x.min() - reach, x.max() + reach
        return self

    def transform(self, x):
        return ((np.clip(x, self.low, self.high) - self.mean) / self.scale)[:, None]


class _Ladder:
    """Columns that climb with x, centred, of total variance one together."""

    def _edges(self, x, s, n_steps) -> np.ndarray:
        """Return where the steps are; none if they would say nothing new."""
        raise NotImplementedError

    def _climb(self, x) -> np.ndarray:
        """Return how far each value has come on every step."""
        raise NotImplementedError

    def fit(self, x, s, n_steps):
        # A column that is constant up to rounding has no steps.
        flat = np.ptp(x) <= 1e-12 * max(1.0, np.abs(x).max())
        self.edges = np.empty(0) if flat else self._edges(x, s, n_steps)
        self.usable = self.edges.size > 0
        if self.usable:
            Z = self._climb(x)
            self.mean = s @ Z / s.sum()
            self.scale = np.sqrt((s @ (Z - self.mean) ** 2).sum() / s.sum())
        return self

    def transform(self, x):
        return (self._climb(x) - self.mean) / self.scale


class _Piecewise(_Ladder):
    """Piecewise-linear code: how far x has come between one edge and the next."""

    def _edges(self, x, s, n_steps):
        values, inverse = np.unique(x, return_inverse=True)
        if len(values) < 3:
            return np.empty(0)  # the standardised copy already says everything
        if len(values) <= n_steps + 1:
            return values
        mass = np.bincount(inverse.ravel(), weights=s)
        return _quantiles(values, mass, np.linspace(0, 1, n_steps + 1))

    def _climb(self, x):
        low, width = self.edges[:-1], np.diff(self.edges)
        return np.clip((x[:, None] - low) / width, 0.0, 1.0)


class _Thermometer(_Ladder):
    """Indicators of x lying above each of its quantiles."""

    def _edges(self, x, s, n_steps):
        values, inverse = np.unique(x, return_inverse=True)
        if len(values) < 2:
            return np.empty(0)
        mass = np.bincount(inverse.ravel(), weights=s)
        below = np.cumsum(mass)[:-1] / mass.sum()
        middle = values[:-1] + np.diff(values) / 2
        if len(middle) <= n_steps:
            return middle
        wanted = np.arange(1, n_steps + 1) / (n_steps + 1)
        return middle[np.unique(np.abs(below - wanted[:, None]).argmin(axis=1))]

    def _climb(self, x):
        return (x[:, None] > self.edges).astype(np.float64)


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
    blocks : tuple of {"standard", "piecewise", "thermometer"}
        What each column is written as, one block after the other.
    n_steps : int, default=32
        Steps of a ladder at most.
    clip : bool, default=True
        Whether to hold inputs within the widened training range.

    Attributes
    ----------
    n_varying_ : int
        Columns that vary. The encoded columns are scaled so that a kernel, which
        divides inner products by the number of its inputs, divides by this number.
    group_ : ndarray of shape (n_encoded,)
        Which pair of block and column each encoded column belongs to.
    """

    def __init__(self, blocks, n_steps=32, clip=True):
        self.blocks = blocks
        self.n_steps = n_steps
        self.clip = clip

    def fit(self, X, sample_weight):
        """Learn the statistics of every column."""
        self._columns = []
        groups: list[np.ndarray] = []
        varying = set()
        for block in self.blocks:
            for j, x in enumerate(X.T):
                column = self._fit_column(block, x, sample_weight)
                if column.usable:
                    width = column.transform(x[:1]).shape[1]
                    groups.append(np.full(width, len(groups)))
                    self._columns.append((j, column))
                    varying.add(j)
        self.n_varying_ = max(1, len(varying))
        self.group_ = np.concatenate(groups) if groups else np.zeros(1, dtype=int)
        return self

    def _fit_column(self, block, x, s):
        if block == "standard":
            return _Standard().fit(x, s, self.clip)
        ladder = _Piecewise() if block == "piecewise" else _Thermometer()
        return ladder.fit(x, s, self.n_steps)

    def transform(self, X):
        """Write rows of the same table."""
        if not self._columns:
            return np.zeros((len(X), 1))
        parts = [column.transform(X[:, j]) for j, column in self._columns]
        Z = np.concatenate(parts, axis=1)
        Z *= np.sqrt(Z.shape[1] / self.n_varying_)
        return Z
