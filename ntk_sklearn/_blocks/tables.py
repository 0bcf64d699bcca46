"""Tables that are not in memory: Parquet and Arrow files, and dask DataFrames.

A table becomes blocks of numbers: each file, or each partition, is read by the task
that works on it, and a function that is given turns its columns into numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

# The endings of files that hold tables, and pyarrow's names of their formats.
FORMATS = {".parquet": "parquet", ".pq": "parquet", ".arrow": "ipc", ".feather": "ipc"}
# Files or partitions, and rows, from which the kinds of the columns are learned.
_LOOKED_AT, _SAMPLED = 4, 50_000


class ReadsTables(Protocol):
    """A file of a dataset of pyarrow."""

    def to_table(self, *, schema, columns): ...


class Fragment(NamedTuple):
    """A file of a dataset of pyarrow, with the columns that its folder's name holds."""

    fragment: ReadsTables
    schema: object

    def to_table(self, columns: list[str]):
        """Read some columns."""
        return self.fragment.to_table(schema=self.schema, columns=columns)


class TablePart(NamedTuple):
    """A file of a table, or a partition of a dask DataFrame.

    Attributes
    ----------
    where : str, Fragment or Delayed
        The path, the file of a dataset, or the dask object.
    columns : list of str
        The columns that are read, in this order.
    read : callable or None
        Function from a DataFrame to an array of numbers; None leaves it as it is.
    """

    where: object
    columns: list[str]
    read: Callable | None

    def frame(self, compute: Callable):
        """Read the columns; `compute` computes a dask object."""
        if isinstance(self.where, str):
            return _dataset(self.where).to_table(columns=self.columns)
        if isinstance(self.where, Fragment):
            return self.where.to_table(self.columns)
        return compute(self.where)[self.columns]

    def numbers(self, compute: Callable) -> np.ndarray:
        """Read the columns as numbers."""
        frame = self.frame(compute)
        return np.asarray(frame if self.read is None else self.read(frame))


@dataclass(frozen=True)
class TableSource:
    """A table in files or partitions.

    Attributes
    ----------
    parts : list of TablePart
        The files or partitions.
    names : list of str
        The name of each in messages.
    lengths : ndarray of int
        The number of rows of each.
    """

    parts: list[TablePart]
    names: list[str]
    lengths: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.lengths.sum())

    def with_columns(self, columns: list[str], read=None) -> TableSource:
        """Return a source of some columns, which a function turns into numbers."""
        parts = [part._replace(columns=columns, read=read) for part in self.parts]
        return replace(self, parts=parts)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.parts[0].columns

    def looked_at(self) -> list[tuple[int, int]]:
        """Return a few parts, and the step between rows of each that are looked at."""
        few = np.linspace(0, len(self.parts) - 1, _LOOKED_AT).round().astype(int)
        numbers = sorted(set(few.tolist()))
        most = _SAMPLED // len(numbers)
        return [(k, max(1, int(self.lengths[k]) // most)) for k in numbers]


def is_table_source(X) -> bool:
    """Return whether an input is a table in files, or a dask DataFrame."""
    if isinstance(X, TableSource) or (
        hasattr(X, "npartitions") and hasattr(X, "columns")
    ):
        return True
    if _is_dataset(X):
        return True
    return bool(_paths(X))


def table_source(X) -> TableSource:
    """Return the parts of a table that is not in memory.

    Parameters
    ----------
    X : list of paths, pyarrow.dataset.Dataset or dask DataFrame
        The table. The lengths of all parts are looked up.

    Returns
    -------
    TableSource

    Raises
    ------
    ValueError
        If a file cannot be read, or lacks a column of the first one; the message names
        it.
    ImportError
        If pyarrow is needed, and not installed.
    """
    if _is_dataset(X):
        return _of_dataset(X)
    paths = _paths(X)
    if not paths:
        columns = [str(name) for name in X.columns]
        parts = [TablePart(part, columns, None) for part in X.to_delayed()]
        names = [f"block {k} (partition {k})" for k in range(len(parts))]
        return TableSource(parts, names, np.array(X.map_partitions(len).compute()))
    columns, lengths = list[str](), list[int]()
    names = [f"block {k} (file {path})" for k, path in enumerate(paths)]
    for name, path in zip(names, paths, strict=True):
        try:
            data = _dataset(path)
            lengths.append(data.count_rows())
        except (OSError, ValueError) as error:
            why = "there is no such file" if not os.path.exists(path) else error
            raise ValueError(f"{name} cannot be read: {why}") from error
        columns = columns or list(data.schema.names)
        lacking = [column for column in columns if column not in data.schema.names]
        if lacking:
            raise ValueError(f"{name} lacks columns that {names[0]} has: {lacking}.")
    parts = [TablePart(path, columns, None) for path in paths]
    return TableSource(parts, names, np.array(lengths))


def _is_dataset(X) -> bool:
    """Return whether an input is a dataset of pyarrow."""
    return hasattr(X, "get_fragments") and hasattr(X, "schema")


def _of_dataset(X) -> TableSource:
    found = list(X.get_fragments())
    columns, names, lengths = list(X.schema.names), list[str](), list[int]()
    for k, fragment in enumerate(found):
        where = getattr(fragment, "path", f"number {k}")
        names.append(f"block {k} (file {where})")
        try:
            lengths.append(fragment.count_rows())
        except (OSError, ValueError) as error:
            raise ValueError(f"{names[k]} cannot be read: {error}") from error
    parts = [TablePart(Fragment(part, X.schema), columns, None) for part in found]
    return TableSource(parts, names, np.array(lengths))


def _paths(X) -> list[str]:
    """Return the paths of the files of a table, if it is in such files."""
    if not isinstance(X, (list, tuple)) or not all(
        isinstance(path, (str, os.PathLike)) for path in X
    ):
        return []
    paths = [os.fspath(path) for path in X]
    return paths if paths and all(map(_format, paths)) else []


def _format(path: str) -> str | None:
    """Return pyarrow's name of the format of a file, if it is one of tables."""
    return FORMATS.get(os.path.splitext(path)[1].lower())


def _dataset(path: str):
    """Return a file as a dataset of pyarrow."""
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            "Parquet and Arrow files are read by pyarrow, which is not installed; use "
            "pip install 'ntk_sklearn[arrow]'."
        ) from error
    if _format(path) != "parquet":
        return dataset.dataset(path, format=_format(path))
    # A page that was damaged on the disk may be read as other numbers otherwise. Files
    # without checksums are read as ever.
    checked = dataset.ParquetFragmentScanOptions(page_checksum_verification=True)
    parquet = dataset.ParquetFileFormat(default_fragment_scan_options=checked)
    return dataset.dataset(path, format=parquet)
