"""Fitted models whose predictions are blended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from .base import HeldOut, RidgeModel

# Factor of the relative excess of a model's leave-one-out error in its negative log
# share.
_SHARPNESS = 10.0


class Ensemble(NamedTuple):
    """Fitted models, and the weights with which their predictions are summed.

    Attributes
    ----------
    models : list of RidgeModel
        The fitted models.
    shares : ndarray of shape (n_models,)
        The weight of each model; they sum to one.
    mixing : ndarray of shape (k, k) or None
        The matrix by which the sums are multiplied, one row for each output; None
        leaves them as they are.
    """

    models: list[RidgeModel]
    shares: np.ndarray
    mixing: np.ndarray | None = None

    @classmethod
    def of(cls, models: list[RidgeModel]) -> Ensemble:
        """Return the ensemble of models, blended by their leave-one-out errors."""
        return cls(models, blend([model.expected_error for model in models]))

    @property
    def best(self) -> RidgeModel:
        """The model with the smallest expected error."""
        return self.models[int(np.argmin([m.expected_error for m in self.models]))]

    @property
    def held_out(self) -> HeldOut:
        """The blended leave-one-out predictions."""
        every = [model.held_out for model in self.models]
        predictions = self.blended(held_out.predictions for held_out in every)
        return every[0]._replace(predictions=predictions)

    def predict(self, X: np.ndarray, place: Place | None = None) -> np.ndarray:
        """Return the blended predictions of raw rows, an array of shape (n, k).

        Kernel matrices are computed at the `place`; None means by NumPy.
        """
        return self.blended(model.predict(X, place) for model in self.models)

    def plus(
        self, batch: TrainingSet, progress_name: str | None, place: Place | None = None
    ) -> Ensemble:
        """Return a new ensemble with more rows, unmixed; this one is not changed.

        Parameters
        ----------
        batch : TrainingSet
            The rows to add.
        progress_name : str or None
            The name under which the progress of the pass is printed; None prints
            nothing.
        place : Place, default=None
            Where the kernel of the rows is computed; None means by NumPy.

        Returns
        -------
        Ensemble

        Raises
        ------
        TypeError
            If a model cannot take more rows; only Nyström models can.
        """
        plus = (model.plus(batch, progress_name, place) for model in self.models)
        return Ensemble.of(list(plus))

    def blended(self, values) -> np.ndarray:
        """Return the sum of values of the models, weighted by their shares, and mixed.

        The last axis of the values is that of the outputs.
        """
        parts = (s * value for s, value in zip(self.shares, values, strict=True))
        total = sum(parts, start=next(parts))
        return total if self.mixing is None else total @ self.mixing.T


def blend(errors) -> np.ndarray:
    """Return the shares of models, from their leave-one-out errors.

    The share of a model falls exponentially with the amount by which its error exceeds
    the smallest one, relative to it. The shares sum to one.
    """
    errors = np.asarray(errors, dtype=np.float64)
    smallest = max(errors.min(), 1e-300)
    weights = np.exp(-_SHARPNESS * (errors / smallest - 1.0))
    return weights / weights.sum()
