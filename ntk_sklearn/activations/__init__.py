"""The activations: each function beside its closed-form duals, by family.

To add one, see "Adding an activation or a kernel" in the documentation. Registering it
here makes it available to every kernel, and makes the Monte-Carlo, gradient and limit
tests run on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real

import numpy as np

from . import _erf, _gaussian, _gelu, _rectified, _trigonometric
from ._base import Activation

_FAMILIES = (_rectified, _erf, _gelu, _gaussian, _trigonometric)

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for family in _FAMILIES
    for activation in family.ACTIVATIONS
}


def get_activation(activation: str | Sequence) -> Activation:
    """Look an activation up by its name, or by ``(name, argument)``.

    Parameters
    ----------
    activation : str or tuple of (str, float)
        A registered name, alone or with its argument: ``("leaky_relu", 0.2)``.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If the name is not registered, or its argument is missing or out of range.

    Examples
    --------
    >>> from ntk_sklearn.activations import get_activation
    >>> get_activation("relu").homogeneous
    True
    >>> get_activation(("leaky_relu", 0.2)).arguments
    (0.2,)
    """
    known = f"known activations are {sorted(ACTIVATIONS)}"
    is_pair = isinstance(activation, (tuple, list)) and len(activation) == 2
    name = activation[0] if is_pair else activation
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"activation must be a name or a pair (name, argument), got "
            f"{activation!r}; {known}."
        )
    record = ACTIVATIONS[name]
    if not is_pair:
        return record
    value = activation[1]
    if record.argument_name is None:
        raise ValueError(f"activation {name!r} takes no argument, got {activation!r}.")
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, Real)
        or not math.isfinite(float(value))
        or (record.argument_name != "negative slope" and value <= 0)
    ):
        wanted = (
            "a finite" if record.argument_name == "negative slope" else "a positive"
        )
        raise ValueError(
            f"activation {name!r} needs {wanted} number as its {record.argument_name}, "
            f"got {activation!r}."
        )
    return replace(record, arguments=(float(value),))


__all__ = ["ACTIVATIONS", "Activation", "get_activation"]
