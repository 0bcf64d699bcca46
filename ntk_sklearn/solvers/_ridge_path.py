"""Cross-validation errors along a grid of ridges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RidgePath(NamedTuple):
    """Cross-validation errors along a grid of ridges.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        The ridges.
    errors : ndarray of shape (n_alphas,)
        The mean squared error at each ridge, by leave-one-out or by generalised
        cross-validation, summed over outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import RidgePath
    >>> RidgePath(np.array([0.1, 1.0, 10.0]), np.array([3.0, 2.0, 5.0])).best_alpha
    1.0
    """

    alphas: np.ndarray
    errors: np.ndarray

    @property
    def best_alpha(self) -> float:
        """The ridge with the smallest error; the largest such ridge among ties."""
        smallest = self.errors.min()
        return float(self.alphas[self.errors <= smallest * (1 + 1e-12)].max())


def generalised(error: float, n_rows: float, freedom: float) -> float:
    """Return the generalised cross-validation error of a fit.

    Parameters
    ----------
    error : float
        Mean squared residual.
    n_rows : float
        Number of rows, all copies counted.
    freedom : float
        Number of rows minus the effective number of parameters. If it is not positive,
        the error is infinite.
    """
    return error * (n_rows / freedom) ** 2 if freedom > 0.0 else np.inf
