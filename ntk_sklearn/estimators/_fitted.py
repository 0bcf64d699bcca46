"""The result of a fit, before the estimator publishes it as attributes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._models.ensemble import Ensemble
from .._utils.progress import FitProgress


class Fitted(NamedTuple):
    """The result of a fit.

    Attributes
    ----------
    ensemble : Ensemble
        The fitted models.
    solver : {"cholesky", "cg", "nystrom", "local"}
        The solver that was used.
    origin : ndarray of int, shape (n,)
        The number of the training row that each given row became; -1 for a row of
        weight zero.
    progress : FitProgress or None
        The report to scikit-learn's callbacks, to be ended at the publication.
    """

    ensemble: Ensemble
    solver: str
    origin: np.ndarray
    progress: FitProgress | None

    def unseen(self, X) -> np.ndarray:
        """Return the decision values of the given rows of weight zero.

        They were not fitted, so that their leave-one-out predictions are ordinary ones.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            The given rows.

        Returns
        -------
        ndarray of shape (n_unseen, k)
        """
        rows = np.flatnonzero(self.origin < 0)
        if rows.size == 0:
            return np.empty((0, len(self.ensemble.best.intercept)))
        return self.ensemble.predict(X[rows])
