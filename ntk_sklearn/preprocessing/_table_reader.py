"""Tables as arrays of numbers: levels as codes, times in seconds, missing as NaN.

A table is a DataFrame of pandas, polars or another library that narwhals knows, or an
array of objects, strings or dates. Arrays and DataFrames of numbers stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .._utils.warnings import warn
from ._table_columns import (
    Column,
    columns_of,
    distinct_levels,
    levels_of,
    numbers_of,
)

# Number of levels up to which strings that are numbers may well be codes.
_FEW = 20
# The code of a level that the reader has not learned.
UNKNOWN = -1.0
_NO_TARGETS = "no_validation"  # of scikit-learn


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
        columns = columns_of(X, of_numbers=not _is_by_type(categorical_features))
        return cls() if columns is None else cls._of(columns, categorical_features)

    @classmethod
    def of_parts(
        cls, frames: list, categorical_features="from_dtype", names: Sequence[str] = ()
    ) -> TableReader:
        """Learn the same from parts of a table, each of them some of its rows.

        Parameters
        ----------
        frames : list of DataFrame
            The parts.
        categorical_features : "from_dtype", array-like or None, default="from_dtype"
            As for `of`.
        names : list of str, default=()
            The names of the parts in messages.

        Returns
        -------
        TableReader

        Raises
        ------
        TypeError
            If a column holds levels in one part, and numbers or times in another.
        """
        parts = [columns_of(frame, of_numbers=True) or [] for frame in frames]
        columns = []
        for same in zip(*parts, strict=True):
            values = np.concatenate([column.values for column in same])
            columns.append(Column(same[0].name, values, _have_levels(same, names)))
        return cls._of(columns, categorical_features)

    @classmethod
    def _of(cls, columns: list[Column], categorical_features) -> TableReader:
        """Return the reader of a table with these columns."""
        by_type = _is_by_type(categorical_features)
        chosen = () if by_type else _chosen(categorical_features, columns)
        levels: list[tuple[str, ...] | None] = []
        for j, column in enumerate(columns):
            if not column.has_levels and j not in chosen:
                numbers_of(column)
                levels.append(None)
            elif categorical_features is None:
                raise ValueError(
                    f"column {column.name!r} holds strings or categories, but "
                    "categorical_features=None says that there are none; use "
                    'categorical_features="from_dtype".'
                )
            else:
                names = set(levels_of(column).names) - {None}
                if j not in chosen:
                    _warn_of_numbers(column, names)
                levels.append(tuple(sorted(name for name in names if name is not None)))
        return cls(tuple(levels))

    def with_levels(self, frames: Iterable) -> TableReader:
        """Return a reader that also knows the levels of further parts of the table.

        Parameters
        ----------
        frames : iterable of DataFrame
            Parts of the table, of its categorical columns only.

        Returns
        -------
        TableReader
        """
        places = np.flatnonzero(self.categorical)
        levels = list(self.levels)
        found = {int(j): set(levels[j] or ()) for j in places}
        for frame in frames:
            for j, names in zip(found, distinct_levels(frame), strict=True):
                found[j] |= names
        for j, names in found.items():
            levels[j] = tuple(sorted(names))
        return TableReader(tuple(levels))

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
                numbers_of(column) if known is None else _codes(column, known)
                for column, known in zip(columns, levels, strict=True)
            ]
        )


def validated(
    estimator, reader: TableReader | None, X, y=_NO_TARGETS, *, reset: bool, **how
):
    """Check a table as scikit-learn's `validate_data` does, and return it as numbers.

    Parameters
    ----------
    estimator : estimator
        The estimator whose names and number of features are checked, or set.
    reader : TableReader or None
        The reader of the table; None leaves everything to `validate_data`.
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
    numbers = X if reader is None else reader.read(X)
    if numbers is X:
        return validate_data(estimator, X, y, reset=reset, **how)
    validate_data(estimator, X, y, reset=reset, skip_check_array=True)
    if isinstance(y, str) and y == _NO_TARGETS:
        return check_array(numbers, estimator=estimator, input_name="X", **how)
    return check_X_y(numbers, y, estimator=estimator, **how)


def _codes(column: Column, levels: tuple[str, ...]) -> np.ndarray:
    code: dict[str | None, float] = {level: k for k, level in enumerate(levels)}
    code[None] = np.nan
    names, places = levels_of(column)
    return np.array([code.get(name, UNKNOWN) for name in names], dtype=float)[places]


def _have_levels(columns: Sequence[Column], names: Sequence[str]) -> bool:
    """Return whether parts of a column hold levels; raise if only some of them do."""
    first: dict[bool, int] = {}
    for k, column in enumerate(columns):
        if any(name is not None for name in levels_of(column).names):
            first.setdefault(column.has_levels, k)
    if len(first) < 2:
        return next(iter(first), any(column.has_levels for column in columns))
    here, there = (names[first[kind]] if names else "a part" for kind in (True, False))
    raise TypeError(
        f"column {columns[0].name!r} holds strings or categories in {here}, and "
        f"numbers or times in {there}; make them alike."
    )


def _warn_of_numbers(column: Column, names: set[str | None]) -> None:
    """Warn if strings are numbers, no codes, and most rows have one of their own."""
    many = len(names) > max(_FEW, len(column.values) / 2)
    if not many or column.values.dtype.kind == "f":
        return
    try:
        values = [float(name or "") for name in names]
    except ValueError:
        return
    if all(value.is_integer() for value in values):
        return
    warn(
        f"column {column.name!r} has {len(names)} levels in {len(column.values)} rows, "
        "and all are numbers: was it to be a column of numbers? If not, name it in "
        "categorical_features.",
        UserWarning,
    )


def _is_by_type(features) -> bool:
    """Return whether the types of the columns say which are categorical, or none is."""
    return features is None or (isinstance(features, str) and features == "from_dtype")


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
