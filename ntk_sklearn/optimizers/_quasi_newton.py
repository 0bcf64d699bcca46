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

    Entries that are at a bound, and that the gradient would push beyond it, stay there
    for the iteration. The others take the BFGS step, clipped to the bounds and
    shortened until the value falls. Most iterations need one evaluation.

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
    converged = max_iter == 0
    for _ in range(max_iter):
        free = ~((u <= low) & (gradient > 0) | (u >= high) & (gradient < 0))
        direction = -np.where(free, curvature @ np.where(free, gradient, 0.0), 0.0)
        direction *= min(1.0, _LARGEST_CHANGE / max(np.abs(direction).max(), 1e-300))
        step = _descend(evaluate, u, value, gradient, direction, bounds)
        if step is None:
            converged = True
            break
        moved, new_value, new_gradient = step
        curvature.add(moved - u, new_gradient - gradient)
        fall = value - new_value
        u, value, gradient = step
        path.append(value)
        report(value)
        if len(path) - 1 > guesses and fall <= tol * scale:
            converged = True
            break
    return OptimizeResult(u, path, converged, curvature)


def _descend(evaluate, u, value, gradient, direction, bounds):
    """Shorten a step until the value falls enough; return its end, or None."""
    rate, slope = 1.0, gradient @ direction
    for _ in range(_SHORTENINGS):
        if not -rate * slope > np.finfo(float).eps * abs(value):
            return None  # the predicted decrease is below rounding error
        moved = np.clip(u + rate * direction, *bounds.T)
        promised = gradient @ (moved - u)
        if promised >= 0.0:  # clipping has removed the predicted decrease
            rate *= 0.5
            continue
        new_value, new_gradient = evaluate(moved)
        if new_value <= value + _SUFFICIENT * promised:
            return moved, new_value, new_gradient
        # The minimum of the parabola through both values and the slope at the start.
        bend = new_value - value - promised
        rate *= float(np.clip(-0.5 * promised / bend, 0.1, 0.5))
    return None
