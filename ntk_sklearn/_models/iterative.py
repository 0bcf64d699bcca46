"""Ridge models of many rows, solved by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

from .._learning.training_set import TrainingSet
from .._utils.threads import one_blas_thread
from ..solvers._conjugate_gradient import conjugate_solve
from .base import DualModel
from .exact import ExactModel


@dataclass(frozen=True, kw_only=True)
class IterativeModel(DualModel):
    """A ridge model that was solved by conjugate gradients, without a factorisation.

    Attributes
    ----------
    fit_intercept : bool
        Whether it has a constant.
    """

    fit_intercept: bool

    def posterior_variance(self, X):
        """Raise an error, because variances need a factorisation."""
        raise ValueError(
            "return_std=True needs a factorisation of the whole problem, which "
            'solver="cg" does without; fit with another solver.'
        )


@one_blas_thread()
def fit_iterative(pilot: ExactModel, data: TrainingSet) -> IterativeModel:
    """Solve the ridge problem of all rows, with the kernel and the ridge of a pilot.

    Parameters
    ----------
    pilot : ExactModel
        The model fitted to the learning rows of a sample.
    data : TrainingSet
        All rows, raw and in memory.

    Returns
    -------
    IterativeModel
        Its leave-one-out predictions are those of the pilot.
    """
    rows = data._replace(X=pilot.encode(data.X))
    found = conjugate_solve(
        pilot.kernel(rows.X),
        rows.Y,
        pilot.alpha,
        rows.solve_weights,
        pilot.fit_intercept,
    )
    return IterativeModel(
        encoder=pilot.encoder,
        learned=pilot.learned,
        alpha=pilot.alpha,
        dual_coef=found.dual_coef,
        intercept=found.intercept,
        variance=pilot.variance,
        held_out=pilot.held_out,
        rows=rows,
        raw=data.X,
        fit_intercept=pilot.fit_intercept,
    )
