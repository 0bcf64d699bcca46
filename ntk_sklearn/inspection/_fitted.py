"""The parts of a fitted estimator that displays show, and axes to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._models.base import RidgeModel
from .._models.exact import ExactModel
from ..dynamics._base import BaseGradientDescent
from ..estimators._base import BaseWNTK
from ..solvers._row_weights import RowWeights

if TYPE_CHECKING:  # matplotlib is optional
    from matplotlib.axes import Axes


class RidgeProblem(NamedTuple):
    """The ridge problem that one model of an estimator has solved.

    Attributes
    ----------
    K : ndarray of shape (n, n)
        The kernel matrix of the training rows.
    Y : ndarray of shape (n, k)
        The targets, or the class indicators.
    alpha : float
        The ridge.
    weights : RowWeights
        The weights of the last solve.
    intercept : bool
        Whether the model has a constant.
    """

    K: np.ndarray
    Y: np.ndarray
    alpha: float
    weights: RowWeights
    intercept: bool


def trained_estimator(estimator) -> BaseGradientDescent:
    """Return the fitted estimator of training in time at the end of a search."""
    estimator = _last(estimator)
    if not isinstance(estimator, BaseGradientDescent):
        raise TypeError(
            "estimator must be a fitted GradientDescentRegressor or "
            "GradientDescentClassifier, or a pipeline or search that ends in one, got "
            f"{type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    if not hasattr(estimator, "path_"):
        raise ValueError(
            "estimator was trained by a kernel that is not symmetric, "
            f"{estimator.kernel_!r}, and has no path_ of fits along eigenvectors to "
            "draw; use staged_predict."
        )
    return estimator


def _last(estimator):
    """Return the estimator at the end of a search or a pipeline."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            return estimator


def final_estimator(estimator) -> BaseWNTK:
    """Return the fitted estimator at the end of a search or a pipeline."""
    estimator = _last(estimator)
    if not isinstance(estimator, BaseWNTK):
        raise TypeError(
            "estimator must be a fitted WNTKRegressor or WNTKClassifier, or a pipeline "
            f"or search that ends in one, got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    return estimator


def model_of(estimator: BaseWNTK, model: int | None) -> RidgeModel:
    """Return a fitted model by its index; None means the best by leave-one-out."""
    models = estimator.models_
    if model is None:
        return models[int(np.argmax(estimator.blend_weights_))]
    if not 0 <= model < len(models):
        raise ValueError(
            f"model must be None or from 0 to {len(models) - 1}, as the estimator "
            f"has {len(models)} in models_, got {model!r}."
        )
    return models[model]


def ridge_problem(estimator: BaseWNTK, model: RidgeModel) -> RidgeProblem:
    """Return the ridge problem of a model that was fitted exactly."""
    if not isinstance(model, ExactModel):
        raise ValueError(
            "estimator must have been fitted exactly, as the display needs the kernel "
            f"matrix of its training rows, got solver_={estimator.solver_!r}; fit it "
            'to a sample of the rows with solver="cholesky".'
        )
    rows = model.rows
    K, weights = model.kernel(rows.X), rows.solve_weights
    return RidgeProblem(K, rows.Y, model.alpha, weights, model.fit_intercept)


def drawing_axes(caller: str, ax: Axes | None = None) -> Axes:
    """Return the given axes, or the axes of a new figure if there are none."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} draws with matplotlib, which is not installed; install it with "
            "`pip install matplotlib`."
        ) from error
    return pyplot.subplots(layout="constrained")[1] if ax is None else ax
