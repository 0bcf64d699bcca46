"""The mixing of predicted indicators, by which they tell the classes."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, softmax

from .._models.base import HeldOut
from ._indicators import softened, softmax_factor

# Standard deviation of the normal prior of each entry, around that of the identity.
_DEVIATION = 0.5
# The minimum is found to this gradient, in nats, and so to about as much in each entry.
_TOLERANCE = 1e-7


def mixing_of(held_out: HeldOut) -> np.ndarray | None:
    """Return the matrix by which predicted indicators are mixed to tell the classes.

    Of three classes or more, that with the largest predicted indicator is often not the
    likeliest one. Where the classes are ordered, for example, the prediction of a class
    in the middle is large nowhere, although those of the others together tell its rows
    well: the class is masked. A linear rule in the space of the predictions, as that of
    linear discriminant analysis, does not mask classes [1]_. The matrix maximises the
    likelihood of the labels, given the leave-one-out predictions, with a prior that
    holds it near the identity, as is done to calibrate probabilities [2]_.

    Parameters
    ----------
    held_out : HeldOut
        Leave-one-out predictions of class indicators, the indicators, and weights.

    Returns
    -------
    ndarray of shape (n_classes, n_classes) or None
        A row for each class. None for two classes, whose predictions sum to one.

    References
    ----------
    .. [1] Hastie, Tibshirani and Buja, "Flexible Discriminant Analysis by Optimal
       Scoring", Journal of the American Statistical Association 89, 1994.
    .. [2] Kull, Perello-Nieto, Kängsepp, Silva Filho, Song and Flach, "Beyond
       temperature scaling: Obtaining well-calibrated multiclass probabilities with
       Dirichlet calibration", NeurIPS 2019.
    """
    from scipy.optimize import minimize  # slow to import, needed only here

    predictions, indicators, weights = held_out
    k = indicators.shape[1]
    if k < 3:
        return None
    scaled = softmax_factor(held_out) * predictions
    rows = weights.n_rows  # the prior does not depend on the unit of the weights
    weight = weights.weight[:, None] * (rows / weights.total)
    targets = softened(indicators, rows)

    def loss(x):
        """Return the loss with the prior, and its gradient: a convex function."""
        excess = x.reshape(k, k)
        decisions = scaled + scaled @ excess.T
        pull = excess / _DEVIATION**2
        likelihood = np.sum(weight * targets * log_softmax(decisions, axis=1))
        surprise = weight * (softmax(decisions, axis=1) - targets)
        gradient = surprise.T @ scaled + pull
        return 0.5 * np.sum(excess * pull) - likelihood, gradient.ravel()

    options = {"maxiter": 1000, "ftol": 0.0, "gtol": _TOLERANCE}
    start = np.zeros(k * k)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return np.eye(k) + found.x.reshape(k, k)
