"""The columns of tables: of DataFrames of any library, and of arrays of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from numbers import Number
from operator import ne
from reprlib import repr as short_repr
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

_NUMERIC, _TIMES = "biuf", "mM"
# Methods of DataFrames, of which each library has one or another.
_FRAMES = "__dataframe__", "__arrow_c_stream__", "__narwhals_dataframe__"


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    name : str
        Its name, or its number if it has none.
    values : ndarray of shape (n,)
        Numbers, missing ones as NaN, or objects.
    has_levels : bool
        Whether its values are levels by their type: strings or categories.
    """

    name: str
    values: np.ndarray
    has_levels: bool


def columns_of(X, of_numbers: bool = False) -> list[Column] | None:
    """Return the columns of a table.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The table.
    of_numbers : bool, default=False
        Whether to return columns even if all hold numbers.

    Returns
    -------
    list of Column, or None
        None if the table holds numbers only, or is none.
    """
    if issparse(X):
        return None
    _refuse_others(X)
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        kinds = {getattr(dtype, "kind", "O") for dtype in X.dtypes}
        if not of_numbers and kinds <= set(_NUMERIC):  # of pandas: for scikit-learn
            return None
    if any(hasattr(X, name) for name in _FRAMES):
        import narwhals  # as only DataFrames need it

        frame = narwhals.from_native(X, pass_through=True, eager_only=True)
        if isinstance(frame, narwhals.DataFrame):
            return [_of_series(series) for series in frame.iter_columns()]
    return _of_array(X, of_numbers)


def _refuse_others(X) -> None:
    """Raise if an input holds a table that must first become one in memory."""
    if hasattr(type(X), "collect") and not hasattr(type(X), "to_numpy"):
        raise TypeError(
            f"X is a {type(X).__name__} whose rows are not in memory; call its method "
            "collect first."
        )
    if hasattr(X, "columns") and len(X.columns) == 0:
        raise ValueError("X has no columns.")
    first = X[0] if isinstance(X, Sequence) and len(X) else X
    if isinstance(first, Mapping):
        what = "dict" if first is X else "list of dicts"
        raise TypeError(f"X must be a table, got a {what}; use pandas.DataFrame(X).")
    if isinstance(X, np.ndarray) and X.dtype.names:
        raise TypeError(
            "X must be a table, got a structured array; use pandas.DataFrame(X)."
        )


def _of_array(X, of_numbers) -> list[Column] | None:
    try:
        array = np.asarray(X)
        if array.dtype.kind not in _NUMERIC + _TIMES + "c":
            array = np.asarray(X, dtype=object)
    except (TypeError, ValueError):
        return None
    kind = array.dtype.kind
    if array.ndim == 1 and kind not in _NUMERIC + "c" and array.size:
        raise ValueError(
            f"X must have rows and columns, got {len(array)} values in one dimension; "
            "a single column is X.to_frame(), or X[:, None] of an array."
        )
    if array.ndim != 2 or (kind in _NUMERIC + "c" and not of_numbers):
        return None
    if kind in _TIMES:
        array = _seconds(array)
    return [_column(str(j), values) for j, values in enumerate(array.T)]


def _of_series(series) -> Column:
    """Return a column of a DataFrame of narwhals."""
    import narwhals as nw

    name, dtype = str(series.name), series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        values = series.cast(nw.Float64).to_numpy()
    elif dtype in (nw.Date, nw.Datetime, nw.Duration):
        unit = "m" if dtype == nw.Duration else "M"
        values = _seconds(np.asarray(series.to_numpy(), dtype=f"{unit}8[us]"))
    elif dtype in (nw.String, nw.Categorical, nw.Enum):
        return Column(name, _objects(series), has_levels=True)
    else:
        # Lists among the values would become dimensions of an array.
        return _column(name, np.fromiter(series.to_list(), object, len(series)))
    return Column(name, np.asarray(values, dtype=np.float64), has_levels=False)


def values_of(frame) -> np.ndarray:
    """Return the values of the only column of a DataFrame, in a type of their own."""
    import narwhals as nw

    (series,) = nw.from_native(frame, eager_only=True).iter_columns()
    if series.dtype in (nw.String, nw.Categorical, nw.Enum):
        return _objects(series)
    return series.to_numpy()


def _objects(series) -> np.ndarray:
    """Return the strings or categories of a column, or numbers where these are some."""
    values, missing = series.to_numpy(), series.is_null().to_numpy()
    if missing.any():  # where pyarrow gives any category
        values = values.astype(object)
        values[missing] = None
    return values.astype(np.float64) if values.dtype.kind in _NUMERIC else values


def _column(name: str, values: np.ndarray) -> Column:
    """Return a column of objects; strings are levels."""
    if values.dtype.kind in _NUMERIC:
        return Column(name, values.astype(np.float64), has_levels=False)
    strings = any(isinstance(value, (str, bytes)) for value in values)
    return Column(name, values, strings)


def _seconds(times: np.ndarray) -> np.ndarray:
    """Return dates, since 1970, and durations in seconds; NaN where there is none."""
    unit = np.array(1, dtype=f"{times.dtype.kind.replace('M', 'm')}8[s]")
    since = times - np.datetime64(0, "s") if times.dtype.kind == "M" else times
    return since / unit


def _is_missing(value) -> bool:
    try:
        return value is None or bool(ne(value, value))
    except TypeError:  # pandas.NA
        return True
    except ValueError:  # an array, which is no level and no number
        return False


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _number(value) -> float:
    """Return a number, date, duration or time of the day as a number."""
    if _is_missing(value):
        return np.nan
    if hasattr(value, "to_timestamp"):  # a period of pandas, which begins then
        value = value.to_timestamp()
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return (zoned - _EPOCH).total_seconds()
    if isinstance(value, date):
        return (value - _EPOCH.date()).total_seconds()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return 3600.0 * value.hour + 60.0 * value.minute + value.second
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return float(_seconds(np.asarray(value)))
    if isinstance(value, Number) and not isinstance(value, complex):
        try:
            return float(value)  # type: ignore[arg-type]
        except OverflowError:  # infinity is refused later, in scikit-learn's words
            return np.inf
    raise TypeError


def numbers_of(column: Column) -> np.ndarray:
    """Return the numbers and times of a column.

    Parameters
    ----------
    column : Column
        Numbers, truth values, dates, durations or times of the day.

    Returns
    -------
    ndarray of shape (n,)
        Times are in seconds, dates since 1970; missing values are NaN.

    Raises
    ------
    TypeError
        If it holds anything else.
    """
    if column.values.dtype.kind == "f":
        return column.values
    out = np.empty(len(column.values))
    for i, value in enumerate(column.values):
        try:
            out[i] = _number(value)
        except TypeError:
            raise TypeError(
                f"column {column.name!r} must hold numbers, dates or times, as it is "
                f"no column of categories, got {short_repr(value)} in row {i}. If its "
                "values are levels, name it in categorical_features. The argument must "
                "be a string or a real number."
            ) from None
    return out


class Levels(NamedTuple):
    """The different values of a column of levels.

    Attributes
    ----------
    names : list of str or None
        The name of each, which different values may share; None for what is missing.
    places : ndarray of int, shape (n,)
        Which of them each row has.
    """

    names: list[str | None]
    places: np.ndarray


def levels_of(column: Column) -> Levels:
    """Return the levels of a column, each of them named once.

    Parameters
    ----------
    column : Column
        Values of any kind.

    Returns
    -------
    Levels
    """
    values = column.values
    if values.dtype.kind == "f":
        values, places = np.unique(values, return_inverse=True)
        return Levels([_name(value) for value in values], places.ravel())
    first: dict[object, int] = {}
    try:  # equal values have one name, however many rows there are
        numbers = [first.setdefault(value, len(first)) for value in values.tolist()]
    except TypeError:  # some cannot be looked up, such as lists
        return Levels([_name(value) for value in values], np.arange(len(values)))
    return Levels([_name(value) for value in first], np.array(numbers, dtype=np.intp))


def distinct_levels(frame) -> list[set[str]]:
    """Return the names of the levels of each column, without what is missing.

    Parameters
    ----------
    frame : DataFrame
        A table of levels.

    Returns
    -------
    list of set of str
    """
    import narwhals  # as only DataFrames need it

    found = []
    for series in narwhals.from_native(frame, eager_only=True).iter_columns():
        # Values become objects of Python one by one, so the distinct ones only.
        names = levels_of(_of_series(series.unique())).names
        found.append({name for name in names if name is not None})
    return found


def _name(value) -> str | None:
    """Return the name of a level; 1, 1.0 and True are the same."""
    if _is_missing(value):
        return None
    if isinstance(value, Number) and not isinstance(value, complex):
        try:
            return f"{float(value):.17g}"  # type: ignore[arg-type]
        except OverflowError:
            return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)
