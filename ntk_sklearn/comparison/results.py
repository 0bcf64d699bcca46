"""Results of a study: one row per set, model and fold, kept in a file as they come."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from .errors import StudyError


@dataclass(frozen=True)
class Row:
    """What one model did on one fold of one set.

    ``score`` is the accuracy, or the root mean squared error in units of the training
    rows' standard deviation; it is NaN when ``status`` is "failed", and ``message``
    then says why.
    """

    task: str
    set: str
    fingerprint: str
    model: str
    fold: int
    protocol: str
    seed: int
    quick: bool
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
    def key(self) -> tuple:
        """What makes two rows the same piece of work."""
        return (
            self.task,
            self.set,
            self.fingerprint,
            self.model,
            self.fold,
            self.protocol,
            self.seed,
            self.quick,
        )

    @property
    def ok(self) -> bool:
        """Whether the fold was scored."""
        return self.status == "ok"


NAMES = [field.name for field in fields(Row)]
_READERS = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {"True": True, "False": False}.__getitem__,
}


def _line(values: Iterable) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


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
            self.rows = self._read()
            self._file = self.path.open("a", encoding="utf-8", newline="")
            if self._file.tell() == 0:
                self._write(NAMES)
        except OSError as error:
            raise StudyError(f"--out {path}: {error.strerror or error}") from error

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole and whole != data:
            self.path.write_bytes(whole)
        if data and not whole:
            raise self._foreign()
        try:
            lines = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._foreign() from error
        if lines and lines[0] != NAMES:
            raise self._foreign()
        try:
            return [_parse(line) for line in lines[1:]]
        except (KeyError, ValueError) as error:
            raise StudyError(
                f"--out {self.path}: has a damaged row: {error}"
            ) from error

    def _foreign(self) -> StudyError:
        return StudyError(
            f"--out {self.path}: exists and is no results file of this program"
        )

    def _write(self, values) -> None:
        self._file.write(_line(values))
        self._file.flush()

    def add(self, row: Row) -> None:
        """Append a row, at once on disk."""
        self._write(astuple(row))
        self.rows.append(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _parse(line: list[str]) -> Row:
    values = [
        _READERS[str(field.type)](text)
        for field, text in zip(fields(Row), line, strict=True)
    ]
    return Row(*values)
