"""Reading a table of one's own: strings, gaps, dates and constants without a flag."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from ..errors import StudyError, plural
from .columns import NO_NUMBER, Column, counts_rows, encode
from .datasets import Dataset
from .layout import Row, lay_out
from .numbers import read_numbers
from .targets import is_continuous, recognise_target
from .text import PACKED, read_text

FEWEST_ROWS = 10
# Repeated rows beyond this share are how the table is, not an accident.
MOST_DUPLICATES = 0.1
# A word rarer than this among the numbers of a target is no class.
RAREST_CLASS = 0.05
# Names of columns that a message lists, and letters of each.
MOST_NAMES = 10
LONGEST_NAME = 40


def read_tables(
    paths: Sequence[str], target: str | None = None, task: str = "auto"
) -> list[Dataset]:
    """Read several tables; those of one name are told apart by their paths."""
    tables = {path: read_csv(path, target, task) for path in dict.fromkeys(paths)}
    names = Counter(dataset.name for dataset in tables.values())
    return [
        dataset if names[dataset.name] == 1 else replace(dataset, name=path)
        for path, dataset in tables.items()
    ]


def read_csv(
    path: str | os.PathLike, target: str | None = None, task: str = "auto"
) -> Dataset:
    """Read a csv file and recognise the kinds of its columns.

    Parameters
    ----------
    path : path-like
        Separated by comma, semicolon, tab, bar or spaces, in UTF-8, UTF-16, UTF-32 or
        Windows-1252; packed by gzip, bzip2, xz, or alone in a zip archive, or not
        packed. Cells of features that are empty or say
        NA, NaN, null, none or ? are missing; of a target only empty ones, unless the
        others are numbers. Without a header line the columns are called column_1,
        column_2 and so on.
    target : str, default=None
        Name of the target's column; None means the last.
    task : {"auto", "classification", "regression"}, default="auto"
        The kind of target; "auto" looks at it.

    Returns
    -------
    Dataset
        Its ``notes`` tell the decisions that were taken.
    """
    table = lay_out(path, read_text(Path(path)))
    header, decimal, notes = table.header, table.decimal, table.notes
    at = _target_position(path, header, target)
    target = header[at] or "without name"
    notes.append(f"target {target}")
    # Of the whole file: once rows are removed, row numbers have gaps.
    counters = _row_numbers(header, table.rows, at)
    cells, words = _target_cells([row[at] for row in table.rows], decimal)
    rows, dropped = _kept_rows(table.rows, cells)
    notes += [*words, *dropped]
    if len(rows) < FEWEST_ROWS:
        raise StudyError(
            f"{path}: has {plural(len(rows), 'row')} with a target, at least "
            f"{FEWEST_ROWS} are needed; the target is the column {target}"
        )
    texts = list(zip(*rows, strict=True))
    read = read_numbers(texts[at], decimal)
    values = None if read.strange else read.values
    task, y = recognise_target(target, texts[at], values, task, path)
    notes.insert(0, task)
    if read.note and not read.strange:
        notes.append(f"target {target}: {read.note}")
    notes += [f"row number {header[j] or 'without name'} left out" for j in counters]
    columns = []
    for j, name in enumerate(header):
        if j != at and j not in counters:
            encoded, note = encode(name or f"column_{j + 1}", texts[j], decimal)
            columns += encoded
            notes += note
    if not columns:
        raise StudyError(
            f"{path}: has no usable column besides {target} ({'; '.join(notes)})"
        )
    return _dataset(_name(Path(path)), task, columns, y, notes)


def _name(path: Path) -> str:
    return Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem


def _dataset(name: str, task: str, columns: Sequence[Column], y, notes) -> Dataset:
    X = np.column_stack([column.values for column in columns])
    categorical = np.array([column.categorical for column in columns])
    n_missing = int(np.isnan(X).sum())
    if n_missing:
        notes = [*notes, plural(n_missing, "missing value")]
    return Dataset(name, task, X, y, categorical=categorical, notes=tuple(notes))


def _target_position(path, header: list[str], target: str | None) -> int:
    if target is None:
        return len(header) - 1
    if target not in header:
        names = [name for name in header if name]
        shown = [_short(name) for name in names[:MOST_NAMES]]
        others = len(header) - len(shown)
        more = f" and {plural(others, 'other')}" if others else ""
        raise StudyError(
            f"{path}: has no column {target!r}{_meant(target, names)} columns are "
            f"{', '.join(shown)}{more}"
        )
    return header.index(target)


def _meant(target: str, names: Sequence[str]) -> str:
    """Ask whether one of the nearest names is meant, in any case of letters."""
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(target.casefold(), folded, n=3)
    said = " or ".join(repr(_short(folded[name])) for name in near)
    return f", did you mean {said}?" if near else ";"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _row_numbers(header: list[str], rows: Sequence[Row], at: int) -> list[int]:
    """Positions of the inputs that only number the rows."""
    return [
        j
        for j, texts in enumerate(zip(*rows, strict=True))
        if j != at and counts_rows(header[j], texts)
    ]


def _target_cells(texts: Sequence[str], decimal: str) -> tuple[list[str], list[str]]:
    """Empty the cells of a target that are missing; and say which words were in doubt.

    A word is a class. Among numbers a word for missing values is one only if the
    numbers are classes too and it is no rarer than a class.
    """
    words = Counter(text for text in texts if text and text.lower() in NO_NUMBER)
    if not words:
        return list(texts), []
    kept = ["" if text in words else text for text in texts]
    read = read_numbers(kept, decimal)
    values = read.values[~np.isnan(read.values)]
    rare = words.total() < RAREST_CLASS * len(texts)
    said = ", ".join(map(repr, words))
    if len(values) and not read.strange and (rare or is_continuous(values)):
        cells = plural(words.total(), "cell")
        return kept, [f"{cells} of the target counted as missing, {said}"]
    return list(texts), [f"{said} taken for a class of the target"]


def _kept_rows(rows: Sequence[Row], target: Sequence[str]):
    """Rows with a target, without accidental repetitions; and what was dropped."""
    notes = []
    known = [row for row, text in zip(rows, target, strict=True) if text]
    if len(known) < len(rows):
        removed = plural(len(rows) - len(known), "row")
        notes.append(f"{removed} without target removed")
    distinct = list(dict.fromkeys(known))
    repeated = len(known) - len(distinct)
    if not repeated:
        return known, notes
    if repeated > MOST_DUPLICATES * len(known):
        return known, [*notes, f"{plural(repeated, 'repeated row')} kept"]
    return distinct, [*notes, f"{plural(repeated, 'repeated row')} removed"]
