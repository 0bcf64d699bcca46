"""A projected quasi-Newton method that returns its estimate of the curvature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._curvature import Curvature
from ._result import FIRST_CHANGE, OptimizeResult

# A step must achieve this share of the decrease that the slope predicts; it changes no
# logarithm by more than the second number; and it is shortened up to this many times.
_SUFFICIENT = 1e-4
_LARGEST_CHANGE = 2.0
_SHORTENINGS = 20
# Entries land on bounds, or leave them again, in up to this many rounds.
_ROUNDS = 20


def bfgs(
    evaluate: Callable,
    start,
    bounds,
    *,
    max_iter,
    tol,
    report: Callable,
    scale: float | None = None,
    curvature: Curvature | None = None,
) -> OptimizeResult:
    """Minimise a function by projected quasi-Newton steps, with full BFGS memory.

    Each step leads to the minimum of the quadratic model within the bounds, and is
    shortened until the value falls. Most iterations need one evaluation. The optimizer
    stops when the last step has gained little and the model promises little from the
    next one.

    Parameters
    ----------
    evaluate, start, bounds, max_iter, tol, report, scale
        As for `lbfgs`.
    curvature : Curvature, default=None
        An estimate of the curvature to start from; steps are added to it. None starts
        without one.

    Returns
    -------
    OptimizeResult
        Its `curvature` can be given to another run.

    Examples
    --------
    The minimum of a parabola lies beyond a bound:

    >>> import numpy as np
    >>> from ntk_sklearn.optimizers import bfgs
    >>> def evaluate(u):
    ...     return float(np.sum((u - [1.0, 3.0]) ** 2)), 2.0 * (u - [1.0, 3.0])
    >>> found = bfgs(
    ...     evaluate,
    ...     np.zeros(2),
    ...     np.array([[-2.0, 2.0], [-2.0, 2.0]]),
    ...     max_iter=50,
    ...     tol=1e-9,
    ...     report=lambda value: None,
    ... )
    >>> found.u.round(3), found.converged
    (array([1., 2.]), True)
    """
    low, high = bounds.T
    u = np.clip(start, low, high)
    value, gradient = evaluate(u)
    path = [value]
    scale = scale or abs(value) or 1.0
    if curvature is None:
        curvature = Curvature(FIRST_CHANGE / max(np.abs(gradient).max(), 1e-300))
    guesses = 0 if curvature.pairs else 1
    fall = np.inf
    while True:
        step = _step_within(curvature, gradient, low - u, high - u)
        promised = -0.5 * float(gradient @ step)
        settled = len(path) - 1 > guesses and max(fall, promised) <= tol * scale
        if settled or len(path) > max_iter:
            return OptimizeResult(u, path, settled or max_iter == 0, curvature)
        step *= min(1.0, _LARGEST_CHANGE / max(np.abs(step).max(), 1e-300))
        found = _descend(evaluate, u, value, gradient, step, bounds)
        if found is None:
            return OptimizeResult(u, path, True, curvature)
        moved, new_value, new_gradient = found
        curvature.add(moved - u, new_gradient - gradient)
        fall = value - new_value
        u, value, gradient = found
        path.append(value)
        report(value)


def _step_within(curvature, gradient, low, high):
    """Return the step to the minimum of the quadratic model between two bounds.

    Entries that are at a bound, and that the gradient would push beyond it, stay there.
    Entries that the model would carry beyond a bound land on it, and the minimum is
    found again for the others, until none is carried too far and the model pushes all
    that have landed against their bound.
    """
    free = ~((low >= 0.0) & (gradient > 0.0) | (high <= 0.0) & (gradient < 0.0))
    side = np.zeros(free.size)  # -1 at the lower and 1 at the upper bound
    force = np.zeros(free.size)
    for _ in range(_ROUNDS):
        step = -np.where(free, curvature @ (free * (gradient + force)), 0.0)
        moved = np.where(side == 0.0, 1.0 * (step > high) - 1.0 * (step < low), side)
        moved *= free & (side * force >= 0.0)
        if np.array_equal(moved, side):
            break
        side = moved
        force = _holding(curvature, gradient, free, side, low, high)
    step = np.select([side < 0.0, side > 0.0], [low, high], np.clip(step, low, high))
    if gradient @ step < 0.0:
        return step
    return np.clip(-np.where(free, curvature.first * gradient, 0.0), low, high)


def _holding(curvature, gradient, free, side, low, high):
    """Return what to add to the gradient so that some entries step onto their bounds.

    In the quadratic model, these are the Lagrange multipliers of the bounds.
    """
    landed = np.flatnonzero(side)
    force = np.zeros(side.size)
    if landed.size:
        units = np.eye(side.size)[landed]
        inverse = np.array([(curvature @ unit)[landed] for unit in units])
        short = np.where(side < 0.0, low, high) + curvature @ (free * gradient)
        force[landed] = -np.linalg.solve(inverse, short[landed])
    return force


def _descend(evaluate, u, value, gradient, step, bounds):
    """Shorten a step until the value falls enough; return its end, or None."""
    rate, slope = 1.0, float(gradient @ step)
    for _ in range(_SHORTENINGS):
        promised = rate * slope
        if not -promised > np.finfo(float).eps * abs(value):
            return None  # the predicted decrease is below rounding error
        moved = _moved(u, rate * step, *bounds.T)
        new_value, new_gradient = evaluate(moved)
        if new_value <= value + _SUFFICIENT * promised:
            return moved, new_value, new_gradient
        # The minimum of the parabola through both values and the slope at the start.
        bend = new_value - value - promised
        rate *= float(np.clip(-0.5 * promised / bend, 0.1, 0.5))
    return None


def _moved(u, step, low, high):
    """Return ``u + step``, exactly at a bound where the step leads to one."""
    moved = np.where(step <= low - u, low, np.where(step >= high - u, high, u + step))
    return np.clip(moved, low, high)
