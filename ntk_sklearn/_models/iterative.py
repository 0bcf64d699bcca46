"""Ridge models of many rows, solved by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._one_matrix import solve_in_place
from .dual import DualModel


@dataclass(frozen=True, kw_only=True)
class IterativeModel(DualModel):
    """A ridge model of all rows, with the kernel and the ridge of a pilot."""


@one_blas_thread()
def fit_iterative(
    pilot: DualModel, data: TrainingSet, place: Place | None = None
) -> IterativeModel:
    """Solve the ridge problem of all rows, with the kernel and the ridge of a pilot.

    Parameters
    ----------
    pilot : DualModel
        The model fitted to the learning rows of a sample.
    data : TrainingSet
        All rows, raw and in memory.
    place : Place, default=None
        Where the kernel matrix is held and multiplied; None means NumPy.

    Returns
    -------
    IterativeModel
        Its leave-one-out predictions are those of the pilot.
    """
    rows = data._replace(X=pilot.encode(data.X))
    found = solve_in_place(
        matrix_at(place, pilot.kernel, rows.X),
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
