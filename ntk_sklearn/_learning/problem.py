"""A learning problem: one kernel, one objective, and the logarithms that may move."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np

from ..kernels._on_rows import kernel_on_rows
from ..kernels._theta import is_homogeneous, kernel_at, linear_entries

# What an evaluation is worth at which the matrix does not factor.
REJECTED = np.inf


@dataclass
class Prior:
    """Independent normal priors on logarithms; an infinite deviation means none."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, u):
        """Return the negative log density, less a constant, and its gradient."""
        z = np.zeros_like(u)  # and without a prior, even of a weight of zero
        np.divide(u - self.mean, self.deviation, out=z, where=self.deviation < np.inf)
        return 0.5 * float(z @ z), z / self.deviation


class Problem:
    """The objective as a function of logarithms: theta, then alpha.

    A common factor of layer weights and ridge changes no model. So the ridge is counted
    in units of the sum of the weights, one at the start: bounds and priors hold the
    noise, and no weight can escape them by growing.

    Parameters
    ----------
    kernel : sklearn.gaussian_process.kernels.Kernel
        Where to start; it is not changed.
    X, Y, sample_weight, intercept
        The ridge problem.
    objective : callable
        From `ntk_sklearn.objectives`.
    alpha, alpha_bounds : float, pair of floats or "fixed"
        Ridge to start from, or to keep.

    Attributes
    ----------
    start, bounds : ndarray of shape (p,) and (p, 2)
        Logarithms to start from, and what they are held within.
    linear : ndarray of bool, shape (p,)
        Which logarithms are layer weights.
    prior : Prior or None
        Is added to the objective.
    """

    def __init__(
        self,
        kernel,
        X,
        Y,
        sample_weight,
        intercept,
        objective: Callable,
        alpha,
        alpha_bounds,
    ):
        self.kernel = kernel
        self.Y, self.sample_weight = Y, sample_weight
        self._set_rows(X)
        self._intercept = intercept
        self._objective = objective
        self._alpha = alpha
        self.learns_alpha = not isinstance(alpha_bounds, str)
        self.prior: Prior | None = None
        self.start = kernel.theta
        self.bounds = np.reshape(kernel.bounds, (-1, 2))
        if self.learns_alpha:
            self.start = np.append(self.start, np.log(alpha))
            self.bounds = np.vstack([self.bounds, np.log(alpha_bounds)])
        self.start = np.clip(self.start, *self.bounds.T)
        self.linear = np.zeros(self.start.size, dtype=bool)
        self.linear[: kernel.n_dims] = linear_entries(kernel)
        self.is_homogeneous = is_homogeneous(kernel)
        self._weights_at_start = np.exp(self.start[self.linear]).sum()

    def _set_rows(self, X):
        self.X = X
        self._on_rows = kernel_on_rows(self.kernel, X)

    def part(self, rows) -> Problem:
        """Return the same problem for some of the rows."""
        part = copy(self)
        part._set_rows(self.X[rows])
        part.Y = self.Y[rows]
        if self.sample_weight is not None:
            part.sample_weight = self.sample_weight[rows]
        return part

    def bounds_above(self, log_alpha) -> np.ndarray:
        """Return the bounds, with a higher lower one of a ridge that is learned."""
        bounds = self.bounds.copy()
        if self.learns_alpha:
            bounds[-1, 0] = max(bounds[-1, 0], log_alpha)
        return bounds

    def unit(self, u) -> float:
        """Return the unit of a learned ridge at a point."""
        if not self.is_homogeneous:
            return 1.0
        return float(np.exp(u[self.linear]).sum() / self._weights_at_start)

    def alpha(self, u) -> float:
        """Return the ridge of a point."""
        return float(np.exp(u[-1])) * self.unit(u) if self.learns_alpha else self._alpha

    def kernel_at(self, u):
        """Return the kernel of a point."""
        return kernel_at(self.kernel, u[: u.size - self.learns_alpha])

    def evaluate(self, u):
        """Return the objective and its gradient in u."""
        n_dims = u.size - self.learns_alpha
        if n_dims:
            self._on_rows.set_theta(u[:n_dims])
        alpha = self.alpha(u)
        try:
            found = self._objective(
                self._on_rows.gram(),
                self.Y,
                alpha,
                self.sample_weight,
                self._intercept,
                True,
            )
        except np.linalg.LinAlgError:
            return REJECTED, np.zeros_like(u)
        gradient = np.zeros_like(u)
        if n_dims:
            gradient[:n_dims] = self._on_rows.contract(found.dK)
        if self.learns_alpha:
            slope = alpha * found.dalpha
            gradient[-1] += slope
            if self.is_homogeneous:
                weights = np.exp(u[self.linear])
                gradient[self.linear] += slope * weights / weights.sum()
        value = found.value
        if self.prior is not None:
            penalty, slope = self.prior(u)
            value, gradient = value + penalty, gradient + slope
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return REJECTED, np.zeros_like(u)
        return value, gradient
