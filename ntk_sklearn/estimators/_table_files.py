"""Tables in files and dask DataFrames, as rows of numbers that stay where they are."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._blocks.reading import read_frames
from .._blocks.sources import is_source
from .._blocks.tables import FORMATS, TableSource, is_table_source, table_source
from ..preprocessing._table_columns import values_of
from ..preprocessing._table_reader import TableReader


class OpenTable(NamedTuple):
    """A table whose kinds of columns are known.

    Attributes
    ----------
    rows : TableSource
        Its inputs, which become numbers where they are read.
    targets : array-like
        Its targets: a column of the table, or what was given.
    reader : TableReader
        The reader that turns its columns into numbers.
    head : DataFrame
        Some of its rows.
    """

    rows: TableSource
    targets: npt.ArrayLike
    reader: TableReader
    head: object


def check_names(X, y) -> None:
    """Raise if a path or a name stands for rows or targets where it cannot."""
    if isinstance(X, (str, os.PathLike)):
        raise ValueError(
            f"X must be a table, got the path {os.fspath(X)!r}; files are given as a "
            "list of their paths."
        )
    if isinstance(y, str) and not is_table_source(X):
        raise ValueError(
            f"y must be targets, got {y!r}; names of columns are for dask DataFrames "
            f"and lists of files that end in {', '.join(FORMATS)}. Of any other table, "
            "give the column itself."
        )


def check_in_memory(X) -> None:
    """Raise if rows to predict are in files."""
    if is_source(X) and isinstance(X, (list, tuple)):
        raise ValueError(
            "rows to predict must be in memory, got a list of files; read and predict "
            "them one by one."
        )


def open_table(X, y, categorical_features) -> OpenTable:
    """Look at a table in files or partitions, and learn the kinds of its columns.

    The kinds are learned from some rows of a few files or partitions. The levels are
    those of all rows: one pass reads the categorical columns, and no others.

    Parameters
    ----------
    X : list of paths, pyarrow.dataset.Dataset or dask DataFrame
        The table.
    y : str or array-like
        The name of the column that holds the targets, or the targets.
    categorical_features : "from_dtype", array-like or None
        The parameter of the estimator.

    Returns
    -------
    OpenTable

    Raises
    ------
    ValueError
        If `y` is no name of a column, or a file cannot be read.
    """
    source = table_source(X)
    names = source.columns
    if isinstance(y, str):
        if y not in names:
            raise ValueError(
                f"y must be targets or the name of a column, got {y!r}; the columns "
                f"are {names}."
            )
        column = source.with_columns([y])
        y = np.concatenate([values_of(frame) for frame in read_frames(column)])
        names = [name for name in names if name != column.columns[0]]
    source = source.with_columns(names)
    frames = list(read_frames(source, few=True))
    looked_at = [source.names[k] for k, _ in source.looked_at()]
    reader = TableReader.of_parts(frames, categorical_features, looked_at)
    levels = [names[j] for j in np.flatnonzero(reader.categorical)]
    if levels:
        reader = reader.with_levels(read_frames(source.with_columns(levels)))
    head = max(frames, key=len)  # some may have no rows
    return OpenTable(source.with_columns(names, reader.read), y, reader, head)
