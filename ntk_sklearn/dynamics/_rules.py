"""The rules by which training moves along each eigenvector: flow, and discrete steps.

Both minimise half the weighted sum of squared errors, plus half of `weight_decay` times
the squared distance of the parameters from their start. Along an eigenvector of the
kernel matrix with eigenvalue v, the dual coefficient after the time t is the target
times `gain(v, t)`, and the share `left(v, t)` of the target stays in the residuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Rule(Protocol):
    """A training rule with given rates, as a function of eigenvalue and time."""

    @property
    def learning_rate(self) -> float:
        """The rate, or the length of a step."""

    @property
    def weight_decay(self) -> float:
        """The factor of the penalty on the distance from the start."""

    @property
    def discrete(self) -> bool:
        """Whether time is a number of steps."""

    def gain(self, values: np.ndarray, time: float) -> np.ndarray:
        """Return the ratio of dual coefficient to target along each eigenvector."""

    def left(self, values: np.ndarray, time: float) -> np.ndarray:
        """Return the share of the target along each eigenvector in the residuals."""

    def ridge_at(self, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return complex ridges and factors; see `_path`."""

    def oscillations(self, largest: float) -> tuple[float, float]:
        """Return the factors per step of alternating and of other oscillations."""

    def slowest(self, smallest: float) -> float:
        """Return the factor per unit of time of what is left of the slowest part."""


@dataclass(frozen=True)
class GradientFlow:
    r"""Training by gradient flow: gradient descent in infinitely small steps.

    After the time t the network predicts :math:`f_t(x) = f_0(x) + k(x, X) U
    c_t(\Lambda) U' (y - f_0(X))` with :math:`K = U \Lambda U'` and, for the learning
    rate :math:`\eta` and the weight decay d [1]_,

    .. math:: c_t(\lambda) = (1 - e^{-\eta (\lambda + d) t}) / (\lambda + d) .

    Parameters
    ----------
    learning_rate : float, default=1.0
        The rate: only its product with the time matters.
    weight_decay : float, default=0.0
        The factor of the penalty on the distance from the start. Training to
        convergence is ridge regression with this ridge.

    References
    ----------
    .. [1] Jacot, Gabriel and Hongler, "Neural Tangent Kernel: Convergence and
       Generalization in Neural Networks", NeurIPS 2018.

    Examples
    --------
    The larger the eigenvalue, the sooner its eigenvector is learned:

    >>> import numpy as np
    >>> from ntk_sklearn.dynamics import GradientFlow
    >>> GradientFlow().left(np.array([10.0, 1.0, 0.1, 0.0]), 1.0).round(3)
    array([0.   , 0.368, 0.905, 1.   ])
    """

    learning_rate: float = 1.0
    weight_decay: float = 0.0

    @property
    def discrete(self):
        """Whether time is a number of steps."""
        return False

    def gain(self, values, time):
        """Return the ratio of dual coefficient to target along each eigenvector.

        Parameters
        ----------
        values : ndarray of shape (r,)
            Eigenvalues, not negative.
        time : float
            The time, from 0 to infinity.

        Returns
        -------
        ndarray of shape (r,)
            For an eigenvalue of zero without weight decay: the product of rate and
            time, and 0 at infinity, as the kernel has no part along the eigenvector.
        """
        decayed = values + self.weight_decay
        if np.isinf(time):
            return inverse(decayed)
        moved = self.learning_rate * time
        return np.where(
            decayed > 0.0, -np.expm1(-decayed * moved) * inverse(decayed), moved
        )

    def left(self, values, time):
        """Return the share of the target along each eigenvector in the residuals.

        Parameters
        ----------
        values : ndarray of shape (r,)
            Eigenvalues, not negative.
        time : float
            The time, from 0 to infinity.

        Returns
        -------
        ndarray of shape (r,)
            One minus `values` times `gain`, without cancellation.
        """
        decayed = values + self.weight_decay
        moved = self.learning_rate * (0.0 if np.isinf(time) else time)
        shrunk = np.zeros_like(decayed) if np.isinf(time) else np.exp(-decayed * moved)
        return left_over(values, self.weight_decay, shrunk)

    def ridge_at(self, sigma):
        """Return the complex ridge at a frequency, and the transform of a constant.

        Parameters
        ----------
        sigma : ndarray of complex
            Points of the Laplace transform in time.

        Returns
        -------
        ridge, factor : ndarray of complex
            The transform of the residuals is `factor` times those of the ridge.
        """
        return sigma / self.learning_rate + self.weight_decay, 1.0 / sigma

    def oscillations(self, largest):
        """Return that the residuals do not change sign.

        Parameters
        ----------
        largest : float
            The largest eigenvalue.

        Returns
        -------
        alternating, spiral : float
            Zeros.
        """
        return 0.0, 0.0

    def slowest(self, smallest):
        """Return by which factor the slowest part shrinks in a unit of time.

        Parameters
        ----------
        smallest : float
            The smallest eigenvalue.

        Returns
        -------
        float
        """
        return float(np.exp(-self.learning_rate * (smallest + self.weight_decay)))


def inverse(decayed):
    """Return the inverses of numbers, and zeros of zeros."""
    return np.divide(1.0, decayed, out=np.zeros_like(decayed), where=decayed > 0.0)


def left_over(values, decay, shrunk):
    """Return what stays in the residuals if so much is left of the way to the ridge."""
    if decay == 0.0:
        return np.where(values > 0.0, shrunk, 1.0)
    return (decay + values * shrunk) / (values + decay)
