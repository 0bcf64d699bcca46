"""SciPy's L-BFGS-B, with a scale of the objective and a stopping rule of our own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._result import FIRST_CHANGE, OptimizeResult

# Value of a rejected point for SciPy, which does not accept infinity, in its units.
_IMPOSSIBLE = 1e10


def lbfgs(
    evaluate: Callable, start, bounds, *, max_iter, tol, report: Callable, scale=None
) -> OptimizeResult:
    """Minimise a function by SciPy's L-BFGS-B.

    Parameters
    ----------
    evaluate : callable
        The function, ``evaluate(u) -> (value, gradient)``. An infinite value rejects a
        point.
    start : ndarray of shape (p,)
        The point to start from.
    bounds : ndarray of shape (p, 2)
        Lower and upper bounds.
    max_iter : int
        Maximum number of iterations.
    tol : float
        The optimizer stops when an iteration lowers the value by less than `tol` times
        `scale`. The first iteration does not count, because the length of its step is a
        guess.
    report : callable
        Called with the value after every iteration.
    scale : float, default=None
        The size of the function. None means its absolute value at the start.

    Returns
    -------
    OptimizeResult

    Examples
    --------
    The minimum of a parabola lies beyond a bound:

    >>> import numpy as np
    >>> from ntk_sklearn.optimizers import lbfgs
    >>> def evaluate(u):
    ...     return float(np.sum((u - [1.0, 3.0]) ** 2)), 2.0 * (u - [1.0, 3.0])
    >>> found = lbfgs(
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
    from scipy.optimize import minimize  # slow to import, needed only here

    path: list[float] = []
    best: list = [np.inf, np.asarray(start)]

    # scipy would take a step even so, and reports nothing if all bounds coincide.
    if max_iter == 0 or np.all(bounds[:, 0] == bounds[:, 1]):
        return OptimizeResult(np.asarray(start), [evaluate(start)[0]], True)

    # scipy's first step is the gradient itself, so the function is scaled such that it
    # has a sensible length. scipy's tolerance depends on the scale, and is not used.
    origin, unit = 0.0, 1.0

    def remember(u):
        nonlocal origin, unit
        value, gradient = evaluate(u)
        if not path:
            path.append(value)
            origin = value if value < np.inf else 0.0
            unit = np.abs(gradient).max() / FIRST_CHANGE or 1.0
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
    # Status 2: the line search finds no lower value, which at a minimum is rounding.
    return OptimizeResult(best[1], path, found.status != 1)
