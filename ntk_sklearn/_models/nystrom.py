"""Nyström models, which are fitted in one pass and to which rows can be added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._learning.spec import LearnedKernel
from .._learning.training_set import TrainingSet
from .._utils.progress import Progress
from ..solvers._features import NystromFeatures
from ..solvers._nystrom import NystromSystem
from ..solvers._streaming import accumulate
from .base import HeldOut, RidgeModel
from .exact import ExactModel
from .sample import PilotSample

# Ridges that are tried for the Nyström model, relative to the learned one.
_RIDGES = np.exp(np.linspace(-10.0, 10.0, 81))


@dataclass(frozen=True, kw_only=True)
class NystromModel(RidgeModel):
    """A fitted Nyström model, to which rows can be added.

    Attributes
    ----------
    system : NystromSystem
        The features of the centres, and the normal equations of all rows.
    scored : TrainingSet
        The raw rows that the kernel was learned from. Leave-one-out predictions are
        made of these rows.
    """

    system: NystromSystem
    scored: TrainingSet

    @property
    def raw_rows(self) -> np.ndarray:
        """The raw rows that the kernel was learned from."""
        return self.scored.X

    @property
    def X(self) -> np.ndarray:
        """The centres, as the kernel sees them."""
        return self.system.features.centres

    def posterior_variance(self, X):
        """Return the posterior variances of the function at raw rows, for each output.

        The part of the kernel that the centres do not explain is added in full.
        """
        out = np.empty(len(X))
        for block in self.slices(X, len(self.X)):
            explained, spread = self.system.variance(X[block], self.alpha)
            prior = self.kernel.diag(self.encode(X[block]))
            out[block] = np.maximum(prior - explained, 0.0) + spread
        return out[:, None] * self.variance

    def plus(self, batch: TrainingSet, progress_name: str | None) -> NystromModel:
        """Return a new model with more rows; this one is not changed.

        Parameters
        ----------
        batch : TrainingSet
            Raw rows, in memory or in a source of blocks.
        progress_name : str or None
            The name under which the progress of the pass is printed; None prints
            nothing.

        Returns
        -------
        NystromModel
        """
        system = _with_rows(self.system, batch, progress_name)
        return replace(
            self, system=system, **_solved(system, self.learned, self.scored)
        )


def fit_nystrom(
    pilot: ExactModel,
    sample: PilotSample,
    data: TrainingSet,
    n_centres: int,
    progress_name: str | None,
) -> NystromModel:
    """Fit a Nyström model: choose centres, add up all rows, choose the ridge, solve.

    Parameters
    ----------
    pilot : ExactModel
        The model fitted to the learning rows of the sample.
    sample : PilotSample
        The sample from which the centres are chosen.
    data : TrainingSet
        All rows, raw, in memory or in a source of blocks.
    n_centres : int
        Number of centres.
    progress_name : str or None
        The name under which the progress of the pass is printed; None prints nothing.

    Returns
    -------
    NystromModel
    """
    learned = pilot.learned._replace(alpha=pilot.alpha)
    scored = sample.learning_rows
    encode = None if pilot.encoder is None else pilot.encoder.transform
    centres, width = sample.centres(pilot, n_centres), scored.X.shape[1]
    features = NystromFeatures.of(learned.kernel, centres, encode, width)
    n_outputs = scored.Y.shape[1]
    system = NystromSystem.empty(features, n_outputs, pilot.fit_intercept)
    system = _with_rows(system, data, progress_name)
    return NystromModel(
        encoder=pilot.encoder,
        learned=learned,
        variance=pilot.variance,
        system=system,
        scored=scored,
        **_solved(system, learned, scored),
    )


def _with_rows(
    system: NystromSystem, data: TrainingSet, name: str | None
) -> NystromSystem:
    """Return a new system with more rows; the old one is not changed."""
    progress = None if name is None else Progress(name)
    return accumulate(system, data.X, data.Y, data.solve_weights, progress=progress)


def _solved(system: NystromSystem, learned: LearnedKernel, scored: TrainingSet) -> dict:
    """Choose the ridge, solve, and return the fields of a model that depend on it."""
    alpha = learned.alpha
    if learned.alpha_bounds is not None:
        alphas = np.clip(alpha * _RIDGES, *learned.alpha_bounds)
        alpha = system.best_alpha(np.unique(alphas))
    fit, weights = system.solve(alpha), scored.solve_weights
    predictions = system.leave_one_out(scored.X, scored.Y, alpha, weights)
    return {
        "alpha": alpha,
        "dual_coef": fit.coef,
        "intercept": fit.intercept,
        "held_out": HeldOut(predictions, scored.Y, weights),
    }
