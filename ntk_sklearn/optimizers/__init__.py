"""The weight update: what turns gradients into layer weights, ridge and the rest.

Functions of a problem ``evaluate(u) -> (value, gradient)`` in logarithms u; they know
neither kernels nor objectives.
"""

from __future__ import annotations

from collections.abc import Callable

from ._curvature import Curvature
from ._lbfgs import lbfgs
from ._projected import projected_gradient
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
    "bfgs",
    "lbfgs",
    "projected_gradient",
]
