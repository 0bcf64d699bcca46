"""Numbers as people write them: decimal commas, marks of thousands, units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

# Marks of thousands that go with a decimal mark.
_THOUSANDS = {".": r",'’_\s", ",": r".'’_\s"}
_CURRENCY = r"(?:[A-Z]{1,3}\s?)?[$€£¥₹₩₽₺₪฿₫₴₦]|(?:USD|EUR|GBP|CHF|JPY|CNY|INR)\b"
_UNIT = r"[^\d\s.,:;/+\-()'][^\d()]{0,9}[23]?"

# A column is of numbers, or of dates, if this share of its cells is.
_MOSTLY = 0.9


def mostly(texts: Sequence[str], strange: Sequence[str]) -> bool:
    """Return True if the cells of a column are not strange, but for a few."""
    count = sum(map(bool, texts))
    return count - len(strange) >= _MOSTLY * count


def _pattern(decimal: str) -> re.Pattern[str]:
    mark = rf"(?P<mark>[{_THOUSANDS[decimal]}])"
    grouped = rf"[1-9]\d{{0,2}}{mark}(?:\d{{2,3}}(?P=mark))*\d{{3}}"
    whole = rf"(?:{grouped}|\d+)(?:[{decimal}]\d*)?"
    number = rf"(?:{whole}|[{decimal}]\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?)"
    return re.compile(
        rf"'?(?P<sign>[-+−–(]?)\s*(?P<currency>{_CURRENCY})?\s*(?P<inner>[-+−]?)"
        rf"(?P<number>{number})(?P<unit>\s*{_UNIT})?\s*(?P<close>[-−)]?)"
    )


_PATTERNS = {decimal: _pattern(decimal) for decimal in _THOUSANDS}


def looks_numeric(text: str) -> bool:
    """Return True if a cell is a number by any decimal mark."""
    return any(_match(text, decimal) for decimal in _PATTERNS)


def _match(text: str, decimal: str) -> re.Match[str] | None:
    match = _PATTERNS[decimal].fullmatch(text)
    if not match:
        return None
    first, last = match["sign"], match["close"]
    if "(" in first or ")" in last:
        return match if first + last == "()" else None
    # Some programs write the minus behind a number, but none writes two signs then.
    return None if last and (first or match["inner"]) else match


def _value(match: re.Match[str], decimal: str) -> float:
    text = match["number"].replace(match["mark"] or " ", "").replace(decimal, ".")
    number = float(text)
    negative = {match["sign"], match["inner"], match["close"]} & set("-−–(")
    return -number if negative else number


class Numbers(NamedTuple):
    """A column read as numbers.

    Attributes
    ----------
    values : ndarray
        NaN where a cell is empty or no number.
    strange : list of str
        The cells that are no numbers.
    decimal : {".", ",", ""}
        The decimal mark that the cells force; "" if either would do.
    note : str
        What was decided about marks and units, or "".
    """

    values: np.ndarray
    strange: list[str]
    decimal: str = ""
    note: str = ""


def read_numbers(texts: Sequence[str], usual: str = ".") -> Numbers:
    """Read the stripped cells of a column as numbers.

    `usual` is the decimal mark of the table, for cells such as 1,234 that are numbers
    by either; "" if it is not known.
    """
    if usual == ".":
        try:  # which most columns are done with
            values = np.array([float(text or "nan") for text in texts])
        except ValueError:
            pass
        else:
            return Numbers(values, [], note=_lost_zeros(texts))
    present = [text for text in texts if text]
    found = {decimal: _matches(set(present), decimal) for decimal in _PATTERNS}
    point, comma = (
        {text: _value(match, mark) for text, match in found[mark].items()}
        for mark in ".,"
    )
    fits = [sum(text in read for text in present) for read in (point, comma)]
    forced = "" if fits[0] == fits[1] else ".,"[fits[1] > fits[0]]
    either = [text for text in point if comma.get(text, point[text]) != point[text]]
    decimal, doubt = forced or usual or ".", ""
    if either and not (forced or usual):
        decimal, known = _decide(either, list(point))
        other = (comma if decimal == "." else point)[either[0]]
        doubt = "" if known else f", which cannot be told from {other:.15g}"
    # A cell that is a number by the other mark only is one all the same.
    read = comma | point if decimal == "." else point | comma
    marks = {text for text, match in found[decimal].items() if match["mark"]}
    marked = (
        either if doubt else [t for t in read if t in marks or t not in found[decimal]]
    )
    marked += [text for text in read if text.startswith("(") or text[-1] in "-−"]
    units = {_unit(match) or match["currency"] for match in found[decimal].values()}
    units -= {"", None}
    note = f"read without {min(units)}" if units else _lost_zeros(present)
    if marked:
        note = f"{marked[0]} read as {read[marked[0]]:.15g}{doubt}"
    array = np.array([read.get(text, np.nan) for text in texts], dtype=np.float64)
    return Numbers(array, [t for t in present if t not in read], forced, note)


def _matches(texts: Iterable[str], decimal: str) -> dict[str, re.Match[str]]:
    """Return the cells that are numbers, all of one unit and at most one currency."""
    found = {t: match for t in sorted(texts) if (match := _match(t, decimal))}
    (unit, _), *_ = Counter(map(_unit, found.values())).most_common(1) or [("", 0)]
    found = {t: match for t, match in found.items() if _unit(match) == unit}
    return found if len({m["currency"] for m in found.values()} - {None}) < 2 else {}


def _lost_zeros(texts: Sequence[str]) -> str:
    """Say that a number begins with zeros, as the codes of some postcodes do."""
    for text in texts:
        if text[:1] == "0" and text.isdecimal() and int(text):
            return f"{text} read as {int(text)}"
    return ""


def _unit(match: re.Match[str]) -> str:
    return (match["unit"] or "").strip()


def _decide(either: Sequence[str], cells: Sequence[str]) -> tuple[str, bool]:
    """Choose a decimal mark by how the column is written; say if that was certain.

    Programs write either the same number of digits everywhere or no zeros at the end,
    and whoever marks thousands marks all of them.
    """
    mark, other = (",", ".") if "," in either[0] else (".", ",")
    digits = [re.sub(r"\D", "", text) for text in either]
    plain = [text for text in cells if mark not in text]
    grouped = all(len(re.sub(r"\D", "", text)) < 4 for text in plain)
    ends = ("0",) if plain else ("000",)
    decimal = not (any if plain else all)(d.endswith(ends) for d in digits)
    known = decimal != grouped
    return other if known and grouped else mark, known
