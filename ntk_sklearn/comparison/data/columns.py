"""Recognising columns of text: numbers, dates, categories, and what to leave out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import StudyError, plural
from .numbers import read_numbers

if TYPE_CHECKING:
    import pandas

# Cells, in lower case, that mean a missing value.
MISSING = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "?", "missing", "#n/a", "<na>", "nat"]
)
# Cells that mean a missing value among numbers and dates; a category otherwise.
NO_NUMBER = MISSING.union(
    ["-", "--", "–", "—", ".", "..", "...", "*", "unknown", "n.a.", "n.d.", "nil"],
    ["not available", "not known", "#value!", "#div/0!", "#ref!", "#name?", "#num!"],
)
# More different strings than this, and than half of the rows, are no categories.
MOST_CATEGORIES = 20
# A column is of numbers or dates if this share of its cells is, and more than
# FEW_NUMBERS of them differ: few numbers and a word are codes.
MOSTLY = 0.9
FEW_NUMBERS = 10

# Names of columns that only count the rows.
_COUNTERS = frozenset(["", "#", "id", "index", "no", "nr", "row", "unnamed: 0"])


@dataclass(frozen=True)
class Column:
    """Numbers, NaN where missing, or codes of categories."""

    values: np.ndarray
    categorical: bool = False


def encode(
    name: str, texts: Sequence[str], decimal: str = "."
) -> tuple[list[Column], list[str]]:
    """Turn the cells of a column into columns of numbers, and say what was unusual.

    Parameters
    ----------
    name : str
        The column's name, for the notes.
    texts : sequence of str
        Stripped cells; one that is empty or a word of `MISSING` is missing.
    decimal : {".", ",", ""}, default="."
        The decimal mark of the table, "" if it is not known.

    Returns
    -------
    columns : list of Column
        None, one, or, for a date, several.
    notes : list of str
    """
    texts = _without(MISSING, texts)
    present = {text for text in texts if text}
    if not present:
        return [], [f"empty column {name} left out"]
    if len(present) == 1 and all(texts):
        return [], [f"constant column {name} left out"]
    known = _without(NO_NUMBER, texts)
    read = read_numbers(known, decimal)
    values = np.where(np.isfinite(read.values), read.values, np.nan)
    few = len(np.unique(values[~np.isnan(values)])) <= FEW_NUMBERS
    if _mostly(known, read.strange) and not (few and read.strange):
        notes = [f"{name}: {read.note}"] if read.note else []
        return [Column(values)], [*notes, *_lost(name, texts, known, read.strange)]
    if (days := dates(known)) is not None:
        columns = _date_columns(days)
        return columns, [
            f"{name} read as {days.about}",
            *_lost(name, texts, known, days.strange),
        ]
    if len(present) > max(MOST_CATEGORIES, sum(map(bool, texts)) / 2):
        return [], [f"free text {name} left out"]
    return [_categories(texts)], []


def _without(words: frozenset[str], texts: Sequence[str]) -> list[str]:
    return ["" if text.lower() in words else text for text in texts]


def _mostly(texts: Sequence[str], strange: Sequence[str]) -> bool:
    count = sum(map(bool, texts))
    return count > 0 and count - len(strange) >= MOSTLY * count


def _lost(
    name: str, texts: Sequence[str], known: Sequence[str], strange: Sequence[str]
) -> list[str]:
    """Tell which cells of a column of numbers or dates count as missing."""
    words = [text for text, kept in zip(texts, known, strict=True) if text and not kept]
    words += strange
    if not words:
        return []
    quoted = [repr(word) for word in dict.fromkeys(words)]
    more = ", ..." if len(quoted) > 3 else ""
    return [
        f"{name}: {plural(len(words), 'cell')} counted as missing, "
        f"{', '.join(quoted[:3])}{more}"
    ]


def counts_rows(name: str, texts: Sequence[str]) -> bool:
    """Return True if a column of the whole file only numbers its rows."""
    if name.lower() not in _COUNTERS:
        return False
    return bool((np.diff(read_numbers(texts).values) == 1).all())


def _categories(texts: Sequence[str]) -> Column:
    codes = np.unique(np.asarray(texts, dtype=str), return_inverse=True)[1]
    coded = codes.astype(np.float64)
    coded[[not text for text in texts]] = np.nan
    return Column(coded, categorical=True)


# -- dates ----------------------------------------------------------------------------

_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AP]\.?M\.?)?"
_ZONE = r"\s*(?:Z|UTC|[+-]\d\d:?\d\d)"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DAYS = [
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?",  # 2020-01-31, 2020-01
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?:\d{4}|(?P<short>\d\d))",
    rf"(?:\d{{1,2}}[-\s.]*)?{_MONTH}[-\s,]*(?:\d{{4}}|(?P<brief>\d\d))",  # 31-Jan-20
    rf"{_MONTH}\s*\d{{1,2}},?\s+\d{{4}}",  # Jan 31, 2020
]
_DATE = re.compile(
    rf"(?:[a-z]{{3,9}},?\s+)?(?:{'|'.join(_DAYS)})(?:[T\s,]+{_TIME}(?:{_ZONE})?)?"
    rf"|(?P<time>{_TIME})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Dates:
    """A column read as dates.

    Attributes
    ----------
    index : pandas.DatetimeIndex
        In UTC, NaT where a cell is empty or no date.
    strange : list of str
        The cells that are no dates.
    about : str
        Words for the note.
    """

    index: pandas.DatetimeIndex
    strange: list[str]
    about: str


def dates(texts: Sequence[str]) -> Dates | None:
    """Read cells as dates or times of day; None if most of them are neither.

    Whether the day or the month comes first is decided by all cells together.
    """
    shapes = {text: m for text in set(texts) if text and (m := _DATE.fullmatch(text))}
    if not _mostly(texts, [text for text in texts if text and text not in shapes]):
        return None
    try:
        import pandas
    except ImportError as error:
        raise StudyError(
            f"reading dates such as {next(iter(shapes))} needs pandas: "
            'pip install "ntk_sklearn[bench]"'
        ) from error
    times = {bool(match["time"]) for match in shapes.values()}
    parts = [(int(m["a"]), int(m["b"])) for m in shapes.values() if m["mark"]]
    day_first = any(a > 12 for a, _ in parts)
    month_first = any(b > 12 for _, b in parts)
    if len(times) > 1 or (day_first and month_first):
        return None
    of_day = "2000-01-01 " if True in times else ""
    index = pandas.to_datetime(
        [of_day + _whole_year(shapes[t]) if t in shapes else None for t in texts],
        format="mixed",
        dayfirst=bool(parts) and not month_first,
        errors="coerce",
        utc=True,
    )
    strange = [t for t, lost in zip(texts, index.isna(), strict=True) if t and lost]
    if not _mostly(texts, strange):
        return None
    about = "time of day" if of_day else "date"
    dotted = all(match["mark"] in (".", None) for match in shapes.values())
    if parts and not (day_first or month_first or dotted):
        about += ", day before month, which cannot be told"
    if any(match["short"] or match["brief"] for match in shapes.values()):
        about += f", years {index.year.min():.0f} to {index.year.max():.0f}"
    return Dates(index, strange, about)


def _whole_year(match: re.Match[str]) -> str:
    """Write a year of two digits with four, 1969 to 2068."""
    for group in ("short", "brief"):
        if match[group]:
            at = match.start(group)
            century = "19" if match[group] > "68" else "20"
            return match[0][:at] + century + match[0][at:]
    return match[0]


def _date_columns(days: Dates) -> list[Column]:
    """Days since 1970, month, weekday and hour, as far as they vary."""
    index = days.index
    epoch = index.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    hour = index.hour + index.minute / 60 + index.second / 3600
    readers = [epoch / 86400e6, index.month, index.day_of_week, hour]
    if days.about.startswith("time"):
        readers = [hour]
    columns = [np.where(index.isna(), np.nan, np.asarray(c, float)) for c in readers]
    return [Column(c) for c in columns if np.nanmin(c) < np.nanmax(c)]
