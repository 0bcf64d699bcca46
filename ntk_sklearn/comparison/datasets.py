"""Data sets of a study: shipped with scikit-learn, a folder of files, or OpenML."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from .errors import StudyError, known, plural
from .quiet import counted_warnings

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
    """A table with its target, and how it is to be split.

    Attributes
    ----------
    name : str
        What the tables call it.
    task : {"classification", "regression"}
        Which kind of target it has.
    X : ndarray of shape (n_samples, n_features)
        Numbers, NaN where missing; a categorical column holds codes.
    y : ndarray of shape (n_samples,)
        Class codes or a continuous target.
    categorical : ndarray of shape (n_features,) or None
        Which columns hold codes; None means none.
    as_given : bool
        Whether the columns are used as they are, instead of being scaled.
    folds : tuple of (train, test) or None
        Row numbers of the published folds; None draws folds.
    tuning_split : (train, validation) or None
        Row numbers of the published split for tuning, for the protocol "arora".
    notes : tuple of str
        What was decided while reading, for the reader of the table.
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
        """A short code of the content, so that a resumed study sees a change."""
        code = zlib.crc32(np.ascontiguousarray(self.X).tobytes())
        return f"{zlib.crc32(np.ascontiguousarray(self.y).tobytes(), code):08x}"


def load_bundled(names: Iterable[str] | None = None) -> list[Dataset]:
    """Load the real data sets that scikit-learn ships.

    Parameters
    ----------
    names : iterable of str, default=None
        Which of `BUNDLED`; None means all.

    Returns
    -------
    list of Dataset
    """
    names = _chosen(names, BUNDLED, "data set")
    loaded = []
    for name in names:
        X, y = getattr(sklearn_datasets, f"load_{name}")(return_X_y=True)
        loaded.append(Dataset(name, BUNDLED[name], X, y))
    return loaded


def _chosen(names: Iterable[str] | None, choices: Iterable[str], what: str):
    """Keep the order of `names`, without repeats; complain about unknown ones."""
    choices = list(choices)
    if names is None:
        return choices
    names = list(dict.fromkeys(names))
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise StudyError(
            f"unknown {what}: {', '.join(unknown)}; known are {known(choices)}"
        )
    return names


# -- a folder of files ----------------------------------------------------------------


def load_suite(folder, names: Iterable[str] | None = None) -> list[Dataset]:
    """Load a folder of compressed NumPy files.

    Parameters
    ----------
    folder : path-like
        Holds ``classification/*.npz`` with ``X``, ``y``, ``kfold_train_i`` and
        ``kfold_test_i``, ``train_idx`` and ``val_idx``, or ``regression/*.npz`` with
        ``X``, ``y`` and ``test_mask`` (whose first five columns are used), or both.
    names : iterable of str, default=None
        Which files, without folder and ending; None means all.

    Returns
    -------
    list of Dataset
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
    return [_read_npz(*files[name]) for name in _chosen(names, files, "data set")]


def _read_npz(path: Path, task: str) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        reader = _classification if task == CLASSIFICATION else _regression
        return reader(path.stem, arrays)
    except KeyError as error:
        raise StudyError(f"{path}: has no array {error.args[0]!r}") from error
    except (OSError, ValueError, EOFError) as error:
        raise StudyError(f"{path}: cannot be read: {error}") from error
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


# -- folds ----------------------------------------------------------------------------


def with_folds(dataset: Dataset, n_folds: int, seed: int) -> Dataset:
    """Draw folds for a set that came without, and keep at most `n_folds` of any.

    Its notes say where there are fewer, or where a class is too small for them.
    """
    folds = dataset.folds
    if folds is None:
        folds = tuple(draw_splits(dataset.y, dataset.task, n_folds, seed))
    notes = (*dataset.notes, *_about_folds(dataset, len(folds), n_folds))
    return replace(dataset, folds=folds[:n_folds], notes=notes)


def _about_folds(dataset: Dataset, n_folds: int, wanted: int) -> Iterator[str]:
    fewer = f"{plural(n_folds, 'fold')} instead of {wanted}"
    if dataset.folds is not None:
        if n_folds < wanted:
            yield f"{fewer}, the set comes with no more"
    elif dataset.task == CLASSIFICATION:
        sizes = np.unique(dataset.y, return_counts=True)[1]
        if n_folds < wanted:
            yield f"{fewer}, the largest class has {plural(sizes.max(), 'row')}"
        if sizes.min() < n_folds:
            rows = plural(sizes.min(), "row")
            yield f"the smallest class has {rows}, not all {n_folds} folds test it"
    elif n_folds < wanted:
        yield f"{fewer}, there are {plural(len(dataset.y), 'row')}"


def draw_splits(y, task: str, n_splits: int, seed: int) -> list[Rows]:
    """Draw cross-validation splits, stratified for classes.

    A class may have fewer rows than there are splits: then some parts lack it.
    """
    n_splits = min(n_splits, len(y))
    if task == CLASSIFICATION:
        largest = int(np.unique(y, return_counts=True)[1].max())
        if largest >= 2:
            n_splits = max(2, min(n_splits, largest))
            splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
            with counted_warnings():  # of a rare class; they are no model's
                return list(splitter.split(y, y))
    return list(KFold(n_splits, shuffle=True, random_state=seed).split(y))


def thinned(dataset: Dataset, n_rows: int, seed: int) -> Dataset:
    """Draw at most `n_rows` rows, for a quick look; folds are drawn anew."""
    if len(dataset.y) <= n_rows:
        return dataset
    rows = np.arange(len(dataset.y))
    try:
        strata = dataset.y if dataset.task == CLASSIFICATION else None
        kept, _ = train_test_split(
            rows, train_size=n_rows, random_state=seed, stratify=strata
        )
    except ValueError:  # a class of one row cannot be stratified
        kept, _ = train_test_split(rows, train_size=n_rows, random_state=seed)
    kept = np.sort(kept)
    notes = (*dataset.notes, f"{n_rows} of {len(rows)} rows")
    return replace(
        dataset,
        X=dataset.X[kept],
        y=dataset.y[kept],
        folds=None,
        tuning_split=None,
        notes=notes,
    )
