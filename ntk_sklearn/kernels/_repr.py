"""Comparison of parameter values of kernels, and their text in `repr`."""

from __future__ import annotations

import numpy as np


def same(a, b) -> bool:
    """Return whether two parameter values are equal; arrays may differ in length."""
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return bool(isinstance(a, type(b)) and a == b)
    a, b = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    return a.shape == b.shape and bool(np.all(a == b))


# Arrays with more entries than this are shortened by `repr`.
_LONG = 12


def show(value) -> str:
    """Return a parameter's value as text, numbers with three significant digits."""
    if isinstance(value, (str, tuple, bool)) or value is None:
        return repr(value)
    if np.ndim(value) and len(value) > _LONG:
        ends = [show(v) for v in (*value[:3], *value[-2:])]
        return f"[{', '.join(ends[:3])}, ..., {', '.join(ends[3:])}]"
    if np.ndim(value):
        return f"[{', '.join(show(v) for v in value)}]"
    try:
        return f"{value:.3g}"
    except (TypeError, ValueError):
        return repr(value)
