"""How far learning has come, on growing subsets of the rows."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from ..optimizers import OPTIMIZERS
from ..optimizers._curvature import Curvature
from ..optimizers._projected import WeightSteps
from ..optimizers._result import OptimizeResult
from .problem import HyperparameterProblem
from .spec import LearningOptions
from .starts import is_blind, look, starts
from .subsets import in_order, spread_rows, subset_sizes

# On a subset of the rows, the logarithm of the ridge falls by no more than this. The
# noise may show only between rows that were measured twice, of which a subset has few.
_DEEPEST = 5.0
# Learning ends on a subset of so many rows that has taught less than this multiple of
# the tolerance.
_SETTLES_FROM, _SETTLED = 1000, 5.0
# Factor of the tolerance of a rival, as long as it is one.
_ROUGHLY = 10.0
# A subset has at least this many rows, and one for each hyperparameter: fewer rows
# would be fitted by almost any values. Each subset is half of the next, and an
# evaluation on it takes a quarter of the time or less.
_FEWEST_ROWS = 100
# Of more rows than this, half or less are enough to learn from: on tables of 6000 rows,
# learning on all of them changed errors by less than 0.1 %, and took half of the time.
_MOST_ROWS = 5000


class Course(NamedTuple):
    """How far the learning of one model has come.

    Most iterations run on few rows, where an evaluation costs little. The curvature of
    the objective is handed on from subset to subset. The values of an objective that
    grows with the number of rows are scaled as if they were of all rows.

    Attributes
    ----------
    whole : HyperparameterProblem
        The problem on all rows.
    matters : ndarray of bool, shape (n_columns,), or None
        Which columns matter, as a cheap look says.
    found : OptimizeResult
        Where learning has ended on the last subset.
    path : list of float
        The objective at the start and after every iteration.
    rows : list of int
        ``rows[i]`` is the number of rows that ``path[i]`` was computed on.
    floor : float
        The least logarithm of the ridge on subsets.
    blind : bool
        Whether the last subset showed nothing but noise.
    share : float
        Size of the last subset's objective, relative to that of all rows.
    taught : float
        By how much the objective has fallen on the last subset, in units of the scale
        that the tolerance is relative to.
    """

    whole: HyperparameterProblem
    matters: np.ndarray | None
    found: OptimizeResult
    path: list[float]
    rows: list[int]
    floor: float
    blind: bool
    share: float
    taught: float

    @classmethod
    def begin(cls, whole: HyperparameterProblem) -> Course:
        """Return the course of learning before its first subset."""
        found = OptimizeResult(whole.start, [], False)
        return cls(whole, look(whole), found, [], [], -np.inf, False, 1.0, np.inf)

    @property
    def value(self) -> float:
        """The objective on the last subset, as it is there."""
        return self.found.path[-1]

    @property
    def has_settled(self) -> bool:
        """Whether the last subset was large and has taught little.

        Twice as many rows would then teach even less: a few thousandths of a nat for a
        row, which change predictions by a few tenths of a per cent of the noise.
        """
        large = bool(self.rows) and self.rows[-1] >= _SETTLES_FROM
        little = self.taught < _SETTLED * self.whole.options.tol
        return large and little and self.found.converged and not self.blind

    def after(
        self, rows: np.ndarray, is_last: bool, *, roughly: bool = False
    ) -> Course:
        """Return the course after learning on one more subset.

        Parameters
        ----------
        rows : ndarray of int
            Numbers of the rows.
        is_last : bool
            Whether this is the last subset.
        roughly : bool, default=False
            Whether ten times the tolerance is enough, as only a large difference to
            another model counts.

        Returns
        -------
        Course
        """
        subset, options = self.whole.subset(rows), self.whole.options
        # Few rows cannot tell which columns to drop.
        if not is_last or subset.n_rows < _FEWEST_ROWS:
            subset = subset.cautious()
        scale = _scale(subset, self.path[:1])
        share = _size(subset) / _size(self.whole)
        left = options.max_iter - max(len(self.path) - 1, 0)
        run = partial(
            OPTIMIZERS[options.optimizer],
            subset.evaluate,
            max_iter=left if is_last else left // 2,
            tol=options.tol * (_ROUGHLY if roughly else 1.0),
            report=partial(_report, options, subset.n_rows, share),
            scale=scale,
        )
        found, floor = self.found, self.floor
        seen = None if self.blind else found.curvature
        if seen is not None:
            bounds = subset.bounds if is_last else subset.bounds_above(floor)
            scaled = seen.scaled(self.share / share)
            found = run(found.u, bounds, curvature=scaled)
        # At the end of a subset, the matrix of more rows may not be factorisable; and
        # that a subset showed nothing but noise says nothing of more rows.
        if seen is None or found.path[0] == np.inf:
            found, floor = _from_starts(run, subset, not is_last, self.matters)
        told = [value / share for value in found.path]
        path, counts = [*self.path], [*self.rows]
        if path and len(told) == 1:  # no iteration: the same point, on more rows
            path[-1], counts[-1] = told[0], subset.n_rows
        else:
            path += told[bool(path) :]
            counts += [subset.n_rows] * (len(path) - len(counts))
        fall = found.path[0] - found.path[-1]
        return self._replace(
            found=found,
            path=path,
            rows=counts,
            floor=floor,
            blind=is_blind(subset, found),
            share=share,
            taught=fall / scale if scale else np.inf,
        )


def growing_subsets(problem: HyperparameterProblem) -> list[np.ndarray]:
    """Return the numbers of the rows of growing subsets, the last one all rows.

    Of more than 5000 rows, the last and largest subset has between 2500 and 5000.

    There is no subset for optimizers other than "bfgs", which alone can hand on the
    curvature; for the hold-out objective, whose folds are of all rows; and for inputs
    that are not dense vectors, because rows are sorted to choose a subset.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem on all rows.

    Returns
    -------
    list of ndarray of int
    """
    every, rows, options = np.arange(problem.n_rows), problem.rows, problem.options
    if options.optimizer != "bfgs" or options.objective == "holdout":
        return [every]
    if (
        np.ndim(rows.X) != 2
        or issparse(rows.X)
        or not problem.kernel.requires_vector_input
    ):
        return [every]
    sizes = subset_sizes(problem.n_rows, max(_FEWEST_ROWS, problem.start.size))
    order = in_order(rows.X, rows.Y) if sizes else every
    found = [spread_rows(order, size) for size in sizes if size <= _MOST_ROWS]
    found = [some for some in found if np.ptp(rows.Y[some], axis=0).any()]
    if problem.n_rows <= _MOST_ROWS or not found:
        found.append(every)
    return found


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
            extra["report"] = hush
        ends.append((run(start, bounds, **extra), floor))
    found, floor = min(ends, key=lambda end: end[0].path[-1])
    if len(begins) > 1:
        for value in found.path[1:]:
            report(value)
    return found, floor


def hush(*_told):
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
