"""How sure predictions are: intervals of targets and sets of classes."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
from scipy.special import ndtri
from sklearn.utils.validation import check_is_fitted

from .._models.conformal import jackknife_interval, jackknife_set
from .._models.ensemble import Ensemble
from .._models.left_out import ensemble_left_out
from .._utils.arrays import Place
from .._utils.threads import on_n_jobs
from ._arrays import as_numpy, follow
from ._indicators import Calibration
from ._target_scaler import TargetScaler

METHODS = ("jackknife+", "gaussian")


def check_coverage(coverage: float) -> None:
    """Raise if a coverage is not a number between 0 and 1."""
    if not isinstance(coverage, Real) or not 0.0 < coverage < 1.0:
        raise ValueError(
            "coverage must be a number between 0 and 1, such as 0.9 for nine targets "
            f"in ten, got {coverage!r}."
        )


class IntervalMixin:
    """Intervals and standard deviations of the targets of a regressor."""

    _ensemble: Ensemble
    _scaler: TargetScaler
    _single_output: bool
    _checked_rows: Callable[..., np.ndarray]
    _place: Callable[..., Place | None]

    @on_n_jobs
    def predict_interval(self, X, coverage=0.9, *, method="jackknife+"):
        """Predict intervals that hold new targets with a given frequency.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        coverage : float, default=0.9
            The share of new targets that is to lie within their intervals.
        method : {"jackknife+", "gaussian"}, default="jackknife+"
            How the intervals are found.

            - ``"jackknife+"``: from the leave-one-out errors of the training rows and
              the predictions without each of them [1]_. Nothing is assumed of the
              noise, but that new rows are drawn as the training rows were: a row with
              an integer weight counts as so many rows, and any other row once. The
              kernel and the ridge are those of all rows. After an exact fit, each call
              factorises the kernel matrix of the training rows again. With
              ``solver="nystrom"`` and ``"local"`` the rows that are left out are those
              of the sample from which the kernel was learned; with ``solver="cg"``,
              each call fits five models, each without a fifth of the rows.
            - ``"gaussian"``: the mean plus and minus a multiple of the standard
              deviation of new targets, as for ``predict(X, return_std=True,
              include_noise=True)``. The intervals are wider far from the training rows,
              and hold what they promise if the noise is normal and equal for all rows.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, 2, n_outputs)
            The lower and the upper end of each interval. The jackknife+ returns
            infinite ends if there are less than ``coverage / (1 - coverage)`` training
            rows, which is 9 for a coverage of 0.9.

        References
        ----------
        .. [1] Barber, Candès, Ramdas and Tibshirani, "Predictive inference with the
           jackknife+", Annals of Statistics 49, 2021.
        """
        check_coverage(coverage)
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
        place = self._place(X, "predict_interval")
        X = self._checked_rows(X)
        if method == "gaussian":
            mean, deviation = (
                self._ensemble.predict(X, place),
                np.sqrt(self._variance(X, True, place)),
            )
            width = ndtri(0.5 + 0.5 * coverage) * deviation
            found = np.stack([mean - width, mean + width], axis=1)
        else:
            part = ensemble_left_out(self._ensemble, place)
            found = jackknife_interval(part, X, coverage)
        found = self._scaler.invert(found)
        return follow(place, found[..., 0] if self._single_output else found)

    @property
    def noise_std_(self) -> np.ndarray:
        """The standard deviation of the noise of new targets, (n_outputs,).

        That of a Gaussian process with the learned kernel and ridge, for a row of
        weight one, in units of the targets.
        """
        check_is_fitted(self)
        return np.sqrt(self._noise_variance()) * self._scaler.scale

    def _noise_variance(self) -> np.ndarray:
        """Return the variance of the noise of scaled targets, (k,)."""
        best = self._ensemble.best
        return best.alpha * best.variance

    def _variance(
        self, X, include_noise: bool, place: Place | None = None
    ) -> np.ndarray:
        """Return the variance of the function, or of new targets, scaled, (n, k)."""
        variance = self._ensemble.best.posterior_variance(X, place)
        return variance + self._noise_variance() if include_noise else variance


class SetMixin:
    """Sets of classes of a classifier."""

    _ensemble: Ensemble
    _checked_rows: Callable[..., np.ndarray]
    _place: Callable[..., Place | None]
    temperature_: float
    class_bias_: np.ndarray

    @property
    def _calibration(self) -> Calibration:
        """The map from decision values to class probabilities."""
        return Calibration(self.temperature_, as_numpy(self.class_bias_))

    @on_n_jobs
    def predict_set(self, X, coverage=0.9):
        """Predict sets of classes that hold the true class with a given frequency.

        This is the jackknife+ for classes [1]_. A new row is compared with each
        training row i, by a model without row i. A class is left out of the set if its
        probability is lower than that of the true class of row i for more than the
        share `coverage` of the training rows. Most sets have one class, and those of
        doubtful rows several. If nearly all labels are predicted correctly, some sets
        are empty; a larger coverage avoids this.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        coverage : float, default=0.9
            The share of new rows whose class is to be in its set. New rows must be
            drawn as the training rows were: a row with an integer weight counts as so
            many rows, and any other row once, whatever its class weight.

        Returns
        -------
        ndarray of bool, shape (n_samples, n_classes)
            Whether each class, in the order of `classes_`, is in the set of the row.

        References
        ----------
        .. [1] Romano, Sesia and Candès, "Classification with Valid and Adaptive
           Coverage", NeurIPS 2020.
        """
        check_coverage(coverage)
        place = self._place(X, "predict_set")
        X = self._checked_rows(X)
        part = ensemble_left_out(self._ensemble, place)
        probabilities = self._calibration.probabilities
        return follow(place, jackknife_set(part, X, coverage, probabilities))
