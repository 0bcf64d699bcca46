"""Projected gradient descent, in which weights may become exactly zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._result import FIRST_CHANGE, OptimizeResult

# The rate doubles after a success and halves after a failure. After this many halvings
# the search gives up.
_HALVINGS = 40


class WeightSteps(NamedTuple):
    """The parameters that are logarithms of weights, and the rate of their steps.

    Attributes
    ----------
    linear : ndarray of bool, shape (p,)
        Mask of the entries that are logarithms of weights.
    learning_rate : float or "backtracking"
        A fixed rate, or a search for a rate at which the value does not rise.

    Examples
    --------
    >>> from ntk_sklearn.optimizers import WeightSteps
    >>> WeightSteps([True, False], 0.1).learning_rate
    0.1
    """

    linear: np.ndarray
    learning_rate: float | str


def projected_gradient(
    evaluate: Callable,
    start,
    bounds,
    *,
    steps: WeightSteps,
    max_iter,
    tol,
    report: Callable,
    scale: float | None = None,
) -> OptimizeResult:
    """Minimise a function by projected gradient descent.

    Weights take steps ``w <- max(w - rate * w dL/dw, 0)``, the published update of the
    weighted NTK (Tan et al. 2023), and everything else takes gradient steps in the
    logarithms. A weight that has become zero stays zero: its layer is switched off.

    Parameters
    ----------
    evaluate, start, bounds, max_iter, tol, report, scale
        As for `lbfgs`.
    steps : WeightSteps
        Which entries are logarithms of weights, and the learning rate.

    Returns
    -------
    OptimizeResult

    Examples
    --------
    The minimum of a parabola lies beyond a bound:

    >>> import numpy as np
    >>> from ntk_sklearn.optimizers import WeightSteps, projected_gradient
    >>> def evaluate(u):
    ...     return float(np.sum((u - [1.0, 3.0]) ** 2)), 2.0 * (u - [1.0, 3.0])
    >>> found = projected_gradient(
    ...     evaluate,
    ...     np.zeros(2),
    ...     np.array([[-2.0, 2.0], [-2.0, 2.0]]),
    ...     steps=WeightSteps(np.zeros(2, dtype=bool), "backtracking"),
    ...     max_iter=50,
    ...     tol=1e-9,
    ...     report=lambda value: None,
    ... )
    >>> found.u.round(3), found.converged
    (array([1., 2.]), True)
    """
    linear, learning_rate = steps
    u = np.asarray(start, dtype=np.float64)
    value, gradient = evaluate(u)
    path = [value]
    scale = scale or abs(value) or 1.0
    searching = learning_rate == "backtracking"
    largest = np.abs(_change(u, gradient, linear)).max(initial=0.0)
    rate = FIRST_CHANGE / max(largest, 1e-300) if searching else learning_rate
    converged = False
    for _ in range(max_iter):
        if searching:
            rate, step = _backtrack(evaluate, u, value, gradient, linear, bounds, rate)
            if step is None:
                converged = True
                break
        else:
            moved = _move(u, gradient, linear, bounds, rate)
            if _all_off(moved, linear):
                raise ValueError(
                    f"learning_rate={learning_rate:g} would switch every layer off in "
                    f"iteration {len(path)}; lower it, or use "
                    'learning_rate="backtracking".'
                )
            step = (moved, *evaluate(moved))
        fall = value - step[1]
        u, value, gradient = step
        path.append(value)
        report(value)
        if searching and len(path) > 2 and fall <= tol * scale:
            converged = True
            break
    return OptimizeResult(u, path, converged or not searching or max_iter == 0)


def _change(u, gradient, linear):
    """Return the relative change of each parameter for a rate of one."""
    with np.errstate(over="ignore"):
        return np.where(linear & np.isfinite(u), gradient * np.exp(-u), gradient)


def _move(u, gradient, linear, bounds, rate):
    """Return the logarithms after one projected step."""
    moved = np.clip(u - rate * gradient, bounds[:, 0], bounds[:, 1])
    weights = np.maximum(np.exp(u[linear]) - rate * gradient[linear], 0.0)
    with np.errstate(divide="ignore"):
        moved[linear] = np.minimum(np.log(weights), bounds[linear, 1])
    return moved


def _all_off(u, linear) -> bool:
    """Return whether all weights are zero."""
    return bool(linear.any() and np.isneginf(u[linear]).all())


def _backtrack(evaluate, u, value, gradient, linear, bounds, rate):
    """Halve the rate until the value falls; return the next rate and the step.

    The step is None if no rate lowers the value.
    """
    already_off = np.isneginf(u)
    for _ in range(_HALVINGS):
        moved = _move(u, gradient, linear, bounds, rate)
        # A weight below its bound is set to zero: further steps could otherwise take it
        # below the smallest floating-point number.
        moved[linear & (moved < bounds[:, 0])] = -np.inf
        stays = np.array_equal(moved[~already_off], u[~already_off])
        if not (stays or _all_off(moved, linear)):
            new_value, new_gradient = evaluate(moved)
            if new_value < value:
                return 2.0 * rate, (moved, new_value, new_gradient)
        rate /= 2.0
    return rate, None
