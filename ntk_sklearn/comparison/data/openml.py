"""Data sets of OpenML, through scikit-learn's own download and cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from ..errors import StudyError, plural
from .datasets import Dataset
from .targets import recognise_target


def load_openml(
    ids: Iterable[str], fetch: Callable[..., Bunch] = fetch_openml
) -> list[Dataset]:
    """Fetch data sets by their numbers, ``https://www.openml.org/d/ID``."""
    return [_load(text, fetch) for text in dict.fromkeys(ids)]


def _load(text: str, fetch: Callable[..., Bunch]) -> Dataset:
    if not text.isdigit():
        raise StudyError(f"--openml {text}: a data set's number is needed")
    try:
        bunch = fetch(data_id=int(text), as_frame=False, parser="liac-arff")
    except Exception as error:  # no network, unknown number, unreadable answer
        raise StudyError(f"--openml {text}: cannot be fetched: {error}") from error
    if bunch.target is None or np.ndim(bunch.target) != 1:
        raise StudyError(f"--openml {text}: has no single target")
    name = f"{bunch.details.get('name', 'openml')}-{text}"
    return _dataset(name, bunch)


def _dataset(name: str, bunch: Bunch) -> Dataset:
    X = bunch.data.toarray() if hasattr(bunch.data, "toarray") else bunch.data
    target_name = bunch.target_names[0] if bunch.target_names else "target"
    known = np.array([not _is_missing(value) for value in bunch.target])
    target, numeric = bunch.target[known], bunch.target.dtype.kind in "fiu"
    task, y = recognise_target(
        target_name,
        [str(value) for value in target],
        target.astype(np.float64) if numeric else None,
        "auto" if numeric else "classification",
        name,
    )
    X = np.asarray(X, dtype=np.float64)[known]
    coded = set(bunch.categories or ())
    categorical = np.array([feature in coded for feature in bunch.feature_names])
    notes = [task]
    if not known.all():
        removed = plural(int((~known).sum()), "row")
        notes.append(f"{removed} without target removed")
    return Dataset(name, task, X, y, categorical=categorical, notes=tuple(notes))


def _is_missing(value) -> bool:
    return value is None or bool(isinstance(value, float) and np.isnan(value))
