"""The result of an optimiser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._curvature import Curvature

# The first step changes no parameter by more than this share.
FIRST_CHANGE = 0.5


class OptimizeResult(NamedTuple):
    """The result of an optimiser.

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

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.optimizers import OptimizeResult
    >>> OptimizeResult(np.zeros(2), [3.0, 1.0], True).path[-1]
    1.0
    """

    u: np.ndarray
    path: list[float]
    converged: bool
    curvature: Curvature | None = None
