"""The points that learning starts from."""

from __future__ import annotations

import numpy as np

from ..solvers._spectrum import ridge_path
from .problem import HyperparameterProblem
from .ridge import PATH_ALPHAS, kernel_unit

# Up to this many rows, where it costs little, "bfgs" may start twice.
_FEW_ROWS = 400


def starts(problem: HyperparameterProblem) -> list[np.ndarray]:
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
    few = options.optimizer == "bfgs" and problem.n_rows <= _FEW_ROWS
    if few and best == alphas[0]:
        found.append(start(unit))
    return found
