"""The fit of an ensemble of ridge models, by whichever solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._learning.learn import learn
from .._learning.spec import LearningOptions, ModelSpec
from .._learning.training_set import TrainingSet
from .._utils.threads import one_blas_thread
from .base import RidgeModel
from .clustered import CLUSTER_ROWS, fit_clustered
from .ensemble import Ensemble
from .exact import ExactModel, solve_exact
from .iterative import fit_iterative
from .nystrom import fit_nystrom
from .sample import LEARNING_ROWS, PilotSample

# From the rows that are looked at first to the models that are fitted.
MakeSpecs = Callable[[TrainingSet], list[ModelSpec]]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The parameters of an estimator that say how its models are fitted, checked.

    Attributes
    ----------
    solver : {"cholesky", "cg", "nystrom", "local"}
    n_centres : int
        Of a Nyström or clustered model.
    seed : int or RandomState
        Decides the pilot sample, the centres and the clusters.
    learning : LearningOptions
    progress_name : str or None
        The name under which the progress of a pass is printed, if it is.
    learning_rows : int, default=2000
        Number of rows of the pilot sample that are learned from.
    cluster_rows : int, default=1000
        The least number of rows in a cluster, on average.
    """

    solver: str
    n_centres: int
    seed: int | np.random.RandomState
    learning: LearningOptions
    progress_name: str | None
    learning_rows: int = LEARNING_ROWS
    cluster_rows: int = CLUSTER_ROWS


def _fit_exact(spec: ModelSpec, _sample, data, options: FitOptions) -> RidgeModel:
    return _learn_and_solve(spec, data, options.learning)


def _fit_iterative(spec: ModelSpec, sample, data, options: FitOptions) -> RidgeModel:
    return fit_iterative(_pilot(spec, sample, options), data)


def _fit_nystrom(spec: ModelSpec, sample, data, options: FitOptions) -> RidgeModel:
    pilot = _pilot(spec, sample, options)
    return fit_nystrom(pilot, sample, data, options.n_centres, options.progress_name)


def _fit_clustered(spec: ModelSpec, sample, data, options: FitOptions) -> RidgeModel:
    pilot = _pilot(spec, sample, options)
    # Large clusters are the more accurate ones; up to this size, their factorisations
    # cost no more than the centres.
    size = max(options.cluster_rows, options.n_centres)
    return fit_clustered(
        pilot, sample, data, options.n_centres, options.progress_name, size
    )


def _pilot(spec: ModelSpec, sample: PilotSample, options: FitOptions) -> ExactModel:
    """Learn kernel and ridge on a sample of the rows."""
    return _learn_and_solve(spec, sample.learning_rows, options.learning)


@one_blas_thread()
def _learn_and_solve(
    spec: ModelSpec, rows: TrainingSet, options: LearningOptions
) -> ExactModel:
    """Learn what is free, and solve the ridge exactly."""
    rows = rows._replace(X=spec.encode(rows.X))
    learned = learn(spec, rows, options)
    return solve_exact(spec, learned, rows, options.fit_intercept)


FITS: dict[str, Callable[..., RidgeModel]] = {
    "cholesky": _fit_exact,
    "cg": _fit_iterative,
    "nystrom": _fit_nystrom,
    "local": _fit_clustered,
}
# Solvers that learn from all rows; the others learn from a sample.
LEARNS_FROM_ALL = {"cholesky"}
# Solvers that measure distances between rows, which must be vectors then.
NEEDS_VECTORS = {"nystrom", "local"}


def fit_ensemble(
    make_specs: MakeSpecs, data: TrainingSet, options: FitOptions
) -> Ensemble:
    """Fit every model by the solver of the options.

    Parameters
    ----------
    make_specs : callable
        From the rows that are looked at first, all of them or a sample, to a list of
        `ModelSpec`.
    data : TrainingSet
        Raw rows.
    options : FitOptions

    Returns
    -------
    Ensemble
    """
    fit, sample, looked_at = FITS[options.solver], None, data
    if options.solver not in LEARNS_FROM_ALL:
        n_centres, n_learning = options.n_centres, options.learning_rows
        sample = PilotSample.draw(data, n_centres, options.seed, n_learning)
        looked_at = sample.candidates
    specs = make_specs(looked_at)
    return Ensemble.of([fit(spec, sample, data, options) for spec in specs])
