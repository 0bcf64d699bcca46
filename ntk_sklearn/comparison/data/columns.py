"""Recognising columns of text: numbers, dates, categories, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

# Cells, in lower case, that mean a missing value.
MISSING = frozenset(["", "na", "n/a", "nan", "null", "none", "?", "missing", "#n/a"])

# More different strings than this, and than half of the rows, are no categories.
MOST_CATEGORIES = 20

# Names of columns that only count the rows.
_COUNTERS = frozenset(["", "id", "index", "no", "row", "unnamed: 0"])

_DATE_FORMATS = (
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d %H:%M",
)


@dataclass(frozen=True)
class Column:
    """Numbers, NaN where missing, or codes of categories."""

    values: np.ndarray
    categorical: bool = False


def numbers(texts: Sequence[str]) -> np.ndarray | None:
    """Read cells as numbers, empty ones as NaN; None if any is not a number."""
    try:
        return np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None


def encode(name: str, texts: Sequence[str]) -> tuple[list[Column], list[str]]:
    """Turn the cells of a column into columns of numbers, and say what was unusual.

    Parameters
    ----------
    name : str
        The column's name, for the notes.
    texts : sequence of str
        Stripped cells; an empty one is missing.

    Returns
    -------
    columns : list of Column
        None, one, or, for a date, several.
    notes : list of str
    """
    present = {text for text in texts if text}
    if not present:
        return [], [f"empty column {name} left out"]
    if len(present) == 1 and all(texts):
        return [], [f"constant column {name} left out"]
    values = numbers(texts)
    if values is not None:
        values[np.isinf(values)] = np.nan
        return [Column(values)], []
    days = dates(texts)
    if days is not None:
        return _date_columns(days), [f"{name} read as date"]
    if len(present) > max(MOST_CATEGORIES, sum(map(bool, texts)) / 2):
        return [], [f"free text {name} left out"]
    return [_categories(texts)], []


def counts_rows(name: str, texts: Sequence[str]) -> bool:
    """Return True if a column of the whole file only numbers its rows."""
    if name.lower() not in _COUNTERS:
        return False
    values = numbers(texts)
    return values is not None and bool((np.diff(values) == 1).all())


def _categories(texts: Sequence[str]) -> Column:
    codes = np.unique(np.asarray(texts, dtype=str), return_inverse=True)[1]
    coded = codes.astype(np.float64)
    coded[[not text for text in texts]] = np.nan
    return Column(coded, categorical=True)


# -- dates ----------------------------------------------------------------------------


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text[:-1] + "+00:00" if text[-1] in "Zz" else text)


def _by_format(pattern: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, pattern)


def dates(texts: Sequence[str]) -> list[datetime | None] | None:
    """Read cells as dates, all by the same format; None if no format fits."""
    for read in (_iso, *map(_by_format, _DATE_FORMATS)):
        try:
            return [_in_utc(read(text)) if text else None for text in texts]
        except (ValueError, OverflowError):
            continue
    return None


def _in_utc(date: datetime) -> datetime:
    if date.tzinfo is None:
        return date.replace(tzinfo=timezone.utc)
    return date.astimezone(timezone.utc)


def _date_columns(days: Sequence[datetime | None]) -> list[Column]:
    """Days since 1970, month, weekday and hour, as far as they vary."""
    readers: tuple[Callable[[datetime], float], ...] = (
        lambda date: date.timestamp() / 86400,
        lambda date: date.month,
        lambda date: date.weekday(),
        lambda date: date.hour + date.minute / 60,
    )
    columns = [
        np.array([np.nan if date is None else read(date) for date in days])
        for read in readers
    ]
    return [Column(c) for c in columns if np.nanmin(c) < np.nanmax(c)]
