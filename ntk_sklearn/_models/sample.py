"""The pilot sample: rows to learn a kernel from, and candidates for centres."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._blocks.sampling import sample_rows
from .._learning.training_set import TrainingSet
from ..solvers._centres import select_centres
from .base import RidgeModel
from .options import LEARNING_ROWS

# Number of candidates for each centre.
_POOL = 10
# Number of steps by which the distance of two ranks is approximated.
_STEPS = 16


class PilotSample(NamedTuple):
    """Rows drawn from a training set.

    Attributes
    ----------
    candidates : TrainingSet
        Raw rows that may become centres.
    numbers : ndarray of int
        The numbers of the candidates in the training set.
    learning : ndarray of int
        The positions of the learning rows among the candidates.
    rng : RandomState
        The generator of random numbers, with which centres and clusters are chosen.
    """

    candidates: TrainingSet
    numbers: np.ndarray
    learning: np.ndarray
    rng: np.random.RandomState

    @classmethod
    def draw(
        cls,
        data: TrainingSet,
        n_centres: int,
        random_state,
        most=LEARNING_ROWS,
        allow_nan=False,
    ) -> PilotSample:
        """Draw candidates for centres, and among them the learning rows.

        Parameters
        ----------
        data : TrainingSet
            Raw rows, in memory or in a source of blocks.
        n_centres : int
            Number of centres.
        random_state : int or RandomState
            Seed.
        most : int, default=4000
            Maximum number of learning rows.
        allow_nan : bool, default=False
            Whether rows may hold NaN.

        Returns
        -------
        PilotSample
        """
        rng = check_random_state(random_state)
        among = np.flatnonzero(data.weights.weight > 0)
        wanted = max(_POOL * n_centres, most)
        numbers, X = sample_rows(data.X, wanted, rng, among=among, allow_nan=allow_nan)
        candidates = data._replace(X=np.empty(data.n_rows)).take(numbers)
        learning = np.sort(rng.permutation(len(numbers))[:most])
        return cls(candidates._replace(X=X), numbers, learning, rng)

    @property
    def learning_rows(self) -> TrainingSet:
        """The raw rows from which hyperparameters are learned."""
        return self.candidates.take(self.learning)

    @property
    def learning_numbers(self) -> np.ndarray:
        """The numbers of the learning rows in the training set."""
        return self.numbers[self.learning]

    def centres(self, model: RidgeModel, n_centres: int) -> np.ndarray:
        """Choose encoded candidates that are far apart in a learned kernel's scales."""
        Z = model.encode(self.candidates.X)
        places = first_layer(model.kernel, Z)
        return Z[select_centres(places, n_centres, random_state=self.rng)]


def first_layer(kernel, Z) -> np.ndarray:
    """Return coordinates of rows whose distances are about those of the first layer.

    Inputs are divided by the kernel's length scales, and ranks are written as steps.
    """
    scale = getattr(kernel, "length_scale", 1.0)
    n_ranks = getattr(kernel, "n_ranks", 0)
    if n_ranks == 0:
        return Z / scale
    scale = np.broadcast_to(scale, Z.shape[1])
    first = Z.shape[1] - n_ranks
    steps = np.clip(_STEPS * Z[:, first:, None] - np.arange(_STEPS), 0.0, 1.0)
    steps *= np.sqrt(6.0 / _STEPS) / scale[first:, None]
    return np.hstack([Z[:, :first] / scale[:first], steps.reshape(len(Z), -1)])
