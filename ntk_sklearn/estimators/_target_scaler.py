"""The units of the targets: standardised where priors have a scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.validation import is_flat, weighted_moments


class TargetScaler(NamedTuple):
    """Centre and scale of each target.

    Attributes
    ----------
    mean, scale : ndarray of shape (k,)
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def none(cls, n_outputs: int) -> TargetScaler:
        """Return the scaler that leaves targets as they are."""
        return cls(np.zeros(n_outputs), np.ones(n_outputs))

    @classmethod
    def fit(cls, Y, weight, centre: bool) -> TargetScaler:
        """Standardise targets by the rows of positive weight.

        Parameters
        ----------
        Y : ndarray of shape (n, k)
        weight : ndarray of shape (n,)
        centre : bool
            Whether to subtract the means.

        Returns
        -------
        TargetScaler
        """
        scaler = cls.none(Y.shape[1])
        present = weight > 0
        if not present.any():
            return scaler  # refused with a sentence later
        for k, y in enumerate(Y[present].T):
            mean, deviation = weighted_moments(y, weight[present])
            if centre:
                scaler.mean[k] = mean
            if deviation > 0.0 and not is_flat(y):
                scaler.scale[k] = deviation
        return scaler

    def apply(self, Y) -> np.ndarray:
        """Return targets in units of the model."""
        return (Y - self.mean) / self.scale

    def invert(self, values) -> np.ndarray:
        """Return values of the model in the units of the targets."""
        return values * self.scale + self.mean
