"""The text of a table's file: unpacked, decoded, and without comments."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from ..errors import StudyError, plural
from .columns import NO_NUMBER

# What packed files begin with, and the modules that unpack them, which some builds of
# Python lack.
_PACKINGS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}
PACKED = (".gz", ".bz2", ".xz", ".zip")
# Encodings that begin with a mark; that of UTF-32 begins as that of UTF-16 does.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Marks of encoding, of direction and of no width, which are no part of a cell.
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060"))
# Texts that are no tables of cells.
_OTHERS = {
    "HTML": re.compile(r"\s*<(?:!doctype|html|\?xml|table)\b", re.IGNORECASE),
    "JSON": re.compile(r"\s*[\[{]\s*[\[{\"]"),
}
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
        data = _unpacked(path.read_bytes())
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # each way of packing has errors of its own
        raise StudyError(f"{path}: cannot be unpacked: {error}") from error
    text, notes = _decoded(data)
    text = text.translate(_INVISIBLE).rstrip("\x1a")  # the end of a file of DOS
    if "\0" in text:
        raise StudyError(
            f"{path}: is not a text file; unpack it, or save the table as CSV"
        )
    for name, begins in _OTHERS.items():
        if begins.match(text):
            raise StudyError(f"{path}: is {name}; save the table as CSV")
    lines = io.StringIO(text, newline=None).read().split("\n")
    named = _SEP.fullmatch(lines[0])
    if named:
        lines[0] = ""
    comment, count = _blank_comments(lines)
    if count:
        notes.append(f"{plural(count, 'comment')} left out")
    return Text(lines, named[1] if named else "", comment, notes)


def _unpacked(data: bytes) -> bytes:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [n for n in archive.namelist() if not n.startswith("__MACOSX/")]
            if len(names) != 1:  # as of a workbook of Excel
                raise ValueError(
                    f"it holds {plural(len(names), 'file')}; unpack the one with the "
                    "table, or save a workbook as CSV"
                )
            return archive.read(names[0])
    for start, module in _PACKINGS.items():
        if data.startswith(start):
            return import_module(module).decompress(data)
    return data


def _decoded(data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            note = f"read as {encoding.upper()}"
            return data.decode(encoding, "replace"), [note]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    notes = ["not UTF-8, letters read as those of Windows-1252"]
    try:
        return data.decode("cp1252"), notes
    except UnicodeDecodeError:  # other letters, which stay different at least
        return data.decode("latin-1"), notes


def _blank_comments(lines: list[str]) -> tuple[str, int]:
    """Empty the lines that begin with #, unless most do: then these are cells."""
    comments = [at for at, line in enumerate(lines) if _is_comment(line)]
    if 2 * len(comments) >= sum(bool(line.strip()) for line in lines):
        return "", 0
    above = ""
    for at in comments:
        if not any(map(str.strip, lines[:at])):
            above = lines[at].lstrip("# \t").strip()
        lines[at] = ""
    return above, len(comments)


def _is_comment(line: str) -> bool:
    """Tell comments from rows that begin with an error of Excel, such as #N/A."""
    first = re.split(r"[,;|\t]", line.strip(), maxsplit=1)[0].strip(' "')
    return line.lstrip().startswith("#") and first.lower() not in NO_NUMBER
