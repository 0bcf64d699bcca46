"""A learning problem: one kernel, one objective, and the logarithms that may move."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from .kernels import WeightedNTKernel

# What an evaluation is worth at which the matrix does not factor.
REJECTED = 1e10


def contract(kernel, X, G):
    """Return ``<G, dK/dtheta>``; only foreign kernels need their full gradient."""
    if hasattr(kernel, "contract"):
        return kernel.contract(X, G)
    _, gradient = kernel(X, eval_gradient=True)
    return np.einsum("ij,ijk->k", G, gradient)


@dataclass
class Prior:
    """Independent normal priors on logarithms; an infinite deviation means none."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, u):
        """Return the negative log density, less a constant, and its gradient."""
        z = (u - self.mean) / self.deviation
        return 0.5 * float(z @ z), z / self.deviation


class Problem:
    """The objective as a function of logarithms: theta, then alpha.

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
        self.X, self.Y, self.sample_weight = X, Y, sample_weight
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

    def part(self, rows) -> Problem:
        """Return the same problem for some of the rows."""
        part = copy(self)
        part.X, part.Y, part.bounds = self.X[rows], self.Y[rows], self.bounds.copy()
        if self.sample_weight is not None:
            part.sample_weight = self.sample_weight[rows]
        return part

    def hold_alpha_above(self, alpha) -> None:
        """Raise the lower bound of the ridge, if it is learned."""
        if self.learns_alpha:
            self.bounds[-1, 0] = max(self.bounds[-1, 0], np.log(alpha))

    @property
    def linear(self) -> np.ndarray:
        """Which logarithms are layer weights."""
        out = np.zeros(self.start.size, dtype=bool)
        if isinstance(self.kernel, WeightedNTKernel):
            out[self.kernel.positions("layer_weights")] = True
        return out

    def alpha(self, u) -> float:
        """Return the ridge of a point."""
        return float(np.exp(u[-1])) if self.learns_alpha else self._alpha

    def kernel_at(self, u):
        """Return the kernel of a point; minus infinity switches a layer off."""
        theta = u[: u.size - self.learns_alpha]
        kernel = clone(self.kernel)
        if theta.size:
            kernel.theta = np.where(np.isfinite(theta), theta, 0.0)
        off = np.isneginf(theta)
        if off.any():
            kernel.switch_off(off[kernel.positions("layer_weights")])
        return kernel

    def evaluate(self, u):
        """Return the objective and its gradient in u."""
        kernel = self.kernel_at(u)
        alpha = self.alpha(u)
        try:
            found = self._objective(
                kernel(self.X),
                self.Y,
                alpha,
                self.sample_weight,
                self._intercept,
                True,
            )
        except np.linalg.LinAlgError:
            return REJECTED, np.zeros_like(u)
        gradient = np.zeros_like(u)
        n_dims = u.size - self.learns_alpha
        if n_dims:
            moving = np.flatnonzero(np.isfinite(u[:n_dims]))
            gradient[moving] = contract(kernel, self.X, found.dK)
        if self.learns_alpha:
            gradient[-1] += alpha * found.dalpha
        value = found.value
        if self.prior is not None:
            penalty, slope = self.prior(u)
            value, gradient = value + penalty, gradient + slope
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return REJECTED, np.zeros_like(u)
        return value, gradient
