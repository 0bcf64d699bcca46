"""The fit of an ensemble of ridge models, with one function for each solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from .._learning.learn import learn
from .._learning.spec import LearningOptions, ModelSpec
from .._learning.training_set import TrainingSet
from .._utils.threads import one_blas_thread
from .base import RidgeModel
from .clustered import fit_clustered
from .ensemble import Ensemble
from .exact import ExactModel, solve_exact
from .iterative import fit_iterative
from .nystrom import fit_nystrom
from .options import LEARNS_FROM_ALL, FitOptions
from .sample import PilotSample

# Function from raw rows, to which encoders are fitted, to specifications of models.
MakeSpecs = Callable[[TrainingSet], list[ModelSpec]]
# The fitted models of one specification.
Models = Sequence[RidgeModel]


def _fit_exact(spec: ModelSpec, _sample, data, options: FitOptions) -> Models:
    return _learn_and_solve(spec, data, options.learning)


def _fit_iterative(spec: ModelSpec, sample, data, options: FitOptions) -> Models:
    return [fit_iterative(_pilot(spec, sample, options), data, options.learning.place)]


def _fit_nystrom(spec: ModelSpec, sample, data, options: FitOptions) -> Models:
    pilot = _pilot(spec, sample, options)
    how = options.n_centres, options.progress_name, options.learning.place
    return [fit_nystrom(pilot, sample, data, *how)]


def _fit_clustered(spec: ModelSpec, sample, data, options: FitOptions) -> Models:
    pilot = _pilot(spec, sample, options)
    # Large clusters are more accurate; up to this size, their factorisations take no
    # more time than the centres.
    size = max(options.cluster_rows, options.n_centres)
    name = options.progress_name
    return [fit_clustered(pilot, sample, data, options.n_centres, name, size)]


def _pilot(spec: ModelSpec, sample: PilotSample, options: FitOptions) -> ExactModel:
    """Return the best model fitted to the learning rows of the sample."""
    models = _learn_and_solve(spec, sample.learning_rows, options.learning)
    return min(models, key=lambda model: model.expected_error)


@one_blas_thread()
def _learn_and_solve(
    spec: ModelSpec, rows: TrainingSet, options: LearningOptions
) -> list[ExactModel]:
    """Learn the free hyperparameters, and solve the ridge problem exactly."""
    how = options.fit_intercept, options.place
    return [
        solve_exact(found.spec, found.kernel, found.rows, rows.X, *how)
        for found in learn(spec, rows, options)
    ]


FITS: dict[str, Callable[..., Models]] = {
    "cholesky": _fit_exact,
    "cg": _fit_iterative,
    "nystrom": _fit_nystrom,
    "local": _fit_clustered,
}


def fit_ensemble(
    make_specs: MakeSpecs, data: TrainingSet, options: FitOptions
) -> Ensemble:
    """Fit every model with the solver of the options; a rival may be one more.

    Parameters
    ----------
    make_specs : callable
        Function from raw rows to a list of `ModelSpec`. It is called with all rows, or
        with a sample if the solver learns from one.
    data : TrainingSet
        Raw rows.
    options : FitOptions
        The solver and its settings.

    Returns
    -------
    Ensemble
    """
    fit, sample, looked_at = FITS[options.solver], None, data
    if options.solver not in LEARNS_FROM_ALL:
        n_centres, n_learning = options.n_centres, options.learning_rows
        sample = PilotSample.draw(
            data, n_centres, options.seed, n_learning, options.allow_nan
        )
        looked_at = sample.candidates
    specs = make_specs(looked_at)
    every = (fit(spec, sample, data, options) for spec in specs)
    return Ensemble.of(list(chain.from_iterable(every)))
