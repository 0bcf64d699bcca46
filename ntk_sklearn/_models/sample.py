"""The pilot sample: rows that a kernel is learned from, and candidates for centres."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._blocks.sampling import sample_rows
from .._learning.training_set import TrainingSet
from ..solvers._centres import select_centres
from .base import RidgeModel

# Rows on which hyperparameters are learned.
LEARNING_ROWS = 2000
# Candidates for each centre.
_POOL = 10
# Steps by which distances of ranks are measured, where rows are clustered.
_STEPS = 16


class PilotSample(NamedTuple):
    """Rows drawn from a training set.

    Attributes
    ----------
    candidates : TrainingSet
        Raw rows that may become centres.
    numbers : ndarray of int
        Their numbers in the training set.
    learning : ndarray of int
        Which of the candidates are learned from.
    rng : RandomState
        Goes on to choose centres and clusters.
    """

    candidates: TrainingSet
    numbers: np.ndarray
    learning: np.ndarray
    rng: np.random.RandomState

    @classmethod
    def draw(
        cls, data: TrainingSet, n_centres: int, random_state, most=LEARNING_ROWS
    ) -> PilotSample:
        """Draw candidates for centres, and among them rows to learn from.

        Parameters
        ----------
        data : TrainingSet
            Rows in memory or in any source of blocks.
        n_centres : int
        random_state : int or RandomState
        most : int, default=2000
            Number of rows to learn from.

        Returns
        -------
        PilotSample
        """
        rng = check_random_state(random_state)
        among = np.flatnonzero(data.weights.weight > 0)
        wanted = max(_POOL * n_centres, most)
        numbers, X = sample_rows(data.X, wanted, rng, among=among)
        candidates = data._replace(X=np.empty(data.n_rows)).take(numbers)
        learning = np.sort(rng.permutation(len(numbers))[:most])
        return cls(candidates._replace(X=X), numbers, learning, rng)

    @property
    def learning_rows(self) -> TrainingSet:
        """The rows to learn from."""
        return self.candidates.take(self.learning)

    @property
    def learning_numbers(self) -> np.ndarray:
        """The numbers in the training set of the rows to learn from."""
        return self.numbers[self.learning]

    def centres(self, model: RidgeModel, n_centres: int) -> np.ndarray:
        """Choose encoded candidates, far apart in the scales of a learned kernel."""
        Z = model.encode(self.candidates.X)
        places = first_layer(model.kernel, Z)
        return Z[select_centres(places, n_centres, random_state=self.rng)]


def first_layer(kernel, Z) -> np.ndarray:
    """Return columns whose distances are those of a kernel's first layer, or nearly."""
    scale = getattr(kernel, "length_scale", 1.0)
    n_ranks = getattr(kernel, "n_ranks", 0)
    if n_ranks == 0:
        return Z / scale
    scale = np.broadcast_to(scale, Z.shape[1])
    first = Z.shape[1] - n_ranks
    steps = np.clip(_STEPS * Z[:, first:, None] - np.arange(_STEPS), 0.0, 1.0)
    steps *= np.sqrt(6.0 / _STEPS) / scale[first:, None]
    return np.hstack([Z[:, :first] / scale[:first], steps.reshape(len(Z), -1)])
