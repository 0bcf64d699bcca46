"""The options of a fit, whatever the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._learning.spec import LearningOptions

# Solvers that learn hyperparameters from all rows; the others learn from a sample.
LEARNS_FROM_ALL = {"cholesky"}
# Solvers that need distances between rows, so that the rows must be vectors.
NEEDS_VECTORS = {"nystrom", "local"}
# Rows of the pilot sample, and the smallest mean number of rows in a cluster.
LEARNING_ROWS, CLUSTER_ROWS = 4000, 1000


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The checked parameters of an estimator that concern the fit of its models.

    Attributes
    ----------
    solver : {"cholesky", "cg", "nystrom", "local"}
        The solver.
    n_centres : int
        Number of centres of a Nyström or clustered model; 0 for other solvers.
    seed : int or RandomState
        Seed of the pilot sample, the centres and the clusters.
    learning : LearningOptions
        Options of learning.
    progress_name : str or None
        The name under which the progress of a pass is printed; None prints nothing.
    allow_nan : bool, default=False
        Whether raw rows may hold NaN, as encoders take it for what is missing.
    learning_rows : int, default=4000
        Number of rows of the pilot sample from which hyperparameters are learned.
    cluster_rows : int, default=1000
        The smallest mean number of rows in a cluster.
    """

    solver: str
    n_centres: int
    seed: int | np.random.RandomState
    learning: LearningOptions
    progress_name: str | None
    allow_nan: bool = False
    learning_rows: int = LEARNING_ROWS
    cluster_rows: int = CLUSTER_ROWS
