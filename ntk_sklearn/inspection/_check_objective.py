"""A check of an objective against its own differences."""

from __future__ import annotations

import numpy as np

from ..kernels._ntk import NTKernel


def check_objective(objective, ordered=False) -> None:
    """Check that an objective and its derivatives agree.

    Its value must be a finite number that does not depend on the order of the rows, nor
    on weights that are all one, and its derivatives with respect to the kernel matrix,
    one symmetric matrix, and to the ridge must be those that differences give. It must
    not change what it is given.

    Parameters
    ----------
    objective : callable
        ``objective(K, Y, alpha, sample_weight=None)`` returns an
        :class:`~ntk_sklearn.objectives.Evaluation`.
    ordered : bool, default=False
        Whether the objective tells rows by their numbers, as splits do, so that it may
        depend on their order.

    Raises
    ------
    ValueError
        If something is wrong; the message is a sentence that says what.

    Examples
    --------
    >>> from ntk_sklearn.inspection import check_objective
    >>> from ntk_sklearn.objectives import loo
    >>> check_objective(loo)
    >>> check_objective(lambda K, Y, alpha, sample_weight=None: loo(K, Y, 1.0))
    Traceback (most recent call last):
        ...
    ValueError: the derivative in the ridge is ..., but differences give 0.
    """
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
    K, alpha = NTKernel(2)(X), 0.3
    given = K.copy(), Y.copy()
    found = objective(K, Y, alpha)
    for name, before, after in zip("KY", given, (K, Y), strict=True):
        if not np.array_equal(before, after):
            raise ValueError(
                f"the objective changes {name}, which only overwrite_K=True allows."
            )
    if not all(hasattr(found, name) for name in ("value", "dK", "dalpha")):
        raise ValueError(
            "the objective must return an Evaluation of value, dK and dalpha, got "
            f"{type(found).__name__}."
        )
    if np.ndim(found.value) or not np.isfinite(found.value):
        raise ValueError(f"the value must be a finite number, got {found.value!r}.")
    _check_invariance(objective, (K, Y, alpha), found.value, ordered)
    _check_dK(objective, K, Y, alpha, found)
    h = 1e-4
    values = [objective(K, Y, alpha + t * h).value for t in (2, 1, -1, -2)]
    slope = (8.0 * (values[1] - values[2]) - values[0] + values[3]) / (12.0 * h)
    size = max(abs(slope), abs(found.value))
    if not abs(found.dalpha - slope) <= 1e-7 * size:
        raise ValueError(
            f"the derivative in the ridge is {found.dalpha:.8g}, but differences give "
            f"{slope:.8g}."
        )


def _check_invariance(objective, given, value, ordered) -> None:
    """Check what must not change the value."""
    K, Y, alpha = given
    size = 1e-9 * max(1.0, abs(value))
    if not abs(objective(K, Y, alpha).value - value) <= size:
        raise ValueError("the value is different at the next call.")
    order = np.arange(len(K)) if ordered else np.arange(len(K))[::-1]
    turned = objective(np.ascontiguousarray(K[np.ix_(order, order)]), Y[order], alpha)
    if not abs(turned.value - value) <= size:
        raise ValueError("the value depends on the order of the rows.")
    ones = objective(K, Y, alpha, sample_weight=np.ones(len(K)))
    if not abs(ones.value - value) <= size:
        raise ValueError("weights that are all one change the value.")


def _check_dK(objective, K, Y, alpha, found) -> None:
    """Check the derivative in the kernel matrix along some directions."""
    if np.shape(found.dK) != K.shape or not np.isfinite(found.dK).all():
        raise ValueError(
            f"dK must be a finite array of shape {K.shape}, got {np.shape(found.dK)}."
        )
    largest = np.abs(found.dK).max()
    if not np.abs(found.dK - found.dK.T).max() <= 1e-9 * largest:
        raise ValueError("dK must be symmetric.")
    h, rng = 1e-4, np.random.default_rng(1)
    for _ in range(3):
        direction = rng.standard_normal(K.shape)
        direction += direction.T
        f = [objective(K + t * h * direction, Y, alpha).value for t in (2, 1, -1, -2)]
        slope = (8.0 * (f[1] - f[2]) - f[0] + f[3]) / (12.0 * h)
        own = float(np.sum(found.dK * direction))
        if not abs(own - slope) <= 1e-7 * max(abs(slope), largest * len(K)):
            raise ValueError(
                f"the derivative in K along a direction is {own:.8g}, but differences "
                f"give {slope:.8g}."
            )
