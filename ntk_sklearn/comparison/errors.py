"""Mistakes that the user can mend: told in one line, without a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class StudyError(ValueError):
    """A wrong name, file, option or data set; the message says what was expected.

    Examples
    --------
    >>> from ntk_sklearn.comparison import load_bundled
    >>> load_bundled(["nope"])
    Traceback (most recent call last):
        ...
    ntk_sklearn.comparison.errors.StudyError: unknown data set: nope; known are ...
    """


def known(names: Iterable[str]) -> str:
    """Write the choices of a message."""
    return ", ".join(sorted(names))


def plural(count: int, noun: str) -> str:
    """Write a number of things: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
