"""The error for mistakes of the user, which is shown in one line, and its wording."""

from __future__ import annotations

from collections.abc import Iterable


class StudyError(ValueError):
    """The error for a wrong name, file, option or data set.

    The message says what was expected.

    Examples
    --------
    >>> from ntk_sklearn.comparison import load_bundled
    >>> load_bundled(["nope"])
    Traceback (most recent call last):
        ...
    ntk_sklearn.comparison.errors.StudyError: unknown data set: nope; known are ...
    """


def chosen(names: Iterable[str] | None, known: Iterable[str], what: str) -> list[str]:
    """Return names without repeats, or all that are known; raise for unknown ones."""
    known = list(known)
    names = list(dict.fromkeys(known if names is None else names))
    unknown = ", ".join(name for name in names if name not in known)
    if unknown:
        listed = ", ".join(sorted(known))
        raise StudyError(f"unknown {what}: {unknown}; known are {listed}")
    return names


def plural(count: int, noun: str) -> str:
    """Return a number of things as text: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
