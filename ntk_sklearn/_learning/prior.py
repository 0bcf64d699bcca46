"""Normal priors on the logarithms of hyperparameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Prior(NamedTuple):
    """Independent normal priors on the logarithms of hyperparameters.

    Attributes
    ----------
    mean : ndarray of shape (p,)
        Means of the logarithms.
    deviation : ndarray of shape (p,)
        Their standard deviations; infinity means that there is no prior.
    """

    mean: np.ndarray
    deviation: np.ndarray

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
        return 0.5 * float(z @ z), z / self.deviation
