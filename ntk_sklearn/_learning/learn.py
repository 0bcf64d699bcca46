"""Learning of the free hyperparameters and the ridge of one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from ..optimizers._projected import WeightSteps
from ..optimizers._result import OptimizeResult
from .folds import folds_of
from .path import best_on_path
from .problem import HyperparameterProblem
from .spec import LearnedKernel, LearningOptions, ModelSpec
from .starts import is_blind, look, starts
from .subsets import growing_subsets
from .training_set import TrainingSet

# On a subset of the rows, the logarithm of the ridge falls by no more than this. The
# noise may show only between rows that were measured twice, of which a subset has few.
_DEEPEST = 5.0


def learn(
    spec: ModelSpec, rows: TrainingSet, options: LearningOptions
) -> LearnedKernel:
    """Learn the free hyperparameters of a kernel, and the ridge.

    Parameters
    ----------
    spec : ModelSpec
        The kernel to start from, and the prior.
    rows : TrainingSet
        The rows to learn from, their inputs encoded.
    options : LearningOptions
        The objective, the optimizer and their settings.

    Returns
    -------
    LearnedKernel
    """
    if spec.objective is not None:
        options = replace(options, objective=spec.objective)
    kernel, bounds = clone(spec.kernel), options.alpha_bounds
    nothing_free = kernel.n_dims == 0 and bounds is None
    spread = np.ptp(rows.Y, axis=0) if options.fit_intercept else rows.Y
    if nothing_free or not spread.any() or rows.n_rows < 3:
        return LearnedKernel(kernel, options.alpha, bounds, [], [])
    if spec.on_path and bounds is not None and options.objective == "loo":
        return best_on_path(kernel, rows, bounds, options.fit_intercept, options.place)
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


def _objective(rows: TrainingSet, options) -> Callable:
    """Return the objective as a function of matrices, its own options filled in."""
    objective = OBJECTIVES[options.objective]
    if options.objective == "holdout":
        splits = folds_of(rows, options.n_folds, options.seed)
        return partial(objective, splits=splits)
    if options.objective == "evidence":  # scikit-learn's kernels often lack a factor
        return partial(objective, free_scale=True)
    return objective


def _optimise(problem: HyperparameterProblem):
    """Learn on growing subsets of the rows, and finally on all of up to 5000.

    Most iterations then run on few rows, where an evaluation costs little. The
    curvature of the objective is handed on from subset to subset. The values of an
    objective that grows with the number of rows are scaled as if they were of all rows.

    Returns
    -------
    u : ndarray of shape (p,)
        The point at which learning ended.
    path : list of float
        The objective at the start and after every iteration.
    rows : list of int
        ``rows[i]`` is the number of rows that ``path[i]`` was computed on.
    converged : bool
        Whether the optimizer stopped by its own rule.
    """
    options = problem.options
    path: list[float] = []
    rows: list[int] = []
    found = OptimizeResult(problem.start, [], False)
    floor = -np.inf  # of the ridge's logarithm, on subsets
    matters, blind = look(problem), False
    share = 1.0  # size of the subset's objective, relative to that of all rows
    subsets = growing_subsets(problem)
    for subset in subsets:
        is_last = subset is subsets[-1]
        before, share = share, _size(subset) / _size(problem)
        left = options.max_iter - max(len(path) - 1, 0)
        run = partial(
            OPTIMIZERS[options.optimizer],
            subset.evaluate,
            max_iter=left if is_last else left // 2,
            tol=options.tol,
            report=partial(_report, options, subset.n_rows, share),
            scale=_scale(subset, path[:1]),
        )
        seen = found.curvature
        if seen is not None and not blind:
            bounds = subset.bounds if is_last else subset.bounds_above(floor)
            found = run(found.u, bounds, curvature=seen.scaled(before / share))
        # At the end of a subset, the matrix of more rows may not be factorisable; and
        # that a subset showed nothing but noise says nothing of more rows.
        if seen is None or found.path[0] == np.inf or blind:
            found, floor = _from_starts(run, subset, not is_last, matters)
        blind = is_blind(subset, found)
        told = [value / share for value in found.path]
        if path and len(told) == 1:  # no iteration: the same point, on more rows
            path[-1], rows[-1] = told[0], subset.n_rows
        else:
            path += told[bool(path) :]
            rows += [subset.n_rows] * (len(path) - len(rows))
    return found.u, path, rows, found.converged


def _from_starts(
    run: partial, problem: HyperparameterProblem, has_floor: bool, matters
):
    """Learn from each start, and return the best result and the floor of the ridge."""
    report, begins, ends = run.keywords["report"], starts(problem, matters), []
    for start in begins:
        floor = start[-1] - _DEEPEST
        bounds = problem.bounds_above(floor) if has_floor else problem.bounds
        extra = _extra(problem)
        if len(begins) > 1:  # the path to report is that of the better end
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
    """Return the number of targets for the evidence, and one for other objectives.

    The evidence is a sum over the targets. Leave-one-out and generalised
    cross-validation are means over rows, and hold-out is never computed on a subset.
    """
    if problem.options.objective != "evidence":
        return 1.0
    rows = problem.rows
    return rows.Y.shape[1] * float(rows.weights.multiplicity.sum())


def _scale(problem: HyperparameterProblem, start: list[float]) -> float | None:
    """Return the scale that `tol` is relative to: the objective at the start.

    For the evidence it is the number of targets instead, because a logarithm of a
    likelihood has no zero of its own: it depends on the units of the targets.
    """
    if problem.options.objective == "evidence":
        return _size(problem)
    return abs(start[0]) if start and np.isfinite(start[0]) else None


def _extra(problem: HyperparameterProblem) -> dict:
    """Return the arguments that only the chosen optimizer takes."""
    options = problem.options
    if options.optimizer == "projected-gradient":
        return {"steps": WeightSteps(problem.linear, options.learning_rate)}
    if options.optimizer == "bfgs" and problem.prior is not None:
        # The inverse Hessian of the prior, for what the data do not determine.
        spread = np.minimum(problem.prior.deviation, 1.0) ** 2
        return {"curvature": Curvature(spread)}
    return {}


def _report(options: LearningOptions, n_rows: int, share: float, value: float):
    options.report(n_rows, value / share)


def _normalise(kernel: Kernel, X) -> tuple[Kernel, float]:
    """Scale the linear hyperparameters of a kernel to a mean diagonal of one.

    The ridge is to be divided by the number that is returned: scaling the kernel and
    the ridge by the same number leaves the model unchanged.
    """
    if not is_homogeneous(kernel):
        return kernel, 1.0
    scale = float(np.mean(kernel.diag(X)))
    theta = kernel.theta
    theta[linear_entries(kernel)] -= np.log(scale)
    return kernel_at(kernel, theta), scale
