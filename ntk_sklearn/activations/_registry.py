"""The activations by name, and what users may write for one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real

import numpy as np

from . import _erf, _gaussian, _gelu, _named, _rectified, _step, _trigonometric
from ._base import Activation

_FAMILIES = (_rectified, _erf, _gelu, _gaussian, _trigonometric, _step, _named)

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for family in _FAMILIES
    for activation in family.ACTIVATIONS
}


def get_activation(activation: str | Sequence | Callable | Activation) -> Activation:
    """Look an activation up by its name, or make the record of a function.

    Parameters
    ----------
    activation : str, tuple of (str, float), callable or Activation
        A registered name, alone or with its argument: ``("leaky_relu", 0.2)``; the
        coefficients of a polynomial, from the constant on, are
        ``("polynomial", (0.0, 1.0, 0.5))``. Or any continuous function of an array,
        with kinks if it has any; see `Activation.from_function`.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If the name is not registered, or its argument is missing or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.activations import get_activation
    >>> get_activation("relu").homogeneous
    True
    >>> get_activation(("leaky_relu", 0.2)).arguments
    (0.2,)
    >>> get_activation(np.arctan).name
    'arctan'
    """
    if isinstance(activation, Activation):
        return activation
    if callable(activation):
        return Activation.from_function(activation)
    is_pair = isinstance(activation, (tuple, list)) and len(activation) == 2
    name = activation[0] if is_pair else activation
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"activation must be a name, a pair (name, argument) or a function of an "
            f"array, got {activation!r}; known activations are {sorted(ACTIVATIONS)}."
        )
    record = ACTIVATIONS[name]
    if not is_pair:
        return record
    value = activation[1]
    if record.argument_name is None:
        raise ValueError(f"activation {name!r} takes no argument, got {activation!r}.")
    if record.argument_name == "coefficients":
        return replace(record, arguments=_coefficients(activation))
    slope = record.argument_name == "negative slope"
    if not _is_number(value) or not (slope or float(value) > 0.0):
        wanted = "a finite" if slope else "a positive"
        raise ValueError(
            f"activation {name!r} needs {wanted} number as its {record.argument_name}, "
            f"got {activation!r}."
        )
    return replace(record, arguments=(float(value),))


def _is_number(value) -> bool:
    """Return whether a value is a finite real number, and no truth value."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        return False
    return math.isfinite(float(value))


def _coefficients(activation) -> tuple[float, ...]:
    """Return the checked coefficients of a polynomial."""
    name, values = activation
    listed = isinstance(values, (tuple, list, np.ndarray)) and np.ndim(values) == 1
    if not listed or not len(values) or not all(map(_is_number, values)):
        raise ValueError(
            f"activation {name!r} needs a sequence of finite numbers, the constant "
            f"first, as its coefficients, got {activation!r}."
        )
    if not any(values) or len(values) > 16:
        raise ValueError(
            f"activation {name!r} needs 1 to 16 coefficients that are not all zero, "
            f"got {activation!r}."
        )
    return tuple(map(float, values))


def get_activations(activation, depth: int) -> tuple[Activation, ...]:
    """Return the activation of each hidden layer.

    Parameters
    ----------
    activation : str, tuple, callable, Activation or sequence of these
        One activation for all layers, or a sequence with one for each. A pair of a name
        and a number, or of a name and coefficients, is one activation.
    depth : int
        Number of hidden layers.

    Returns
    -------
    tuple of Activation

    Raises
    ------
    ValueError
        If a sequence has another length, or an activation is not known.

    Examples
    --------
    >>> from ntk_sklearn.activations import get_activations
    >>> [record.name for record in get_activations(("relu", "erf"), 2)]
    ['relu', 'erf']
    """
    if not isinstance(activation, (tuple, list)) or _is_one(activation):
        return (get_activation(activation),) * depth
    if len(activation) != depth:
        raise ValueError(
            f"activation must be one activation, or one for each of the {depth} hidden "
            f"layers, got {len(activation)}: {activation!r}."
        )
    return tuple(get_activation(one) for one in activation)


def _is_one(activation) -> bool:
    """Return whether a sequence is a name with its argument."""
    if len(activation) != 2 or not isinstance(activation[0], str):
        return False
    second = activation[1]
    if isinstance(second, (tuple, list)) and len(second) == 2:
        # ("relu", ("leaky_relu", 0.2)) are two.
        return not isinstance(second[0], str)
    first = ACTIVATIONS.get(activation[0])
    if isinstance(second, str) and first is not None and first.argument_name:
        return second not in ACTIVATIONS  # a bad argument, unless it is a name
    another = isinstance(second, (str, Activation)) or callable(second)
    return not another
