"""A projected quasi-Newton method that hands on what it has seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._curvature import Curvature
from ._result import FIRST_CHANGE, OptimizeResult

# Of the fall that the slope promises, a step must keep so much; no step changes a
# logarithm by more than this; and a shorter one is tried so often.
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
    """Projected quasi-Newton steps in all logarithms at once, nothing forgotten.

    Logarithms at a bound that want to go beyond it stay there for the iteration; the
    others take the BFGS step, held within the bounds and shortened until the value
    falls. Most iterations so cost one evaluation.

    Parameters
    ----------
    evaluate, start, bounds, max_iter, tol, report, scale
        As for `lbfgs`.
    curvature : Curvature, default=None
        What is known of the objective; it is added to. None knows nothing.

    Returns
    -------
    OptimizeResult
        With the curvature.

    Examples
    --------
    The lowest point of a parabola lies beyond a bound:

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
    """Shorten a step until the value falls with the slope; where it ends, or None."""
    rate, slope = 1.0, gradient @ direction
    for _ in range(_SHORTENINGS):
        if not -rate * slope > np.finfo(float).eps * abs(value):
            return None  # nothing to be gained but rounding
        moved = np.clip(u + rate * direction, *bounds.T)
        promised = gradient @ (moved - u)
        if promised >= 0.0:  # a bound has cut off what was to be gained
            rate *= 0.5
            continue
        new_value, new_gradient = evaluate(moved)
        if new_value <= value + _SUFFICIENT * promised:
            return moved, new_value, new_gradient
        # The minimum of the parabola through both values, with the slope between them.
        bend = new_value - value - promised
        rate *= float(np.clip(-0.5 * promised / bend, 0.1, 0.5))
    return None
