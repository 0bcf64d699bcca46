"""Results of a study: a row for each set, model and fold, and the file of rows."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from math import nan
from pathlib import Path

from ..errors import StudyError, plural


@dataclass(frozen=True)
class Row:
    """The result of one model on one fold of one set.

    Attributes
    ----------
    task, set, fingerprint, model, fold, protocol, seed, quick
        The fields that, with the numbers of rows, identify the result; `fingerprint`
        is a hash of the set's content.
    status : {"ok", "failed"}
        Whether the fold was scored.
    score : float
        The accuracy, or the root mean squared error in units of the training rows'
        standard deviation; NaN if the fold failed.
    tune_seconds, fit_seconds, predict_seconds : float
        Times of tuning, of the final fit, and of predicting the test rows.
    megabytes : float
        Rise of the process's memory while it tuned, fitted and predicted.
    n_train, n_test : int
        Numbers of rows.
    n_warnings : int
        Number of warnings, which are not shown.
    message : str
        The reason of a failure, or the most frequent warning of a scored fold.
    chosen : str
        The estimator that tuning has chosen.

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import run_study, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=2, seed=0)
    >>> models = choose_models(["rbf-svm"])
    >>> first, _ = run_study([iris], models, StudySettings(quick=True), progress=False)
    >>> first.set, first.model, first.fold, first.status, first.n_train
    ('iris', 'rbf-svm', 0, 'ok', 75)
    """

    task: str
    set: str
    fingerprint: str
    model: str
    fold: int
    protocol: str
    seed: int
    quick: bool
    status: str = "failed"
    score: float = nan
    tune_seconds: float = nan
    fit_seconds: float = nan
    predict_seconds: float = nan
    megabytes: float = nan
    n_train: int = 0
    n_test: int = 0
    n_warnings: int = 0
    message: str = ""
    chosen: str = ""

    @property
    def key(self) -> tuple:
        """The fields that identify the result, whatever it is."""
        settings = self.protocol, self.seed, self.quick
        about = self.task, self.set, self.fingerprint, self.model, self.fold
        return (*about, *settings, self.n_train, self.n_test)

    @property
    def ok(self) -> bool:
        """True if the fold was scored."""
        return self.status == "ok"


NAMES = [field.name for field in fields(Row)]
_TYPES: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {"True": True, "False": False}.__getitem__,
}
READERS = [_TYPES[str(field.type)] for field in fields(Row)]


def _line(values: Iterable) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()


# The first line of every results file.
HEADER = _line(NAMES)


def read_results(path: str | os.PathLike) -> list[Row]:
    """Read a results file.

    Parameters
    ----------
    path : path-like
        The file. A last line that is incomplete, because of an interruption, is
        ignored.

    Returns
    -------
    list of Row

    Examples
    --------
    >>> import tempfile
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import read_results, run_study, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=2, seed=0)
    >>> models, settings = choose_models(["rbf-svm"]), StudySettings(quick=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = f"{folder}/results.csv"
    ...     rows = run_study([iris], models, settings, out=out, progress=False)
    ...     read_results(out) == rows
    True
    """
    return _whole_lines(path, Path(path).read_bytes())[1]


def _whole_lines(path: str | os.PathLike, data: bytes) -> tuple[bytes, list[Row]]:
    """Return the complete lines of a file, and their rows."""
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and HEADER.startswith(data):
        return whole, []
    try:
        lines = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        lines = []
    if lines[:1] != [NAMES]:
        raise StudyError(f"--out {path}: exists and is no results file of this program")
    return whole, [_parse(path, *line) for line in enumerate(lines[1:], start=2)]


def _parse(path: str | os.PathLike, number: int, cells: list[str]) -> Row:
    try:
        if len(cells) != len(NAMES):
            held = plural(len(cells), "cell")
            raise ValueError(f"it has {held} instead of {len(NAMES)}")
        values: list = [read(text) for read, text in zip(READERS, cells, strict=True)]
    except (KeyError, ValueError) as error:
        raise StudyError(
            f"--out {path}: has a damaged row, delete row {number}: {error}"
        ) from error
    return Row(*values)


class ResultsFile:
    """A csv file to which a study adds rows, and from which it can be resumed.

    It is created if it does not exist. A last line that is incomplete, because of an
    interruption, is removed.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        try:
            if self.path.exists() and not self.path.is_file():
                raise StudyError(f"--out {path}: is not a file that can be added to")
            data = self.path.read_bytes() if self.path.exists() else b""
            whole, self.rows = _whole_lines(path, data)
            # Without a buffer: it would keep a line for which the disk has no room.
            self._file = self.path.open("ab", buffering=0)
            self._file.truncate(len(whole))
            if not whole:
                self._write(HEADER)
        except OSError as error:
            raise StudyError(f"--out {path}: {error.strerror or error}") from error

    def _write(self, line: bytes) -> None:
        """Write a whole line to disk; if that fails, remove it and close the file."""
        size = os.fstat(self._file.fileno()).st_size
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())  # a network disk may report an error only now
        except OSError:
            with self._file, suppress(OSError):  # resuming ignores half a line anyway
                self._file.truncate(size)
            raise

    def add(self, row: Row) -> None:
        """Append a row, and write it to disk at once; the rows before stay whole."""
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
