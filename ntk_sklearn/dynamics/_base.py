"""The base class of estimators that train a network of infinite width."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from .._learning.folds import folds_of
from .._learning.training_set import TrainingSet
from .._models.base import HeldOut
from .._utils.compat import Interval, StrOptions
from .._utils.validation import validate_any
from ..estimators._options import seed_of
from ..estimators._training_set import (
    Given,
    checked_weights,
    counts_folds,
    split_roles,
    training_set,
)
from ..kernels._ntk import NTKernel
from ._law import noise_covariance, start_covariance
from ._noise import most_likely_noise
from ._path import TrainingPath, resolved_spectrum
from ._rules import Rule
from ._start import start_kernel
from ._stopping import STOPPING, Schedule, best_time, candidate_times
from ._trained import TrainedNetwork

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")


class BaseGradientDescent(BaseEstimator):
    """Base class of estimators that train a network of infinite width in time."""

    _parameter_constraints: dict = {
        "kernel": [Kernel, None],
        "learning_rate": [_POSITIVE, StrOptions({"max"})],
        "n_steps": [Interval(Real, 0, None, closed="both"), None],
        "flow": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [_NOT_NEGATIVE, StrOptions({"evidence"})],
        "temperature": [_NOT_NEGATIVE, StrOptions({"evidence"})],
        "start": [StrOptions({"random", "zero"}), Kernel],
        "stopping": [StrOptions(set(STOPPING)), None],
        "times": [Interval(Integral, 2, None, closed="left"), "array-like"],
        "cv": ["cv_object"],
        "fit_intercept": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        kernel=None,
        *,
        learning_rate="max",
        n_steps=None,
        flow=True,
        momentum=0.0,
        weight_decay=0.0,
        temperature=0.0,
        start="random",
        stopping="loo",
        times=100,
        cv=None,
        fit_intercept=True,
        random_state=None,
    ):
        self.kernel = kernel
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.flow = flow
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.temperature = temperature
        self.start = start
        self.stopping = stopping
        self.times = times
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.random_state = random_state

    # -- what is given ----------------------------------------------------------------

    def _given(self, X, y, sample_weight, **how) -> Given:
        """Check inputs, targets and weights without changing the estimator."""
        self._check_parameters()
        probe = copy(self)  # validate_data sets attributes, to be published at the end
        X, y = _validated(probe, X, y, **how)
        names = ("n_features_in_", "feature_names_in_")
        features = {k: getattr(probe, k) for k in names if hasattr(probe, k)}
        return Given(X, y, checked_weights(sample_weight, y), False, features)

    def _check_parameters(self) -> None:
        """Raise if parameters that are valid alone do not go together."""
        if self.flow and self.momentum > 0:
            raise ValueError(
                "momentum must be 0 with flow=True, as gradient flow has no steps, got "
                f"{self.momentum!r}; pass flow=False."
            )
        if not self.flow and self.temperature != 0:
            raise ValueError(
                "temperature must be 0 with flow=False, as the law of noisy training "
                f"is known for gradient flow only, got {self.temperature!r}."
            )
        whole = self.n_steps is None or np.isinf(self.n_steps)
        if not (self.flow or whole or float(self.n_steps).is_integer()):
            raise ValueError(
                f"n_steps must be a whole number with flow=False, got {self.n_steps!r}."
            )

    def _rows(self, given: Given, Y, factor) -> tuple[TrainingSet, np.ndarray]:
        """Return the training set, and the training row that each given row became."""
        roles = np.zeros((len(Y), 0))
        if self._holds_out:
            roles = split_roles(self.cv, given.X, given.y)
        return training_set(
            given, Y, factor, roles, learns_alpha=False, must_merge=True
        )

    @property
    def _holds_out(self) -> bool:
        return self.n_steps is None and self.stopping == "holdout"

    # -- the fit ----------------------------------------------------------------------

    def _fit(self, given: Given, Y, class_factor) -> tuple[dict, np.ndarray]:
        """Return all attributes, and the leave-one-out outputs of the given rows."""
        rows, origin = self._rows(given, Y, class_factor)
        weights = rows.solve_weights
        kernel = NTKernel() if self.kernel is None else clone(self.kernel)
        K = kernel(rows.X)
        spectrum = resolved_spectrum(K, weights, self.fit_intercept)
        decay, temperature = most_likely_noise(
            spectrum,
            rows.Y,
            number_or_none(self.weight_decay),
            number_or_none(self.temperature),
        )
        rate = number_or_none(self.learning_rate)
        schedule = Schedule(rate, self.flow, self.momentum, decay)
        rule = schedule.rule(spectrum)
        path = TrainingPath(spectrum, rule, rows.Y)
        network = TrainedNetwork.of(kernel, rows.X, K, path)
        times, errors, time = self._stopped(network, K, schedule, rows)
        if np.isinf(time) and temperature > 0.0 and decay == 0.0:
            raise ValueError(
                "weight_decay must be positive if noisy training has no end, as the "
                f"variance of the outputs grows without bound, got {decay!r}."
            )
        dual, intercept = network.coefficients(time)
        found = {
            **given.features,
            "_network": network,
            "_noise": temperature,
            "kernel_": kernel,
            "path_": path,
            "learning_rate_": rule.learning_rate,
            "max_learning_rate_": schedule.limit(spectrum),
            "weight_decay_": decay,
            "n_steps_": time,
            "times_": times,
            "dual_coef_": dual,
            "intercept_": intercept,
        }
        if errors is not None:
            found["stopping_errors_"] = errors
        left_out = rows.Y - network.path.leave_one_out(time)
        found["_held_out"] = HeldOut(left_out, rows.Y, weights)
        outputs = left_out[origin]
        unseen = np.flatnonzero(origin < 0)  # of weight zero: not fitted
        if unseen.size:
            outputs[unseen] = network.predict(given.X[unseen], time)
        return found, outputs

    def _stopped(self, network: TrainedNetwork, K, schedule: Schedule, rows):
        """Return the times that are tried, their errors if any, and the chosen time."""
        largest = float(network.spectrum.values.max(initial=0.0))
        times = self._times(network.path.rule, largest)
        if self.n_steps is not None:
            return times, None, float(self.n_steps)
        if self.stopping is None:
            return times, None, np.inf
        folds = self._folds(rows)
        errors = STOPPING[self.stopping](network, K, schedule, folds, times)
        return times, errors, best_time(times, errors)

    def _times(self, rule: Rule, largest: float) -> np.ndarray:
        """Return the times that are tried, or those up to the given one."""
        if isinstance(self.times, Integral):
            times = candidate_times(rule, largest, int(self.times))
        else:
            times = np.unique(np.asarray(self.times, dtype=np.float64))
            whole = not rule.discrete or np.array_equal(times, np.ceil(times))
            if not (times.size and whole and times[0] >= 0.0):  # sorted, nan last
                kind = "whole numbers" if rule.discrete else "numbers"
                raise ValueError(
                    f"times must be a number of times, or {kind} that are not "
                    f"negative, got {self.times!r}."
                )
        if self.n_steps is None:
            return times
        return np.append(times[times < self.n_steps], float(self.n_steps))

    def _folds(self, rows: TrainingSet):
        """Return the splits of the hold-out error."""
        if not self._holds_out:
            return []
        n_folds = None
        if counts_folds(self.cv):
            n_folds = 5 if self.cv is None else self.cv
        folds = folds_of(rows, n_folds, seed_of(self.random_state))
        if not folds:
            raise ValueError(
                'stopping="holdout" needs at least 2 distinct rows to split, got 1 '
                "sample."
            )
        return folds

    def _publish(self, found: dict):
        """Set all fitted attributes, after everything that may fail has been done."""
        kept = {
            k: v
            for k, v in vars(self).items()
            if k not in _PRIVATE and (not k.endswith("_") or k.startswith("_"))
        }
        self.__dict__ = kept | found
        return self

    # -- what has been fitted ---------------------------------------------------------

    @property
    def X_fit_(self) -> np.ndarray:
        """The rows that `dual_coef_` belongs to."""
        return self._network.X

    def _checked(self, X):
        """Return checked rows to predict."""
        check_is_fitted(self)
        return _validated(self, X, reset=False)

    def _outputs(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Return checked rows, and the mean outputs of trained networks (m, k)."""
        X = self._checked(X)
        return X, self._network.predict(X, self.n_steps_)

    def _stages(self, X, times) -> Iterator[np.ndarray]:
        """Return an iterator over the mean outputs at each of many times."""
        X = self._checked(X)
        times = self.times_ if times is None else np.asarray(times, dtype=np.float64)
        if times.ndim != 1 or not (times >= 0.0).all():
            raise ValueError(
                f"times must be a list of numbers that are not negative, got {times!r}."
            )
        return iter(self._network.stages(self._network.kernel(X, self.X_fit_), times))

    def _covariance(self, X, full: bool) -> np.ndarray:
        """Return the covariance of an output of trained networks, or its diagonal."""
        start = start_kernel(self.kernel_, self.start)
        found = np.zeros((len(X), len(X)) if full else len(X))
        if start is not None:
            found += start_covariance(self._network, start, X, self.n_steps_, full)
        if self._noise > 0.0:
            found += noise_covariance(
                self._network, self._noise, X, self.n_steps_, full
            )
        return found if full else np.maximum(found, 0.0)


# Private attributes of a fitted estimator; public ones end in an underscore.
_PRIVATE = {"_network", "_noise", "_held_out", "_single_output"}


def number_or_none(given: float | str) -> float | None:
    """Return a number that is given, and None for the name of a choice."""
    return None if isinstance(given, str) else given


def _takes_vectors(kernel) -> bool:
    """Return whether a kernel takes a matrix of numbers, and no other inputs."""
    return getattr(kernel, "requires_vector_input", True)


def _validated(estimator, *inputs, **how):
    """Return checked inputs of an estimator, as its kernel takes them."""
    if _takes_vectors(estimator.kernel):
        return validate_data(estimator, *inputs, dtype=np.float64, order="C", **how)
    return validate_any(estimator, *inputs, **how)
