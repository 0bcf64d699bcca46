"""The points that learning starts from."""

from __future__ import annotations

import numpy as np

from ..kernels._on_rows import matrix_at
from ..kernels._theta import ThetaKernel
from ..optimizers._result import OptimizeResult
from ..solvers._spectrum import ridge_path
from .look import columns_that_matter
from .problem import HyperparameterProblem
from .ridge import PATH_ALPHAS, kernel_unit
from .subsets import in_order, spread_rows

# Where some length scales are short: what is added to the logarithms of the others, and
# the ridge in units of the kernel.
_OTHERS, _NOISE = 0.7, 0.1
# A look takes up to this many rows.
_MOST_ROWS = 1000
# A model that is better than nothing but noise by less is taken for noise: differences
# of the evidence, and shares of other objectives.
_NATS, _SHARE = 3.0, 0.02


def look(problem: HyperparameterProblem) -> np.ndarray | None:
    """Return which columns matter, or None if that would be no use.

    It is of use if the kernel has a length scale for each column, and some columns
    matter but not all.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem on all rows.

    Returns
    -------
    ndarray of bool, shape (n_columns,), or None
    """
    X, Y = problem.rows.X, problem.rows.Y
    if problem.options.optimizer != "bfgs" or np.ndim(X) != 2 or X.shape[1] < 2:
        return None
    if not isinstance(problem.kernel, ThetaKernel):
        return None
    if problem.kernel.positions("length_scale").size != X.shape[1]:
        return None
    if len(X) > _MOST_ROWS:
        some = spread_rows(in_order(X, Y), _MOST_ROWS)
        X, Y = X[some], Y[some]
    matters = columns_that_matter(X, Y)
    return matters if matters.any() and not matters.all() else None


def starts(problem: HyperparameterProblem, matters=None) -> list[np.ndarray]:
    """Return the points to start from.

    The first point has the given ridge, or that with the smallest leave-one-out error
    if the objective is lower there. With a ridge far from the kernel's scale, the first
    steps would be large and lead the other hyperparameters astray. If the kernel sees
    nothing in the columns as they are, that ridge is so large that no other
    hyperparameter has a slope. Further points therefore have a ridge as large as the
    kernel, and a tenth of it; and a last one has short length scales for the columns
    that matter.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem on the rows of a subset.
    matters : ndarray of bool, shape (n_columns,), default=None
        The result of `look`.

    Returns
    -------
    list of ndarray of shape (p,)
    """
    seeing = [] if matters is None else [_seeing(problem, matters)]
    if not problem.learns_alpha:
        return [problem.start, *seeing]
    rows, options = problem.rows, problem.options
    K = matrix_at(options.place, problem.kernel, rows.X)
    reach = np.ptp(rows.Y, axis=0)
    Y = rows.Y / np.where(reach > 0.0, reach, 1.0)  # all outputs count alike
    unit = kernel_unit(K, rows.weights)
    alphas = PATH_ALPHAS * unit
    path = ridge_path(K, Y, alphas, rows.weights, options.fit_intercept)
    best = path.best_alpha

    def start(alpha):
        moved = problem.start.copy()
        moved[-1] = np.clip(np.log(alpha), *problem.bounds[-1])
        return moved

    candidates = [problem.start, start(best)]
    found = [min(candidates, key=lambda u: problem.evaluate(u)[0])]
    if options.optimizer == "bfgs":
        found += [start(unit), start(0.1 * unit)]
    return found + seeing


def _seeing(problem: HyperparameterProblem, matters) -> np.ndarray:
    """Return a point at which the columns that matter have short length scales.

    These columns are as far apart as all columns are at the start.
    """
    places = problem.kernel.positions("length_scale")
    moved = problem.start.copy()
    moved[places] += np.where(matters, 0.5 * np.log(matters.mean()), _OTHERS)
    moved = np.clip(moved, *problem.bounds.T)
    kernel = problem.kernel_at(moved)
    K = matrix_at(problem.options.place, kernel, problem.rows.X)
    if problem.learns_alpha:
        alpha = _NOISE * kernel_unit(K, problem.rows.weights)
        moved[-1] = np.clip(np.log(alpha), *problem.bounds[-1])
    return moved


def is_blind(problem: HyperparameterProblem, found: OptimizeResult) -> bool:
    """Return whether an end is hardly better than a model of nothing but noise.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem that was minimised.
    found : OptimizeResult
        Where learning has ended.

    Returns
    -------
    bool
    """
    if not problem.learns_alpha:
        return False
    noise = found.u.copy()
    noise[-1] = problem.bounds[-1, 1]  # a ridge so large that nothing is fitted
    alone = problem.evaluate(noise)[0]
    if problem.prior is not None:
        alone -= problem.prior.penalty(noise)[0]
    if problem.options.objective == "evidence":
        return alone - found.path[-1] < _NATS
    return alone - found.path[-1] < _SHARE * alone
