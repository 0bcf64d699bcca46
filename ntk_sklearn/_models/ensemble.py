"""Fitted models whose decision values are blended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._learning.training_set import TrainingSet
from .base import HeldOut, RidgeModel

# Sharpness with which a better leave-one-out error favours a model of the ensemble.
_SHARPNESS = 10.0


class Ensemble(NamedTuple):
    """Fitted models, and their shares in the decision values.

    Attributes
    ----------
    models : list of RidgeModel
    shares : ndarray of shape (n_models,)
        They sum to one.
    """

    models: list[RidgeModel]
    shares: np.ndarray

    @classmethod
    def of(cls, models: list[RidgeModel]) -> Ensemble:
        """Blend models by their leave-one-out errors."""
        return cls(models, blend([model.held_out.error for model in models]))

    @property
    def best(self) -> RidgeModel:
        """The model with the smallest leave-one-out error."""
        return self.models[int(np.argmin([m.held_out.error for m in self.models]))]

    @property
    def held_out(self) -> HeldOut:
        """The blended leave-one-out predictions."""
        every = [model.held_out for model in self.models]
        blended = self._blend([held_out.predictions for held_out in every])
        return every[0]._replace(predictions=blended)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the blended decision values of raw rows: (n, k)."""
        return self._blend(model.predict(X) for model in self.models)

    def plus(self, batch: TrainingSet, progress_name: str | None) -> Ensemble:
        """Return the ensemble fitted to more rows: a new value.

        Parameters
        ----------
        batch : TrainingSet
        progress_name : str or None
            The name under which the progress of the pass is printed, if it is.

        Returns
        -------
        Ensemble

        Raises
        ------
        TypeError
            If a model cannot take more rows; only Nyström models can.
        """
        return Ensemble.of([model.plus(batch, progress_name) for model in self.models])

    def _blend(self, values) -> np.ndarray:
        parts = (s * value for s, value in zip(self.shares, values, strict=True))
        return sum(parts, start=next(parts))


def blend(errors) -> np.ndarray:
    """Return shares of models from their leave-one-out errors; they sum to one."""
    errors = np.asarray(errors, dtype=np.float64)
    smallest = max(errors.min(), 1e-300)
    weights = np.exp(-_SHARPNESS * (errors / smallest - 1.0))
    return weights / weights.sum()
