"""Standardisation of targets, for models whose priors assume a scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.validation import is_flat, weighted_moments
from .._utils.warnings import warn

# Targets that differ by this share are one number, computed in different ways. They
# may have an offset of any size: what is left of their digits beside it is learned.
ROUNDING = 1e-14


class TargetScaler(NamedTuple):
    """The mean that is subtracted from each target, and the scale it is divided by.

    Attributes
    ----------
    mean, scale : ndarray of shape (k,)
        One number for each output.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def none(cls, n_outputs: int) -> TargetScaler:
        """Return the scaler that leaves targets as they are."""
        return cls(np.zeros(n_outputs), np.ones(n_outputs))

    @classmethod
    def fit(cls, Y, weight, centre: bool) -> TargetScaler:
        """Return the scaler with the means and standard deviations of targets.

        Parameters
        ----------
        Y : ndarray of shape (n, k)
            Targets.
        weight : ndarray of shape (n,)
            Weights of the rows; those of weight zero do not count.
        centre : bool
            Whether to subtract the means.

        Returns
        -------
        TargetScaler
        """
        scaler = cls.none(Y.shape[1])
        present = weight > 0
        if not present.any():
            return scaler  # the fit raises an error later
        for k, y in enumerate(Y[present].T):
            mean, deviation = weighted_moments(y, weight[present])
            if centre:
                scaler.mean[k] = mean
            if deviation > 0.0 and not is_flat(y, ROUNDING):
                scaler.scale[k] = deviation
        return scaler

    def apply(self, Y) -> np.ndarray:
        """Return scaled targets."""
        return (Y - self.mean) / self.scale

    def invert(self, values) -> np.ndarray:
        """Return scaled values in the original units of the targets."""
        return values * self.scale + self.mean


def flatten_rounding(Y, present) -> None:
    """Make constant what varies by rounding only: nothing is to be learned from it.

    `present` are the rows that count. What is made constant is said in a warning.
    """
    for k, column in enumerate(Y.T):
        y = column[present]
        if y.size == 0 or not is_flat(y, ROUNDING):
            continue
        if np.ptp(y) > 0.0:
            warn(
                f"output {k} of y varies by less than {ROUNDING:g} of its size, as "
                "rounding may, and is taken as constant; if it is not, subtract an "
                "offset from it first.",
                UserWarning,
            )
        column[:] = y[0]
