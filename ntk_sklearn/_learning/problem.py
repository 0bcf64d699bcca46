"""A learning problem: one kernel, one objective, and the logarithms that may move."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from ..kernels._dense import NetworkKernel
from ..kernels._weighted import WeightedNTKernel
from ..solvers._row_weights import RowWeights

# What an evaluation is worth at which the matrix does not factor.
REJECTED = np.inf
# Logarithm of a weight that adds nothing to a kernel, where zero has none.
_OFF = np.log(1e-290)


class _AnyKernel:
    """Any kernel of scikit-learn on rows that stay, while its theta moves."""

    def __init__(self, kernel, X):
        self._kernel, self._X = kernel, X
        self._off = np.zeros(kernel.n_dims, dtype=bool)

    def move(self, theta) -> None:
        """Take new logarithms."""
        self._kernel, self._off = kernel_at(self._kernel, theta), np.isneginf(theta)

    def gram(self) -> np.ndarray:
        """Return the kernel matrix: a new array."""
        return self._kernel(self._X)

    def contract(self, G) -> np.ndarray:
        """Return ``sum(G * dK / dtheta)``; most kernels need their full gradient."""
        if hasattr(self._kernel, "contract"):
            out = self._kernel.contract(self._X, G)
        else:
            _, gradient = self._kernel(self._X, eval_gradient=True)
            out = np.einsum("ij,ijk->k", G, gradient)
        return np.where(self._off, 0.0, out)


def kernel_at(kernel, theta):
    """Return a kernel with another theta; minus infinity is a weight of next to none.

    So it stays free: a zero has no logarithm.
    """
    kernel = clone(kernel)
    if theta.size:
        kernel.theta = np.maximum(theta, _OFF)
    return kernel


def is_ours(kernel) -> bool:
    """Whether a kernel is computed by the engine; a subclass may do otherwise."""
    return isinstance(kernel, NetworkKernel) and all(
        getattr(type(kernel), name) is getattr(NetworkKernel, name)
        for name in ("__call__", "contract")
    )


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
    X, Y, weights, intercept
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
        weights: RowWeights,
        intercept,
        objective: Callable,
        alpha,
        alpha_bounds,
    ):
        self.kernel = kernel
        self.Y, self.weights = Y, weights
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
        if isinstance(kernel, WeightedNTKernel):
            self.linear[kernel.positions("layer_weights")] = True
        self._weights_at_start = np.exp(self.start[self.linear]).sum()

    def _set_rows(self, X):
        kernel, self.X = self.kernel, X
        self._moving = kernel._moving(X) if is_ours(kernel) else _AnyKernel(kernel, X)

    def part(self, rows) -> Problem:
        """Return the same problem for some of the rows."""
        part = copy(self)
        part._set_rows(self.X[rows])
        part.Y = self.Y[rows]
        part.weights = self.weights.take(rows)
        return part

    def bounds_above(self, log_alpha) -> np.ndarray:
        """Return the bounds, with a higher lower one of a ridge that is learned."""
        bounds = self.bounds.copy()
        if self.learns_alpha:
            bounds[-1, 0] = max(bounds[-1, 0], log_alpha)
        return bounds

    def unit(self, u) -> float:
        """Return the unit of a learned ridge at a point."""
        if not self.linear.any():
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
            self._moving.move(u[:n_dims])
        alpha = self.alpha(u)
        try:
            found = self._objective(
                self._moving.gram(),
                self.Y,
                alpha,
                self.weights,
                self._intercept,
                True,
            )
        except np.linalg.LinAlgError:
            return REJECTED, np.zeros_like(u)
        gradient = np.zeros_like(u)
        if n_dims:
            gradient[:n_dims] = self._moving.contract(found.dK)
        if self.learns_alpha:
            slope = alpha * found.dalpha
            gradient[-1] += slope
            weights = np.exp(u[self.linear])
            gradient[self.linear] += slope * weights / weights.sum()
        value = found.value
        if self.prior is not None:
            penalty, slope = self.prior(u)
            value, gradient = value + penalty, gradient + slope
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return REJECTED, np.zeros_like(u)
        return value, gradient
