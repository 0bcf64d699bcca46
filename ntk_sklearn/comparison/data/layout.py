"""The layout of a table of text: its delimiter, its rows, and the names of columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..errors import StudyError, plural
from .columns import MISSING, MOSTLY, dates
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
# Rows that are looked at to choose a delimiter.
_SAMPLE = 500

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
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
    splits = [_Split(text.lines, d) for d in text.delimiter or DELIMITERS]
    # Of equals the first; of splits that a quote has spoilt, the one that says so.
    split = max(splits, key=lambda split: (split.quality(), bool(split.fault)))
    if split.fault:
        raise StudyError(f"{path}: {split.fault}")
    if not split.rows:
        raise StudyError(f"{path}: is empty")
    rows = _even(path, split)
    decimal = _decimal(split.delimiter, list(zip(*rows[1:], strict=True)))
    separated = DELIMITERS.get(split.delimiter, repr(split.delimiter))
    marks = ", decimal commas" if decimal == "," else ""
    header, rows, notes = _named(path, rows, text.comment, split.delimiter)
    notes = [*text.notes, f"separated by {separated}{marks}", *notes]
    return Table(header, rows, decimal, notes)


# -- rows and cells -------------------------------------------------------------------


class _Split:
    """Lines split by a delimiter, as far as quotes allow.

    Attributes
    ----------
    rows : list of tuple of str
        Rows with something in them.
    numbers : list of int
        The line that each of them begins with.
    fault : str
        What is wrong with the quotes, or "".
    """

    def __init__(self, lines: Sequence[str], delimiter: str):
        self.delimiter, self.fault = delimiter, ""
        self.rows: list[Row] = []
        self.numbers: list[int] = []
        if delimiter == " ":
            lines = [" ".join(line.split()) for line in lines]
        reader = csv.reader(
            (line + "\n" for line in lines),
            delimiter=delimiter,
            skipinitialspace=delimiter != " ",
            strict=True,
        )
        start = 1
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    self.rows.append(tuple(map(str.strip, row)))
                    self.numbers.append(start)
                start = reader.line_num + 1
        except csv.Error as error:
            self.fault = (
                f"the row that begins in line {start} cannot be read ({error}): close "
                "or delete its quote"
            )
        widths = Counter(map(len, self.rows))
        self.width = max(widths, key=widths.__getitem__, default=0)
        self._check_quotes()

    def _check_quotes(self) -> None:
        """See that no cell is made of rows that an open quote has swallowed."""
        for number, row in zip(self.numbers, self.rows, strict=True):
            for cell in row:
                breaks = cell.count("\n")
                if breaks and self.width > 1:
                    inside = breaks * (self.width - 1)
                    if len(row) == self.width and cell.count(self.delimiter) == inside:
                        self.fault = (
                            f"a quote in line {number} is closed {breaks} lines below: "
                            "close or delete it"
                        )

    def quality(self) -> tuple[float, float]:
        """Rate the split by even rows, by cells that are numbers, by none left whole.

        A cell is left whole if it holds a delimiter that is rarer in text.
        """
        if self.width < 2:
            return 0.0, 0.0
        even = np.mean([len(row) == self.width for row in self.rows])
        cells = [c for row in islice(self.rows, _SAMPLE) for c in row if c]
        rarer = "".join(DELIMITERS).partition(self.delimiter)[0]
        numeric = [looks_numeric(cell) for cell in cells]
        whole = [
            any(mark in cell for mark in rarer) and not number
            for cell, number in zip(cells, numeric, strict=True)
        ]
        rate = even + np.mean(numeric) - np.mean(whole)
        return round(float(rate), 2), float(even)


def _even(path, split: _Split) -> list[Row]:
    """Return rows of one length, without columns that are empty throughout."""
    filled = [max(j for j, cell in enumerate(row) if cell) + 1 for row in split.rows]
    width = max(filled)
    if width < 2:
        raise StudyError(
            f"{path}: has one column; a target and an input are needed, separated by "
            "comma, semicolon, tab, bar or space"
        )
    rows = list(split.rows)
    if len(rows[0]) + 1 == width and _names_rows(rows[1:], width):
        rows[0] = ("", *rows[0])
        filled[0] = width
    first, most = filled[0], max(filled[0], len(rows[0]))
    for number, row, last in zip(split.numbers, rows, filled, strict=True):
        if last > most or len(row) < first:
            raise StudyError(
                f"{path}: line {number} has {plural(len(row), 'cell')}, the first line "
                f"has {len(rows[0])}; mend or delete the line, or quote cells that "
                f"hold {split.delimiter!r}"
            )
    return [(row + ("",) * width)[:width] for row in rows]


def _names_rows(rows: Sequence[Row], width: int) -> bool:
    """Tell if rows begin with names that the header has no word for, as R writes."""
    names = [row[0] for row in rows]
    words = not any(map(looks_numeric, names))
    counted = names == [str(i + 1) for i in range(len(names))]
    even = {len(row) for row in rows} == {width}
    return even and (counted or (words and len(set(names)) == len(names)))


def _decimal(delimiter: str, columns: Sequence[Sequence[str]]) -> str:
    """Return the decimal mark that most columns force; else what goes with commas."""
    forced = Counter(
        read.decimal
        for texts in columns
        if (read := read_numbers(texts)).decimal
        and len(read.strange) < sum(map(bool, texts)) / 2
    )
    if forced:
        return max(forced, key=forced.__getitem__)
    return "." if delimiter == "," else ""


# -- names ----------------------------------------------------------------------------


def _named(path, rows: list[Row], comment: str, delimiter: str):
    """Take names from the first line or make them up; and say what was unusual."""
    first, below = rows[0], rows[1:]
    if not names_columns(first, list(zip(*below, strict=True))):
        above = _Split([comment], delimiter).rows
        if above and len(above[0]) == len(first):
            return list(above[0]), rows, ["names taken from the comment above"]
        header = [f"column_{j + 1}" for j in range(len(first))]
        note = f"no header line, columns are {header[0]} to {header[-1]}"
        return header, rows, [note]
    twice = {name for name in first if name and first.count(name) > 1}
    if twice:
        raise StudyError(
            f"{path}: has two columns named {min(twice)!r}, rename one of them"
        )
    numeric = [name for name in first if looks_numeric(name)]
    notes = [f"first line read as names, though {n} is a number" for n in numeric[:1]]
    if len(below) > 2 and _is_units(below[0], list(zip(*below[1:], strict=True))):
        below = below[1:]
        notes.append("second line read as units")
    return list(first), below, notes


def _is_units(second: Row, columns: Sequence[Sequence[str]]) -> bool:
    """Tell units by words, and no numbers, above numbers."""
    cells = [
        (cell, below)
        for cell, below in zip(second, columns, strict=True)
        if cell.lower() not in MISSING
    ]
    above_numbers = [pair for pair in cells if _is_numeric(pair[1])]
    return (
        bool(above_numbers)
        and not any(map(looks_numeric, second))
        and not any(cell in below for cell, below in cells)
    )


def names_columns(first: Row, columns: Sequence[Sequence[str]]) -> bool:
    """Tell names from data by what stands below them.

    A word above numbers is a name. A line whose cells all occur again below is data,
    and so is one with numbers or dates, unless they are a scale: 0, 1, 2 are the names
    that pandas gives, 2019, 2020, 2021 are years, and 400, 402, 404 are wavelengths.

    Parameters
    ----------
    first : tuple of str
        The cells of the first line.
    columns : sequence of sequence of str
        The cells below each of them.
    """
    cells = [
        pair
        for pair in zip(first, columns, strict=True)
        if pair[0].lower() not in MISSING
    ]
    if any(not looks_numeric(cell) and _is_numeric(below) for cell, below in cells):
        return True
    if all(cell in below for cell, below in cells):
        return False
    numeric = [pair for pair in cells if looks_numeric(pair[0])]
    if not numeric:
        return not any(dates([cell]) for cell, _ in cells)
    header, *below = (
        read_numbers(texts).values
        for texts in zip(*([cell, *texts] for cell, texts in numeric), strict=True)
    )
    return _is_scale(header, np.array(below))


def _is_numeric(texts: Sequence[str]) -> bool:
    """Return True if cells are numbers, but for missing ones and a few others."""
    present = [text for text in texts if text.lower() not in MISSING]
    return len(read_numbers(present).strange) <= (1 - MOSTLY) * len(present)


def _is_scale(header: np.ndarray, below: np.ndarray) -> bool:
    """Tell a scale, which rises evenly or lies far from what is below, from a row."""
    seen = np.isfinite(below).any(axis=0)
    header, below = header[seen], below[:, seen]
    if len(header) < 3 or not _rises(header[None])[0]:
        return False
    low, high = np.nanmin(below, axis=0), np.nanmax(below, axis=0)
    far = np.maximum(low - header, header - high) > high - low
    steps = np.diff(np.vstack([header, below]), axis=1)
    even = np.ptp(steps, axis=1) <= 0.01 * np.abs(steps).max(axis=1)
    counts = even[0] and (abs(steps[0, 0]) == 1 or len(header) >= 5)
    alike = even[1:].mean() if counts else _rises(below).mean()
    return bool(far.all() or ((counts or len(header) >= 8) and alike < 0.1))


def _rises(rows: np.ndarray) -> np.ndarray:
    """Return which rows only rise or only fall."""
    steps = np.diff(rows, axis=1)
    return np.logical_or((steps > 0).all(axis=1), (steps < 0).all(axis=1))
