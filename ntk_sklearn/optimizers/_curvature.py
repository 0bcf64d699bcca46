"""The curvature of an objective, estimated from the steps of an optimizer."""

from __future__ import annotations

import numpy as np


class Curvature:
    """An estimate of an inverse Hessian by the BFGS formula.

    It is a matrix that is never written out: ``curvature @ gradient`` multiplies it
    with a vector.

    Parameters
    ----------
    first : float or ndarray of shape (p,)
        The diagonal of the estimate before any step.
    pairs : sequence of pairs of ndarray of shape (p,)
        Steps, and the changes of the gradient along them.

    Examples
    --------
    The gradient changes by four times the step, so the second derivative is four:

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
        """Take a step into account, if the objective is convex along it.

        Entries that did not move, because they are at a bound, are ignored: the change
        of their slope would falsify the estimate for the others.
        """
        change = np.where(step != 0.0, change, 0.0)
        if step @ change > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            self.pairs.append((step, change))

    def __matmul__(self, gradient):
        """Multiply the estimate with a vector."""
        out, shares = gradient.copy(), []
        for step, change in reversed(self.pairs):
            shares.append((step @ out) / (step @ change))
            out -= shares[-1] * change
        out *= self.first
        for step, change in self.pairs:
            out += (shares.pop() - (change @ out) / (step @ change)) * step
        return out

    def scaled(self, factor: float) -> Curvature:
        """Return the estimate multiplied by a factor."""
        pairs = [(step, change / factor) for step, change in self.pairs]
        return Curvature(self.first * factor, pairs)
