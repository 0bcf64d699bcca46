"""The result of an optimizer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._curvature import Curvature

# The first step changes no logarithm by more than this.
FIRST_CHANGE = 0.5


class OptimizeResult(NamedTuple):
    """The result of an optimizer.

    Attributes
    ----------
    u : ndarray of shape (p,)
        The logarithms at the end; minus infinity means a weight of exactly zero.
    path : list of float
        The objective at the start and after every iteration.
    converged : bool
        Whether the optimizer stopped by its own rule, before the maximum number of
        iterations.
    curvature : Curvature or None
        The curvature that "bfgs" has estimated; None for other optimizers.

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
