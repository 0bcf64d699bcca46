"""Recognising columns of text: numbers, dates, categories, and what to leave out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import plural
from .dates import Dates, are_compact, read_dates
from .numbers import looks_numeric, mostly, read_numbers

# Cells, in lower case, that mean a missing value.
MISSING = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "?", "missing", "#n/a", "<na>", "nat"]
).union(["-nan", "#na", "#n/a n/a", "(null)", "[null]", r"\n"])  # the last of MySQL
# Cells that mean a missing value among numbers and dates; a category otherwise.
NO_NUMBER = MISSING.union(
    ["-", "--", "–", "—", ".", "..", "...", "*", "unknown", "n.a.", "n.d.", "nil"],
    ["not available", "not known", "#value!", "#div/0!", "#ref!", "#name?", "#num!"],
    ["#null!", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "n/d", "nd", "n/v", "k.a."],
    ["not applicable", "undefined", "0000-00-00", "0000-00-00 00:00:00"],
)
# Words of which a column of truth values has two, in any case of letters.
_TRUTH = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
# More different strings than this, and than half of the rows, are no categories.
MOST_CATEGORIES = 20
# Up to this many different numbers, among which there are words, are codes.
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

    Stripped cells that are empty or a word of `MISSING` are missing. There is no column
    if the cells say nothing, and several for a date. `decimal` is the decimal mark of
    the table, "" if it is not known.
    """
    texts = _without(MISSING, texts)
    present = {text for text in texts if text}
    if not present:
        return [], [f"empty column {name} left out"]
    if len(present) == 1 and all(texts):
        return [], [f"constant column {name} left out"]
    known = _without(NO_NUMBER, texts)
    if are_compact(known) and (days := read_dates(known)):
        return _as_dates(name, days, _lost(name, texts, known, days.strange))
    read = read_numbers(known, decimal)
    values = np.where(np.isfinite(read.values), read.values, np.nan)
    few = len(np.unique(values[~np.isnan(values)])) <= FEW_NUMBERS
    if mostly(known, read.strange) and not (few and read.strange):
        notes = [f"{name}: {read.note}"] if read.note else []
        return [Column(values)], notes + _lost(name, texts, known, read.strange)
    if days := read_dates(known):
        return _as_dates(name, days, _lost(name, texts, known, days.strange))
    if len(present) > max(MOST_CATEGORIES, sum(map(bool, texts)) / 2):
        return [], [_why_left_out(name, list(filter(None, known)))]
    return [_categories(same_case(texts))], []


def _as_dates(name, days: Dates, lost: list[str]) -> tuple[list[Column], list[str]]:
    columns = [Column(values) for values in days.columns]
    return columns, [f"{name} read as {days.about}", *lost]


def _why_left_out(name: str, texts: Sequence[str]) -> str:
    """Tell numbers that cannot be compared, or among other cells, from free text."""
    strange = [text for text in texts if not looks_numeric(text)]
    if not strange:
        other = next(t for t in texts if _signs(t) != _signs(texts[0]))
        return (
            f"{name} left out: numbers of several units, such as {texts[0]!r} and "
            f"{other!r}"
        )
    if len(strange) <= len(texts) / 2:
        return (
            f"{name} left out: {plural(len(strange), 'cell')} of {len(texts)} are no "
            f"numbers, such as {strange[0]!r}"
        )
    return f"free text {name} left out"


def _signs(text: str) -> str:
    return re.sub(r"[\d\s.,']", "", text)


def same_case(texts: Sequence[str]) -> Sequence[str]:
    """Return truth values, such as Yes and NO, in lower case; other words as they are.

    An empty cell is missing.
    """
    lower = [text.lower() for text in texts]
    return lower if set(lower) - {""} in _TRUTH else texts


def _without(words: frozenset[str], texts: Sequence[str]) -> list[str]:
    return ["" if text.lower() in words else text for text in texts]


def _lost(
    name: str, texts: Sequence[str], known: Sequence[str], strange: Sequence[str]
) -> list[str]:
    """Tell which cells of a column of numbers or dates count as missing."""
    words = [text for text, kept in zip(texts, known, strict=True) if text and not kept]
    words += strange
    quoted = ", ".join(map(repr, list(dict.fromkeys(words))[:3]))
    cells = plural(len(words), "cell")
    return [f"{name}: {cells} counted as missing, such as {quoted}"] if words else []


def counts_rows(name: str, texts: Sequence[str]) -> bool:
    """Return True if a column of the whole file only numbers its rows, in any order."""
    if name.lower() not in _COUNTERS:
        return False
    return bool((np.diff(np.sort(read_numbers(texts).values)) == 1).all())


def _categories(texts: Sequence[str]) -> Column:
    codes = np.unique(np.asarray(texts, dtype=str), return_inverse=True)[1]
    coded = codes.astype(np.float64)
    coded[[not text for text in texts]] = np.nan
    return Column(coded, categorical=True)
