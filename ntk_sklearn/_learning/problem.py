"""The objective as a function of the logarithms of the free hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from ..kernels._on_rows import on_rows_at
from ..kernels._theta import is_homogeneous, kernel_at, linear_entries
from ..objectives._base import Evaluation
from .prior import Prior
from .spec import LearningOptions
from .training_set import TrainingSet

# The value of the objective where the kernel matrix cannot be factorised.
REJECTED = np.inf


class HyperparameterProblem:
    """The objective as a function of a vector u: theta and the logarithm of the ridge.

    Multiplying all layer weights and the ridge by the same number leaves the model
    unchanged. The ridge is therefore measured in units of the sum of the layer weights,
    which is one at the start. Its bounds and its prior then apply to the size of the
    noise relative to the kernel, which growing layer weights do not change.

    Parameters
    ----------
    kernel : Kernel
        The kernel to start from; it is not changed.
    rows : TrainingSet
        The rows to learn from, their inputs encoded.
    objective : callable
        ``objective(K, Y, alpha, weights, intercept, overwrite_K)``.
    options : LearningOptions
        The ridge to start from, its bounds, and the rest of the settings.
    prior : callable, default=None
        ``prior(problem) -> Prior``, whose penalty is added to the objective.

    Attributes
    ----------
    start, bounds : ndarray of shape (p,) and (p, 2)
        The vector u to start from, and the bounds of its entries.
    linear : ndarray of bool, shape (p,)
        Mask of the entries of u in whose exponentials the kernel is linear, such as
        layer weights.
    prior : Prior or None
        The prior of u.
    """

    def __init__(
        self,
        kernel: Kernel,
        rows: TrainingSet,
        objective: Callable[..., Evaluation],
        options: LearningOptions,
        prior: Callable[..., Prior] | None = None,
    ):
        self.kernel, self.options = kernel, options
        self._objective = objective
        self._set_rows(rows)
        self.learns_alpha = options.alpha_bounds is not None
        self.start = kernel.theta
        self.bounds = np.reshape(kernel.bounds, (-1, 2))
        if options.alpha_bounds is not None:
            self.start = np.append(self.start, np.log(options.alpha))
            self.bounds = np.vstack([self.bounds, np.log(options.alpha_bounds)])
        self.start = np.clip(self.start, *self.bounds.T)
        self.linear = np.zeros(self.start.size, dtype=bool)
        linear = linear_entries(kernel)
        self.linear[: linear.size] = linear
        self._is_homogeneous = is_homogeneous(kernel)
        self._weights_at_start = np.exp(self.start[self.linear]).sum()
        self.prior = None if prior is None else prior(self)

    def _set_rows(self, rows: TrainingSet):
        self.rows = rows
        self._on_rows = on_rows_at(self.options.place, self.kernel, rows.X)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_rows

    def subset(self, rows) -> HyperparameterProblem:
        """Return the same problem on a subset of the rows.

        Parameters
        ----------
        rows : ndarray of int
            Numbers of the rows.

        Returns
        -------
        HyperparameterProblem
        """
        if len(rows) == self.n_rows:
            return self
        subset = copy(self)
        subset._set_rows(self.rows.take(rows))
        return subset

    def cautious(self) -> HyperparameterProblem:
        """Return the same problem, with a prior that is normal everywhere."""
        if self.prior is None:
            return self
        cautious = copy(self)
        cautious.prior = self.prior.without_tail
        return cautious

    def bounds_above(self, log_alpha: float) -> np.ndarray:
        """Return the bounds, the lower one of the ridge raised to `log_alpha`."""
        bounds = self.bounds.copy()
        if self.learns_alpha:
            bounds[-1, 0] = max(bounds[-1, 0], log_alpha)
        return bounds

    def unit(self, u: np.ndarray) -> float:
        """Return the unit of a learned ridge: the sum of the linear hyperparameters.

        It is relative to that sum at the start, and one for kernels in which a common
        factor of these hyperparameters is no factor of the kernel.
        """
        if not self._is_homogeneous:
            return 1.0
        return float(np.exp(u[self.linear]).sum() / self._weights_at_start)

    def alpha(self, u: np.ndarray) -> float:
        """Return the ridge at a point u."""
        if not self.learns_alpha:
            return self.options.alpha
        return float(np.exp(u[-1])) * self.unit(u)

    def kernel_at(self, u: np.ndarray) -> Kernel:
        """Return the kernel at a point u."""
        return kernel_at(self.kernel, u[: u.size - self.learns_alpha])

    def evaluate(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient at a point u."""
        n_dims = u.size - self.learns_alpha
        if n_dims:
            self._on_rows.set_theta(u[:n_dims])
        alpha = self.alpha(u)
        try:
            found = self._objective(
                self._on_rows.gram(),
                self.rows.Y,
                alpha,
                self.rows.weights,
                self.options.fit_intercept,
                True,
            )
        except np.linalg.LinAlgError:
            return REJECTED, np.zeros_like(u)
        value, gradient = found.value, self._gradient(u, alpha, found)
        if self.prior is not None:
            penalty, slope = self.prior.penalty(u)
            value, gradient = value + penalty, gradient + slope
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return REJECTED, np.zeros_like(u)
        return value, gradient

    def _gradient(self, u, alpha, found: Evaluation) -> np.ndarray:
        """Return the gradient in u, from the derivatives in kernel matrix and ridge."""
        gradient = np.zeros_like(u)
        n_dims = u.size - self.learns_alpha
        if n_dims:
            gradient[:n_dims] = self._on_rows.contract(found.dK)
        if self.learns_alpha:
            slope = alpha * found.dalpha
            gradient[-1] += slope
            if self._is_homogeneous:
                weights = np.exp(u[self.linear])
                gradient[self.linear] += slope * weights / weights.sum()
        return gradient
