"""Dates and times of day, if the cells of a column agree on how to write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from ..errors import StudyError
from .numbers import mostly

_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AP]\.?M\.?)?"
# Zones by name, of which pandas knows none, in hours.
_ZONES = {"CET": 1, "CEST": 2, "BST": 1, "MSK": 3, "IST": 5.5, "JST": 9, "AEST": 10}
_ZONES |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
_ZONES |= {"PST": -8, "PDT": -7}
_NAMED = "|".join(_ZONES)
_ZONE = rf"\s*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?|(?P<zone>{_NAMED})|Uhr)"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
# How the names of months begin in German, French, Spanish, Italian, Portuguese, Dutch.
_MONTHS = dict.fromkeys(["jan", "ene", "gen"], "Jan")
_MONTHS |= dict.fromkeys(["feb", "fév", "fev"], "Feb")
_MONTHS |= dict.fromkeys(["mar", "mär", "mrz", "mrt", "maa"], "Mar")
_MONTHS |= dict.fromkeys(["apr", "avr", "abr"], "Apr")
_MONTHS |= dict.fromkeys(["mai", "may", "mag", "mei"], "May")
_MONTHS |= dict.fromkeys(["jun", "jui", "giu"], "Jun") | {"juil": "Jul"}
_MONTHS |= dict.fromkeys(["jul", "lug"], "Jul")
_MONTHS |= dict.fromkeys(["aug", "aoû", "aou", "ago"], "Aug")
_MONTHS |= dict.fromkeys(["sep", "set"], "Sep")
_MONTHS |= dict.fromkeys(["okt", "oct", "ott", "out"], "Oct")
_MONTHS |= {"nov": "Nov"} | dict.fromkeys(["dez", "déc", "dec", "dic"], "Dec")
_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COMPACT = (
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"(?:T?(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?"
)
_DAYS = [
    r"(?P<day>\d{1,2})\.?\s+(?:de\s+)?"  # 31. Januar 2020, 31 de enero de 2020
    rf"(?P<month>{_NAMES})[^\W\d_]*\.?\s+(?:de\s+)?(?P<year>\d{{4}})",
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?",  # 2020-01-31, 2020-01
    _COMPACT,  # 20200131, 20200131235959
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?:\d{4}|(?P<short>\d\d))",
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[-\s.]*)?{_MONTH}"  # 31-Jan-20
    r"[-\s,]*(?:\d{4}|(?P<brief>\d\d))",
    rf"{_MONTH}\s*\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}",  # Jan 31, 2020
    rf"{_MONTH}\s+\d{{1,2}}\s+{_TIME}(?:\s[A-Z+\d:]{{3,6}})?\s+\d{{4}}",  # of C
    r"(?P<m>0?[1-9]|1[0-2])[-/](?P<y>\d{4})",  # 01/2020
    r"(?P<era>\d{4}[年년]\s*\d{1,2}[月월])(?:\s*(?P<sun>\d{1,2})[日일])?",
    r"(?P<of>\d{4})[-\s/]?Q(?P<quarter>[1-4])",
    r"Q(?P<nth>[1-4])[-\s/]?(?P<ofyear>\d{4})",
    r"(?P<weeks>\d{4}-?W(?:0[1-9]|[1-4]\d|5[0-3]))(?P<weekday>-?[1-7])?",
]
_DATE = re.compile(
    rf"(?:[a-z]{{3,9}},?\s+)?(?:{'|'.join(_DAYS)})(?:[T\s,]+{_TIME}(?:{_ZONE})?)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?:(?P<days>-?\d+)\s+days?,?\s+)?(?P<hours>\d{1,4})[:h](?P<minutes>[0-5]\d)"
    r"(?::(?P<seconds>[0-5]\d(?:[.,]\d+)?))?(?:\s*(?P<half>[AP])\.?M\.?)?",
    re.IGNORECASE,
)


class Dates(NamedTuple):
    """A column read as dates.

    Attributes
    ----------
    columns : list of ndarray
        Days since 1970, month, weekday and hour, as far as they vary, in UTC; of times
        of day and durations the hours. NaN where a cell is empty or no date.
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
    """Read cells as dates, times of day or durations; None if most of them are none.

    Whether the day or the month comes first is decided by all cells together.
    """
    shapes = {text: m for text in set(texts) if text and (m := _DATE.fullmatch(text))}
    if not shapes or not mostly(texts, [t for t in texts if t and t not in shapes]):
        return _read_times(texts)
    parts = [(int(m["a"]), int(m["b"])) for m in shapes.values() if m["mark"]]
    day_first, month_first = (any(part[k] > 12 for part in parts) for k in (0, 1))
    if day_first and month_first:
        return None
    cells = [_plain(shapes[t]) if t in shapes else None for t in texts]
    index = _parse(cells, day_first=bool(parts) and not month_first)
    strange = [t for t, lost in zip(texts, index.isna(), strict=True) if t and lost]
    if not mostly(texts, strange):
        return None
    about = "date"
    dotted = all(match["mark"] in (".", None) for match in shapes.values())
    if parts and not (day_first or month_first or dotted):
        about += ", day before month, which cannot be told"
    if any(match["short"] or match["brief"] for match in shapes.values()):
        about += f", years {index.year.min():.0f} to {index.year.max():.0f}"
    hour = index.hour + index.minute / 60 + index.second / 3600
    days = index.tz_localize(None).to_numpy("datetime64[us]").astype(float) / 86400e6
    columns = [days, index.month, index.day_of_week, hour]
    columns = [np.where(index.isna(), np.nan, np.asarray(c, float)) for c in columns]
    return Dates([c for c in columns if np.nanmin(c) < np.nanmax(c)], strange, about)


def _read_times(texts: Sequence[str]) -> Dates | None:
    """Read cells as times of day, or as durations where some last a day or more."""
    found = {text: m for text in set(texts) if text and (m := _CLOCK.fullmatch(text))}
    strange = [text for text in texts if text and text not in found]
    if not found or not mostly(texts, strange):
        return None
    hours = np.array([_hours(found[t]) if t in found else np.nan for t in texts])
    about = "time of day" if 0.0 <= np.nanmin(hours) <= np.nanmax(hours) < 24.0 else ""
    varies = np.nanmin(hours) < np.nanmax(hours)
    return Dates([hours] if varies else [], strange, about or "duration")


def _hours(match: re.Match[str]) -> float:
    hours = int(match["hours"])
    if match["half"]:
        hours = hours % 12 + 12 * (match["half"] in "pP")
    seconds = float((match["seconds"] or "0").replace(",", "."))
    parts = 24 * int(match["days"] or 0), hours, int(match["minutes"]) / 60
    return sum(parts) + seconds / 3600


def _plain(match: re.Match[str]) -> str:
    """Write a date such that pandas reads it."""
    if match["m"]:
        return f"{match['y']}-{int(match['m']):02d}-01"
    if match["era"]:
        year, month = re.findall(r"\d+", match["era"])
        return f"{year}-{month}-{match['sun'] or 1}{match[0][match.end('sun') + 1 :]}"
    if match["month"]:
        month, rest = _MONTHS[match["month"].lower()], match[0][match.end("year") :]
        return f"{match['day']} {month} {match['year']}{rest}"
    if quarter := match["quarter"] or match["nth"]:
        return f"{match['of'] or match['ofyear']}-{3 * int(quarter) - 2:02d}-01"
    if match["weeks"]:
        year, week = match["weeks"].upper().replace("-", "").split("W")
        return _day_of_week(int(year), int(week), int((match["weekday"] or "1")[-1]))
    text = re.sub(r"\s*Uhr$", "", _whole_year(match))
    if not match["zone"]:
        return text
    hours = _ZONES[match["zone"].upper()]
    offset = f"{abs(int(hours)):02d}:{60 * (abs(hours) % 1):02.0f}"
    return f"{text[: -len(match['zone'])].rstrip()}{'-' if hours < 0 else '+'}{offset}"


def _day_of_week(year: int, week: int, weekday: int) -> str:
    try:
        return str(date.fromisocalendar(year, week, weekday))
    except ValueError:  # a 53rd week of a year that has 52 is missing
        return ""


def _whole_year(match: re.Match[str]) -> str:
    """Write a year of two digits with four, 1969 to 2068."""
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
