"""The curvature of an objective, as the steps of an optimiser have shown it."""

from __future__ import annotations

import numpy as np


class Curvature:
    """An inverse Hessian, as the BFGS formula makes it of steps and changes of slope.

    Parameters
    ----------
    first : float or ndarray of shape (p,)
        The diagonal to start from.
    pairs : sequence of pairs of ndarray of shape (p,)
        Steps, and how the gradient changed along each.

    Examples
    --------
    A step along which the slope changes by four times as much has a curvature of four:

    >>> import numpy as np
    >>> from ntk_sklearn.optimizers import Curvature
    >>> curvature = Curvature(1.0)
    >>> curvature.add(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    >>> curvature @ np.array([8.0, 3.0])
    array([2., 3.])
    """

    def __init__(self, first, pairs=()):
        self.first = first
        self.pairs = list(pairs)

    def add(self, step, change) -> None:
        """Learn from a step, if the objective curved upwards along it.

        Of what stood still, at a bound, nothing is learned: its slope would spoil the
        inverse among the others.
        """
        change = np.where(step != 0.0, change, 0.0)
        if step @ change > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            self.pairs.append((step, change))

    def __matmul__(self, gradient):
        """Multiply with a vector."""
        out, shares = gradient.copy(), []
        for step, change in reversed(self.pairs):
            shares.append((step @ out) / (step @ change))
            out -= shares[-1] * change
        out *= self.first
        for step, change in self.pairs:
            out += (shares.pop() - (change @ out) / (step @ change)) * step
        return out

    def scaled(self, factor: float) -> Curvature:
        """Return the inverse Hessian multiplied by a factor."""
        pairs = [(step, change / factor) for step, change in self.pairs]
        return Curvature(self.first * factor, pairs)
