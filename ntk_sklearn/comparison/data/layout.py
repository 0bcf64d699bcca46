"""The layout of a table of text: its delimiter, its rows, and the names of columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import StudyError, plural
from .columns import MISSING, mostly
from .dates import read_dates
from .numbers import looks_numeric, read_numbers
from .text import Text

# The rarer one stands in the cells of a table, the surer it separates them.
DELIMITERS = {
    "\t": "tabs",
    "|": "bars",
    ";": "semicolons",
    ",": "commas",
    " ": "spaces",
}
# Rows that are looked at to decide.
_SAMPLE = 500
_LONGEST_CELL = 2**31 - 1
# Steps between numbers that rise, from which on they are names and no row of data.
_SCALE = 4

Row = tuple[str, ...]
Columns = Sequence[Sequence[str]]


class Table(NamedTuple):
    """A table of stripped cells, all rows as long as the header.

    Attributes
    ----------
    header : list of str
        Names of the columns; empty where the file leaves one out.
    rows : list of tuple of str
    decimal : {".", ",", ""}
        The decimal mark of the table's numbers; "" if it cannot be told.
    notes : list of str
        Decisions taken.
    """

    header: list[str]
    rows: list[Row]
    decimal: str
    notes: list[str]


def lay_out(path, text: Text) -> Table:
    """Split the lines of a file into named columns of cells."""
    # Of equals the first; of splits that a quote has spoilt, the one that says so.
    splits = [_split(text.lines, mark) for mark in text.delimiter or DELIMITERS]
    split = max(splits, key=lambda split: (_quality(split), bool(split.fault)))
    if split.fault:
        raise StudyError(f"{path}: {split.fault}")
    if not split.rows:
        raise StudyError(f"{path}: is empty")
    rows = _even(path, split)
    if len(rows) < 2:
        raise StudyError(f"{path}: has one line; names and rows below are needed")
    decimal = _decimal(split.delimiter, list(zip(*rows[1:_SAMPLE], strict=True)))
    separated = DELIMITERS.get(split.delimiter, repr(split.delimiter))
    marks = ", decimal commas" if decimal == "," else ""
    notes = [*text.notes, f"separated by {separated}{marks}"]
    above = _split([text.comment], split.delimiter).rows
    return _named(path, rows, decimal, notes, above[0] if above else ())


# -- rows and cells -------------------------------------------------------------------


class _Split(NamedTuple):
    """Rows with something in them, the line each begins with, and what is wrong."""

    delimiter: str
    rows: list[Row]
    numbers: list[int]
    fault: str

    @property
    def width(self) -> int:
        widths = Counter(map(len, self.rows))
        return max(widths, key=widths.__getitem__, default=0)


def _split(lines: Sequence[str], delimiter: str) -> _Split:
    """Split lines as far as their quotes allow."""
    if delimiter == " ":
        lines = [" ".join(line.split()) for line in lines]
    else:  # blanks between a quoted cell and the next delimiter are no part of it
        lines = [re.sub(rf'" +(?={re.escape(delimiter)}|$)', '"', x) for x in lines]
    reader = csv.reader(
        (line + "\n" for line in lines),
        delimiter=delimiter,
        skipinitialspace=delimiter != " ",
        strict=True,
    )
    limit = csv.field_size_limit(_LONGEST_CELL)
    split, start = _Split(delimiter, [], [], ""), 1
    try:
        for row in reader:
            if any(map(str.strip, row)):
                split.rows.append(tuple(map(str.strip, row)))
                split.numbers.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        fault = (
            f"line {start} cannot be read ({error}): close or delete its quote, or "
            "write it twice if it stands within a quoted cell"
        )
        return split._replace(fault=fault)
    finally:
        csv.field_size_limit(limit)
    return split._replace(fault=_swallowed(split))


def _swallowed(split: _Split) -> str:
    """Find a cell that is made of whole rows, which an open quote has swallowed."""
    delimiters = split.width - 1
    for number, row in zip(split.numbers, split.rows, strict=True):
        for cell in row:
            breaks = cell.count("\n")
            if breaks and cell.count(split.delimiter) == breaks * delimiters > 0:
                return (
                    f"a quote in line {number} is closed {plural(breaks, 'line')} "
                    "below: close or delete it"
                )
    return ""


def _quality(split: _Split) -> float:
    """Rate a split by even rows, by cells that are numbers, and by none left whole.

    A cell is left whole if it holds a delimiter that is rarer in text.
    """
    width = split.width
    if width < 2:
        return 0.0
    even = np.mean([len(row) == width for row in split.rows])
    cells = [cell for row in split.rows[:_SAMPLE] for cell in row if cell]
    words = [cell for cell in cells if not looks_numeric(cell)]
    rarer = set("".join(DELIMITERS).partition(split.delimiter)[0])
    whole = sum(not rarer.isdisjoint(cell) for cell in words)
    return round(float(even) + 1 - (len(words) + whole) / len(cells), 2)


def _even(path, split: _Split) -> list[Row]:
    """Return rows of one length, without columns that are empty throughout."""
    rows = list(split.rows)
    filled = [max(j for j, cell in enumerate(row) if cell) + 1 for row in rows]
    width = max(filled)
    if width < 2:
        raise StudyError(
            f"{path}: has one column; a target and an input are needed, separated by "
            "comma, semicolon, tab, bar or space, or by what a first line such as "
            "sep=^ says"
        )
    if len(rows[0]) + 1 == width and _names_rows(rows[1:], width):
        rows[0], filled[0] = ("", *rows[0]), width
    most = max(filled[0], len(rows[0]))
    for number, row, last in zip(split.numbers, rows, filled, strict=True):
        if last > most or len(row) < filled[0]:
            odd = "the first line" if split.width == len(row) else "the line"
            raise StudyError(
                f"{path}: line {number} has {plural(len(row), 'cell')}, the first line "
                f"has {len(rows[0])}; mend or delete {odd}, or put cells that hold "
                f"{split.delimiter!r} in double quotes"
            )
    return [(row + ("",) * width)[:width] for row in rows]


def _names_rows(rows: Sequence[Row], width: int) -> bool:
    """Tell if rows begin with numbers or names of their own, as those that R writes."""
    names = [row[0] for row in rows]
    counted = names == [str(i + 1) for i in range(len(names))]
    words = len(set(names)) == len(names) and not any(map(looks_numeric, names))
    return {len(row) for row in rows} == {width} and (counted or words)


def _decimal(delimiter: str, columns: Columns) -> str:
    """Return the decimal mark that most columns force; else what goes with commas."""
    forced: Counter[str] = Counter()
    for texts in columns:
        read = read_numbers(texts, "")
        forced[read.decimal] += mostly(texts, read.strange)
    usual = "." if forced["."] >= forced[","] else ","
    return usual if forced[usual] or delimiter == "," else ""


# -- names ----------------------------------------------------------------------------


def _named(path, rows: list[Row], decimal: str, notes: list[str], above: Row) -> Table:
    """Take names from the first line or make them up; and say what was unusual."""
    first, below = rows[0], rows[1:]
    if not names_columns(first, list(zip(*below, strict=True))):
        header = [f"column_{j + 1}" for j in range(len(first))]
        note = f"no header line, columns are {header[0]} to {header[-1]}"
        if len(above) == len(first):
            header, note = list(above), "names taken from the comment above"
        return Table(header, rows, decimal, [*notes, note])
    twice = [name for name, count in Counter(first).items() if name and count > 1]
    if twice:
        raise StudyError(
            f"{path}: has two columns named {min(twice)!r}, rename one of them"
        )
    if not all(first[1:]):
        raise StudyError(
            f"{path}: the first line has no name for column {first.index('', 1) + 1}; "
            "delete lines above the names, or name the column"
        )
    numeric = [name for name in first if looks_numeric(name)]
    notes += [f"first line read as names, though {n} is a number" for n in numeric[:1]]
    return Table(list(first), below, decimal, notes)


def names_columns(first: Row, columns: Columns) -> bool:
    """Tell names from data by what stands below them.

    A word above numbers is a name. A line whose cells all occur again below is data. Of
    the others, one with dates is data, and so is one with numbers unless these count,
    as in 2019, 2020, 2021, or rise beside a word that is not among the few below it.
    """
    cells = [pair for pair in zip(first, columns, strict=True) if _says(pair[0])]
    words = [(cell, below) for cell, below in cells if not looks_numeric(cell)]
    if any(_are_numbers(below[:_SAMPLE]) for _, below in words):
        return True
    if all(cell in below for cell, below in cells):
        return False
    if len(words) == len(cells):
        return not any(read_dates([cell]) for cell, _ in cells)
    numeric = [(cell, below) for cell, below in cells if looks_numeric(cell)]
    read = [read_numbers([cell, *below[:_SAMPLE]]).values for cell, below in numeric]
    steps = np.diff(np.transpose(read))
    strange = any(
        t not in below and 2 * len({*below}) < len(below) for t, below in words
    )
    if strange and steps.shape[1] >= _SCALE and abs(np.sign(steps[0]).mean()) == 1:
        return True
    return _count(steps)


def _says(cell: str) -> bool:
    return cell.lower() not in MISSING


def _are_numbers(texts: Sequence[str]) -> bool:
    known = list(filter(_says, texts))
    return mostly(known, read_numbers(known).strange)


def _count(steps: np.ndarray) -> bool:
    """Return True if the first row rises evenly, and hardly any below do."""
    if steps.shape[1] < 2 or not steps[0, 0]:
        return False
    even = np.ptp(steps, axis=1) <= 0.01 * np.abs(steps).max(axis=1)
    return bool(even[0] and even[1:].mean() < 0.1)
