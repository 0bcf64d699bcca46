"""The weight update: what turns gradients into layer weights, ridge and the rest.

Functions of a problem ``evaluate(u) -> (value, gradient)`` in logarithms u; they know
neither kernels nor objectives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Backtracking: the first step changes no parameter by more than this share; a success
# doubles the rate, a failure halves it, and after so many halvings there is no descent.
_FIRST_CHANGE = 0.5
_HALVINGS = 40
# Of the fall that the slope promises, a quasi-Newton step must keep so much; no step
# changes a logarithm by more than this; and a shorter one is tried so often.
_SUFFICIENT = 1e-4
_LARGEST_CHANGE = 2.0
_SHORTENINGS = 20
# What SciPy, which knows no infinities, is told of an impossible point, in its units.
_IMPOSSIBLE = 1e10


class Outcome(NamedTuple):
    """Where an optimiser ended.

    Attributes
    ----------
    u : ndarray
        Logarithms; minus infinity is a weight of exactly zero.
    path : list of float
        Objective at the start and after every iteration.
    converged : bool
        Whether it ended by its own rule and not by the limit of iterations.
    curvature : Curvature or None
        What a quasi-Newton method has seen of the objective.
    """

    u: np.ndarray
    path: list[float]
    converged: bool
    curvature: Curvature | None = None


class Curvature:
    """An inverse Hessian, as the BFGS formula makes it of steps and changes of slope.

    Parameters
    ----------
    first : float or ndarray of shape (p,)
        The diagonal to start from.
    pairs : sequence of pairs of ndarray of shape (p,)
        Steps, and how the gradient changed along each.
    """

    def __init__(self, first, pairs=()):
        self.first = first
        self.pairs = list(pairs)

    def add(self, step, change) -> None:
        """Learn from a step, if the objective curved upwards along it.

        Of what stood still, at a bound, nothing is learned: its slope would spoil the
        inverse among the others.
        """
        change = np.where(step != 0.0, change, 0.0)
        if step @ change > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            self.pairs.append((step, change))

    def __matmul__(self, gradient):
        """Multiply with a vector."""
        out, shares = gradient.copy(), []
        for step, change in reversed(self.pairs):
            shares.append((step @ out) / (step @ change))
            out -= shares[-1] * change
        out *= self.first
        for step, change in self.pairs:
            out += (shares.pop() - (change @ out) / (step @ change)) * step
        return out

    def scaled(self, factor: float) -> Curvature:
        """Return the inverse Hessian multiplied by a factor."""
        pairs = [(step, change / factor) for step, change in self.pairs]
        return Curvature(self.first * factor, pairs)


def lbfgs(
    evaluate: Callable, start, bounds, *, max_iter, tol, report: Callable, scale=None
) -> Outcome:
    """Quasi-Newton steps in all logarithms at once (scipy's L-BFGS-B).

    Parameters
    ----------
    evaluate : callable
        ``evaluate(u) -> (value, gradient)``.
    start : ndarray of shape (p,)
    bounds : ndarray of shape (p, 2)
    max_iter : int
    tol : float
        Ends when the value falls by less than this, relative to `scale`; not after the
        first step, whose length is a guess.
    report : callable
        Called with the value after every iteration.
    scale : float, default=None
        None means the size of the value at the start.

    Returns
    -------
    Outcome
    """
    from scipy.optimize import minimize  # slow to import, needed only here

    path: list[float] = []
    best: list = [np.inf, np.asarray(start)]

    # scipy would take a step all the same, or has nothing to say.
    if max_iter == 0 or np.all(bounds[:, 0] == bounds[:, 1]):
        return Outcome(np.asarray(start), [evaluate(start)[0]], True)

    # scipy's first step is the gradient itself: in units that make it a good one. Its
    # tolerance depends on units, and is left alone.
    origin, unit = 0.0, 1.0

    def remember(u):
        nonlocal origin, unit
        value, gradient = evaluate(u)
        if not path:
            path.append(value)
            origin = value if value < np.inf else 0.0
            unit = np.abs(gradient).max() / _FIRST_CHANGE or 1.0
        if value == np.inf:
            return _IMPOSSIBLE, np.zeros_like(gradient)
        if value < best[0]:
            best[:] = [value, u.copy()]
        return (value - origin) / unit, gradient / unit

    def iterate(intermediate_result):
        path.append(float(intermediate_result.fun) * unit + origin)
        report(path[-1])
        fall = path[-2] - path[-1]
        if len(path) > 2 and fall <= tol * (scale or abs(origin) or 1.0):
            raise StopIteration

    options = {"maxiter": max_iter, "ftol": 0.0, "gtol": 1e-10}
    found = minimize(
        remember,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        callback=iterate,
        options=options,
    )
    # Status 2 is a line search that finds nothing lower: rounding, at a minimum.
    return Outcome(best[1], path, found.status != 1)


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
) -> Outcome:
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
    Outcome
        With the curvature.
    """
    low, high = bounds.T
    u = np.clip(start, low, high)
    value, gradient = evaluate(u)
    path = [value]
    scale = scale or abs(value) or 1.0
    if curvature is None:
        curvature = Curvature(_FIRST_CHANGE / max(np.abs(gradient).max(), 1e-300))
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
    return Outcome(u, path, converged, curvature)


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


def projected_gradient(
    evaluate: Callable,
    start,
    bounds,
    *,
    linear,
    learning_rate,
    max_iter,
    tol,
    report: Callable,
    scale: float | None = None,
) -> Outcome:
    """Projected steps: weights linearly in ``w >= 0``, everything else in logarithms.

    A weight moves by ``w <- max(w - rate * w dL/dw, 0)``, the published update of the
    weighted NTK (Tan et al. 2023): zero is reached exactly, and switches a layer off
    for good.

    Parameters
    ----------
    evaluate, start, bounds, max_iter, tol, report, scale
        As for `lbfgs`.
    linear : ndarray of bool, shape (p,)
        Which entries are weights.
    learning_rate : float or "backtracking"
        A fixed rate, or a search that never lets the objective rise.

    Returns
    -------
    Outcome
    """
    u = np.asarray(start, dtype=np.float64)
    value, gradient = evaluate(u)
    path = [value]
    scale = scale or abs(value) or 1.0
    searching = learning_rate == "backtracking"
    largest = np.abs(_change(u, gradient, linear)).max(initial=0.0)
    rate = _FIRST_CHANGE / max(largest, 1e-300) if searching else learning_rate
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
    return Outcome(u, path, converged or not searching or max_iter == 0)


def _change(u, gradient, linear):
    """Relative change of each parameter per unit of rate."""
    with np.errstate(over="ignore"):
        return np.where(linear & np.isfinite(u), gradient * np.exp(-u), gradient)


def _move(u, gradient, linear, bounds, rate):
    """One projected step; returns logarithms."""
    moved = np.clip(u - rate * gradient, bounds[:, 0], bounds[:, 1])
    weights = np.maximum(np.exp(u[linear]) - rate * gradient[linear], 0.0)
    with np.errstate(divide="ignore"):
        moved[linear] = np.minimum(np.log(weights), bounds[linear, 1])
    return moved


def _all_off(u, linear) -> bool:
    """Whether every weight is zero."""
    return bool(linear.any() and np.isneginf(u[linear]).all())


def _backtrack(evaluate, u, value, gradient, linear, bounds, rate):
    """Halve the rate until the value falls; the next rate, and the step or None."""
    already_off = np.isneginf(u)
    for _ in range(_HALVINGS):
        moved = _move(u, gradient, linear, bounds, rate)
        # A weight below its bound is as good as off, and a product of many such steps
        # would leave the range of numbers.
        moved[linear & (moved < bounds[:, 0])] = -np.inf
        stays = np.array_equal(moved[~already_off], u[~already_off])
        if not (stays or _all_off(moved, linear)):
            new_value, new_gradient = evaluate(moved)
            if new_value < value:
                return 2.0 * rate, (moved, new_value, new_gradient)
        rate /= 2.0
    return rate, None


OPTIMIZERS: dict[str, Callable] = {
    "bfgs": bfgs,
    "lbfgs": lbfgs,
    "projected-gradient": projected_gradient,
}
