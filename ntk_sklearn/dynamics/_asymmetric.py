r"""Training by a kernel that is not symmetric, as surrogate derivatives give it.

With W the weights of the rows, the dual coefficients follow :math:`\dot a = \eta (W (y
- b - K a) - d a)`, and b is at its optimum at all times. There are no orthogonal
eigenvectors, along which training could be followed one by one. But time enters only
through a power, or an exponential, of a single matrix, that repeated squaring finds at
any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm, null_space

from ..kernels._surrogate import SurrogateNTKernel
from ..solvers._row_weights import RowWeights
from ._descent import GradientDescent
from ._rules import GradientFlow, Rule
from ._stopping import Schedule
from ._trained import NetworkAtTimes

# Real parts of eigenvalues below this share of the largest are rounding errors.
_ROUNDING = 1e-12


def integrated(M: np.ndarray, B: np.ndarray, rule: Rule, time: float) -> np.ndarray:
    r"""Return where :math:`\dot c = \eta (B - M c)` leads from zero in a time.

    Parameters
    ----------
    M : ndarray of shape (r, r)
        Any square matrix.
    B : ndarray of shape (r, k)
    rule : GradientFlow or GradientDescent
        Flow, or steps without momentum. Its weight decay does not count: it is a part
        of M.
    time : float
        The time or the number of steps, from 0 to infinity.

    Returns
    -------
    ndarray of shape (r, k)

    Raises
    ------
    ValueError
        If the time is infinite, and training does not converge.
    """
    r, k = B.shape
    if np.isinf(time):
        values = np.linalg.eigvals(M)
        slowest = values.real.min(initial=np.inf)
        if not slowest > _ROUNDING * np.abs(np.diag(M)).max(initial=0.0):
            raise ValueError(
                "training for ever does not converge, as an eigenvalue of the kernel "
                f"matrix, with the ridge, has the real part {slowest:.3g}; use a "
                "positive ridge or weight decay, or a finite time."
            )
        return np.linalg.solve(M, B)
    step = np.zeros((r + k, r + k))
    step[:r, :r], step[:r, r:] = -rule.learning_rate * M, rule.learning_rate * B
    if not rule.discrete:
        return expm(time * step)[:r, r:]
    step[np.diag_indices(r + k)] += 1.0
    return np.linalg.matrix_power(step, int(time))[:r, r:]


@dataclass(frozen=True, eq=False)
class AsymmetricNetwork(NetworkAtTimes):
    """A network on its training rows whose kernel is not symmetric, at all times.

    Attributes
    ----------
    kernel : SurrogateNTKernel
        The kernel by which the network learns.
    X : ndarray of shape (n, n_features)
        The training rows.
    K : ndarray of shape (n, n)
        The kernel matrix, a row for each place where outputs are evaluated.
    Y : ndarray of shape (n, k)
        The targets.
    weights : RowWeights
        The weights of the rows.
    intercept : bool
        Whether a constant is fitted.
    rule : GradientFlow or GradientDescent
        The rule of training.
    """

    kernel: SurrogateNTKernel
    X: np.ndarray
    K: np.ndarray
    Y: np.ndarray
    weights: RowWeights
    intercept: bool
    rule: GradientFlow | GradientDescent

    @property
    def shares(self) -> np.ndarray:
        """The weight of each row in the constant; zeros without a constant."""
        weight = self.weights.weight
        return weight / weight.sum() * float(self.intercept)

    def _reduced(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a basis of dual coefficients (n, r), M (r, r) and W without mean.

        With a constant, dual coefficients sum to zero at all times.
        """
        n, weight = len(self.K), self.weights.weight
        basis = null_space(np.ones((1, n))) if self.intercept else np.eye(n)
        centred = np.diag(weight) - np.outer(weight, self.shares)
        M = basis.T @ (centred @ (self.K @ basis))
        M[np.diag_indices_from(M)] += self.rule.weight_decay
        return basis, M, centred

    def eigenvalues(self) -> np.ndarray:
        """Return the complex eigenvalues of what training follows, decay included."""
        return np.linalg.eigvals(self._reduced()[1])

    def dual(self, Y, time: float) -> np.ndarray:
        """Return dual coefficients (n, k) of some targets at a time."""
        basis, M, centred = self._reduced()
        return basis @ integrated(M, basis.T @ (centred @ Y), self.rule, time)

    def coefficients(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Return dual coefficients (n, k) and intercepts (k,) at a time."""
        dual = self.dual(self.Y, time)
        return dual, self.shares @ (self.Y - self.K @ dual)

    def stages(self, K: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return predictions at many times, (n_times, m, k), from K of shape (m, n)."""
        found = np.empty((len(times), len(K), self.Y.shape[1]))
        for k, time in enumerate(times):
            dual, intercept = self.coefficients(time)
            found[k] = K @ dual + intercept
        return found

    def hat(self, K: np.ndarray, time: float) -> np.ndarray:
        """Return the matrix (m, n) by which residuals at the start move predictions."""
        moved = self.dual(np.eye(len(self.K)), time)
        return (K - self.shares @ self.K) @ moved + self.shares

    def holdout(self, folds, times: np.ndarray) -> np.ndarray:
        """Return the mean squared error on held-out rows at each time.

        As for symmetric kernels, a time means as many passes over the rows.
        """
        errors, scored = np.zeros(len(times)), 0.0
        for train, test in folds:
            weights = self.weights.take(train)
            rate = self.rule.learning_rate * self.weights.total / weights.total
            part = replace(
                self,
                X=self.X[train],
                K=self.K[np.ix_(train, train)],
                Y=self.Y[train],
                weights=weights,
            )
            if self.rule.discrete:
                rate = min(rate, largest_rate(part.eigenvalues()))
            part = replace(part, rule=replace(self.rule, learning_rate=rate))
            predicted = part.stages(self.K[np.ix_(test, train)], times)
            weight = self.weights.weight[test]
            errors += np.sum((predicted - self.Y[test]) ** 2, axis=2) @ weight
            scored += weight.sum()
        return errors / scored


def largest_rate(values: np.ndarray) -> float:
    """Return the largest learning rate at which steps converge.

    Parameters
    ----------
    values : ndarray of complex
        Eigenvalues. Those with a real part of zero, or below, never converge, and do
        not count.

    Returns
    -------
    float
    """
    sizes = np.abs(values)
    live = values.real > _ROUNDING * sizes.max(initial=0.0)
    return float(np.min(2.0 * values.real[live] / sizes[live] ** 2, initial=np.inf))


def scheduled(
    network: AsymmetricNetwork, schedule: Schedule
) -> tuple[AsymmetricNetwork, float]:
    """Return a network with the rule of a schedule, and the limit of the rates.

    Parameters
    ----------
    network : AsymmetricNetwork
        A network with any rule.
    schedule : Schedule
        The parameters of training.

    Returns
    -------
    network : AsymmetricNetwork
    limit : float

    Raises
    ------
    ValueError
        If steps would not converge.
    """
    rule = GradientFlow(1.0, schedule.weight_decay)
    limit = largest_rate(replace(network, rule=rule).eigenvalues())
    return replace(network, rule=schedule.rule_below(limit)), limit
