"""The points that learning starts from."""

from __future__ import annotations

import numpy as np

from ..optimizers._result import OptimizeResult
from ..solvers._spectrum import ridge_path
from .problem import HyperparameterProblem
from .ridge import PATH_ALPHAS, kernel_unit

_OTHERS, _NOISE = 0.7, 0.1
# A model that is better than nothing but noise by less is taken for noise: differences
# of the evidence, and shares of other objectives.
_NATS, _SHARE = 3.0, 0.02


def starts(problem: HyperparameterProblem, matters=None) -> list[np.ndarray]:
    """Return the points to start from: one, or two for the ridge of a small problem.

    The first point has the given ridge, or that with the smallest leave-one-out error
    if the objective is lower there. With a ridge far from the kernel's scale, the first
    steps would be large and lead the other hyperparameters astray. If the smallest
    ridge of the grid is the best, the kernel may be so narrow that rows tell nothing of
    each other and no ridge matters. A second point then has a ridge as large as the
    kernel.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem on the rows of the first subset.

    Returns
    -------
    list of ndarray of shape (p,)
    """
    if not problem.learns_alpha:
        return [problem.start]
    rows, options = problem.rows, problem.options
    K = problem.kernel(rows.X)
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
        if matters is not None:
            found.append(_seeing(problem, matters))
    return found


def _seeing(problem: HyperparameterProblem, matters) -> np.ndarray:
    """Return a point at which the columns that matter have short length scales."""
    places = problem.kernel.positions("length_scale")
    moved = problem.start.copy()
    moved[places] += np.where(matters, 0.5 * np.log(matters.mean()), _OTHERS)
    moved = np.clip(moved, *problem.bounds.T)
    K = problem.kernel_at(moved)(problem.rows.X)
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
