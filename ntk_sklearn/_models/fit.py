"""The fit of an ensemble of ridge models, by whichever solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._learning.spec import LearningOptions, ModelSpec
from .._learning.training_set import TrainingSet
from .base import HeldOut, RidgeModel
from .clustered import CLUSTER_ROWS, fit_clustered
from .exact import ExactModel, fit_exact
from .iterative import fit_iterative
from .nystrom import NystromModel, fit_nystrom
from .sample import LEARNING_ROWS, PilotSample

# Sharpness with which a better leave-one-out error favours a model of the ensemble.
_SHARPNESS = 10.0

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
        grown: list[RidgeModel] = []
        for model in self.models:
            if not isinstance(model, NystromModel):
                raise TypeError(f"a {type(model).__name__} takes no more rows.")
            grown.append(model.plus(batch, progress_name))
        return Ensemble.of(grown)

    def _blend(self, values) -> np.ndarray:
        parts = (s * value for s, value in zip(self.shares, values, strict=True))
        return sum(parts, start=next(parts))


def blend(errors) -> np.ndarray:
    """Return shares of models from their leave-one-out errors; they sum to one."""
    errors = np.asarray(errors, dtype=np.float64)
    smallest = max(errors.min(), 1e-300)
    weights = np.exp(-_SHARPNESS * (errors / smallest - 1.0))
    return weights / weights.sum()


def _fit_exact(spec: ModelSpec, _sample, data, options: FitOptions) -> RidgeModel:
    return fit_exact(spec, data, options.learning)


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
    return fit_exact(spec, sample.learning_rows, options.learning)


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
