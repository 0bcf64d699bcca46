"""Training by discrete steps of gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._rules import inverse, left_over

# Two roots of the recursion of the residuals that are closer than this are held apart.
# Their sum stays as it is, so that the error is of the order of the square.
_APART = 1e-6


@dataclass(frozen=True)
class GradientDescent:
    r"""Training by steps of gradient descent, with momentum.

    A step moves the parameters by minus `learning_rate` times the gradient, plus
    `momentum` times the step before, as in Polyak's heavy ball. Without momentum,
    :math:`c_t(\lambda) = (1 - (1 - \eta (\lambda + d))^t) / (\lambda + d)` in the
    formula of :class:`GradientFlow`.

    Parameters
    ----------
    learning_rate : float, default=1.0
        The length of a step. Steps converge below `max_learning_rate`.
    momentum : float, default=0.0
        The share of the last step that is repeated, at least 0 and below 1.
    weight_decay : float, default=0.0
        The factor of the penalty on the distance from the start.

    Examples
    --------
    Many short steps are gradient flow:

    >>> import numpy as np
    >>> from ntk_sklearn.dynamics import GradientDescent, GradientFlow
    >>> values = np.array([2.0, 0.5])
    >>> flow = GradientFlow().left(values, 1.0)
    >>> steps = GradientDescent(learning_rate=1e-6).left(values, 1e6)
    >>> bool(np.allclose(steps, flow, rtol=1e-5))
    True
    """

    learning_rate: float = 1.0
    momentum: float = 0.0
    weight_decay: float = 0.0

    @property
    def discrete(self):
        """Whether time is a number of steps."""
        return True

    def gain(self, values, time):
        """Return the ratio of dual coefficient to target along each eigenvector.

        Parameters
        ----------
        values : ndarray of shape (r,)
            Eigenvalues, not negative.
        time : float
            The number of steps, from 0 to infinity.

        Returns
        -------
        ndarray of shape (r,)
            For an eigenvalue of zero without weight decay: the limit, and 0 after
            infinitely many steps.
        """
        decayed = values + self.weight_decay
        if np.isinf(time):
            return inverse(decayed)
        first, second, pace = self._roots(decayed)
        delta = pace * self.learning_rate * decayed
        learned = -np.expm1(time * _log_of_rest(delta))
        learned = np.divide(learned, delta, where=delta != 0.0, out=time + 0 * delta)
        rest = second * (1.0 - second**time)
        moved = first * (1.0 - second) * learned - rest
        return (self.learning_rate * pace * moved / (first - second)).real

    def left(self, values, time):
        """Return the share of the target along each eigenvector in the residuals.

        Parameters
        ----------
        values : ndarray of shape (r,)
            Eigenvalues, not negative.
        time : float
            The number of steps, from 0 to infinity.

        Returns
        -------
        ndarray of shape (r,)
            One minus `values` times `gain`, without cancellation.
        """
        decayed = values + self.weight_decay
        if np.isinf(time):
            return left_over(values, self.weight_decay, 0.0 * decayed)
        first, second, pace = self._roots(decayed)
        delta = pace * self.learning_rate * decayed
        power = np.exp((time + 1) * _log_of_rest(delta))
        kept = power * (1.0 - second) - second ** (time + 1) * delta
        return left_over(values, self.weight_decay, (kept / (first - second)).real)

    def _roots(self, decayed):
        """Return the roots of the recursion of the residuals, and the first's pace.

        The residuals after k steps are combinations of the k-th powers of two roots.
        The first root is one minus the pace times the rate times the eigenvalue.
        """
        x, one = self.learning_rate * decayed, 1.0 + self.momentum
        middle = 2.0 - one + x
        root = np.sqrt(middle**2 - 4.0 * x + 0j)
        root = np.where(np.abs(root) < _APART, _APART, root)
        pace = 2.0 / (middle + root)
        first = 1.0 - pace * x
        return first, one - x - first, pace

    def ridge_at(self, sigma):
        """Return the complex ridge at a frequency, and the transform of a constant.

        Parameters
        ----------
        sigma : ndarray of complex
            Minus the logarithms of the points of the z-transform in the steps.

        Returns
        -------
        ridge, factor : ndarray of complex
            The transform of the residuals is `factor` times those of the ridge.
        """
        ridge = np.expm1(sigma) * (1.0 - self.momentum * np.exp(-sigma))
        ridge = ridge / self.learning_rate + self.weight_decay
        return ridge, -1.0 / np.expm1(-sigma)

    def oscillations(self, largest):
        """Return by which factors parts of the residuals oscillate in each step.

        Parameters
        ----------
        largest : float
            The largest eigenvalue.

        Returns
        -------
        alternating : float
            The largest factor of parts that change sign in every step; 0 without any.
        spiral : float
            That of parts that oscillate with longer periods; 0 without any.
        """
        x, root = self.learning_rate * (largest + self.weight_decay), self.momentum**0.5
        spiral = root if x > (1.0 - root) ** 2 else 0.0
        if x <= (1.0 + root) ** 2:
            return 0.0, spiral
        middle = x - 1.0 - self.momentum
        return 0.5 * (middle + np.sqrt(middle**2 - 4.0 * self.momentum)), spiral

    def slowest(self, smallest):
        """Return by which factor the slowest part shrinks in each step.

        Parameters
        ----------
        smallest : float
            The smallest eigenvalue.

        Returns
        -------
        float
        """
        first, second, _ = self._roots(np.array([smallest + self.weight_decay]))
        return float(max(abs(first[0]), abs(second[0])))


def max_learning_rate(largest, momentum=0.0, weight_decay=0.0):
    """Return the limit of the learning rates at which gradient descent converges.

    Parameters
    ----------
    largest : float
        The largest eigenvalue of the kernel matrix, with rows and columns multiplied by
        the roots of the sample weights if there are any.
    momentum : float, default=0.0
        The share of the last step that is repeated.
    weight_decay : float, default=0.0
        The factor of the penalty on the distance from the start.

    Returns
    -------
    float
        For half the sum of squared errors. For half their mean over n rows, the limit
        is n times as large. At the limit itself the part of the residuals along the
        leading eigenvector changes sign in every step and does not shrink.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import max_learning_rate
    >>> max_learning_rate(4.0)
    0.5
    >>> max_learning_rate(4.0, momentum=0.5)
    0.75
    """
    steepest = largest + weight_decay
    return 2.0 * (1.0 + momentum) / steepest if steepest > 0.0 else 1.0


def _log_of_rest(delta):
    """Return ``log(1 - delta)`` of complex numbers, exact for small ones.

    NumPy's own ``log1p`` is not. The logarithm of zero is a large negative number.
    """
    near = np.abs(delta) < 0.5
    small = np.where(near, delta, 0.0)
    log = 0.5 * np.log1p(small.real**2 + small.imag**2 - 2.0 * small.real)
    log = log + 1j * np.arctan2(-small.imag, 1.0 - small.real)
    rest = np.where(near, 1.0, 1.0 - delta)
    return log + np.log(np.where(rest == 0.0, np.finfo(float).tiny, rest))
