"""Learning: the free hyperparameters of one model and its ridge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import Kernel

from .._utils.warnings import warn
from ..kernels._theta import is_homogeneous, kernel_at, linear_entries, switch_off
from ..objectives import OBJECTIVES
from ..optimizers import OPTIMIZERS
from ..optimizers._curvature import Curvature
from ..optimizers._result import OptimizeResult
from ..solvers._spectrum import ridge_path
from .folds import folds_of
from .problem import HyperparameterProblem
from .ridge import PATH_ALPHAS, kernel_unit
from .spec import LearnedKernel, LearningOptions, ModelSpec
from .starts import starts
from .subsets import growing_subsets
from .training_set import TrainingSet

# On a subset of the rows, the logarithm of the ridge falls by no more than this: noise
# that shows between rows measured twice may be seen by all of them only.
_DEEPEST = 5.0


def learn(
    spec: ModelSpec, rows: TrainingSet, options: LearningOptions
) -> LearnedKernel:
    """Learn the free hyperparameters of a kernel, and the ridge.

    Parameters
    ----------
    spec : ModelSpec
    rows : TrainingSet
        Inputs as the kernel sees them.
    options : LearningOptions

    Returns
    -------
    LearnedKernel
    """
    kernel, bounds = clone(spec.kernel), options.alpha_bounds
    nothing_free = kernel.n_dims == 0 and bounds is None
    spread = np.ptp(rows.Y, axis=0) if options.fit_intercept else rows.Y
    if nothing_free or not spread.any() or rows.n_rows < 3:
        return LearnedKernel(kernel, options.alpha, bounds, [], [])
    if spec.on_path and bounds is not None and options.objective == "loo":
        return _best_on_path(kernel, rows, options)
    objective = _objective(rows, options)
    problem = HyperparameterProblem(kernel, rows, objective, options, spec.prior)
    u, path, n_rows, converged = _optimise(problem)
    kernel, alpha = problem.kernel_at(u), problem.alpha(u)
    if bounds is not None:
        kernel, scale = _normalise(kernel, rows.X)
        alpha, unit = alpha / scale, problem.unit(u) / scale
        bounds = bounds[0] * unit, bounds[1] * unit
    switch_off(kernel, np.isneginf(u[: kernel.n_dims]))
    if not converged:
        warn(
            f"the {options.optimizer} optimiser used all of its max_iter="
            f"{options.max_iter} iterations without meeting tol={options.tol}; raise "
            "max_iter, or tol if objective_path_ has levelled off.",
            ConvergenceWarning,
        )
    return LearnedKernel(kernel, alpha, bounds, path, n_rows)


def _best_on_path(kernel, rows: TrainingSet, options) -> LearnedKernel:
    """Choose the ridge by leave-one-out on a grid, where nothing else is free."""
    K = kernel(rows.X)
    alphas = PATH_ALPHAS * kernel_unit(K, rows.weights)
    alphas = np.unique(np.clip(alphas, *options.alpha_bounds))
    tried = ridge_path(K, rows.Y, alphas, rows.weights, options.fit_intercept)
    path = [float(tried.errors[-1]), float(tried.errors.min())]
    n_rows = [rows.n_rows] * 2
    alpha = tried.best_alpha
    return LearnedKernel(kernel, alpha, options.alpha_bounds, path, n_rows)


def _objective(rows: TrainingSet, options) -> Callable:
    """Return the objective with the options of its own."""
    objective = OBJECTIVES[options.objective]
    if options.objective == "holdout":
        return partial(objective, splits=folds_of(rows, options))
    if options.objective == "evidence":  # scikit-learn's kernels often lack a factor
        return partial(objective, free_scale=True)
    return objective


def _optimise(problem: HyperparameterProblem):
    """Learn on growing subsets of the rows, and in the end on all of them.

    Most of the way is made where an evaluation costs next to nothing; what has been
    seen of the objective's curvature goes along. The values of an objective that grows
    with the rows are told as if there were all of them.

    Returns
    -------
    u : ndarray of shape (p,)
        The point where learning ended.
    path : list of float
        The objective at the start and after every iteration.
    rows : list of int
        Number of rows that each value was computed on.
    converged : bool
    """
    options = problem.options
    path: list[float] = []
    rows: list[int] = []
    found = OptimizeResult(problem.start, [], False)
    floor = -np.inf  # of the ridge's logarithm, on subsets
    share = 1.0  # of the whole objective, that the subset's is
    for subset in growing_subsets(problem):
        before, share = share, _size(subset) / _size(problem)
        left = options.max_iter - max(len(path) - 1, 0)
        run = partial(
            OPTIMIZERS[options.optimizer],
            subset.evaluate,
            max_iter=left if subset is problem else left // 2,
            tol=options.tol,
            report=partial(_report, options, subset.n_rows, share),
            scale=_scale(subset, path[:1]),
        )
        seen = found.curvature
        if seen is not None:
            bounds = subset.bounds
            if subset is not problem:
                bounds = subset.bounds_above(floor)
            found = run(found.u, bounds, curvature=seen.scaled(before / share))
        # What suits a subset may be impossible for all.
        if seen is None or found.path[0] == np.inf:
            found, floor = _from_starts(run, subset, subset is not problem)
        told = [value / share for value in found.path]
        if path and len(told) == 1:  # it went no further: the same end, of more rows
            path[-1], rows[-1] = told[0], subset.n_rows
        else:
            path += told[bool(path) :]
            rows += [subset.n_rows] * (len(path) - len(rows))
    return found.u, path, rows, found.converged


def _from_starts(run: partial, problem: HyperparameterProblem, is_subset: bool):
    """Learn from each start; return the best end, and the floor of the ridge."""
    report, begins, ends = run.keywords["report"], starts(problem), []
    for start in begins:
        floor = start[-1] - _DEEPEST
        bounds = problem.bounds_above(floor) if is_subset else problem.bounds
        extra = _extra(problem)
        if len(begins) > 1:  # which of them counts is known at the end
            extra["report"] = _hush
        ends.append((run(start, bounds, **extra), floor))
    found, floor = min(ends, key=lambda end: end[0].path[-1])
    if len(begins) > 1:
        for value in found.path[1:]:
            report(value)
    return found, floor


def _hush(value):
    """Report nothing."""


def _size(problem: HyperparameterProblem) -> float:
    """Return the size that an objective grows with.

    The evidence is a sum over the targets, the others are means over the rows, or
    never of a subset of them.
    """
    if problem.options.objective != "evidence":
        return 1.0
    rows = problem.rows
    return rows.Y.shape[1] * float(rows.weights.multiplicity.sum())


def _scale(problem: HyperparameterProblem, start: list[float]) -> float | None:
    """Return the scale of `tol`: the size of the objective at the start.

    The evidence may be zero anywhere, depending on the units of the targets.
    """
    if problem.options.objective == "evidence":
        return _size(problem)
    return abs(start[0]) if start and np.isfinite(start[0]) else None


def _extra(problem: HyperparameterProblem) -> dict:
    """Return the arguments that only one optimiser takes."""
    options = problem.options
    if options.optimizer == "projected-gradient":
        return {"linear": problem.linear, "learning_rate": options.learning_rate}
    if options.optimizer == "bfgs" and problem.prior is not None:
        # Where the data say nothing, this is the inverse Hessian.
        spread = np.minimum(problem.prior.deviation, 1.0) ** 2
        return {"curvature": Curvature(spread)}
    return {}


def _report(options: LearningOptions, n_rows: int, share: float, value: float):
    options.report(n_rows, value / share)


def _normalise(kernel: Kernel, X) -> tuple[Kernel, float]:
    """Scale what a kernel is linear in to a mean diagonal of one.

    The ridge shrinks by the factor that is returned: both scaled alike are the same
    model.
    """
    if not is_homogeneous(kernel):
        return kernel, 1.0
    scale = float(np.mean(kernel.diag(X)))
    theta = kernel.theta
    theta[linear_entries(kernel)] -= np.log(scale)
    return kernel_at(kernel, theta), scale
