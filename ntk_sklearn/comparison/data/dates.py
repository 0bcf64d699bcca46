"""Dates and times of day, if the cells of a column agree on how to write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import StudyError
from .numbers import mostly

_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AP]\.?M\.?)?"
_ZONE = r"\s*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_COMPACT = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_DAYS = [
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?",  # 2020-01-31, 2020-01
    _COMPACT,  # 20200131
    r"(?:0?[1-9]|1[0-2])[-/]\d{4}",  # 01/2020
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?:\d{4}|(?P<short>\d\d))",
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[-\s.]*)?{_MONTH}"  # 31-Jan-20
    r"[-\s,]*(?:\d{4}|(?P<brief>\d\d))",
    rf"{_MONTH}\s*\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}",  # Jan 31, 2020
]
_DATE = re.compile(
    rf"(?:[a-z]{{3,9}},?\s+)?(?:{'|'.join(_DAYS)})(?:[T\s,]+{_TIME}(?:{_ZONE})?)?"
    rf"|(?P<clock>{_TIME})",
    re.IGNORECASE,
)


class Dates(NamedTuple):
    """A column read as dates.

    Attributes
    ----------
    columns : list of ndarray
        Days since 1970, month, weekday and hour, as far as they vary, in UTC. NaN where
        a cell is empty or no date.
    strange : list of str
        The cells that are no dates.
    about : str
        Words for the note.
    """

    columns: list[np.ndarray]
    strange: list[str]
    about: str


def are_compact(texts: Sequence[str]) -> bool:
    """Tell days such as 20200131, of which there are three at least, from numbers."""
    present = set(filter(None, texts))
    return len(present) > 2 and all(re.fullmatch(_COMPACT, text) for text in present)


def read_dates(texts: Sequence[str]) -> Dates | None:
    """Read cells as dates or times of day; None if most of them are none.

    Whether the day or the month comes first is decided by all cells together.
    """
    shapes = {text: m for text in set(texts) if text and (m := _DATE.fullmatch(text))}
    parts = [(int(m["a"]), int(m["b"])) for m in shapes.values() if m["mark"]]
    day_first, month_first = (any(part[k] > 12 for part in parts) for k in (0, 1))
    styles = {(bool(m["clock"]), bool(m["mark"])) for m in shapes.values()}
    if len(styles) != 1 or (day_first and month_first):
        return None
    cells = [_plain(shapes[t]) if t in shapes else None for t in texts]
    if not mostly(texts, [t for t in texts if t and t not in shapes]):
        return None
    index = _parse(cells, day_first=bool(parts) and not month_first)
    strange = [t for t, lost in zip(texts, index.isna(), strict=True) if t and lost]
    if not mostly(texts, strange):
        return None
    about = "time of day" if styles == {(True, False)} else "date"
    dotted = all(match["mark"] in (".", None) for match in shapes.values())
    if parts and not (day_first or month_first or dotted):
        about += ", day before month, which cannot be told"
    if any(match["short"] or match["brief"] for match in shapes.values()):
        about += f", years {index.year.min():.0f} to {index.year.max():.0f}"
    hour = index.hour + index.minute / 60 + index.second / 3600
    days = index.tz_localize(None).to_numpy("datetime64[us]").astype(float) / 86400e6
    if about == "time of day":
        days = np.zeros(len(days))
    columns = [days, index.month, index.day_of_week, hour]
    columns = [np.where(index.isna(), np.nan, np.asarray(c, float)) for c in columns]
    return Dates([c for c in columns if np.nanmin(c) < np.nanmax(c)], strange, about)


def _plain(match: re.Match[str]) -> str:
    """Write a date such that pandas reads it: years of two digits are 1969 to 2068."""
    if match["clock"]:
        return f"1970-01-01 {match[0]}"
    group = "short" if match["short"] else "brief"
    if not match[group]:
        return match[0]
    century = "19" if match[group] > "68" else "20"
    at = match.start(group)
    return match[0][:at] + century + match[0][at:]


def _parse(cells: Sequence[str | None], day_first: bool):
    try:
        import pandas
    except ImportError as error:
        raise StudyError(
            f"reading dates such as {next(filter(None, cells))} needs pandas: "
            'pip install "ntk_sklearn[bench]"'
        ) from error
    return pandas.to_datetime(
        cells, format="mixed", dayfirst=day_first, errors="coerce", utc=True
    )
