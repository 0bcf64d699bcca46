"""The target of a table: classes or numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import StudyError
from .columns import same_case
from .datasets import CLASSIFICATION, REGRESSION
from .dates import read_dates
from .numbers import looks_numeric

# An integer target of at most this many values is a class.
MOST_INTEGER_CLASSES = 10


def recognise_target(
    name: str, texts: Sequence[str], values: np.ndarray | None, task: str, source
) -> tuple[str, np.ndarray]:
    """Tell classes from numbers; return the task and the target.

    Strings are classes, and so are two values, or at most ten different integers of
    which each occurs five times on average. Other numbers are for regression. Equal
    numbers are one class, however they are written. `values` are the cells as numbers,
    if they are; `name` and `source` are for messages.
    """
    if values is not None and not np.isfinite(values).all():
        raise StudyError(f"{source}: target {name} has infinite values")
    labels = np.asarray(same_case(texts), dtype=str) if values is None else values
    classes, codes = np.unique(labels, return_inverse=True)
    if task == "auto":
        numeric = values is not None and is_continuous(values)
        task = REGRESSION if numeric else CLASSIFICATION
    if len(classes) < 2:
        raise StudyError(f"{source}: target {name} has one value only")
    if task == REGRESSION:
        if values is None:
            raise StudyError(
                f"{source}: target {name} is not numeric, which regression needs"
            )
        return task, values
    if len(classes) > len(texts) / 2:
        raise StudyError(f"{source}: target {name} {_why_no_classes(texts, values)}")
    return task, codes


def _why_no_classes(texts: Sequence[str], values: np.ndarray | None) -> str:
    """Say why a target with hardly any value twice is neither classes nor numbers."""
    strange = [text for text in texts if not looks_numeric(text)]
    if 0 < len(strange) <= len(texts) / 2:
        return f"has cells that are no numbers, such as {strange[0]!r}; mend them"
    if values is None and not strange:
        return "has numbers of several units; write all in one"
    if strange and read_dates(texts):
        return "holds dates; choose another column"
    count = len(set(texts))
    return f"has {count} different values in {len(texts)} rows, too many for classes"


def is_continuous(values: np.ndarray) -> bool:
    """Tell numbers for regression from those that are classes."""
    distinct = len(np.unique(values))
    if distinct <= 2:
        return False
    few = distinct <= MOST_INTEGER_CLASSES and len(values) >= 5 * distinct
    return not (few and bool((values == np.round(values)).all()))
