"""Class indicators, and the probabilities that belong to their predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.utils import compute_sample_weight

from .._models.base import HeldOut

# Bounds of the logarithm of the softmax factor.
_FACTORS = (-4.0, 6.0)
# Standard deviation of the normal prior on the biases of the classes.
_BIAS_DEVIATION = 1.0


def indicators_of(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the class indicators of the rows: (n, n_classes), ones and zeros."""
    return (y[:, None] == classes).astype(np.float64)


def class_factors(class_weight, classes, y=None, weight=None) -> np.ndarray:
    """Return the factor that class weights give to the weights of each class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        The parameter of the estimator.
    classes : ndarray of shape (n_classes,)
        The sorted labels of rows of positive weight.
    y, weight : ndarray of shape (n,), default=None
        The labels and the weights of the rows; ``"balanced"`` needs them, and gives all
        classes the same total weight.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a factor is negative, or none of a row of positive weight is positive.
    """
    if class_weight is None:
        return np.ones(len(classes))
    mass = np.zeros(len(classes))
    if weight is not None:
        mass = np.array([weight[y == label].sum() for label in classes])
    if isinstance(class_weight, dict):
        labels = classes if y is None else np.unique(y)
        factor = compute_sample_weight(class_weight, labels)
        factor = factor[np.isin(labels, classes)]
    else:
        factor = mass.sum() / (len(classes) * mass)
    if not np.isfinite(factor).all():
        raise ValueError(f"class_weight must be finite, got {class_weight!r}.")
    if (factor < 0).any():
        raise ValueError(f"class_weight must not be negative, got {class_weight!r}.")
    if weight is not None and not mass @ factor > 0:
        raise ValueError(
            "class_weight must be positive for some class in y, got "
            f"{class_weight!r}: no row is left to fit."
        )
    return factor


def of_rows(factor: np.ndarray, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the factor of each row, by its label.

    A label that only rows of weight zero have is no class: any factor will do.
    """
    return factor[np.searchsorted(classes[:-1], y)]


class Calibration(NamedTuple):
    """The map from decision values to class probabilities.

    Attributes
    ----------
    temperature : float
        The factor of the decision values.
    bias : ndarray of shape (n_classes,)
        The numbers that are added to them before their softmax is taken.
    """

    temperature: float
    bias: np.ndarray

    def probabilities(self, decisions: np.ndarray) -> np.ndarray:
        """Return the class probabilities of decision values, along the last axis."""
        return softmax(self.temperature * decisions + self.bias, axis=-1)

    def log_probabilities(self, decisions: np.ndarray) -> np.ndarray:
        """Return the logarithms of the class probabilities, along the last axis."""
        return log_softmax(self.temperature * decisions + self.bias, axis=-1)


def softmax_factor(held_out: HeldOut) -> float:
    """Return the softmax factor that maximises the likelihood of the labels.

    A single factor keeps the order of the classes, so that probabilities and predicted
    labels agree. The labels are softened as in Platt scaling, which keeps the factor
    finite if the decision values separate the classes.
    """
    from scipy.optimize import minimize_scalar  # slow to import, needed only here

    decisions, indicators, weights = held_out
    targets = softened(indicators, weights.n_rows)

    def loss(log_factor):
        log_p = log_softmax(np.exp(log_factor) * decisions, axis=1)
        return -float(weights.weight @ np.sum(targets * log_p, axis=1))

    found = minimize_scalar(loss, bounds=_FACTORS, method="bounded")
    return float(np.exp(found.x))


def softened(indicators: np.ndarray, n_rows: float) -> np.ndarray:
    """Return indicators of so many rows, moved towards equal numbers."""
    k = indicators.shape[1]
    soft = 1.0 / (n_rows + k)
    return indicators * (1.0 - k * soft) + soft


def calibrate(held_out: HeldOut, class_factor: np.ndarray) -> Calibration:
    """Return the calibration that maximises the likelihood of the labels.

    Without class weights there are no biases: see `softmax_factor`. With them, decision
    values are those of a population with other frequencies of the classes, whereas
    probabilities are meant for the population of the rows. The biases then have a
    normal prior around the logarithms of the ratios of these frequencies.

    Parameters
    ----------
    held_out : HeldOut
        Leave-one-out decision values, class indicators, and weights that contain the
        class factors.
    class_factor : ndarray of shape (n_classes,)
        The factor of the weights of each class.

    Returns
    -------
    Calibration
    """
    from scipy.optimize import minimize  # slow to import, needed only here

    k = len(class_factor)
    class_factor = np.where(class_factor > 0.0, class_factor, 1.0)
    prior = -np.log(class_factor)
    if np.ptp(prior) == 0.0:
        return Calibration(softmax_factor(held_out), np.zeros(k))
    decisions, indicators, weights = held_out
    weight = weights.weight / class_factor[indicators.argmax(axis=1)]
    weight *= weights.n_rows / weight.sum()  # whatever their unit is
    targets = softened(indicators, weights.n_rows)

    def loss(x):
        """Return the loss with the prior of the biases, and its gradient."""
        factor, moved = np.exp(x[0]), x[1:] / _BIAS_DEVIATION
        log_p = log_softmax(factor * decisions + prior + x[1:], axis=1)
        excess = weight[:, None] * (np.exp(log_p) - targets)
        value = 0.5 * moved @ moved - weight @ np.sum(targets * log_p, axis=1)
        slope = excess.sum(axis=0) + moved / _BIAS_DEVIATION
        return value, np.append(factor * np.sum(excess * decisions), slope)

    bounds = [_FACTORS, *[(None, None)] * k]
    start = np.append(1.0, np.zeros(k))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    bias = prior + found.x[1:]
    return Calibration(float(np.exp(found.x[0])), bias - bias.mean())


def held_out_losses(decisions, calibration: Calibration, y, classes) -> np.ndarray:
    """Return the log loss of each row's label under its class probabilities.

    Parameters
    ----------
    decisions : ndarray of shape (n, n_classes)
        Decision values of a model that has not seen the row.
    calibration : Calibration
        The map from decision values to class probabilities.
    y : ndarray of shape (n,)
        The labels. A label that is no class has a loss of zero.
    classes : ndarray of shape (n_classes,)
        The classes.

    Returns
    -------
    ndarray of shape (n,)
    """
    log_p = calibration.log_probabilities(decisions)
    return -np.sum(indicators_of(y, classes) * log_p, axis=1)
