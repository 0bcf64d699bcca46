"""An ensemble between its fit and its publication."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._models.ensemble import Ensemble
from .._utils.progress import FitProgress


class Fitted(NamedTuple):
    """An ensemble before it is published.

    Attributes
    ----------
    ensemble : Ensemble
    solver : str
    origin : ndarray of int, shape (n,)
        The training row that each given row has become, or -1.
    progress : FitProgress or None
    """

    ensemble: Ensemble
    solver: str
    origin: np.ndarray
    progress: FitProgress | None

    @property
    def is_exact(self) -> bool:
        """Whether every given row has leave-one-out predictions."""
        return self.solver == "cholesky"

    def held_out(self, X) -> np.ndarray:
        """Return the leave-one-out decision values of the given rows.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            The given rows: those of weight zero are predicted, as any prediction of
            theirs is out of sample.

        Returns
        -------
        ndarray of shape (n, k)
        """
        decisions = self.ensemble.held_out.predictions[self.origin]
        unseen = self.origin < 0
        if unseen.any():
            decisions[unseen] = self.ensemble.predict(X[unseen])
        return decisions
