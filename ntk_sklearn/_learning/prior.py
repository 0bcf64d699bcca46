"""Priors on the logarithms of hyperparameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Prior(NamedTuple):
    """Independent priors on the logarithms of hyperparameters.

    A prior is normal near its mean. Far from it, the log density falls in proportion to
    the distance and not to its square, as that of a hyperbolic distribution does: a few
    hyperparameters may then lie far from the others, if the data say so.

    Attributes
    ----------
    mean : ndarray of shape (p,)
        Means of the logarithms.
    deviation : ndarray of shape (p,)
        Their standard deviations, of the normal part; infinity means that there is no
        prior.
    tail : ndarray of shape (p,)
        How many deviations from the mean the normal part ends; infinity means that the
        prior is normal.

    References
    ----------
    Barndorff-Nielsen, "Exponentially decreasing distributions for the logarithm of
    particle size", Proceedings of the Royal Society A 353, 1977.
    """

    mean: np.ndarray
    deviation: np.ndarray
    tail: np.ndarray

    @property
    def without_tail(self) -> Prior:
        """The same prior, normal everywhere."""
        return self._replace(tail=np.full_like(self.tail, np.inf))

    def penalty(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log density, up to a constant, and its gradient.

        Parameters
        ----------
        u : ndarray of shape (p,)
            Logarithms of the hyperparameters.

        Returns
        -------
        value : float
            The penalty that is added to the objective.
        gradient : ndarray of shape (p,)
            Its derivatives.
        """
        z = np.zeros_like(u)  # stays zero without a prior, even if u is -infinity
        np.divide(u - self.mean, self.deviation, out=z, where=self.deviation < np.inf)
        root = np.sqrt(1.0 + (z / self.tail) ** 2)  # one for a normal prior
        return float(np.sum(z * z / (1.0 + root))), z / root / self.deviation
