"""Class indicators, and the probabilities that belong to their predictions."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from sklearn.utils import compute_sample_weight

from .._models.base import HeldOut


def indicators_of(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the class indicators of the rows: (n, n_classes), ones and zeros."""
    return (y[:, None] == classes).astype(np.float64)


def class_factors(class_weight, y, weight=None, classes=None) -> np.ndarray:
    """Return the factor of the weight of each row that class weights give it.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        The parameter of the estimator.
    y : ndarray of shape (n,)
        The labels.
    weight, classes : ndarray, default=None
        The weights of the rows, and the labels of rows of positive weight;
        ``"balanced"`` needs them, and gives all classes the same total weight.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If a factor is negative, or none of a row of positive weight is positive.
    """
    if class_weight is None:
        return np.ones(len(y))
    if isinstance(class_weight, dict):
        factor = compute_sample_weight(class_weight, y)
    else:
        mass = np.array([weight[y == label].sum() for label in classes])
        share = weight.sum() / (len(classes) * mass)
        # A label that only rows of weight zero have is no class: any will do.
        factor = share[np.minimum(np.searchsorted(classes, y), len(mass) - 1)]
    if not np.isfinite(factor).all():
        raise ValueError(f"class_weight must be finite, got {class_weight!r}.")
    if (factor < 0).any():
        raise ValueError(f"class_weight must not be negative, got {class_weight!r}.")
    if weight is not None and not weight @ factor > 0:
        raise ValueError(
            "class_weight must be positive for some class in y, got "
            f"{class_weight!r}: no row is left to fit."
        )
    return factor


def softmax_factor(held_out: HeldOut) -> float:
    """Return the softmax factor that maximises the likelihood of the labels.

    A single factor keeps the order of the classes, so that probabilities and predicted
    labels agree. The labels are softened as in Platt scaling, which keeps the factor
    finite if the decision values separate the classes.
    """
    from scipy.optimize import minimize_scalar  # slow to import, needed only here

    decisions, indicators, weights = held_out
    k = indicators.shape[1]
    soft = 1.0 / (weights.total + k)
    targets = indicators * (1.0 - k * soft) + soft

    def loss(log_factor):
        log_p = log_softmax(np.exp(log_factor) * decisions, axis=1)
        return -float(weights.weight @ np.sum(targets * log_p, axis=1))

    found = minimize_scalar(loss, bounds=(-4.0, 6.0), method="bounded")
    return float(np.exp(found.x))


def held_out_losses(decisions, factor: float, y, classes) -> np.ndarray:
    """Return the log loss of each row's label under the softmax of decision values.

    Parameters
    ----------
    decisions : ndarray of shape (n, n_classes)
        Decision values of a model that has not seen the row.
    factor : float
        The softmax factor.
    y : ndarray of shape (n,)
        The labels. A label that is no class has a loss of zero.
    classes : ndarray of shape (n_classes,)
        The classes.

    Returns
    -------
    ndarray of shape (n,)
    """
    log_p = log_softmax(factor * decisions, axis=1)
    return -np.sum(indicators_of(y, classes) * log_p, axis=1)
