"""Reading a table of one's own: strings, gaps, dates and constants without a flag."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import StudyError, plural
from .columns import MISSING, Column, counts_rows, encode, numbers
from .datasets import CLASSIFICATION, REGRESSION, Dataset
from .header import is_number, names_columns

DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
FEWEST_ROWS = 10
# An integer target of at most this many values is a class.
MOST_INTEGER_CLASSES = 10
# Repeated rows beyond this share are how the table is, not an accident.
MOST_DUPLICATES = 0.1


def read_csv(
    path: str | os.PathLike, target: str | None = None, task: str = "auto"
) -> Dataset:
    """Read a csv file and recognise the kinds of its columns.

    Parameters
    ----------
    path : path-like
        Separated by comma, semicolon, tab or bar. Cells that are empty or say NA,
        NaN, null, none or ? are missing. Without a header line the columns are called
        column_1, column_2 and so on.
    target : str, default=None
        Name of the target's column; None means the last.
    task : {"auto", "classification", "regression"}, default="auto"
        The kind of target; "auto" looks at it.

    Returns
    -------
    Dataset
        Its ``notes`` tell the decisions that were taken.
    """
    header, lines, notes = _read(Path(path))
    at = _target_position(path, header, target)
    if target is None:
        notes.append(f"target {header[at]}")
    # Of the whole file: once rows are removed, row numbers have gaps.
    counters = _row_numbers(header, lines, at)
    lines, dropped = _kept_lines(lines, at)
    notes += dropped
    if len(lines) < FEWEST_ROWS:
        raise StudyError(
            f"{path}: has {plural(len(lines), 'row')} with a target, at least "
            f"{FEWEST_ROWS} are needed"
        )
    texts = list(zip(*lines, strict=True))
    task, y = recognise_target(header[at], texts[at], task, path)
    notes.insert(0, task)
    notes += [f"row number {header[j] or 'without name'} left out" for j in counters]
    columns = []
    for j, name in enumerate(header):
        if j != at and j not in counters:
            encoded, note = encode(name, texts[j])
            columns += encoded
            notes += note
    if not columns:
        raise StudyError(f"{path}: has no usable column besides {header[at]}")
    return _dataset(Path(path).stem, task, columns, y, notes)


def _dataset(name: str, task: str, columns: Sequence[Column], y, notes) -> Dataset:
    X = np.column_stack([column.values for column in columns])
    categorical = np.array([column.categorical for column in columns])
    n_missing = int(np.isnan(X).sum())
    if n_missing:
        notes = [*notes, plural(n_missing, "missing value")]
    return Dataset(name, task, X, y, categorical=categorical, notes=tuple(notes))


# -- the file -------------------------------------------------------------------------


def _read(path: Path) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """Names, lines and notes; every cell stripped, missing ones empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise StudyError(f"{path}: is not a text file")
    rows = _split(path, text)
    if not rows:
        raise StudyError(f"{path}: is empty")
    _check_widths(path, rows)
    return _named(path, [tuple(row) for _, row in rows])


def _named(path, rows: list[tuple[str, ...]]):
    """Take names from the first line or make them up; and say what was unusual."""
    lines = [tuple(map(_cell, row)) for row in rows]
    first, below = lines[0], lines[1:]
    columns = [[line[j] for line in below] for j in range(len(first))]
    if not names_columns(first, columns):
        header = [f"column_{j + 1}" for j in range(len(first))]
        return (
            header,
            lines,
            [f"no header line, columns are {header[0]} to {header[-1]}"],
        )
    header = [name.strip() for name in rows[0]]
    _check_names(path, header)
    numeric = [name for name in first if name and is_number(name)]
    notes = [f"first line read as names, though {n} is a number" for n in numeric[:1]]
    return header, below, notes


def _cell(text: str) -> str:
    text = text.strip()
    if text.lower() in MISSING:
        return ""
    # A comma between digits is a decimal point.
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def _split(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Numbered lines, split by the delimiter that gives the most even columns."""
    best: list[tuple[int, list[str]]] = []
    best_quality = (-1.0, 0)
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            rows = [
                (reader.line_num, row) for row in reader if any(map(str.strip, row))
            ]
        except csv.Error as error:
            raise StudyError(f"{path}: cannot be read: {error}") from error
        width = len(rows[0][1]) if rows else 0
        even = sum(len(row) == width for _, row in rows) / len(rows) if rows else 0.0
        quality = (round(even, 2) if width > 1 else 0.0, width)
        if quality > best_quality:
            best, best_quality = rows, quality
    return best


def _check_widths(path, rows: Sequence[tuple[int, list[str]]]) -> None:
    width = len(rows[0][1])
    if width < 2:
        raise StudyError(f"{path}: has one column; a target and an input are needed")
    for number, row in rows:
        if len(row) != width:
            raise StudyError(
                f"{path}: line {number} has {plural(len(row), 'cell')}, the first line "
                f"has {width}"
            )


def _check_names(path, header: list[str]) -> None:
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise StudyError(f"{path}: has two columns named {min(twice)!r}")


def _target_position(path, header: list[str], target: str | None) -> int:
    if target is None:
        return len(header) - 1
    if target not in header:
        raise StudyError(
            f"{path}: has no column {target!r}; columns are {', '.join(header)}"
        )
    return header.index(target)


def _row_numbers(header: list[str], lines, at: int) -> list[int]:
    """Positions of the inputs that only number the rows."""
    return [
        j
        for j, texts in enumerate(zip(*lines, strict=True))
        if j != at and counts_rows(header[j], texts)
    ]


def _kept_lines(lines, at: int):
    """Lines with a target, without accidental repetitions; and what was dropped."""
    notes = []
    known = [line for line in lines if line[at]]
    if len(known) < len(lines):
        removed = plural(len(lines) - len(known), "row")
        notes.append(f"{removed} without target removed")
    distinct = list(dict.fromkeys(known))
    repeated = len(known) - len(distinct)
    if not repeated:
        return known, notes
    if repeated > MOST_DUPLICATES * len(known):
        return known, [*notes, f"{plural(repeated, 'repeated row')} kept"]
    return distinct, [*notes, f"{plural(repeated, 'repeated row')} removed"]


# -- the target -----------------------------------------------------------------------


def recognise_target(name: str, texts: Sequence[str], task: str, source):
    """Tell classes from numbers; return the task and the target.

    Strings are classes, and so are two values, or at most ten different integers of
    which each occurs five times on average. Other numbers are for regression.
    """
    values = numbers(texts)
    if values is not None and not np.isfinite(values).all():
        raise StudyError(f"{source}: target {name} has infinite values")
    distinct = len(set(texts))
    if task == "auto":
        task = REGRESSION if _is_continuous(values, distinct) else CLASSIFICATION
    if distinct < 2:
        raise StudyError(f"{source}: target {name} has one value only")
    if task == REGRESSION:
        if values is None:
            raise StudyError(
                f"{source}: target {name} is not numeric, which regression needs"
            )
        return task, values
    codes = np.unique(np.asarray(texts, dtype=str), return_inverse=True)[1]
    if distinct > len(texts) / 2:
        raise StudyError(
            f"{source}: target {name} has {distinct} different values in {len(texts)} "
            "rows, too many for classes"
        )
    return task, codes


def _is_continuous(values: np.ndarray | None, distinct: int) -> bool:
    if values is None or distinct <= 2:
        return False
    few = distinct <= MOST_INTEGER_CLASSES and len(values) >= 5 * distinct
    return not (few and bool((values == np.round(values)).all()))
