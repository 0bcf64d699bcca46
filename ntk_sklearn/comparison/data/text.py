"""The text of a table's file: unpacked, decoded, and without comments."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from ..errors import StudyError, plural

# Excel's way of naming the delimiter.
_SEP = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)


class Text(NamedTuple):
    """Lines of a table; those that are no part of it are empty, so that numbers stay.

    Attributes
    ----------
    lines : list of str
    delimiter : str
        The delimiter that the file itself names, or "".
    comment : str
        The comment just above the table, which may name its columns, or "".
    notes : list of str
    """

    lines: list[str]
    delimiter: str
    comment: str
    notes: list[str]


def read_text(path: Path) -> Text:
    """Read a file of text in whatever encoding and packing it comes."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror or error}") from error
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise StudyError(f"{path}: cannot be unpacked: {error}") from error
    text, notes = _decoded(data)
    if "\0" in text:
        raise StudyError(
            f"{path}: is not a text file; unpack it, or save the table as CSV"
        )
    lines = io.StringIO(text, newline=None).read().split("\n")
    named = _SEP.fullmatch(lines[0])
    if named:
        lines[0] = ""
    comment, count = _blank_comments(lines)
    if count:
        notes.append(f"{plural(count, 'comment')} left out")
    return Text(lines, named[1] if named else "", comment, notes)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace"), ["read as UTF-16"]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[start::2].count(0) > len(data) / 4:
            return data.decode(encoding, "replace"), ["read as UTF-16"]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        note = "not UTF-8, letters read as those of Windows-1252"
        return data.decode("cp1252", "replace"), [note]


def _blank_comments(lines: list[str]) -> tuple[str, int]:
    """Empty the lines that begin with #, unless most do: then these are cells."""
    comments = [at for at, line in enumerate(lines) if line.lstrip().startswith("#")]
    if 2 * len(comments) >= sum(bool(line.strip()) for line in lines):
        return "", 0
    above = ""
    for at in comments:
        if not any(map(str.strip, lines[:at])):
            above = lines[at].lstrip("# \t").strip()
        lines[at] = ""
    return above, len(comments)
