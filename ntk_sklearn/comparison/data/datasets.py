"""Data sets of a study: shipped with scikit-learn, a folder of files, or OpenML."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets

from ..errors import StudyError, chosen

CLASSIFICATION = "classification"
REGRESSION = "regression"
TASKS = (CLASSIFICATION, REGRESSION)

Rows = tuple[np.ndarray, np.ndarray]

# Shipped with scikit-learn, smallest first.
BUNDLED = {
    "diabetes": REGRESSION,
    "iris": CLASSIFICATION,
    "wine": CLASSIFICATION,
    "breast_cancer": CLASSIFICATION,
    "digits": CLASSIFICATION,
}


@dataclass(frozen=True)
class Dataset:
    """A table of inputs with a target, and its splits into training and test rows.

    Attributes
    ----------
    name : str
        The name of the set in the tables of results.
    task : {"classification", "regression"}
        The kind of target.
    X : ndarray of shape (n_samples, n_features)
        The inputs: numbers, codes of categories, or NaN for missing values.
    y : ndarray of shape (n_samples,)
        Class codes or a continuous target.
    categorical : ndarray of shape (n_features,) or None
        Mask of the columns that hold codes of categories; None means that none does.
    as_given : bool
        Whether the columns are used as they are, without scaling.
    folds : tuple of (train, test) or None
        Row numbers of published folds; None means that folds are drawn.
    tuning_split : (train, validation) or None
        Row numbers of the published split for tuning, for the protocol "arora".
    notes : tuple of str
        Decisions made while reading the set, which the report shows.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.comparison import Dataset
    >>> x = np.linspace(0, 1, 50)
    >>> wave = Dataset("wave", "regression", x[:, None], np.sin(9 * x))
    >>> wave.X.shape, wave.folds
    ((50, 1), None)
    """

    name: str
    task: str
    X: np.ndarray
    y: np.ndarray
    categorical: np.ndarray | None = None
    as_given: bool = False
    folds: tuple[Rows, ...] | None = None
    tuning_split: Rows | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content, by which a resumed study detects changes."""
        code = zlib.crc32(np.ascontiguousarray(self.X).tobytes())
        return f"{zlib.crc32(np.ascontiguousarray(self.y).tobytes(), code):08x}"


def load_bundled(names: Iterable[str] | None = None) -> list[Dataset]:
    """Load the real data sets that scikit-learn ships.

    Parameters
    ----------
    names : iterable of str, default=None
        Keys of `BUNDLED`; None means all.

    Returns
    -------
    list of Dataset

    Examples
    --------
    >>> from ntk_sklearn.comparison import load_bundled
    >>> [(dataset.name, dataset.X.shape) for dataset in load_bundled(["wine", "iris"])]
    [('wine', (178, 13)), ('iris', (150, 4))]
    """
    names = chosen(names, BUNDLED, "data set")
    loaded = []
    for name in names:
        X, y = getattr(sklearn_datasets, f"load_{name}")(return_X_y=True)
        loaded.append(Dataset(name, BUNDLED[name], X, y))
    return loaded


# -- a folder of files ----------------------------------------------------------------


def load_suite(
    folder: str | os.PathLike, names: Iterable[str] | None = None
) -> list[Dataset]:
    """Load a folder of compressed NumPy files.

    Parameters
    ----------
    folder : path-like
        Holds ``classification/*.npz`` with ``X``, ``y``, ``kfold_train_i`` and
        ``kfold_test_i``, ``train_idx`` and ``val_idx``, or ``regression/*.npz`` with
        ``X``, ``y`` and ``test_mask`` (whose first five columns are used), or both.
    names : iterable of str, default=None
        Names of files, without folder and ending; None means all.

    Returns
    -------
    list of Dataset

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ntk_sklearn.comparison import load_suite
    >>> x = np.linspace(0, 1, 50)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "regression").mkdir()
    ...     np.savez(
    ...         Path(folder) / "regression" / "wave.npz",
    ...         X=x[:, None],
    ...         y=np.sin(9 * x),
    ...         test_mask=np.arange(50)[:, None] % 5 == np.arange(5),
    ...     )
    ...     (wave,) = load_suite(folder)
    >>> wave.name, wave.task, len(wave.folds)
    ('wave', 'regression', 5)
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise StudyError(f"suite {folder}: no such folder")
    files = {
        path.stem: (path, task)
        for task in TASKS
        for path in sorted((folder / task).glob("*.npz"))
    }
    if not files:
        raise StudyError(
            f"suite {folder}: holds no classification/*.npz and no regression/*.npz"
        )
    return [_read_npz(*files[name]) for name in chosen(names, files, "data set")]


def _read_npz(path: Path, task: str) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        reader = _classification if task == CLASSIFICATION else _regression
        return reader(path.stem, arrays)
    except KeyError as error:
        raise StudyError(f"{path}: has no array {error.args[0]!r}") from error
    except Exception as error:  # a broken archive raises what it likes
        raise StudyError(f"{path}: cannot be read: {error}") from error


def _classification(name: str, data: dict[str, np.ndarray]) -> Dataset:
    count = sum(key.startswith("kfold_test_") for key in data)
    folds = tuple(
        (data[f"kfold_train_{i}"], data[f"kfold_test_{i}"])
        for i in range(max(count, 1))
    )
    split = (data["train_idx"], data["val_idx"]) if "train_idx" in data else None
    return Dataset(
        name,
        CLASSIFICATION,
        np.asarray(data["X"], dtype=np.float64),
        np.unique(data["y"], return_inverse=True)[1],
        as_given=True,
        folds=folds,
        tuning_split=split,
    )


def _regression(name: str, data: dict[str, np.ndarray]) -> Dataset:
    masks = np.asarray(data["test_mask"], dtype=bool)
    folds = tuple((np.flatnonzero(~mask), np.flatnonzero(mask)) for mask in masks.T[:5])
    X = np.asarray(data["X"], dtype=np.float64)
    return Dataset(
        name, REGRESSION, X, np.asarray(data["y"], dtype=np.float64), folds=folds
    )
