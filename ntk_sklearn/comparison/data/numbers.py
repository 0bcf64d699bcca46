"""Numbers as people write them: decimal commas, marks of thousands, units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# Marks of thousands that go with a decimal mark.
_THOUSANDS = {".": r",'’_\s", ",": r".'’_\s"}
_CURRENCY = r"(?:[A-Z]{1,3}\s?)?[$€£¥₹₩₽₺₪฿₫₴₦]|(?:USD|EUR|GBP|CHF|JPY|CNY|INR)\b"
_UNIT = r"[^\d\s.,:;/+\-()'][^\d()]{0,9}[23]?"


def _pattern(decimal: str) -> re.Pattern[str]:
    mark = rf"(?P<mark>[{_THOUSANDS[decimal]}])"
    grouped = rf"[1-9]\d{{0,2}}{mark}(?:\d{{2,3}}(?P=mark))*\d{{3}}"
    whole = rf"(?:{grouped}|\d+)(?:[{decimal}]\d*)?"
    number = rf"(?:{whole}|[{decimal}]\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?)"
    return re.compile(
        rf"'?(?P<sign>[-+−–(]?)\s*(?P<currency>{_CURRENCY})?\s*(?P<inner>[-+−]?)"
        rf"(?P<number>{number})\s*(?P<unit>{_UNIT})?(?P<close>\)?)"
    )


_PATTERNS = {decimal: _pattern(decimal) for decimal in _THOUSANDS}


def looks_numeric(text: str) -> bool:
    """Return True if a cell is a number by any decimal mark."""
    return any(_match(text, decimal) for decimal in _PATTERNS)


def _match(text: str, decimal: str) -> re.Match[str] | None:
    match = _PATTERNS[decimal].fullmatch(text)
    return match if match and (match["sign"] == "(") == bool(match["close"]) else None


def _value(match: re.Match[str], decimal: str) -> float:
    text = match["number"].replace(match["mark"] or " ", "").replace(decimal, ".")
    negative = bool({match["sign"], match["inner"]} & set("-−–("))
    return -float(text) if negative else float(text)


@dataclass(frozen=True)
class Numbers:
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
    decimal: str
    note: str


def read_numbers(texts: Sequence[str], usual: str = ".") -> Numbers:
    """Read the cells of a column as numbers.

    Parameters
    ----------
    texts : sequence of str
        Stripped cells; an empty one is missing.
    usual : {".", ",", ""}
        The decimal mark of the table, for cells such as 1,234 that are numbers by
        either; "" if it is not known.
    """
    present = [text for text in texts if text]
    found = {decimal: _matches(set(present), decimal) for decimal in _PATTERNS}
    fits = {d: sum(text in found[d] for text in present) for d in found}
    forced = "" if fits["."] == fits[","] else max(fits, key=fits.__getitem__)
    point, comma = ({t: _value(m, d) for t, m in found[d].items()} for d in ".,")
    open_ = [] if forced else [t for t in point if point[t] != comma[t]]
    decimal, doubt = (forced or usual or "."), ""
    if open_ and not usual:
        decimal, known = _decide(open_, point)
        other = comma if decimal == "." else point
        doubt = "" if known else f", which cannot be told from {other[open_[0]]:.15g}"
    matches, values = found[decimal], point if decimal == "." else comma
    note = _note(matches, values, [t for t in open_ if doubt], doubt)
    array = np.array([values.get(text, np.nan) for text in texts], dtype=np.float64)
    return Numbers(array, [t for t in present if t not in values], forced, note)


def _matches(texts: Iterable[str], decimal: str) -> dict[str, re.Match[str]]:
    """Return the cells that are numbers, all of one unit and one currency."""
    found = {t: match for t in sorted(texts) if (match := _match(t, decimal))}
    units = Counter((match["unit"] or "").strip() for match in found.values())
    if len(units) > 1:
        unit = max(units, key=units.__getitem__)
        found = {t: m for t, m in found.items() if (m["unit"] or "").strip() == unit}
    currencies = {match["currency"] for match in found.values()} - {None}
    return found if len(currencies) < 2 else {}


def _decide(open_: Sequence[str], cells: Iterable[str]) -> tuple[str, bool]:
    """Choose a decimal mark by how the column is written; say if that was certain.

    Programs write either the same number of digits everywhere or no zeros at the end,
    and whoever marks thousands marks all of them.
    """
    mark = "," if "," in open_[0] else "."
    digits = [re.sub(r"\D", "", text) for text in open_]
    plain = [text for text in cells if mark not in text]
    zeros = [text.endswith("0") for text in digits]
    decimal_like = not any(zeros) if plain else not all(d[-3:] == "000" for d in digits)
    grouped_like = all(len(re.sub(r"\D", "", text)) < 4 for text in plain)
    known = decimal_like != grouped_like
    grouped = known and grouped_like
    return (".," if mark == "," else ",.")[not grouped], known


def _note(
    matches: dict[str, re.Match[str]],
    values: dict[str, float],
    doubtful: Sequence[str],
    doubt: str,
) -> str:
    grouped = doubtful or [text for text, match in matches.items() if match["mark"]]
    if grouped:
        return f"{grouped[0]} read as {values[grouped[0]]:.15g}{doubt}"
    for match in matches.values():
        if unit := (match["unit"] or match["currency"] or "").strip():
            return f"read without {unit}"
        if match["sign"] == "(":
            return f"{match[0]} read as {values[match[0]]:.15g}"
    return ""
