"""The rows that a kernel is learned from, and where centres and clusters lie."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from .._blocks.sampling import sample_rows
from .._learning.learn import Settings
from ..solvers._centres import select_centres
from ..solvers._row_weights import RowWeights
from .exact import Machine, fit_machine

# Rows on which hyperparameters are learned.
LEARNING_ROWS = 2000
# Candidates for each centre.
_POOL = 10
# Steps by which distances of ranks are measured, where rows are clustered.
_STEPS = 16


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


class Sample:
    """Rows drawn from a data set: some to learn from, all as candidates for centres."""

    def __init__(self, X, Y, weights: RowWeights, n_centres, random_state):
        self.rng = check_random_state(random_state)
        wanted = max(_POOL * n_centres, LEARNING_ROWS)
        positive = np.flatnonzero(weights.weight > 0)
        self.rows, self.X = sample_rows(X, wanted, self.rng, among=positive)
        self.Y, self.weights = Y[self.rows], weights.take(self.rows)
        few = self.rng.permutation(len(self.rows))[:LEARNING_ROWS]
        self.few = np.sort(few)

    def keep_few(self) -> None:
        """Forget the candidates, once the centres have been chosen."""
        few = self.few
        self.rows, self.X = self.rows[few], self.X[few]
        self.Y, self.weights = self.Y[few], self.weights.take(few)
        self.few = np.arange(len(few))

    def learn(self, member, settings: Settings) -> Machine:
        """Fit a machine to the rows to learn from."""
        few = self.few
        weights = self.weights.take(few)
        return fit_machine(member, self.X[few], self.Y[few], weights, settings)

    def centres(self, machine: Machine, m):
        """Choose centres: encoded candidates, far apart in the kernel's own scales."""
        Z = machine.encode(self.X)
        places = first_layer(machine.kernel, Z)
        chosen = select_centres(places, m, random_state=self.rng)
        return Z[chosen]
