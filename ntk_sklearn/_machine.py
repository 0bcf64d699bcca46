"""One kernel ridge machine: its hyperparameters learned, its duals solved."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from ._compat import get_chunk_n_rows
from ._encoding import TableEncoding
from ._problem import Prior, Problem
from ._threads import one_blas_thread
from .kernels import WeightedNTKernel
from .objectives import OBJECTIVES
from .optimizers import OPTIMIZERS
from .solvers import leave_one_out, ridge_path, solve, warn_jitter
from .solvers._sums import multiply

# Ridges tried by the leave-one-out path, relative to the mean diagonal of the centred
# kernel: half-decades.
PATH_ALPHAS = 10.0 ** np.arange(-4.0, 2.01, 0.5)
# Factors by which the path may raise a ridge that another objective has chosen.
_RAISES = np.exp(np.arange(0.0, 7.01, 0.5))


@dataclass
class Settings:
    """How a machine is to be fitted: the estimators' parameters, checked."""

    alpha: float
    alpha_bounds: Any
    objective: str
    optimizer: str
    learning_rate: Any
    max_iter: int
    tol: float
    intercept: bool
    splits: list | None = None
    report: Any = None


@dataclass
class Member:
    """What is fitted: a kernel on an encoding of the inputs.

    Attributes
    ----------
    kernel : Kernel
        Where to start.
    encoding : TableEncoding or None
        Fitted; None leaves the inputs as they are.
    tie_groups : bool
        Whether each block of encoded columns has one length scale.
    prior : callable or None
        ``prior(problem) -> Prior``.
    raise_alpha : bool
        Whether leave-one-out may raise the learned ridge.
    on_path : bool
        Whether the ridge is chosen on the leave-one-out path (nothing else is free).
    """

    kernel: Any
    encoding: TableEncoding | None = None
    tie_groups: bool = False
    prior: Any = None
    raise_alpha: bool = False
    on_path: bool = False


@dataclass
class Machine:
    """A fitted kernel ridge model.

    Attributes
    ----------
    kernel : Kernel
        With what was learned.
    alpha : float
    encoding : TableEncoding or None
    X : ndarray of shape (n, n_encoded)
        Encoded training rows.
    dual_coef : ndarray of shape (n, k)
    intercept : ndarray of shape (k,)
    loo : ndarray of shape (n, k)
        Predictions of the training rows by models that have not seen them.
    loo_error : float
        Weighted mean of their squared errors, summed over outputs.
    path : list of float
        Objective at the start and after every iteration.
    n_iter : int
    variance : float
        Scale of the kernel as a prior covariance.
    """

    kernel: Any
    alpha: float
    encoding: TableEncoding | None
    X: np.ndarray
    dual_coef: np.ndarray
    intercept: np.ndarray
    loo: np.ndarray
    loo_error: float
    path: list = field(default_factory=list)
    n_iter: int = 0
    variance: float = 1.0

    def encode(self, X):
        """Write new rows as the training rows were written."""
        return X if self.encoding is None else self.encoding.transform(X)

    @one_blas_thread()
    def predict(self, X):
        """Return the decision values of new rows, block by block."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        for block in row_blocks(len(X), len(self.X)):
            K = self.kernel(self.encode(X[block]), self.X)
            out[block] = multiply(K, self.dual_coef) + self.intercept
        return out


def row_blocks(n_rows: int, n_columns: int):
    """Slice rows so that their kernel with `n_columns` fits the working memory."""
    rows = get_chunk_n_rows(
        row_bytes=8 * n_columns,
        max_n_rows=max(n_rows, 1),
        working_memory=get_config()["working_memory"],
    )
    return gen_batches(n_rows, rows)


@one_blas_thread()
def fit_machine(
    member: Member, X, Y, sample_weight, settings: Settings, solve_weight=None
) -> Machine:
    """Learn what is free and solve the ridge.

    Parameters
    ----------
    member : Member
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (n, k)
    sample_weight : ndarray of shape (n,)
        Positive: what is learned from.
    settings : Settings
    solve_weight : ndarray of shape (n,), default=None
        Weights of the solve, where they are others.
    """
    final = sample_weight if solve_weight is None else solve_weight
    Z = X if member.encoding is None else member.encoding.transform(X)
    alpha, kernel, path, n_iter = _learn(
        member, Z, Y, unless_ones(sample_weight), settings
    )
    K = kernel(Z)
    weight = unless_ones(final)
    solution = solve(K, Y, alpha, weight, settings.intercept)
    warn_jitter(solution.jitter, alpha)
    precision = np.diag(solution.P)
    residuals, _ = leave_one_out(precision, solution.dual_coef, alpha, weight)
    if settings.intercept and len(Y) == 1:
        residuals = np.zeros_like(Y)  # nothing is left to predict one row from
    freedom = max(len(Y) - settings.intercept, 1) * Y.shape[1]
    variance = float(np.sum(Y * solution.dual_coef)) / freedom
    return Machine(
        kernel,
        alpha,
        member.encoding,
        Z,
        solution.dual_coef,
        solution.intercept,
        Y - residuals,
        mean_square(residuals, final),
        path,
        n_iter,
        max(variance, 0.0),
    )


def mean_square(residuals, weight) -> float:
    """Return the weighted mean of squared errors, summed over outputs."""
    return float(weight @ np.sum(residuals**2, axis=1) / weight.sum())


def unless_ones(weight):
    """Return None for weights that are all one, which are no weights."""
    return None if (weight == 1.0).all() else weight


def _learn(member, Z, Y, weight, settings):
    """Return the learned ridge and kernel, the objective's path and its length."""
    kernel = clone(member.kernel)
    fixed_alpha = isinstance(settings.alpha_bounds, str)
    nothing_free = kernel.n_dims == 0 and fixed_alpha
    spread = np.ptp(Y, axis=0).any() if settings.intercept else Y.any()
    if nothing_free or not spread or len(Y) < 3:
        return settings.alpha, kernel, [], 0
    if member.on_path and not fixed_alpha and settings.objective == "loo":
        K = kernel(Z)
        path = ridge_path(
            K, Y, PATH_ALPHAS * _unit(K, weight), weight, settings.intercept
        )
        values = [float(path.errors[-1]), float(path.errors.min())]
        return path.best_alpha, kernel, values, 1
    problem = _problem(member, kernel, Z, Y, weight, settings)
    if problem.learns_alpha:
        _start_on_path(problem, kernel(Z), Y, weight, settings)
    u, path, converged = _optimise(problem, settings)
    kernel, alpha = problem.kernel_at(u), problem.alpha(u)
    if member.raise_alpha and not fixed_alpha:
        alphas = alpha * _RAISES
        alpha = ridge_path(kernel(Z), Y, alphas, weight, settings.intercept).best_alpha
    if not fixed_alpha:
        kernel, alpha = normalise(kernel, alpha, Z)
    if settings.optimizer == "projected-gradient":
        kernel = _fix_zeros(kernel)
    if not converged:
        warnings.warn(
            f"the {settings.optimizer} optimiser used all of its max_iter="
            f"{settings.max_iter} iterations without meeting tol={settings.tol}; raise "
            "max_iter, or tol if objective_path_ has levelled off.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return alpha, kernel, path, len(path) - 1


def _start_on_path(problem, K, Y, weight, settings):
    """Start from the best ridge of the leave-one-out path, if it is a better start.

    With a ridge far from the kernel's scale the first steps would be large ones, into
    a corner of the other hyperparameters.
    """
    alphas = PATH_ALPHAS * _unit(K, weight)
    best = ridge_path(K, Y, alphas, weight, settings.intercept).best_alpha
    candidate = problem.start.copy()
    candidate[-1] = np.log(best)
    weights = problem.linear
    if settings.objective == "evidence" and weights.any():
        # Along a common factor of weights and ridge the evidence has its maximum here.
        dual_coef = solve(K, Y, best, weight, settings.intercept).dual_coef
        factor = float(np.mean(np.sum(Y * dual_coef, axis=0))) / len(Y)
        candidate[weights] += np.log(max(factor, 1e-300))
        candidate[-1] += np.log(max(factor, 1e-300))
    candidate = np.clip(candidate, *problem.bounds.T)
    if problem.evaluate(candidate)[0] < problem.evaluate(problem.start)[0]:
        problem.start = candidate


def _problem(member, kernel, Z, Y, weight, settings):
    objective = OBJECTIVES[settings.objective]
    if settings.objective == "holdout":
        objective = partial(objective, splits=settings.splits)
    tie = None
    if member.tie_groups:
        tie = np.arange(kernel.n_dims)
        position = kernel.positions("length_scale")
        others = np.setdiff1d(tie, position)
        tie[others] = np.arange(others.size)
        tie[position] = others.size + member.encoding.group_
    problem = Problem(
        kernel,
        Z,
        Y,
        weight,
        settings.intercept,
        objective,
        settings.alpha,
        settings.alpha_bounds,
        tie,
    )
    if member.prior is not None:
        problem.set_prior(member.prior(problem))
    return problem


def _optimise(problem, settings):
    """Run the optimiser of the settings on a problem."""
    options = {"max_iter": settings.max_iter, "tol": settings.tol}
    if settings.optimizer == "projected-gradient":
        options["linear"] = problem.linear
        options["learning_rate"] = settings.learning_rate
    return OPTIMIZERS[settings.optimizer](
        problem.evaluate,
        problem.start,
        problem.bounds,
        report=settings.report or (lambda value: None),
        **options,
    )


def _unit(K, weight):
    """Weighted mean diagonal of the centred kernel matrix: its natural unit."""
    s = np.ones(len(K)) if weight is None else weight
    p = s / s.sum()
    mean = p @ np.diag(K)
    return max(mean - p @ K @ p, 1e-8 * mean, 1e-300)  # a constant kernel has no unit


def normalise(kernel, alpha, X):
    """Scale layer weights and ridge, one model, to a mean diagonal of one."""
    if not isinstance(kernel, WeightedNTKernel):
        return kernel, alpha
    if kernel.bias_weights is not None or not kernel.positions("layer_weights").size:
        return kernel, alpha
    scale = float(np.mean(kernel.diag(X)))
    kernel.layer_weights = np.asarray(kernel.layer_weights) / scale
    return kernel, alpha / scale


def _fix_zeros(kernel):
    """Fix the weights of a kernel whose layers were switched off: zeros have no log."""
    weights = getattr(kernel, "layer_weights", None)
    if weights is not None and not np.all(weights):
        kernel.layer_weights_bounds = "fixed"
    return kernel


__all__ = ["Machine", "Member", "Prior", "Settings", "fit_machine", "row_blocks"]
