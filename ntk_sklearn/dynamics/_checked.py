"""Checks of the arguments of what theory predicts."""

from __future__ import annotations

import numpy as np

from .._utils.validation import check_positive, check_samples

# Eigenvalues of a positive matrix may be negative by this share of the largest.
_ROUNDING = 1e-8


def checked_matrix(K) -> np.ndarray:
    """Return a kernel matrix of finite numbers.

    Raises
    ------
    ValueError
        If it is not square.
    """
    K = check_samples(K, "K")
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"K must be a square matrix, got shape {K.shape}.")
    return K


def checked_targets(y, n: int) -> np.ndarray:
    """Return targets as columns, a row for each row of the kernel matrix."""
    Y = np.asarray(y, dtype=np.float64)
    if Y.ndim not in (1, 2) or len(Y) != n or not np.isfinite(Y).all():
        raise ValueError(
            f"y must hold a finite target for each of the {n} rows of K, got shape "
            f"{Y.shape}{'' if np.isfinite(Y).all() else ' with NaN or infinity'}."
        )
    return Y.reshape(n, -1)


def checked_number(name: str, value, *, zero: bool) -> float:
    """Return a finite number that is positive, or not negative if `zero`."""
    array = check_positive(name, value, zero=zero)
    if array.ndim:
        raise ValueError(f"{name} must be a single number, got {value!r}.")
    return float(array)


def checked_values(name: str, values) -> np.ndarray:
    """Return a list of finite numbers, with zeros for negative rounding errors.

    Raises
    ------
    ValueError
        If a number is more negative than rounding explains, or not finite.
    """
    found = np.atleast_1d(np.asarray(values, dtype=np.float64))
    least = -_ROUNDING * np.max(found, initial=0.0)
    if found.ndim != 1 or not (np.isfinite(found) & (found >= least)).all():
        raise ValueError(
            f"{name} must be a list of finite numbers that are not negative, got "
            f"{values!r}."
        )
    return np.maximum(found, 0.0)
