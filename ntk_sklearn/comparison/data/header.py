"""The first line of a table: names of its columns, or a row of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .columns import dates, numbers

# Fewer consecutive numbers than this may be a row of data.
FEWEST_COUNTED = 3


def names_columns(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Tell names from data by what stands below them.

    A word above numbers is a name. A line whose cells all occur again below is data,
    and so is one with numbers or dates, unless they count: 0, 1, 2 are the names that
    pandas gives, and 2019, 2020, 2021 are years.

    Parameters
    ----------
    first : sequence of str
        The cells of the first line, empty where missing.
    columns : sequence of sequence of str
        The cells below each of them.
    """
    cells = [pair for pair in zip(first, columns, strict=True) if pair[0]]
    if any(not is_number(cell) and numbers(below) is not None for cell, below in cells):
        return True
    if all(cell in below for cell, below in cells):
        return False
    return _counts(first) or not any(is_number(c) or dates([c]) for c, _ in cells)


def is_number(cell: str) -> bool:
    """Return True if a cell that is not empty reads as a number."""
    return numbers([cell]) is not None


def _counts(first: Sequence[str]) -> bool:
    found = [float(cell) for cell in first if cell and is_number(cell)]
    return len(found) >= FEWEST_COUNTED and bool((np.diff(found) == 1).all())
