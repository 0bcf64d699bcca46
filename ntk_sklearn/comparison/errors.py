"""What the user can mend: told in one line, without a traceback."""


class StudyError(ValueError):
    """A wrong name, file, option or data set; the message says what was expected."""


def known(names) -> str:
    """Write the choices of a message."""
    return ", ".join(sorted(names))


def plural(count: int, noun: str) -> str:
    """Write a number of things: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
