"""The text of a table's file: unpacked, decoded, and without comments."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
from pathlib import Path
from typing import NamedTuple

from ..errors import StudyError, plural

_PACKED = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
}
_FOREIGN = {
    b"PK\x03\x04": "is a workbook or an archive, save or unpack its table as CSV",
    b"\xd0\xcf\x11\xe0": "is a workbook, save its table as CSV",
    b"PAR1": "is a Parquet file, save its table as CSV",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Excel's way of naming the delimiter.
_SEP = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)


class Text(NamedTuple):
    """Lines of a table, with what was found around them.

    Attributes
    ----------
    lines : list of str
        A line that is no part of the table is left empty, so that numbers stay.
    delimiter : str
        The delimiter that the file itself names, or "".
    comment : str
        The comment just above the table, or "": it may hold the names of its columns.
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
    for mark, unpack in _PACKED.items():
        if data.startswith(mark):
            try:
                data = unpack(data)
            except Exception as error:  # each library raises its own
                raise StudyError(f"{path}: cannot be unpacked: {error}") from error
    for mark, reason in _FOREIGN.items():
        if data.startswith(mark):
            raise StudyError(f"{path}: {reason}")
    text, notes = _decoded(data)
    if "\0" in text:
        raise StudyError(f"{path}: is not a text file, save the table as CSV")
    lines = io.StringIO(text, newline=None).read().split("\n")
    delimiter = ""
    if sep := _SEP.fullmatch(lines[0]):
        delimiter, lines[0] = sep[1], ""
    return _without_comments(lines, delimiter, notes)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            notes = ["read as UTF-16"] if encoding == "utf-16" else []
            return data.decode(encoding, "replace"), notes
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[start::2].count(0) > len(data) / 4:
            return data.decode(encoding, "replace"), ["read as UTF-16"]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        note = "not UTF-8, letters read as those of Windows-1252"
        return data.decode("cp1252", "replace"), [note]


def _without_comments(lines: list[str], delimiter: str, notes: list[str]) -> Text:
    """Blank out the lines that begin with #, unless most do: then these are cells."""
    comments = [at for at, line in enumerate(lines) if line.lstrip().startswith("#")]
    if 2 * len(comments) >= sum(bool(line.strip()) for line in lines):
        return Text(lines, delimiter, "", notes)
    above = ""
    for at in comments:
        if not any(map(str.strip, lines[:at])):
            above = lines[at].lstrip().lstrip("#").strip()
        lines[at] = ""
    if comments:
        notes = [*notes, f"{plural(len(comments), 'comment')} left out"]
    return Text(lines, delimiter, above, notes)
