"""Means of activations over normal variables, by quadrature.

An activation may have a kink at zero, and nowhere else, and a saturating one changes
fast there if the variance is large. Gauss-Legendre panels become shorter towards zero.
"""

from __future__ import annotations

from functools import cache

import numpy as np


def normal_mean(function) -> float:
    """Return the mean of a function of a standard normal variable."""
    z, weight = _normal_nodes()
    return float(weight @ np.asarray(function(z), dtype=np.float64))


def product_mean(function, variance, correlation) -> float:
    """Return the mean product of a function of two correlated normal variables."""
    radius, share, radial, angular = _polar_nodes()
    between, root = np.arccos(correlation), np.sqrt(variance)
    kinks = np.array([-np.pi, 2.0 * between - np.pi, np.pi, 2.0 * between + np.pi]) / 2
    total = 0.0
    for start, end in zip(kinks, [*kinks[1:], 1.5 * np.pi], strict=True):
        angle = start + (end - start) * share
        left = function(root * np.outer(np.cos(angle), radius))
        right = function(root * np.outer(np.cos(angle - between), radius))
        total += (end - start) * (angular @ (left * right) @ radial)
    return float(total / (2.0 * np.pi))


@cache
def _normal_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for means over a standard normal variable."""
    x, w = np.polynomial.legendre.leggauss(40)
    graded = np.append(np.linspace(0.5, 14.0, 28), 0.5 ** np.arange(2, 41))
    edges = np.unique(np.concatenate([-graded, [0.0], graded]))
    half = np.diff(edges)[:, None] / 2.0
    z = (edges[:-1, None] + half * (x + 1.0)).ravel()
    return z, (half * w).ravel() * np.exp(-(z**2) / 2.0) / np.sqrt(2.0 * np.pi)


@cache
def _polar_nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return radii and shares of a sector, and the weights of both, for two variables.

    A kink at zero lies at fixed angles. Panels become shorter towards them, and towards
    radius zero.
    """
    x, w = np.polynomial.legendre.leggauss(12)

    def nodes(edges):
        half = np.diff(edges)[:, None] / 2.0
        return (edges[:-1, None] + half * (x + 1.0)).ravel(), (half * w).ravel()

    graded = 0.5 ** np.arange(2, 7)
    radius, radial = nodes(np.sort(np.append(np.linspace(0, 12, 13), graded)))
    share, angular = nodes(np.sort([0.0, *graded, 0.5, *(1.0 - graded), 1.0]))
    return radius, share, radial * radius * np.exp(-(radius**2) / 2.0), angular
