"""Exact ridge models, by one Cholesky factorisation of the kernel matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve

from .._learning.ridge import solve_raised
from .._learning.spec import LearnedKernel, ModelSpec
from .._learning.training_set import TrainingSet
from .._utils.arrays import Place, to_numpy
from .._utils.blas import solve_lower
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._cholesky import kernel_factor, solve, warn_jitter
from ..solvers._leave_one_out import leave_one_out
from ..solvers._on_arrays import diagonal, times
from .base import DualModel, HeldOut, SolvedRows


@dataclass(frozen=True, kw_only=True)
class ExactModel(DualModel):
    """A ridge model that was solved by a Cholesky factorisation."""

    @one_blas_thread()
    def posterior_variance(self, X, place=None, /) -> np.ndarray:
        """Return the posterior variances of the function at raw rows, for each output.

        The kernel matrix is factorised in each call. A factor that is kept would make
        up most of a pickled model.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Raw rows.
        place : Place, default=None
            Where the matrices are computed; None means by NumPy.

        Returns
        -------
        ndarray of shape (n, k)
        """
        if place is not None:
            return self._variance_at(place, X)
        K = self.kernel(self.X)
        means = K.mean(axis=0) if self.fit_intercept else np.zeros(len(K))
        mean = means.mean()
        # With a free constant, only the centred kernel matters.
        K -= means
        K -= means[:, None] - mean
        noise = self.rows.solve_weights.noise(self.alpha)
        factor = kernel_factor(K, noise, overwrite_K=True)[0]
        ones = cho_solve((factor, True), np.ones(len(factor)))
        constant = ones.sum() if self.fit_intercept else np.inf
        out = np.empty(len(X))
        for block in self.slices(X, len(self.X)):
            Z = self.encode(X[block])
            cross = self.kernel(Z, self.X)
            own = np.zeros(len(Z))
            if self.fit_intercept:
                own = cross.mean(axis=1) - mean
            cross -= means
            cross -= own[:, None]
            prior = self.kernel.diag(Z) - 2.0 * own - mean
            # The uncertainty of the constant, and its covariance with the function.
            out[block] = prior + (1.0 - cross @ ones) ** 2 / constant
            root = solve_lower(factor, np.asfortranarray(cross.T, np.float64))
            out[block] -= np.einsum("ij,ij->j", root, root)
        return np.maximum(out, 0.0)[:, None] * self.variance

    def _variance_at(self, place, X) -> np.ndarray:
        """Return the same variances, from matrices at a place.

        With P the inverse less its part along the constant, and w the weights of the
        targets in the constant, ``w' (K + noise) w`` is the variance of the constant.
        """
        rows, out = SolvedRows(self, place), np.empty(len(X))
        P, w = rows.solution.P, rows.solution.intercept_weights
        K = matrix_at(place, self.kernel, self.X)
        constant = w @ times(K, w) + w**2 @ rows.weights.noise(self.alpha)
        for block in self.slices(X, len(self.X)):
            cross = rows.kernel(X[block])
            prior = self.kernel.diag(self.encode(X[block])) - 2.0 * times(cross, w)
            if self.fit_intercept:  # which P does not see
                cross = cross - place.xp.mean(cross, axis=1, keepdims=True)
            explained = place.xp.sum((cross @ P) * cross, axis=1)
            out[block] = prior + constant - to_numpy(explained)
        return np.maximum(out, 0.0)[:, None] * self.variance


def solve_exact(
    spec: ModelSpec,
    learned: LearnedKernel,
    rows: TrainingSet,
    raw: np.ndarray,
    intercept: bool,
    place: Place | None = None,
) -> ExactModel:
    """Solve the ridge problem with a learned kernel by a Cholesky factorisation.

    Parameters
    ----------
    spec : ModelSpec
        The specification of the model.
    learned : LearnedKernel
        The kernel and the ridge that were learned.
    rows : TrainingSet
        The training rows, their inputs encoded.
    raw : ndarray of shape (n, n_features), or a sequence of n objects
        The inputs as they were given.
    intercept : bool
        Whether a constant that the ridge does not penalise is fitted.
    place : Place, default=None
        Where the kernel matrix is held and factorised; None means NumPy.

    Returns
    -------
    ExactModel
    """
    weights, highest = rows.solve_weights, learned.alpha
    if spec.raise_alpha and learned.path and learned.alpha_bounds is not None:
        highest = learned.alpha_bounds[1]
    K = matrix_at(place, learned.kernel, rows.X)
    alpha, solution = solve_raised(
        K, rows.Y, learned.alpha, highest, rows.weights, intercept
    )
    if (rows.class_factor != 1.0).any():  # class weights do not change what is learned
        solution = solve(K, rows.Y, alpha, weights, intercept)
    warn_jitter(solution.jitter, alpha)
    precision = diagonal(solution.P)
    residuals, _ = leave_one_out(precision, solution.dual_coef, alpha, weights)
    if intercept and rows.n_rows == 1:
        residuals = np.zeros_like(rows.Y)  # no other row to predict it from
    explained = np.sum((rows.Y - solution.intercept) * solution.dual_coef, axis=0)
    freedom = max(weights.multiplicity.sum() - intercept, 1.0)
    return ExactModel(
        encoder=spec.encoder,
        learned=learned,
        alpha=alpha,
        dual_coef=solution.dual_coef,
        intercept=solution.intercept,
        variance=np.maximum(explained / freedom, 0.0),
        held_out=HeldOut(rows.Y - residuals, rows.Y, weights),
        rows=rows,
        raw=raw,
        fit_intercept=intercept,
    )
