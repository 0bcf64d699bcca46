"""Functions of one number as piecewise polynomials, for compiled code.

Compiled code cannot call a Python function. It reads the function from panels: on each,
a polynomial of degree `DEGREE` is the function to rounding, and another its derivative.
Panels are halved until that is so; where halving does not help, there is a kink, and
the panels end there.

The table is an array of numbers: how many panels and how many kinks, then the edges of
the panels, the kinks, and the coefficients of the function and of its derivative, from
the highest power of the place in the panel, which runs from -1 to 1, to the lowest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

DEGREE = 15
# Panels reach this far from zero, or until there are too many of them.
_REACH, _MOST_PANELS, _MOST_KINKS = 2.0**64, 600, 64
# They begin at this power of two, so that small values have digits of their own.
_NEAR = -20
# A panel shorter than this, relative to its place, has a kink or a jump.
_SHORTEST = 2.0**-40
_ROUNDING = 4e-15

_NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
_TO_CHEBYSHEV = np.linalg.inv(chebyshev.chebvander(_NODES, DEGREE))
_TO_POWERS = np.zeros((DEGREE + 1, DEGREE + 1))
for _k in range(DEGREE + 1):
    _TO_POWERS[: _k + 1, _k] = chebyshev.cheb2poly(np.eye(DEGREE + 1)[_k])[: _k + 1]
_TO_DERIVATIVE = np.zeros((DEGREE + 1, DEGREE + 1))
for _k in range(1, DEGREE + 1):
    _TO_DERIVATIVE[:_k, _k] = chebyshev.chebder(np.eye(DEGREE + 1)[_k])[:_k]


def values(phi: Callable, z: np.ndarray) -> np.ndarray:
    """Return a function of an array, checked to be one.

    Raises
    ------
    ValueError
        If it does not take an array, or return one real number for each entry.
    """
    advice = (
        "write it with functions of NumPy, such as np.where, that act on each entry"
    )
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(phi(z.copy()))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"the activation must take an array of numbers, but fails on one of shape "
            f"{z.shape} ({error}); {advice}."
        ) from error
    if found.shape != z.shape:
        raise ValueError(
            f"the activation must return one number for each entry of its array, got "
            f"shape {found.shape} for an array of shape {z.shape}; {advice}."
        )
    if found.dtype.kind not in "fiub":
        raise ValueError(
            f"the activation must return real numbers, got an array of {found.dtype}."
        )
    return found.astype(np.float64)


class _Builder:
    """Panels of one function, collected from zero outwards."""

    def __init__(self, phi, kinks):
        self.phi, self.kinks = phi, sorted(set(map(float, kinks)))
        self.panels: list[tuple[float, float, np.ndarray]] = []
        near = values(phi, np.linspace(-2.0, 2.0, 33))
        if not np.isfinite(near).all():
            raise ValueError(
                "the activation is not finite at all numbers between -2 and 2."
            )
        self.scale = max(float(np.abs(near).max()), 1e-300)

    def add(self, low: float, high: float) -> bool:
        """Add the panels between two edges; False where there are too many."""
        waiting = [(low, high)]
        found = []
        while waiting:
            low, high = waiting.pop()
            half, middle = 0.5 * (high - low), 0.5 * (high + low)
            y = values(self.phi, middle + half * _NODES)
            if not np.isfinite(y).all():
                return False
            c = _TO_CHEBYSHEV @ y
            tail = np.abs(c[-3:]).max()
            if tail <= _ROUNDING * (np.abs(y).max() + 0.1 * self.scale):
                found.append((low, high, c))
            elif half < _SHORTEST * max(1.0, abs(middle)):
                self._kink(middle, y)
            else:
                waiting += [(middle, high), (low, middle)]
            if len(found) + len(self.panels) + len(waiting) > _MOST_PANELS:
                return False
        self.panels += found
        return True

    def look_at_edges(self, edges, half):
        """Find the kinks that lie at edges between panels."""
        for k, edge in enumerate(edges[1:-1], start=1):
            reach = 0.5 * min(half[k - 1, 0], half[k, 0])
            y = values(self.phi, edge + reach * _NODES)
            tail = np.abs((_TO_CHEBYSHEV @ y)[-3:]).max()
            if tail > 1e-12 * (np.abs(y).max() + 0.1 * self.scale):
                short = _SHORTEST * max(1.0, abs(edge))
                self._kink(edge, values(self.phi, edge + short * _NODES))

    def _kink(self, middle, y):
        if np.ptp(y) > 1e-6 * self.scale:
            raise ValueError(
                f"the activation jumps at {middle:.6g}, so that the derivative of the "
                "network is no function; a network of jumps has the kernels of "
                'activation="sign" or "step", or a SurrogateNTKernel.'
            )
        if all(abs(middle - k) > 1e-9 * max(1.0, abs(k)) for k in self.kinks):
            self.kinks.append(middle)
        if len(self.kinks) > _MOST_KINKS:
            raise ValueError(
                f"the activation is no smooth function near {middle:.3g}: it seems to "
                f"have more than {_MOST_KINKS} kinks."
            )


def _edges(kinks) -> list[float]:
    """Return edges that grow by powers of two from zero, with the kinks."""
    powers = [2.0**k for k in range(_NEAR, int(math.log2(_REACH)) + 1)]
    whole = {0.0, *powers, *(-p for p in powers), *kinks}
    return sorted(e for e in whole if abs(e) <= _REACH)


@lru_cache(maxsize=64)
def cached_table(phi, derivative, kinks, arguments) -> np.ndarray:
    """Return the table of a function with arguments; see `build`."""
    slope = None if derivative is None else lambda z: derivative(z, *arguments)
    table = build(lambda z: phi(z, *arguments), slope, kinks)
    table.flags.writeable = False
    return table


def build(
    phi: Callable, derivative: Callable | None = None, kinks: Sequence[float] = ()
) -> np.ndarray:
    """Return the table of a function and its derivative.

    Parameters
    ----------
    phi : callable
        The function, of an array.
    derivative : callable, default=None
        Its derivative. None means that of the polynomials.
    kinks : sequence of float, default=()
        Where the function or one of its derivatives jumps. Others are found.

    Returns
    -------
    ndarray of float
    """
    builder = _Builder(phi, kinks)
    edges = _edges(builder.kinks)
    above = [e for e in edges if e >= 0.0]
    below = [e for e in edges if e <= 0.0][::-1]
    for sign, side in ((1, above), (-1, below)):
        for a, b in itertools.pairwise(side):
            if not builder.add(*((a, b) if sign > 0 else (b, a))):
                if abs(a) < 4.0:
                    raise ValueError(
                        f"the activation is no smooth function between {a:.3g} and "
                        f"{b:.3g}: it needs more than {_MOST_PANELS} polynomials."
                    )
                break
    panels = sorted(builder.panels, key=lambda panel: panel[0])
    low = np.array([panel[0] for panel in panels])
    high = np.array([panel[1] for panel in panels])
    # Where a kink was found, the panels leave a gap of nothing but rounding.
    ends = np.append(low, high[-1])
    coefficients = np.array([panel[2] for panel in panels])
    half = 0.5 * (high - low)[:, None]
    if derivative is None:
        slopes = coefficients @ _TO_DERIVATIVE.T / half
    else:
        middle = 0.5 * (high + low)[:, None]
        at = values(derivative, (middle + half * _NODES).ravel())
        slopes = at.reshape(middle.size, -1) @ _TO_CHEBYSHEV.T
    builder.look_at_edges(ends, half)
    bends = np.array(sorted(builder.kinks), dtype=np.float64)
    bends = bends[(bends > ends[0]) & (bends < ends[-1])]
    powers = [(c @ _TO_POWERS.T)[:, ::-1].ravel() for c in (coefficients, slopes)]
    head = [float(len(panels)), float(len(bends))]
    return np.concatenate([head, ends, bends, *powers])


def reach(table: np.ndarray) -> float:
    """Return how far from zero the table knows the function, on both sides."""
    n = int(table[0])
    return float(min(-table[2], table[2 + n]))


def kinks_of(table: np.ndarray) -> np.ndarray:
    """Return the kinks of a table."""
    n, m = int(table[0]), int(table[1])
    return table[3 + n : 3 + n + m]


def both(table: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the function and its derivative at an array of numbers."""
    n, m = int(table[0]), int(table[1])
    ends, powers = table[2 : 3 + n], table[3 + n + m :].reshape(2, n, DEGREE + 1)
    panel = np.clip(np.searchsorted(ends, x, side="right") - 1, 0, n - 1)
    low, high = ends[panel], ends[panel + 1]
    t = (2.0 * x - (low + high)) / (high - low)
    found = np.zeros((2, *x.shape))
    for power in range(DEGREE + 1):
        found = found * t + powers[:, panel, power]
    return found[0], found[1]
