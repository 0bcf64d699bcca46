"""The choice of the training time from the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._learning.folds import Folds
from ..solvers._spectrum import Spectrum
from ._descent import GradientDescent, max_learning_rate
from ._path import TrainingPath, resolved_spectrum
from ._rules import GradientFlow, Rule
from ._trained import TrainedNetwork

# Steps take this share of the largest learning rate at which they converge: at the
# largest itself, the leading part of the residuals would change sign for ever.
_SHARE_OF_LIMIT = 0.9
# The times that are tried, from the first to the last, in units of the time in which
# the leading eigenvector is learned; the last one is as long as a ridge is small.
_SHORTEST, _LONGEST = 0.1, 1e8
# With weight decay, training has converged after so many of its own times.
_CONVERGED = 40.0
# Errors closer than this are ties, which the shortest time wins. The errors on a path
# are as inexact as this.
_TIE = 1e-6


@dataclass(frozen=True)
class Schedule:
    """The parameters of training, as a user gives them.

    Attributes
    ----------
    learning_rate : float or None
        The learning rate; None means the largest one.
    flow : bool
        Whether steps are infinitely small.
    momentum : float
        The share of the last step that is repeated.
    weight_decay : float
        The factor of the penalty on the distance from the start.
    """

    learning_rate: float | None
    flow: bool
    momentum: float
    weight_decay: float

    def limit(self, spectrum: Spectrum) -> float:
        """Return the largest learning rate at which steps converge."""
        largest = float(spectrum.values.max(initial=0.0))
        return max_learning_rate(largest, self.momentum, self.weight_decay)

    def rule(self, spectrum: Spectrum) -> Rule:
        """Return the rule of training for a kernel matrix.

        Raises
        ------
        ValueError
            If steps of the given length would not converge.
        """
        return self.rule_below(self.limit(spectrum))

    def rule_below(self, limit: float) -> GradientFlow | GradientDescent:
        """Return the rule of training whose steps converge below a limit.

        Raises
        ------
        ValueError
            If steps of the given length would not converge.
        """
        rate = self._rate_below(limit)
        if self.flow:
            return GradientFlow(rate, self.weight_decay)
        return GradientDescent(rate, self.momentum, self.weight_decay)

    def _rate_below(self, limit: float) -> float:
        """Return the learning rate, of those below a limit.

        Raises
        ------
        ValueError
            If steps of the given length would not converge.
        """
        if self.learning_rate is None:
            return limit if self.flow else _SHARE_OF_LIMIT * limit
        if not self.flow and self.learning_rate > limit:
            raise ValueError(
                f"learning_rate must be at most {limit:.6g}, the largest at which "
                "gradient descent converges on these rows, got "
                f'{self.learning_rate!r}; pass "max" for nine tenths of it.'
            )
        return self.learning_rate


def candidate_times(rule: Rule, largest: float, count: int) -> np.ndarray:
    """Return the times that are tried: equal ratios, and infinity.

    Parameters
    ----------
    rule : Rule
        The rule of training.
    largest : float
        The largest eigenvalue.
    count : int
        Number of times; a little fewer if time is a number of steps.

    Returns
    -------
    ndarray of shape (n_times,)
        In rising order.
    """
    decay, rate = rule.weight_decay, rule.learning_rate
    unit = 1.0 / (rate * (largest + decay or 1.0))
    longest = min(_LONGEST * unit, _CONVERGED / (rate * decay) if decay else np.inf)
    times = np.geomspace(_SHORTEST * unit, max(longest, unit), count - 1)
    if rule.discrete:
        times = np.unique(np.ceil(times))
    return np.append(times, np.inf)


def best_time(times: np.ndarray, errors: np.ndarray) -> float:
    """Return the time with the smallest error, and the shortest such time of ties."""
    return float(times[errors <= errors.min() * (1.0 + _TIE)].min())


def loo(network: TrainedNetwork, K, schedule, folds: Folds, times) -> np.ndarray:
    """Return the exact leave-one-out error at each time."""
    return network.path.loo(times)


def gcv(network: TrainedNetwork, K, schedule, folds: Folds, times) -> np.ndarray:
    """Return the generalised cross-validation error at each time."""
    return network.path.gcv(times)


def holdout(network: TrainedNetwork, K, schedule: Schedule, folds: Folds, times):
    """Return the mean squared error on held-out rows at each time.

    A time means as many passes over the rows of a fold as over all rows: the learning
    rate is divided by their share of the weight.

    Parameters
    ----------
    network : TrainedNetwork
        The network on all rows.
    K : ndarray of shape (n, n)
        The kernel matrix.
    schedule : Schedule
        The parameters of training.
    folds : list of pairs of ndarrays of int
        Numbers of the rows to fit and of the rows to score.
    times : ndarray of shape (n_times,)
        Times, from 0 to infinity.

    Returns
    -------
    ndarray of shape (n_times,)
    """
    Y, spectrum, rate = (
        network.path.Y,
        network.spectrum,
        network.path.rule.learning_rate,
    )
    errors, scored = np.zeros(len(times)), 0.0
    for train, test in folds:
        weights = spectrum.weights.take(train)
        own = K[np.ix_(train, train)]
        part = resolved_spectrum(own, weights, spectrum.intercept)
        higher = rate * spectrum.weights.total / weights.total
        if network.path.rule.discrete:
            higher = min(higher, schedule.limit(part))
        rule = replace(schedule, learning_rate=higher).rule(part)
        path = TrainingPath(part, rule, Y[train])
        fitted = TrainedNetwork.of(
            network.kernel, np.asarray(network.X)[train], own, path
        )
        predicted = fitted.stages(K[np.ix_(test, train)], times)
        weight = spectrum.weights.weight[test]
        errors += np.sum((predicted - Y[test]) ** 2, axis=2) @ weight
        scored += weight.sum()
    return errors / scored


STOPPING = {"loo": loo, "gcv": gcv, "holdout": holdout}
