"""What the displays read from a fitted estimator, and where they draw."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators._base import BaseWNTK
from ..solvers._row_weights import RowWeights


class RidgeProblem(NamedTuple):
    """The ridge problem that one machine of an estimator has solved.

    Attributes
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    Y : ndarray of shape (n, k)
        Targets, or class indicators.
    alpha : float
    weights : RowWeights
    intercept : bool
    """

    K: np.ndarray
    Y: np.ndarray
    alpha: float
    weights: RowWeights
    intercept: bool


def final_estimator(estimator) -> Any:
    """Return the fitted estimator at the end of searches and pipelines."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            break
    if not isinstance(estimator, BaseWNTK):
        raise TypeError(
            "estimator must be a fitted WNTKRegressor or WNTKClassifier, or a pipeline "
            f"or search that ends in one, got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    return estimator


def machine_of(estimator: BaseWNTK, member: int | None):
    """Return one fitted machine; None means the best by leave-one-out error."""
    machines = estimator.members_
    if member is None:
        return machines[int(np.argmax(estimator.blend_weights_))]
    if not 0 <= member < len(machines):
        raise ValueError(
            f"member must be None or from 0 to {len(machines) - 1}, as the estimator "
            f"has {len(machines)} in members_, got {member!r}."
        )
    return machines[member]


def ridge_problem(estimator: BaseWNTK, machine) -> RidgeProblem:
    """Restore the problem from its solution: ``Y = (K + alpha / s) a + b``."""
    solver = getattr(estimator, "solver_", "cholesky")
    if solver != "cholesky":
        raise ValueError(
            "estimator must have been fitted exactly, as the display needs the kernel "
            f"matrix of its training rows, got solver_={solver!r}; fit it to a sample "
            'of the rows with solver="cholesky".'
        )
    K = machine.kernel(machine.X)
    noise = machine.weights.noise(machine.alpha)[:, None]
    Y = K @ machine.dual_coef + noise * machine.dual_coef + machine.intercept
    return RidgeProblem(K, Y, machine.alpha, machine.weights, machine.fit_intercept)


def drawing_axes(caller: str, ax=None) -> Any:
    """Return axes to draw on, new ones if none are given."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} draws with matplotlib, which is not installed; install it with "
            "`pip install matplotlib`."
        ) from error
    return pyplot.subplots(layout="constrained")[1] if ax is None else ax
