"""Checks of arguments, whose errors say what was given and what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from .arrays import check_here, checked_floats, namespace, place_of
from .sparse import sparse_rows

# Sums of squares of up to 1e8 of these do not overflow.
_LARGEST = 1e150


def check_samples(X, name: str = "X", accept_sparse: bool = False):
    """Turn an array-like into a finite, C-contiguous float64 matrix.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Lists, DataFrames and arrays of any numeric dtype and layout.
    name : str, default="X"
        The name of the argument in messages.
    accept_sparse : bool, default=False
        Whether `X` may be sparse.

    Returns
    -------
    ndarray or SparseRows of shape (n_samples, n_features)
        `X` itself if it needs no conversion. An array of another library stays one if
        scikit-learn's option ``array_api_dispatch`` is set.

    Raises
    ------
    TypeError
        If `X` is sparse and must not be.
    ValueError
        If `X` is not a matrix of finite real numbers with at least one entry.
    """
    needed = f"{name} must be a dense matrix of finite real numbers"
    if issparse(X) and accept_sparse:
        return sparse_rows(X, name)
    if issparse(X):
        raise TypeError(f"{needed}, got a sparse matrix; use {name}.toarray().")
    place = place_of(X, name)
    shape = np.shape(X) if place is None else tuple(X.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{needed} with 2 dimensions (n_samples, n_features), got {len(shape)}; "
            f"use {name}.reshape(-1, 1) for one feature, {name}.reshape(1, -1) for one "
            "sample."
        )
    if 0 in shape:
        raise ValueError(
            f"{needed} with at least one sample and one feature, got shape {shape}."
        )
    if place is not None:
        return checked_floats(X, name)
    try:
        array = check_array(X, dtype="numeric", input_name=name)
        return np.ascontiguousarray(array, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{needed}: {error}") from error


def check_pair(X, Y, accept_sparse: bool = False):
    """Check both sets of rows of a kernel; the second is None if it is `X` itself.

    If one of them is sparse, both are returned in sparse form.

    Estimators of scikit-learn pass the same rows as None or twice. The kernel matrix of
    rows with themselves takes half the time and has an exact diagonal.
    """
    left = check_samples(X, "X", accept_sparse)
    if Y is None or Y is X:
        return left, None
    place = place_of(X)
    if place is not None:
        check_here(place, [("Y", Y)])
    right = check_samples(Y, "Y", accept_sparse)
    other = place_of(Y, "Y")
    if place is None and other is not None:
        check_here(other, [("X", X)], "Y")
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"X has {left.shape[1]} features, but Y has {right.shape[1]}; both sides "
            "of a kernel need the same columns."
        )
    if issparse(left) or issparse(right):
        return sparse_rows(left), sparse_rows(right)
    return left, right


def validate_any(estimator, X, *y, **how):
    """Check inputs that need not be vectors, as `validate_data` of scikit-learn does.

    Arrays of different lengths in a list, such as sequences, become an array of
    objects. Whether their numbers are finite, the kernel checks.

    Parameters
    ----------
    estimator : estimator
        What the inputs are for.
    X : array-like or sequence
        The inputs.
    *y : array-like
        The targets, if there are any.
    **how : dict
        Further arguments of `validate_data`.

    Returns
    -------
    ndarray, or tuple of two ndarray
        The inputs, and the targets if there are any.
    """
    if isinstance(X, (list, tuple)) and _differ(X):
        objects = np.empty(len(X), dtype=object)
        for i, one in enumerate(X):
            objects[i] = one
        X = objects
    ragged = isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    ragged = ragged and any(np.ndim(one) for one in X)
    free = {"dtype": None, "ensure_2d": False, "allow_nd": True}
    how = {**free, "ensure_all_finite": not ragged, **how}
    return validate_data(estimator, X, *y, **how)


def _differ(X) -> bool:
    """Return whether arrays in a list differ in shape, so that they are no array."""
    try:
        np.asarray(X)
    except ValueError:
        return True
    return False


def is_positive_integer(value) -> bool:
    """Return whether something is an integer of at least 1."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and int(value) > 0


def check_list(X, name: str, what: str) -> None:
    """Raise unless an argument is a list, tuple or array of what is wanted.

    Parameters
    ----------
    X : object
        The argument.
    name : str
        Its name in messages.
    what : str
        One of what it should hold, such as ``"sequence"``.

    Raises
    ------
    TypeError
        If it has no length or no order, or is a string.
    ValueError
        If it holds nothing.
    """
    ordered = hasattr(X, "__len__") and hasattr(X, "__getitem__")
    single = isinstance(X, (str, bytes, Mapping)) or issparse(X)
    if not ordered or single or getattr(X, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a list of {what}s, got {type(X).__name__}.")
    if len(X) == 0:
        raise ValueError(f"{name} must be a list of at least one {what}, got none.")


def check_squares(X: np.ndarray, name: str) -> None:
    """Raise if the squares of numbers, or sums of them, would overflow.

    Parameters
    ----------
    X : ndarray
        The numbers.
    name : str
        The name of the argument in messages.

    Raises
    ------
    ValueError
        If there are such numbers.
    """
    largest = float(np.abs(X).max(initial=0.0))
    if largest > _LARGEST:
        raise ValueError(
            f"{name} must not have numbers as large as {largest:.3g}, whose squares "
            f"overflow float64; rescale {name}."
        )


def check_depth(depth) -> int:
    """Check a number of hidden layers."""
    if isinstance(depth, (bool, np.bool_)) or not isinstance(depth, Integral):
        raise TypeError(
            f"depth must be an integer of at least 1, the number of hidden layers, got "
            f"{depth!r}."
        )
    if depth < 1:
        raise ValueError(
            f"depth must be at least 1, the number of hidden layers, got {depth!r}."
        )
    return int(depth)


def _numbers(name: str, value) -> np.ndarray:
    """Return real numbers as an array of 0 or 1 dimensions."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise ValueError(f"dtype {array.dtype}")
    except (ValueError, TypeError) as error:
        raise TypeError(
            f"{name} must be a number or a sequence of numbers, got {value!r}."
        ) from error
    if array.ndim > 1:
        raise ValueError(
            f"{name} must be a number or one-dimensional, got shape {array.shape}."
        )
    return array.astype(np.float64)


def check_positive(name: str, value, *, zero: bool) -> np.ndarray:
    """Check that every number is finite and positive, or not negative if `zero`."""
    array = _numbers(name, value)
    good = np.isfinite(array) & (array >= 0 if zero else array > 0)
    if not good.all():
        wanted = "finite and not negative" if zero else "finite and positive"
        raise ValueError(f"{name} must be {wanted}, got {value!r}.")
    return array


def per_layer(name: str, value, depth: int, *, zero: bool) -> np.ndarray:
    """Return one number for each layer, from a single number or one for each."""
    array = check_positive(name, value, zero=zero)
    if array.ndim and array.size != depth + 1:
        hint = "None" if "weights" in name else "one number"
        raise ValueError(
            f"{name} has {array.size} entries, but depth={depth} needs {depth + 1} "
            f"(one per layer, the read-out last); pass {hint} for equal values."
        )
    return np.full(depth + 1, array) if array.ndim == 0 else array


def one_each(name: str, value, count: int) -> list:
    """Return one value for each layer: a list as it is, anything else repeated.

    Parameters
    ----------
    name : str
        The name of the parameter in messages.
    value : object or list
        What was given.
    count : int
        Number of layers.

    Returns
    -------
    list
    """
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must be one value for all layers or a list of {count}, one for "
            f"each, got a list of {len(value)}: {value!r}."
        )
    return value


def per_feature(name: str, value, n_features: int) -> np.ndarray:
    """Return one positive number for each feature, from one number or one for each."""
    array = check_positive(name, value, zero=False)
    if array.ndim and array.size != n_features:
        raise ValueError(
            f"{name} has {array.size} entries, but X has {n_features} features; pass "
            "one number for all, or one per feature."
        )
    return np.full(n_features, array) if array.ndim == 0 else array


def check_ranks(n_ranks, X, Y=None) -> int:
    """Check a number of ranks, and that as many last columns lie between 0 and 1."""
    if isinstance(n_ranks, (bool, np.bool_)) or not isinstance(n_ranks, Integral):
        raise TypeError(
            "n_ranks must be an integer, the number of last features that are ranks, "
            f"got {n_ranks!r}."
        )
    count, n_features = int(n_ranks), X.shape[1]
    if not 0 <= count <= n_features:
        raise ValueError(
            f"n_ranks must be between 0 and the number of features, got {n_ranks!r} "
            f"for {n_features} features."
        )
    for name, Z in (("X", X), ("Y", Y)):
        if Z is None or count == 0:
            continue
        if issparse(Z):
            raise ValueError(
                f"n_ranks must be 0 for sparse rows, which hold no ranks, got {count}."
            )
        ranks, xp = Z[:, n_features - count :], namespace(Z)
        least, most = float(xp.min(ranks)), float(xp.max(ranks))
        if not 0 <= least <= most <= 1:
            raise ValueError(
                f"{name} must have ranks between 0 and 1 in its last {count} "
                f"features, as n_ranks={count} says, got values from "
                f"{least!r} to {most!r}."
            )
    return count


def check_bounds(name: str, bounds, n_elements: int):
    """Check the bounds of a hyperparameter: ``"fixed"`` or positive pairs."""
    if isinstance(bounds, str):
        if bounds != "fixed":
            raise ValueError(
                f'{name} must be "fixed" or a pair (lower, upper), got {bounds!r}.'
            )
        return bounds
    array = np.atleast_2d(np.asarray(bounds, dtype=np.float64))
    fits = array.ndim == 2 and array.shape[1] == 2 and len(array) in (1, n_elements)
    if not fits or not (array > 0).all() or (array[:, 0] > array[:, 1]).any():
        raise ValueError(
            f'{name} must be "fixed", or a pair (lower, upper) of positive numbers'
            f"{f', or {n_elements} such pairs' if n_elements > 1 else ''}, "
            f"got {bounds!r}."
        )
    return array


def is_flat(x, rounding: float = 1e-12) -> bool:
    """Return whether a column is constant up to rounding, whatever its units."""
    return bool(np.ptp(x) <= rounding * np.abs(x).max())


def weighted_moments(x, sample_weight) -> tuple[float, float]:
    """Return the weighted mean and standard deviation of numbers of any size."""
    total = sample_weight.sum()
    unit = np.abs(x).max() or 1.0  # else squares could overflow or underflow
    mean = sample_weight @ (x / unit) / total
    deviation = np.sqrt(sample_weight @ (x / unit - mean) ** 2 / total)
    return float(unit * mean), float(unit * deviation)
