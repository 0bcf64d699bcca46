"""The mixing of predicted indicators, by which they tell the classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, softmax

from .._models.base import HeldOut
from ._indicators import softened, softmax_factor

# Standard deviations of the normal prior of each entry, around that of the identity:
# one is as likely as another, or as no mixing.
_DEVIATIONS = (0.1, 0.2, 0.4, 0.8)
# A mode is found to this gradient, in nats, and so to less in each entry.
_TOLERANCE = 1e-7


class _Labels(NamedTuple):
    """The labels of rows, given decision values that are mixed before a softmax.

    Attributes
    ----------
    decisions : ndarray of shape (n, k)
        The decision values, in units in which their softmax are probabilities.
    targets : ndarray of shape (n, k)
        The softened indicators.
    weight : ndarray of shape (n, 1)
        The number of rows that each one counts for.
    """

    decisions: np.ndarray
    targets: np.ndarray
    weight: np.ndarray

    def mixed(self, excess: np.ndarray) -> np.ndarray:
        """Return the decision values, mixed by the identity and what is added to it."""
        return self.decisions + self.decisions @ excess.T

    def log_likelihood(self, excess: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log likelihood of the labels, and its gradient: it is concave."""
        decisions = self.mixed(excess)
        surprise = self.weight * (self.targets - softmax(decisions, axis=1))
        value = np.sum(self.weight * self.targets * log_softmax(decisions, axis=1))
        return float(value), surprise.T @ self.decisions

    def mode(self, excess: np.ndarray, deviation: float) -> np.ndarray:
        """Return the most likely excess, given that of another prior to start from."""
        from scipy.optimize import minimize  # slow to import, needed only here

        def loss(x):
            excess = x.reshape(shape)
            value, gradient = self.log_likelihood(excess)
            pull = excess / deviation**2
            return 0.5 * np.sum(excess * pull) - value, (pull - gradient).ravel()

        shape = excess.shape
        options = {"maxiter": 1000, "ftol": 0.0, "gtol": _TOLERANCE}
        start = excess.ravel()
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        return found.x.reshape(shape)

    def evidence(self, excess: np.ndarray, deviation: float) -> float:
        """Return the log evidence of a prior, by Laplace's method at its mode.

        The curvature of the loss is a sum of Kronecker products, one for each row, and
        is approximated by that of their means.
        """
        p = softmax(self.mixed(excess), axis=1)
        mean = (
            np.diag(self.weight[:, 0] @ p) - (self.weight * p).T @ p
        ) / self.weight.sum()
        outer = (self.weight * self.decisions).T @ self.decisions
        curvature = np.outer(
            *(np.linalg.eigvalsh(part).clip(0.0) for part in (mean, outer))
        )
        value, _ = self.log_likelihood(excess)
        value -= 0.5 * np.sum(excess**2) / deviation**2
        return value - 0.5 * float(np.log1p(deviation**2 * curvature).sum())


def _eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of a positive semi-definite matrix."""
    return np.linalg.eigvalsh(matrix).clip(0.0)


def mixing_of(held_out: HeldOut) -> np.ndarray | None:
    """Return the matrix by which predicted indicators are mixed to tell the classes.

    Of three classes or more, that with the largest predicted indicator is often not the
    likeliest one. Where the classes are ordered, for example, the prediction of a class
    in the middle is large nowhere, although those of the others together tell its rows
    well: the class is masked. A linear rule in the space of the predictions, as that of
    linear discriminant analysis, does not mask classes [1]_. The matrix is the most
    likely one, given the labels and the leave-one-out predictions, under a normal prior
    around the identity, as it is found to calibrate probabilities [2]_. How wide the
    prior is, or whether there is no mixing at all, is averaged over by the evidence,
    whose determinant is approximated by a Kronecker product [3]_: few rows mix little.

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
    .. [3] Ritter, Botev and Barber, "A Scalable Laplace Approximation for Neural
       Networks", ICLR 2018.
    """
    predictions, indicators, weights = held_out
    k = indicators.shape[1]
    if k < 3:
        return None
    rows = weights.n_rows  # the prior does not depend on the unit of the weights
    labels = _Labels(
        softmax_factor(held_out) * predictions,
        softened(indicators, rows),
        weights.weight[:, None] * (rows / weights.total),
    )
    excesses = [np.zeros((k, k))]
    evidences = [labels.log_likelihood(excesses[0])[0]]
    for deviation in _DEVIATIONS:
        excesses.append(labels.mode(excesses[-1], deviation))
        evidences.append(labels.evidence(excesses[-1], deviation))
    return np.eye(k) + np.tensordot(softmax(evidences), excesses, 1)
