"""Class indicators, and the probabilities that belong to their predictions."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from .._models.base import HeldOut


def indicators_of(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the class indicators of the rows: (n, n_classes), ones and zeros."""
    return (y[:, None] == classes).astype(np.float64)


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
