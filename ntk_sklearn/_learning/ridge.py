"""The choice of the ridge alone, with the kernel as it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._utils.arrays import is_elsewhere
from ..objectives._loo import loo_along_alpha
from ..solvers._cholesky import Solution, solve
from ..solvers._on_arrays import diagonal, times
from ..solvers._row_weights import RowWeights

# Ridges tried by the leave-one-out path, relative to the mean diagonal of the centred
# kernel: half-decades.
PATH_ALPHAS = 10.0 ** np.arange(-4.0, 2.01, 0.5)
# What a constant kernel's centred diagonal may be by rounding, and the least unit of a
# kernel that is not constant; both relative to the mean diagonal.
_ROUNDING, _LEAST = 1e-12, 1e-8
# The search for a larger ridge: the first step of its logarithm, which is also the
# length of an interval that is small enough for a cubic, and the number of steps.
_RAISE, _MOST_RAISES = 2.0, 6


def kernel_unit(K: np.ndarray, weights: RowWeights) -> float:
    """Return the weighted mean diagonal of the centred kernel matrix.

    It is the natural unit of a ridge. A constant kernel has none: the mean diagonal
    takes its place, beside which rounding is small.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    weights : RowWeights
        Weights of the rows.

    Returns
    -------
    float
    """
    p = weights.weight / weights.weight.sum()
    mean = p @ diagonal(K)
    unit = mean - (p @ times(K, p) if is_elsewhere(K) else p @ K @ p)
    if unit <= _ROUNDING * mean:
        return max(mean, 1e-300)
    return max(unit, _LEAST * mean)


def solve_raised(
    K, Y, alpha: float, highest: float, weights: RowWeights, intercept: bool
) -> tuple[float, Solution]:
    """Solve the ridge problem, after raising the ridge if leave-one-out asks for it.

    The ridge is raised to the next minimum of the leave-one-out error, but not above
    `highest`. It is never lowered.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    Y : ndarray of shape (n, k)
        Targets.
    alpha, highest : float
        The ridge to start from, and the largest one that is allowed.
    weights : RowWeights
        Weights of the rows.
    intercept : bool
        Whether a constant that the ridge does not penalise is fitted.

    Returns
    -------
    alpha : float
        The ridge.
    solution : Solution
        The solution with this ridge.
    """
    solution = solve(K, Y, alpha, weights, intercept)
    if highest <= alpha:
        return alpha, solution
    value, slope = loo_along_alpha(solution, alpha, weights)
    if slope >= 0.0:
        return alpha, solution
    del solution  # one inverse at a time

    def along(ridge):
        return loo_along_alpha(solve(K, Y, ridge, weights, intercept), ridge, weights)

    alpha = _next_minimum(along, alpha, value, slope, highest)
    return alpha, solve(K, Y, alpha, weights, intercept)


def _next_minimum(along: Callable, alpha, value, slope, highest) -> float:
    """Find the next minimum above a ridge at which the slope is negative.

    Growing steps find a ridge with a positive slope, then the interval is halved until
    it is short. ``along(alpha)`` returns a value and its slope.
    """
    low, high = (np.log(alpha), value, alpha * slope), None
    step, top = _RAISE, np.log(highest)
    for _ in range(_MOST_RAISES):
        if high is None:
            at, step = min(low[0] + step, top), 2.0 * step
        elif high[0] - low[0] > _RAISE:
            at = 0.5 * (low[0] + high[0])
        else:
            break
        value, slope = along(float(np.exp(at)))
        found = at, value, np.exp(at) * slope
        if found[2] > 0.0:
            high = found
        else:
            low = found
        if low[0] == top:
            break
    at = low[0] if high is None else _lowest(low, high)
    return min(float(np.exp(at)), highest)


def _lowest(low, high) -> float:
    """Return the minimum of the cubic through two points with given slopes."""
    from scipy.interpolate import CubicHermiteSpline  # slow to import, needed only here

    x, values, slopes = zip(low, high, strict=True)
    cubic = CubicHermiteSpline(x, values, slopes)
    found = cubic.derivative().roots(extrapolate=False)
    return float(found[np.argmin(cubic(found))])
