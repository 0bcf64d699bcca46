"""Optimizers that minimise an objective over the logarithms of hyperparameters.

Each takes a function ``evaluate(u) -> (value, gradient)`` of a vector u of logarithms,
and does not depend on kernels or objectives. The dictionary `OPTIMIZERS` holds them by
the names that the estimators use.
"""

from __future__ import annotations

from collections.abc import Callable

from ._curvature import Curvature
from ._lbfgs import lbfgs
from ._projected import WeightSteps, projected_gradient
from ._quasi_newton import bfgs
from ._result import OptimizeResult

OPTIMIZERS: dict[str, Callable] = {
    "bfgs": bfgs,
    "lbfgs": lbfgs,
    "projected-gradient": projected_gradient,
}

__all__ = [
    "OPTIMIZERS",
    "Curvature",
    "OptimizeResult",
    "WeightSteps",
    "bfgs",
    "lbfgs",
    "projected_gradient",
]
