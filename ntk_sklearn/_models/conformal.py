"""Intervals and sets of predictions that hold a new target with a given frequency.

The jackknife+ [1]_ compares a new row with each training row by a model that has seen
neither of the two targets. If training rows and the new row are drawn in the same way,
no other assumption is needed: not of the noise, nor that the model is right.

References
----------
.. [1] Barber, Candès, Ramdas and Tibshirani, "Predictive inference with the
   jackknife+", Annals of Statistics 49, 2021.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .left_out import LeftOut, left_out_blocks

# A share of the mass that is this close to the one that is wanted has reached it, and
# probabilities that are as close are equal.
_ROUNDING = 1e-9


def jackknife_interval(part: LeftOut, X: np.ndarray, coverage: float) -> np.ndarray:
    """Return the jackknife+ intervals of new targets.

    The errors of held-out rows are raised by what learning the kernel from the same
    rows has taken off them.

    Parameters
    ----------
    part : LeftOut
        Held-out rows, and predictions without each of them.
    X : ndarray of shape (n, n_features)
        Raw rows.
    coverage : float
        The share of new targets that is to lie within the intervals.

    Returns
    -------
    ndarray of shape (n, 2, k)
        Lower and upper ends. They are infinite if there are too few held-out rows: less
        than ``coverage / (1 - coverage)``.
    """
    predictions, targets, weights = part.held_out
    errors = part.likely_error * np.abs(targets - predictions)
    mass = weights.multiplicity
    out = np.empty((len(X), 2, targets.shape[1]))
    for block, without in left_out_blocks(part, X):
        out[block, 0] = -upper_quantile(errors - without, mass, coverage)
        out[block, 1] = upper_quantile(errors + without, mass, coverage)
    # The ends of a small coverage may cross. What lies between holds no less.
    return np.sort(out, axis=1)


def upper_quantile(values: np.ndarray, mass: np.ndarray, level: float) -> np.ndarray:
    """Return quantiles of values among which one more, unknown value is counted.

    Parameters
    ----------
    values : ndarray of shape (b, s, k)
        Values, each along the second axis with its mass.
    mass : ndarray of shape (s,)
        The number of times that each counts.
    level : float
        The share of the mass, that of the unknown value included, that a quantile
        reaches. The unknown value may be as large as any number.

    Returns
    -------
    ndarray of shape (b, k)
        Infinite where the known values have less mass than that.
    """
    needed = level * (mass.sum() + 1.0) * (1.0 - _ROUNDING)
    if mass.sum() < needed:
        return np.full((len(values), values.shape[2]), np.inf)
    if (mass == 1.0).all():  # partial sorting is enough
        rank = int(np.ceil(needed)) - 1
        return np.partition(values, rank, axis=1)[:, rank]
    order = np.argsort(values, axis=1)
    place = np.argmax(np.cumsum(mass[order], axis=1) >= needed, axis=1)[:, None]
    return np.take_along_axis(values, np.take_along_axis(order, place, axis=1), axis=1)[
        :, 0
    ]


def jackknife_set(
    part: LeftOut,
    X: np.ndarray,
    coverage: float,
    probabilities: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return sets of classes that hold the class of a new row.

    A class is left out of the set if its probability, without a training row, is less
    than that of the training row's own class, for so many training rows that this
    happens to the true class no more often than is allowed [1]_.

    Parameters
    ----------
    part : LeftOut
        Held-out rows, whose targets are class indicators, and predictions without each
        of them.
    X : ndarray of shape (n, n_features)
        Raw rows.
    coverage : float
        The share of new rows whose class is to be in its set.
    probabilities : callable
        Function from decision values to class probabilities, along the last axis.

    Returns
    -------
    ndarray of bool, shape (n, n_classes)

    References
    ----------
    .. [1] Romano, Sesia and Candès, "Classification with Valid and Adaptive Coverage",
       NeurIPS 2020; with the probability of the class as its score, as in Sadinle, Lei
       and Wasserman, "Least Ambiguous Set-Valued Classifiers With Bounded Error
       Levels", Journal of the American Statistical Association 114, 2019.
    """
    predictions, targets, weights = part.held_out
    mass, own = weights.multiplicity, targets.argmax(axis=1)
    scores = np.take_along_axis(probabilities(predictions), own[:, None], axis=1)
    scores *= 1.0 - _ROUNDING  # a row and its equal are equally likely
    needed = coverage * (mass.sum() + 1.0) * (1.0 - _ROUNDING)
    out = np.empty((len(X), targets.shape[1]), dtype=bool)
    for block, without in left_out_blocks(part, X):
        likelier = scores > probabilities(without)
        out[block] = np.einsum("s,bsk->bk", mass, likelier) < needed
    return out
