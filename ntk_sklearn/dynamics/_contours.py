"""Contours on which the Laplace transform of a function of time is inverted.

A contour is a pair of arrays ``sigma, weight``, and the function is
``f(t) = sum(weight * exp(sigma * t) * F(sigma)).real`` for its transform F.

The hyperbola is that of Weideman and Trefethen, "Parabolic and hyperbolic contours for
computing the Bromwich integral", Mathematics of Computation 76, 2007, who give the
parameters that are optimal for a single time and for all times in an interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Contour = tuple[np.ndarray, np.ndarray]

# The angle of the hyperbola that is best for a single time, and about the best ones for
# an interval of so many decades: 0.8 + 0.23 / decades (measured).
_ANGLE, _ANGLE_OF_MANY, _ANGLE_OF_FEW = 1.172104229, 0.8, 0.23
# Decades of times that share a hyperbola.
_DECADES = 3.0


class Accuracy(NamedTuple):
    """How exactly a transform is inverted.

    Attributes
    ----------
    nodes, per_decade : int
        Number of nodes of a hyperbola, and of further ones for each decade of times.
    negligible : float
        The error on a circle, and the share below which parts of a function are
        neglected.
    density : float
        Nodes for each step on half a circle, more than a half. With more of them,
        rounding errors are magnified less: by the root of the inverse of `negligible`
        with one.
    """

    nodes: int
    per_decade: int
    negligible: float
    density: float

    def last(self, factor: float) -> float:
        """Return the last time at which powers of a factor are not negligible."""
        if factor <= 0.0:
            return 0.0
        return np.log(self.negligible) / np.log(factor) if factor < 1.0 else np.inf


# A single time, and many (measured against fits without each row: errors of 1e-13 and
# of 1e-8, relative to the targets).
ONE, MANY = Accuracy(14, 0, 1e-14, 2), Accuracy(10, 10, 1e-9, 0.75)


def hyperbola(shortest: float, longest: float, accuracy: Accuracy) -> Contour:
    """Return the hyperbola for all times of an interval.

    Parameters
    ----------
    shortest, longest : float
        The first and the last time.
    accuracy : Accuracy
        How exactly.

    Returns
    -------
    sigma, weight : ndarray of complex, shape (n_nodes,)
        Conjugate nodes are left out.
    """
    ratio = longest / shortest
    decades = np.log10(ratio)
    n_nodes = int(np.ceil(accuracy.nodes + accuracy.per_decade * decades))
    angle = min(_ANGLE, _ANGLE_OF_MANY + _ANGLE_OF_FEW / max(decades, 1e-9))
    width = np.arccosh(
        ((np.pi - 2.0 * angle) * ratio + 4.0 * angle - np.pi)
        / ((4.0 * angle - np.pi) * np.sin(angle))
    )
    step = width / n_nodes
    size = (4.0 * np.pi * angle - np.pi**2) / width * n_nodes / longest
    u = (np.arange(n_nodes) + 0.5) * step
    sigma = size * (1.0 + np.sin(1j * u - angle))
    return sigma, step / np.pi * size * np.cos(1j * u - angle)


def circle(longest: int, accuracy: Accuracy) -> Contour:
    """Return the circle of the z-transform for all whole numbers up to the longest.

    Parameters
    ----------
    longest : int
        The largest number of steps.
    accuracy : Accuracy
        How exactly.

    Returns
    -------
    sigma, weight : ndarray of complex, shape (n_nodes,)
        ``density * (longest + 15)`` nodes, with ``z = exp(-sigma)``. Conjugate nodes
        are left out.
    """
    half = int(np.ceil(accuracy.density * (longest + 15)))
    angle = (np.arange(half) + 0.5) * (np.pi / half)
    sigma = -np.log(accuracy.negligible) / (2 * half) + 1j * angle
    return sigma, np.full(half, 1.0 / half + 0j)


def intervals(times: np.ndarray) -> list[np.ndarray]:
    """Divide rising times into groups, each for one hyperbola.

    Parameters
    ----------
    times : ndarray of shape (n_times,)
        Positive times in rising order.

    Returns
    -------
    list of ndarray
    """
    if not times.size:
        return []
    logs = np.log10(times)
    n_groups = max(int(np.ceil((logs[-1] - logs[0]) / _DECADES - 1e-9)), 1)
    bounds = np.linspace(logs[0], logs[-1], n_groups + 1)[1:-1]
    groups = np.split(times, np.searchsorted(logs, bounds))
    return [group for group in groups if group.size]
