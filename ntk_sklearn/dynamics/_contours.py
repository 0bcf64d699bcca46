"""Contours on which the Laplace transform of a function of time is inverted.

A contour is a pair of arrays ``sigma, weight``, and the function is
``f(t) = sum(weight * exp(sigma * t) * F(sigma)).real`` for its transform F.

The hyperbola is that of Weideman and Trefethen, "Parabolic and hyperbolic contours for
computing the Bromwich integral", Mathematics of Computation 76, 2007, who give the
parameters that are optimal for a single time and for all times in an interval.
"""

from __future__ import annotations

import numpy as np

Contour = tuple[np.ndarray, np.ndarray]

# The angle of the hyperbola, for a single time and for a decade of times.
_ANGLE_OF_ONE, _ANGLE_OF_DECADE = 1.172104229, 1.0235997
# Nodes of a single time, and of a decade of times (measured against fits without each
# row: errors of 1e-13 and of 1e-8, relative to the targets).
NODES_OF_ONE, NODES_OF_DECADE = 14, 18
# Powers of z on the circle of a z-transform are no smaller than this.
_SMALLEST = 1e-14


def hyperbola(shortest: float, longest: float, n_nodes: int) -> Contour:
    """Return the hyperbola for all times of an interval.

    Parameters
    ----------
    shortest, longest : float
        The first and the last time, at most a factor of ten apart.
    n_nodes : int
        Number of nodes. Conjugate nodes are left out.

    Returns
    -------
    sigma, weight : ndarray of complex, shape (n_nodes,)
    """
    ratio = longest / shortest
    angle = _ANGLE_OF_ONE if ratio < 1.0 + 1e-12 else _ANGLE_OF_DECADE
    width = np.arccosh(
        ((np.pi - 2.0 * angle) * ratio + 4.0 * angle - np.pi)
        / ((4.0 * angle - np.pi) * np.sin(angle))
    )
    step = width / n_nodes
    size = (4.0 * np.pi * angle - np.pi**2) / width * n_nodes / longest
    u = (np.arange(n_nodes) + 0.5) * step
    sigma = size * (1.0 + np.sin(1j * u - angle))
    return sigma, step / np.pi * size * np.cos(1j * u - angle)


def circle(longest: int) -> Contour:
    """Return the circle of the z-transform for all whole numbers up to the longest.

    Parameters
    ----------
    longest : int
        The largest number of steps.

    Returns
    -------
    sigma, weight : ndarray of complex, shape (2 * longest + 30,)
        With ``z = exp(-sigma)``. Conjugate nodes are left out.
    """
    half = 2 * int(longest) + 30
    angle = (np.arange(half) + 0.5) * (np.pi / half)
    sigma = -np.log(_SMALLEST) / (2 * half) + 1j * angle
    return sigma, np.full(half, 1.0 / half + 0j)


def decades(times: np.ndarray) -> list[np.ndarray]:
    """Divide rising times into groups that span less than a factor of ten.

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
    n_groups = max(int(np.ceil(logs[-1] - logs[0] - 1e-9)), 1)
    bounds = np.linspace(logs[0], logs[-1], n_groups + 1)[1:-1]
    groups = np.split(times, np.searchsorted(logs, bounds))
    return [group for group in groups if group.size]
