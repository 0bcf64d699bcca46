"""Learning of the free hyperparameters and the ridge of one model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import Kernel

from .._utils.warnings import warn
from ..kernels._theta import is_homogeneous, kernel_at, linear_entries, switch_off
from ..objectives import OBJECTIVES
from .course import Course, growing_subsets, hush
from .folds import folds_of
from .path import best_on_path
from .problem import HyperparameterProblem
from .spec import LearnedKernel, LearningOptions, ModelSpec
from .training_set import TrainingSet

# Between two models, evidences that differ by this many nats decide, or by so many for
# each row. Beside a model that sees nothing but noise, fewer do.
_DECIDES, _DECIDES_PER_ROW, _SEES = 10.0, 0.05, 3.0
# A rival that may learn on all rows has to be behind by so many times as much to be
# dropped on a subset: few rows, whose priors are normal, have misled by twice as much.
_BEHIND = 3.0
# Of two models that are about equal on half of the rows, both go on to all of up to so
# many rows; beyond, the time that it takes is more than what there is to gain.
_MOST_FOR_BOTH = 1000
# The time on a subset of at least so many rows, times the cubes of ratios of rows, says
# how long larger subsets take. On smaller ones, more than half is the cost of calls.
_FORETELLS_FROM = 1000


class Learned(NamedTuple):
    """A model whose hyperparameters have been learned.

    Attributes
    ----------
    spec : ModelSpec
        The model: the one that was given, or its rival.
    rows : TrainingSet
        The training rows, their inputs encoded.
    kernel : LearnedKernel
        The learned kernel and ridge.
    """

    spec: ModelSpec
    rows: TrainingSet
    kernel: LearnedKernel


def learn(spec: ModelSpec, raw: TrainingSet, options: LearningOptions) -> list[Learned]:
    """Learn the free hyperparameters of a kernel, and the ridge.

    If the model has a rival, both learn on the subsets of the rows, until one explains
    the targets better by far: by ten nats of evidence, and by a twentieth of one for
    each row, or by three where the model sees nothing but noise. The rival may fall
    behind on any subset, of up to 1000 rows by three times as much, and can win on half
    of the rows or, of up to 1000, on all. If neither is ahead by far in the end, both
    stay where they have learned on all rows, and otherwise the model that is given.

    With 2000 rows or more, learning ends on a subset that has taught little.

    Parameters
    ----------
    spec : ModelSpec
        The model: a kernel to start from, an encoder, a prior, and perhaps a rival.
    raw : TrainingSet
        The rows to learn from, their inputs as they are given.
    options : LearningOptions
        The objective, the optimizer and their settings.

    Returns
    -------
    list of Learned
        The model or its rival, or both.
    """
    if spec.objective is not None:
        options = replace(options, objective=spec.objective)
    rows = raw._replace(X=spec.encode(raw.X))
    kernel, bounds = clone(spec.kernel), options.alpha_bounds
    nothing_free = kernel.n_dims == 0 and bounds is None
    spread = np.ptp(rows.Y, axis=0) if options.fit_intercept else rows.Y
    if nothing_free or not spread.any() or rows.n_rows < 3:
        fixed = LearnedKernel(kernel, options.alpha, bounds, [], [])
        return [Learned(spec, rows, fixed)]
    if spec.on_path and bounds is not None and options.objective == "loo":
        best = best_on_path(kernel, rows, bounds, options.fit_intercept, options.place)
        return [Learned(spec, rows, best)]
    specs = {_problem(spec, rows, options): spec}
    if spec.rival is not None and options.objective == "evidence":
        theirs = raw._replace(X=spec.rival.encode(raw.X))
        hushed = replace(options, report=hush)
        specs[_problem(spec.rival, theirs, hushed)] = spec.rival
    courses = _optimise(list(specs))
    if not all(course.found.converged for course in courses):
        warn(
            f"the {options.optimizer} optimiser used all of its max_iter="
            f"{options.max_iter} iterations without meeting tol={options.tol}; raise "
            "max_iter, or tol if objective_path_ has levelled off.",
            ConvergenceWarning,
        )
    return [
        Learned(specs[course.whole], course.whole.rows, _learned_kernel(course))
        for course in courses
    ]


def _problem(spec: ModelSpec, rows: TrainingSet, options) -> HyperparameterProblem:
    objective = _objective(rows, options)
    return HyperparameterProblem(
        clone(spec.kernel), rows, objective, options, spec.prior
    )


def _objective(rows: TrainingSet, options) -> Callable:
    """Return the objective as a function of matrices, its own options filled in."""
    objective = OBJECTIVES[options.objective]
    if options.objective == "holdout":
        splits = folds_of(rows, options.n_folds, options.seed)
        return partial(objective, splits=splits)
    if options.objective == "evidence":  # scikit-learn's kernels often lack a factor
        return partial(objective, free_scale=True)
    return objective


def _optimise(problems: list[HyperparameterProblem]) -> list[Course]:
    """Learn on growing subsets of the rows, and finally on all of up to 5000.

    A model and its rival go on together until the rival is behind by far, or, on the
    last subset but one or the last, ahead by far. Of more than 1000 rows, only one of
    them learns on all, unless the model sees nothing but noise. Two that have learned
    on all rows, neither of them ahead by far, are both returned.
    """
    courses = [Course.begin(problem) for problem in problems]
    subsets = growing_subsets(problems[0])
    foretell = problems[0].options.foretell
    for k, subset in enumerate(subsets):
        is_last, begun = k == len(subsets) - 1, time.monotonic()
        n_courses = len(courses)
        if len(courses) == 1:
            courses = [courses[0].after(subset, is_last)]
        else:
            decides = k >= len(subsets) - 2
            courses = _duel(courses[0], courses[1], subset, is_last, decides)
        if len(courses) == 1 and courses[0].has_settled:
            break
        if foretell is not None and not is_last and len(subset) >= _FORETELLS_FROM:
            sizes = np.array([len(larger) for larger in subsets[k + 1 :]])
            more = float(np.sum((sizes / len(subset)) ** 3)) * len(courses) / n_courses
            foretell(int(sizes[-1]), (time.monotonic() - begun) * more)
            foretell = None
    return courses


def _duel(
    model: Course, rival: Course, subset: np.ndarray, is_last: bool, decides: bool
) -> list[Course]:
    """Return those of a model and its rival that go on, after one more subset."""
    model = model.after(subset, is_last)
    rival = rival.after(subset, is_last, roughly=not is_last)
    far = max(_DECIDES, _DECIDES_PER_ROW * len(subset))
    ahead = model.value - rival.value  # the rival, in nats
    many = model.whole.n_rows > _MOST_FOR_BOTH
    one_only = many and (is_last or (decides and not model.blind))
    ends = one_only or (model.has_settled and rival.has_settled)
    if (decides or ends) and ahead > (_SEES if model.blind else far):
        return [rival]
    if ends or ahead < -far * (1.0 if many or is_last else _BEHIND):
        return [model]
    return [model, rival]


def _learned_kernel(course: Course) -> LearnedKernel:
    """Return what has been learned, the kernel's scale normalised."""
    problem, u, options = course.whole, course.found.u, course.whole.options
    kernel, alpha, bounds = problem.kernel_at(u), problem.alpha(u), options.alpha_bounds
    if bounds is not None:
        kernel, scale = _normalise(kernel, problem.rows.X)
        alpha, unit = alpha / scale, problem.unit(u) / scale
        bounds = bounds[0] * unit, bounds[1] * unit
    switch_off(kernel, np.isneginf(u[: kernel.n_dims]))
    return LearnedKernel(kernel, alpha, bounds, course.path, course.rows)


def _normalise(kernel: Kernel, X) -> tuple[Kernel, float]:
    """Scale the linear hyperparameters of a kernel to a mean diagonal of one.

    The ridge is to be divided by the number that is returned: scaling the kernel and
    the ridge by the same number leaves the model unchanged.
    """
    if not is_homogeneous(kernel):
        return kernel, 1.0
    scale = float(np.mean(kernel.diag(X))) or 1.0  # inputs of zeros, and no bias
    theta = kernel.theta
    theta[linear_entries(kernel)] -= np.log(scale)
    return kernel_at(kernel, theta), scale
