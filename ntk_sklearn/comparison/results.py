"""Results of a study: one row per set, model and fold, kept in a file as they come."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
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
    then says why.
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


def _line(values: Iterable) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


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
    return _rows(path, _whole_lines(Path(path).read_bytes()))


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


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
            data = self.path.read_bytes() if self.path.exists() else b""
            self.rows = _rows(path, _whole_lines(data)) if data else []
            self._file = self.path.open("a", encoding="utf-8", newline="")
            self._file.truncate(len(_whole_lines(data)))
            if not data:
                self._write(NAMES)
        except OSError as error:
            raise StudyError(f"--out {path}: {error.strerror or error}") from error

    def _write(self, values) -> None:
        self._file.write(_line(values))
        self._file.flush()

    def add(self, row: Row) -> None:
        """Append a row, at once on disk."""
        self._write(astuple(row))
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
