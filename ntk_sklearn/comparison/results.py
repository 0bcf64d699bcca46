"""Results of a study: one row per set, model and fold, kept in a file as they come."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from .errors import StudyError


@dataclass(frozen=True)
class Key:
    """What makes two rows the same piece of work."""

    task: str
    set: str
    fingerprint: str
    model: str
    fold: int
    protocol: str
    seed: int
    quick: bool


@dataclass(frozen=True)
class Row(Key):
    """What one model did on one fold of one set.

    ``score`` is the accuracy, or the root mean squared error in units of the training
    rows' standard deviation; it is NaN when ``status`` is "failed", and ``message``
    then says why. Of a scored fold ``message`` is the commonest warning, if any.
    """

    status: str
    score: float
    tune_seconds: float
    fit_seconds: float
    predict_seconds: float
    n_train: int
    n_test: int
    n_warnings: int
    message: str
    chosen: str

    @property
    def key(self) -> Key:
        """The identifying part."""
        return Key(*(getattr(self, field.name) for field in fields(Key)))

    @property
    def seconds(self) -> float:
        """Time of tuning, fitting and predicting."""
        return self.tune_seconds + self.fit_seconds + self.predict_seconds

    @property
    def ok(self) -> bool:
        """Whether the fold was scored."""
        return self.status == "ok"


NAMES = [field.name for field in fields(Row)]
_READERS: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {"True": True, "False": False}.__getitem__,
}


def _line(values: Iterable) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()


_HEADER = _line(NAMES)


def read_results(path) -> list[Row]:
    """Read a results file.

    Parameters
    ----------
    path : path-like
        A last line that an interruption cut short is ignored.

    Returns
    -------
    list of Row
    """
    return _whole_lines(path, Path(path).read_bytes())[1]


def _whole_lines(path, data: bytes) -> tuple[bytes, list[Row]]:
    """Return the lines that are whole, and the rows they hold."""
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and _HEADER.startswith(data):
        return whole, []
    return whole, _rows(path, whole)


def _rows(path, data: bytes) -> list[Row]:
    foreign = f"--out {path}: exists and is no results file of this program"
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(foreign) from error
    if not lines or lines[0] != NAMES:
        raise StudyError(foreign)
    try:
        return [_parse(line) for line in lines[1:]]
    except (KeyError, ValueError) as error:
        raise StudyError(f"--out {path}: has a damaged row: {error}") from error


class ResultsFile:
    """A csv file to which rows are added, and from which a study resumes.

    Parameters
    ----------
    path : path-like
        Made if absent. A last line that an interruption cut short is removed.
    """

    def __init__(self, path):
        self.path = Path(path)
        try:
            if self.path.exists() and not self.path.is_file():
                raise StudyError(f"--out {path}: is not a file that can be added to")
            data = self.path.read_bytes() if self.path.exists() else b""
            whole, self.rows = _whole_lines(path, data)
            # Without a buffer, in which a line that found no room would lie in wait.
            self._file = self.path.open("ab", buffering=0)
            self._file.truncate(len(whole))
            if not whole:
                self._write(_HEADER)
        except OSError as error:
            raise StudyError(f"--out {path}: {error.strerror or error}") from error

    def _write(self, line: bytes) -> None:
        """Put a line on disk, or nothing of it and close the file."""
        size = os.fstat(self._file.fileno()).st_size
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())  # a disk on the network may be full only now
        except OSError:
            with self._file, suppress(OSError):  # resuming drops half a line as well
                self._file.truncate(size)
            raise

    def add(self, row: Row) -> None:
        """Append a row, at once on disk.

        Raises
        ------
        StudyError
            If there is no room for it; the rows before it are safe.
        """
        try:
            self._write(_line(astuple(row)))
        except OSError as error:
            raise StudyError(
                f"--out {self.path}: the result of {row.model} on {row.set}, fold "
                f"{row.fold}, cannot be written: {error.strerror or error}; the file "
                f"holds the {len(self.rows)} before it, and once there is room, the "
                "same command resumes from them"
            ) from error
        self.rows.append(row)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()


def _parse(line: list[str]) -> Row:
    values: list = [
        _READERS[str(field.type)](text)
        for field, text in zip(fields(Row), line, strict=True)
    ]
    return Row(*values)
