"""Points that learning starts from."""

from __future__ import annotations

import numpy as np

from ..solvers._spectrum import ridge_path
from .problem import HyperparameterProblem
from .ridge import PATH_ALPHAS, kernel_unit

# On so many rows, where it costs little, "bfgs" may start twice.
_FEW_ROWS = 400


def starts(problem: HyperparameterProblem) -> list[np.ndarray]:
    """Return the starts: at the best ridge of the leave-one-out path, if it is better.

    With a ridge far from the kernel's scale the first steps would be large ones, into
    a corner of the other hyperparameters. If the smallest ridge is the best one, the
    rows may be strangers to each other, and no ridge matters: then a second start has
    as much noise as kernel.

    Parameters
    ----------
    problem : HyperparameterProblem

    Returns
    -------
    list of ndarray of shape (p,)
    """
    if not problem.learns_alpha:
        return [problem.start]
    rows, options = problem.rows, problem.options
    K = problem.kernel(rows.X)
    reach = np.ptp(rows.Y, axis=0)
    Y = rows.Y / np.where(reach > 0.0, reach, 1.0)  # no output rules by its units
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
