"""Exact ridge models, by one Cholesky factorisation of the kernel matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._learning.ridge import solve_raised
from .._learning.spec import LearnedKernel, ModelSpec
from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from ..kernels._on_rows import matrix_at
from ..solvers._cholesky import solve, warn_jitter
from ..solvers._leave_one_out import leave_one_out
from ..solvers._on_arrays import diagonal
from .base import HeldOut
from .dual import DualModel


@dataclass(frozen=True, kw_only=True)
class ExactModel(DualModel):
    """A ridge model that was solved by a Cholesky factorisation."""


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
