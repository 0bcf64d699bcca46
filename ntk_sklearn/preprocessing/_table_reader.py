"""Tables as arrays of numbers: levels as codes, times in seconds, missing as NaN.

A table is a DataFrame of pandas, polars or another library that narwhals knows, or an
array of objects, strings or dates. Arrays and DataFrames of numbers stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from numbers import Number
from operator import ne
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

# The code of a level that the reader has not learned.
UNKNOWN = -1.0
_NO_TARGETS = "no_validation"  # of scikit-learn
_NUMERIC, _TIMES = "biuf", "mM"


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


@dataclass(frozen=True)
class TableReader:
    """The levels of the columns of a table, by which tables like it become numbers.

    Attributes
    ----------
    levels : tuple of (tuple of str or None)
        The sorted levels of each categorical column, and None for any other column;
        empty if the table was one of numbers.
    """

    levels: tuple[tuple[str, ...] | None, ...] = ()

    @classmethod
    def of(cls, X, categorical_features="from_dtype") -> TableReader:
        """Learn which columns are categorical, and their levels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.
        categorical_features : "from_dtype", array-like or None, default="from_dtype"
            The parameter of :class:`~ntk_sklearn.TableEncoder`.

        Returns
        -------
        TableReader

        Raises
        ------
        TypeError
            If a column holds something else than numbers, strings, dates or times.
        ValueError
            If `categorical_features` does not fit the table, or is None although a
            column holds strings.
        """
        by_type = categorical_features is None or isinstance(categorical_features, str)
        if isinstance(categorical_features, str) and (
            categorical_features != "from_dtype"
        ):
            raise ValueError(_wrong_features(categorical_features))
        columns = columns_of(X, of_numbers=not by_type)
        if columns is None:
            return cls()
        chosen = () if by_type else _chosen(categorical_features, columns)
        levels: list[tuple[str, ...] | None] = []
        for j, column in enumerate(columns):
            if not column.has_levels and j not in chosen:
                _numbers(column)
                levels.append(None)
            elif categorical_features is None:
                raise ValueError(
                    f"column {column.name!r} holds strings or categories, but "
                    "categorical_features=None says that there are none; use "
                    'categorical_features="from_dtype".'
                )
            else:
                keys = set(_keys(column))
                levels.append(tuple(sorted(key for key in keys if key is not None)))
        return cls(tuple(levels))

    @property
    def categorical(self) -> np.ndarray:
        """Mask of the categorical columns; empty if the table was one of numbers."""
        return np.array([found is not None for found in self.levels], dtype=bool)

    def read(self, X):
        """Return a table with the same columns as numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The levels of a column are 0, 1, ... in their order, and -1 if they are not
            known. Dates are seconds since 1970; durations and times of the day are in
            seconds. What is missing is NaN. If the reader was made from numbers, and
            `X` holds numbers, it is `X` itself.

        Raises
        ------
        TypeError
            If a column holds values of another kind than that of the first table.
        """
        columns = columns_of(X, of_numbers=bool(self.levels))
        if columns is None:
            return X
        levels = self.levels or (None,) * len(columns)
        if len(levels) != len(columns):  # which a check of scikit-learn refuses
            return np.empty((len(X), len(columns)))
        return np.column_stack(
            [
                _numbers(column) if known is None else _codes(column, known)
                for column, known in zip(columns, levels, strict=True)
            ]
        )


def validated(estimator, reader: TableReader, X, y=_NO_TARGETS, *, reset: bool, **how):
    """Check a table as scikit-learn's `validate_data` does, and return it as numbers.

    Parameters
    ----------
    estimator : estimator
        The estimator whose names and number of features are checked, or set.
    reader : TableReader
        The reader of the table.
    X : array-like of shape (n_samples, n_features)
        The table.
    y : array-like, default="no_validation"
        The targets. By default there are none to check.
    reset : bool
        Whether to set the names and the number of features.
    **how
        Further arguments of `validate_data`.

    Returns
    -------
    ndarray, or a pair of ndarrays with the targets
    """
    if not reset and hasattr(X, "columns"):  # names before values, which they explain
        validate_data(estimator, X, reset=False, skip_check_array=True)
    numbers = reader.read(X)
    if numbers is X:
        return validate_data(estimator, X, y, reset=reset, **how)
    validate_data(estimator, X, y, reset=reset, skip_check_array=True)
    if isinstance(y, str) and y == _NO_TARGETS:
        return check_array(numbers, estimator=estimator, input_name="X", **how)
    return check_X_y(numbers, y, estimator=estimator, **how)


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
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        kinds = {getattr(dtype, "kind", "O") for dtype in X.dtypes}
        if not of_numbers and kinds <= set(_NUMERIC):  # of pandas: for scikit-learn
            return None
    if hasattr(X, "__dataframe__") or hasattr(X, "__narwhals_dataframe__"):
        import narwhals  # as only DataFrames need it

        frame = narwhals.from_native(X, pass_through=True, eager_only=True)
        if isinstance(frame, narwhals.DataFrame):
            return [_of_series(frame[name]) for name in frame.columns]
    return _of_array(X, of_numbers)


def _of_array(X, of_numbers) -> list[Column] | None:
    try:
        array = np.asarray(X)
        if array.dtype.kind not in _NUMERIC + _TIMES + "c":
            array = np.asarray(X, dtype=object)
    except (TypeError, ValueError):
        return None
    kind = array.dtype.kind
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
    else:
        has_levels = dtype in (nw.Categorical, nw.Enum)
        return _column(name, np.array([*series.to_list(), None])[:-1], has_levels)
    return Column(name, np.asarray(values, dtype=np.float64), has_levels=False)


def _column(name: str, values: np.ndarray, has_levels: bool = False) -> Column:
    """Return a column of objects; strings are levels."""
    if values.dtype.kind in _NUMERIC:
        return Column(name, values.astype(np.float64), has_levels)
    strings = any(isinstance(value, (str, bytes)) for value in values)
    return Column(name, values, has_levels or strings)


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


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _number(value) -> float:
    """Return a number, date, duration or time of the day as a number."""
    if _is_missing(value):
        return np.nan
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
        return float(value)  # type: ignore[arg-type]
    raise TypeError


def _numbers(column: Column) -> np.ndarray:
    """Return the numbers and times of a column."""
    if column.values.dtype.kind == "f":
        return column.values
    out = np.empty(len(column.values))
    for i, value in enumerate(column.values):
        try:
            out[i] = _number(value)
        except TypeError:
            raise TypeError(
                f"column {column.name!r} must hold numbers, dates or times, as it is "
                f"no column of categories, got {value!r} in row {i}. The argument must "
                "be a string or a real number."
            ) from None
    return out


def _keys(column: Column) -> list[str | None]:
    """Return the names of the levels in a column; None for what is missing."""
    values, inverse = column.values, None
    if values.dtype.kind == "f":  # a level has one name, however many rows it has
        values, inverse = np.unique(values, return_inverse=True)
    keys = [None if _is_missing(value) else _key(value) for value in values]
    return keys if inverse is None else [keys[i] for i in inverse.ravel()]


def _key(value) -> str:
    """Return the name of a level; 1, 1.0 and True are the same."""
    if isinstance(value, Number) and not isinstance(value, complex):
        return f"{float(value):.17g}"  # type: ignore[arg-type]
    return value.decode() if isinstance(value, bytes) else str(value)


def _codes(column: Column, levels: tuple[str, ...]) -> np.ndarray:
    code: dict[str | None, float] = {level: k for k, level in enumerate(levels)}
    code[None] = np.nan
    return np.array([code.get(key, UNKNOWN) for key in _keys(column)], dtype=np.float64)


def _chosen(features, columns: list[Column]) -> set[int]:
    """Return the numbers of the columns that are named, numbered or masked."""
    array, names = np.asarray(features), [column.name for column in columns]
    if array.ndim == 1 and array.dtype.kind == "b" and len(array) == len(names):
        return set(np.flatnonzero(array).tolist())
    if array.ndim == 1 and (array.dtype.kind in "iu" or not array.size):
        if all(-len(names) <= j < len(names) for j in array):
            return {int(j) % len(names) for j in array}
    elif array.ndim == 1 and array.dtype.kind in "UO" and set(array) <= set(names):
        return {names.index(str(name)) for name in array}
    raise ValueError(_wrong_features(features))


def _wrong_features(features) -> str:
    return (
        'categorical_features must be "from_dtype", None, a mask with an entry for '
        "each column, or numbers or names of columns, each of which X has; got "
        f"{features!r}."
    )
