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

    @property
    def is_exact(self) -> bool:
        """Return whether there are leave-one-out predictions of all given rows."""
        return self.solver == "cholesky"

    def held_out(self, X) -> np.ndarray:
        """Return the leave-one-out decision values of the given rows.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            The given rows. Rows of weight zero were not fitted, so their leave-one-out
            predictions are ordinary predictions.

        Returns
        -------
        ndarray of shape (n, k)
        """
        decisions = self.ensemble.held_out.predictions[self.origin]
        unseen = self.origin < 0
        if unseen.any():
            decisions[unseen] = self.ensemble.predict(X[unseen])
        return decisions
