"""What is learned of one machine: its kernel's free hyperparameters and its ridge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from .._utils.warnings import warn
from ..kernels._theta import is_homogeneous, kernel_at, linear_entries, switch_off
from ..objectives._objectives import OBJECTIVES
from ..optimizers import OPTIMIZERS
from ..optimizers._outcome import Outcome
from ..optimizers._quasi_newton import Curvature
from ..preprocessing._table_encoder import TableEncoding
from ..solvers._spectrum import ridge_path
from .problem import Problem
from .subsets import parts

# Ridges tried by the leave-one-out path, relative to the mean diagonal of the centred
# kernel: half-decades.
PATH_ALPHAS = 10.0 ** np.arange(-4.0, 2.01, 0.5)
# On a part of the rows, the logarithm of the ridge falls by no more than this: noise
# that shows between rows measured twice may be seen by all of them only.
_DEEPEST = 5.0
# On so many rows, where it costs little, "bfgs" may start twice.
_FEW_ROWS = 400


@dataclass(kw_only=True)
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
    copies: float | None  # of a row; None is as many as its weight says
    splits: list | None
    report: Any  # called with a number of rows and a value after every iteration


@dataclass
class Member:
    """What is fitted: a kernel on an encoding of the inputs.

    Attributes
    ----------
    kernel : Kernel
        Where to start.
    encoding : TableEncoding or None
        Fitted; None leaves the inputs as they are.
    prior : callable or None
        ``prior(problem) -> Prior``.
    raise_alpha : bool
        Whether leave-one-out may raise the learned ridge.
    on_path : bool
        Whether the ridge is chosen on the leave-one-out path (nothing else is free).
    """

    kernel: Any
    encoding: TableEncoding | None = None
    prior: Any = None
    raise_alpha: bool = False
    on_path: bool = False


class Learned(NamedTuple):
    """What learning ends with, and the objective on the way, each of so many rows.

    The bounds of the ridge are scaled as the ridge is.
    """

    kernel: Any
    alpha: float
    alpha_bounds: Any
    path: list[float]
    rows: list[int]


def learn(member: Member, Z, Y, weight, settings: Settings) -> Learned:
    """Learn the kernel and the ridge of a member.

    Parameters
    ----------
    member : Member
    Z : ndarray of shape (n, n_encoded)
        Encoded rows.
    Y : ndarray of shape (n, k)
    weight : ndarray of shape (n,) or None
        Positive.
    settings : Settings
    """
    kernel = clone(member.kernel)
    fixed_alpha = isinstance(settings.alpha_bounds, str)
    nothing_free = kernel.n_dims == 0 and fixed_alpha
    spread = np.ptp(Y, axis=0).any() if settings.intercept else Y.any()
    if nothing_free or not spread or len(Y) < 3:
        return Learned(kernel, settings.alpha, settings.alpha_bounds, [], [])
    if member.on_path and not fixed_alpha and settings.objective == "loo":
        K = kernel(Z)
        alphas = np.clip(PATH_ALPHAS * _unit(K, weight), *settings.alpha_bounds)
        tried = _path(K, Y, np.unique(alphas), weight, settings)
        values = [float(tried.errors[-1]), float(tried.errors.min())]
        rows = [len(Y)] * 2
        return Learned(kernel, tried.best_alpha, settings.alpha_bounds, values, rows)
    problem = _problem(member, kernel, Z, Y, weight, settings)
    u, path, rows, converged = _optimise(problem, settings)
    kernel, alpha = problem.kernel_at(u), problem.alpha(u)
    bounds = settings.alpha_bounds
    if not fixed_alpha:
        kernel, scale = normalise(kernel, Z)
        alpha, bounds = alpha / scale, bounds * (problem.unit(u) / scale)
    switch_off(kernel, np.isneginf(u[: kernel.n_dims]))
    if not converged:
        warn(
            f"the {settings.optimizer} optimiser used all of its max_iter="
            f"{settings.max_iter} iterations without meeting tol={settings.tol}; raise "
            "max_iter, or tol if objective_path_ has levelled off.",
            ConvergenceWarning,
        )
    return Learned(kernel, alpha, bounds, path, rows)


def _starts(problem: Problem, settings) -> list:
    """Return where to start: at the best ridge of the leave-one-out path, if better.

    With a ridge far from the kernel's scale the first steps would be large ones, into
    a corner of the other hyperparameters. If the smallest ridge is the best one, the
    rows may be strangers to each other, and no ridge matters: then a second start has
    as much noise as kernel.
    """
    if not problem.learns_alpha:
        return [problem.start]
    K, weight = problem.kernel(problem.X), problem.sample_weight
    reach = np.ptp(problem.Y, axis=0)
    Y = problem.Y / np.where(reach > 0.0, reach, 1.0)  # no output rules by its units
    unit = _unit(K, weight)
    alphas = PATH_ALPHAS * unit
    best = _path(K, Y, alphas, weight, settings).best_alpha

    def start(alpha):
        moved = problem.start.copy()
        moved[-1] = np.clip(np.log(alpha), *problem.bounds[-1])
        return moved

    candidates = [problem.start, start(best)]
    starts = [min(candidates, key=lambda u: problem.evaluate(u)[0])]
    few = settings.optimizer == "bfgs" and len(K) <= _FEW_ROWS
    if few and best == alphas[0]:
        starts.append(start(unit))
    return starts


def _path(K, Y, alphas, weight, settings):
    return ridge_path(K, Y, alphas, weight, settings.intercept, copies=settings.copies)


def _problem(member, kernel, Z, Y, weight, settings):
    objective = OBJECTIVES[settings.objective]
    if settings.objective == "holdout":
        objective = partial(objective, splits=settings.splits)
    else:
        objective = partial(objective, copies=settings.copies)
    if settings.objective == "evidence":  # scikit-learn's kernels often lack a factor
        objective = partial(objective, free_scale=True)
    problem = Problem(
        kernel,
        Z,
        Y,
        weight,
        settings.intercept,
        objective,
        settings.alpha,
        settings.alpha_bounds,
    )
    if member.prior is not None:
        problem.prior = member.prior(problem)
    return problem


def _optimise(problem: Problem, settings):
    """Learn on parts of the rows, each larger, and in the end on all of them.

    Most of the way is made where an evaluation costs next to nothing; what has been
    seen of the objective's curvature goes along. The values of an objective that grows
    with the rows are told as if there were all of them.

    Returns where it ended, the objective at the start and after every iteration, of how
    many rows each value is, and whether it converged.
    """
    path: list[float] = []
    rows: list[int] = []
    found = Outcome(problem.start, [], False)
    floor = -np.inf  # of the ridge's logarithm, on parts
    share = 1.0  # of the whole objective, that the part's is
    for part in parts(problem, settings):
        before, share = share, _size(part, settings) / _size(problem, settings)
        left = settings.max_iter - max(len(path) - 1, 0)
        run = partial(
            OPTIMIZERS[settings.optimizer],
            part.evaluate,
            max_iter=left if part is problem else left // 2,
            tol=settings.tol,
            report=partial(_report, settings, len(part.Y), share),
            scale=_scale(part, settings, path[:1]),
        )
        seen = found.curvature
        if seen is not None:
            bounds = part.bounds if part is problem else part.bounds_above(floor)
            found = run(found.u, bounds, curvature=seen.scaled(before / share))
        # What suits a part may be impossible for all.
        if seen is None or found.path[0] == np.inf:
            found, floor = _start(run, part, part is not problem, settings)
        told = [value / share for value in found.path]
        if path and len(told) == 1:  # it went no further: the same end, of more rows
            path[-1], rows[-1] = told[0], len(part.Y)
        else:
            path += told[bool(path) :]
            rows += [len(part.Y)] * (len(path) - len(rows))
    return found.u, path, rows, found.converged


def _start(run, part: Problem, is_part: bool, settings):
    """Learn from the start; where it ended, and how far the ridge may fall on parts."""
    report, starts, outcomes = run.keywords["report"], _starts(part, settings), []
    for start in starts:
        floor = start[-1] - _DEEPEST
        bounds = part.bounds_above(floor) if is_part else part.bounds
        options = _options(part, settings)
        if len(starts) > 1:  # which of them counts is known at the end
            options["report"] = _hush
        outcomes.append((run(start, bounds, **options), floor))
    found, floor = min(outcomes, key=lambda outcome: outcome[0].path[-1])
    if len(starts) > 1:
        for value in found.path[1:]:
            report(value)
    return found, floor


def _hush(value):
    """Report nothing."""


def _size(part: Problem, settings) -> float:
    """Return what an objective grows with: the evidence is a sum over the targets.

    The others are means over the rows (or never of a part of them).
    """
    if settings.objective != "evidence":
        return 1.0
    s = part.sample_weight
    counts = settings.copies is None and s is not None
    return part.Y.shape[1] * float(s.sum() if counts else len(part.Y))


def _scale(part: Problem, settings, start: list[float]) -> float | None:
    """Return what `tol` is relative to: the size of the objective at the start.

    The evidence may be zero anywhere, depending on the units of the targets.
    """
    if settings.objective == "evidence":
        return _size(part, settings)
    return abs(start[0]) if start and np.isfinite(start[0]) else None


def _options(problem: Problem, settings) -> dict[str, Any]:
    """Return what only one optimiser takes."""
    if settings.optimizer == "projected-gradient":
        return {"linear": problem.linear, "learning_rate": settings.learning_rate}
    if settings.optimizer == "bfgs" and problem.prior is not None:
        # Where the data say nothing, this is the inverse Hessian.
        spread = np.minimum(problem.prior.deviation, 1.0) ** 2
        return {"curvature": Curvature(spread)}
    return {}


def _report(settings, n_rows, share, value):
    settings.report(n_rows, value / share)


def _unit(K, weight):
    """Weighted mean diagonal of the centred kernel matrix: its natural unit."""
    s = np.ones(len(K)) if weight is None else weight
    p = s / s.sum()
    mean = p @ np.diag(K)
    return max(mean - p @ K @ p, 1e-8 * mean, 1e-300)  # a constant kernel has no unit


def normalise(kernel, X):
    """Scale layer weights to a mean diagonal of one; return by what the ridge shrinks.

    Both scaled alike are the same model.
    """
    if not is_homogeneous(kernel):
        return kernel, 1.0
    scale = float(np.mean(kernel.diag(X)))
    theta = kernel.theta
    theta[linear_entries(kernel)] -= np.log(scale)
    return kernel_at(kernel, theta), scale
