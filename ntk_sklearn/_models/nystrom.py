"""Nyström models, which are fitted in one pass and to which rows can be added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .._learning.spec import LearnedKernel
from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from .._utils.progress import Progress
from ..kernels._on_rows import placed_kernel
from ..solvers._features import NystromFeatures
from ..solvers._leave_one_out import EPS
from ..solvers._nystrom import NystromSystem
from ..solvers._row_weights import RowWeights
from ..solvers._streaming import accumulate
from .base import HeldOut, RidgeModel, row_slices
from .dual import DualModel
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

    def system_at(self, place: Place | None) -> NystromSystem:
        """Return the system, with features at a place; None means NumPy."""
        return _moved(self.system, place, self.kernel)

    def posterior_variance(self, X, place=None, /):
        """Return the posterior variances of the function at raw rows, for each output.

        The part of the kernel that the centres do not explain is added in full.
        """
        out, system = np.empty(len(X)), self.system_at(place)
        for block in self.slices(X, len(self.X)):
            explained, spread = system.variance(X[block], self.alpha)
            prior = self.kernel.diag(self.encode(X[block]))
            out[block] = np.maximum(prior - explained, 0.0) + spread
        return out[:, None] * self.variance

    def attributed(self, training):
        """Return the given training rows, as attribution needs them."""
        assert training is not None
        return NystromRows(self, training)

    def plus(
        self, batch: TrainingSet, progress_name: str | None, place: Place | None = None
    ) -> NystromModel:
        """Return a new model with more rows; this one is not changed.

        Parameters
        ----------
        batch : TrainingSet
            Raw rows, in memory or in a source of blocks.
        progress_name : str or None
            The name under which the progress of the pass is printed; None prints
            nothing.
        place : Place, default=None
            Where the kernel of the rows is computed; None means by NumPy.

        Returns
        -------
        NystromModel
        """
        return replace(
            self,
            **_solved(
                _with_rows(self.system_at(place), batch, progress_name),
                self.system.features,
                self.learned,
                self.scored,
            ),
        )


def fit_nystrom(
    pilot: DualModel,
    sample: PilotSample,
    data: TrainingSet,
    n_centres: int,
    progress_name: str | None,
    place: Place | None = None,
) -> NystromModel:
    """Fit a Nyström model: choose centres, add up all rows, choose the ridge, solve.

    Parameters
    ----------
    pilot : DualModel
        The model fitted to the learning rows of the sample.
    sample : PilotSample
        The sample from which the centres are chosen.
    data : TrainingSet
        All rows, raw, in memory or in a source of blocks.
    n_centres : int
        Number of centres.
    progress_name : str or None
        The name under which the progress of the pass is printed; None prints nothing.
    place : Place, default=None
        Where the kernel of all rows with the centres is computed, and summed up; None
        means by NumPy.

    Returns
    -------
    NystromModel
    """
    learned = pilot.learned._replace(alpha=pilot.alpha)
    scored = sample.learning_rows
    encode = None if pilot.encoder is None else pilot.encoder.transform
    centres, width = sample.centres(pilot, n_centres), scored.X.shape[1]
    features = NystromFeatures.of(
        learned.kernel, centres, encode, width, allow_nan=encode is not None
    )
    n_outputs = scored.Y.shape[1]
    system = NystromSystem.empty(features, n_outputs, pilot.fit_intercept)
    system = _with_rows(_moved(system, place, learned.kernel), data, progress_name)
    return NystromModel(
        encoder=pilot.encoder,
        learned=learned,
        variance=pilot.variance,
        scored=scored,
        **_solved(system, features, learned, scored),
    )


def _moved(system: NystromSystem, place: Place | None, kernel: Kernel) -> NystromSystem:
    """Return a system with features at a place.

    Whitening needs more digits than a device without double precision has: NumPy does
    it instead.
    """
    if place is None or place.digits > 1.0:
        return system
    return system.at(place, placed_kernel(place, kernel))


def _with_rows(
    system: NystromSystem, data: TrainingSet, name: str | None
) -> NystromSystem:
    """Return a new system with more rows; the old one is not changed."""
    progress = None if name is None else Progress(name)
    return accumulate(system, data.X, data.Y, data.solve_weights, progress=progress)


def _solved(
    system: NystromSystem,
    features: NystromFeatures,
    learned: LearnedKernel,
    scored: TrainingSet,
) -> dict:
    """Choose the ridge, solve, and return the fields of a model that depend on it.

    The features of the model are arrays of NumPy, wherever those of the system are.
    """
    alpha = learned.alpha
    if learned.alpha_bounds is not None:
        alphas = np.clip(alpha * _RIDGES, *learned.alpha_bounds)
        alpha = system.best_alpha(np.unique(alphas))
    fit, weights = system.solve(alpha), scored.solve_weights
    predictions = system.leave_one_out(scored.X, scored.Y, alpha, weights)
    return {
        "system": replace(system, features=features),
        "alpha": alpha,
        "dual_coef": fit.coef,
        "intercept": fit.intercept,
        "held_out": HeldOut(predictions, scored.Y, weights),
    }


@dataclass(frozen=True, eq=False)
class NystromRows:
    """The rows of a Nyström model, whose kernel is the product of its features."""

    model: NystromModel
    training: TrainingSet

    @property
    def weights(self) -> RowWeights:
        """The weights of the rows."""
        return self.training.solve_weights

    @property
    def targets(self) -> np.ndarray:
        """The targets of the rows."""
        return self.training.Y

    @cached_property
    def dual_coef(self) -> np.ndarray:
        """The coefficients of the rows: weighted residuals over the ridge."""
        residuals = self.training.Y - self.model.predict(self.training.X)
        return residuals * (self.weights.weight / self.model.alpha)[:, None]

    def _whitened(self, X) -> np.ndarray:
        return self.model.system.whitened(X, self.model.alpha)

    def _blocks(self) -> Iterator[slice]:
        return row_slices(len(self.training.X), 2 * len(self.model.X))

    def kernel(self, X) -> np.ndarray:
        """Return the products of features of raw rows and training rows."""
        features, rows = self.model.system.features, self.training.X
        out, test = np.empty((len(X), len(rows))), features(X).T
        for block in self._blocks():
            out[:, block] = test @ features(rows[block])
        return out

    def smoother(self, X) -> np.ndarray:
        """Return the derivatives of predictions of raw rows by targets."""
        out, test = np.empty((len(X), len(self.training.X))), self._whitened(X).T
        for block in self._blocks():
            out[:, block] = test @ self._whitened(self.training.X[block])
        return out * self.weights.weight

    @cached_property
    def diagonal(self) -> np.ndarray:
        """The derivative of the coefficient of each row by its own target."""
        weight, leverage = self.weights.weight, np.empty(len(self.training.X))
        for block in self._blocks():
            vectors = self._whitened(self.training.X[block])
            leverage[block] = np.einsum("ij,ij->j", vectors, vectors)
        return np.maximum(1.0 - weight * leverage, EPS) * weight / self.model.alpha

    def precision(self, rows) -> np.ndarray:
        """Return the derivatives of coefficients of some rows by their targets."""
        vectors, weight = self._whitened(self.training.X[rows]), self.weights.weight
        root = weight[rows] / np.sqrt(self.model.alpha)
        vectors *= root
        return np.diag(weight[rows] / self.model.alpha) - vectors.T @ vectors
