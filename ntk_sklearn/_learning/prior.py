"""Normal priors on the logarithms of hyperparameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Prior(NamedTuple):
    """Independent normal priors on logarithms; an infinite deviation means none.

    Attributes
    ----------
    mean, deviation : ndarray of shape (p,)
    """

    mean: np.ndarray
    deviation: np.ndarray

    def penalty(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log density, less a constant, and its gradient.

        Parameters
        ----------
        u : ndarray of shape (p,)
            Logarithms.

        Returns
        -------
        value : float
        gradient : ndarray of shape (p,)
        """
        z = np.zeros_like(u)  # and without a prior, even of a weight of zero
        np.divide(u - self.mean, self.deviation, out=z, where=self.deviation < np.inf)
        return 0.5 * float(z @ z), z / self.deviation
