"""The training set, made from the inputs, targets and weights that a user gives."""

from __future__ import annotations

from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from .._blocks.sampling import gather
from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from .._utils.compat import _check_sample_weight
from ..preprocessing._table_reader import TableReader
from ..solvers._row_weights import RowWeights

# Largest size of a table in which repeated rows are merged for a solver that does not
# need it, as merging sorts a copy of the table.
_MERGED_SIZE = 20_000_000
_NOTHING_LEFT = "sample_weight is zero for every row; none is left to fit."


class Given(NamedTuple):
    """The checked arguments of a call of `fit` or `partial_fit`.

    Attributes
    ----------
    X : ndarray, sequence or source of blocks
        The inputs.
    y : ndarray of shape (n,) or (n, k)
        The targets or labels.
    weights : RowWeights
        The weights of all rows, including rows of weight zero.
    streamed : bool
        Whether `X` is a source whose rows are read in blocks.
    features : dict
        The attributes ``n_features_in_`` and ``feature_names_in_``.
    reader : TableReader
        The reader by which the inputs have become numbers.
    place : Place or None
        Where the inputs have come from, and matrices are computed; None means NumPy.
    """

    X: np.ndarray
    y: np.ndarray
    weights: RowWeights
    streamed: bool
    features: dict
    reader: TableReader = TableReader()
    place: Place | None = None

    @property
    def present(self) -> np.ndarray:
        """Mask of the rows of positive weight."""
        return self.weights.weight > 0


def checked_weights(sample_weight: ArrayLike | None, y) -> RowWeights:
    """Check the weights of rows: integers count copies, floating numbers do not.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), number or None
        The parameter of `fit`.
    y : ndarray of shape (n,) or (n, k)
        The targets, for the number of rows.

    Returns
    -------
    RowWeights

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or none is positive.
    """
    if sample_weight is None:
        return RowWeights.of(None, len(y))
    kind = np.asarray(sample_weight).dtype.kind
    weight = _check_sample_weight(sample_weight, y, ensure_non_negative=True)
    if not weight.any():  # which later versions of scikit-learn refuse themselves
        raise ValueError(_NOTHING_LEFT)
    return RowWeights(weight, weight if kind in "iub" else np.ones(len(y)))


def checked_targets(y) -> np.ndarray:
    """Read targets from wherever they are stored, and check them."""
    return check_array(gather(y), ensure_2d=False, dtype=None, input_name="y")


def numeric_targets(y: np.ndarray) -> np.ndarray:
    """Return a copy of the targets of a regressor as numbers, one column an output.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, k)
        Checked targets.

    Returns
    -------
    ndarray of shape (n, k)

    Raises
    ------
    ValueError
        If they are strings, dates or durations.
    """
    if y.dtype.kind in "mM":
        raise ValueError(
            "y must be numbers, got dates or durations; predict the days since a date, "
            "for instance."
        )
    try:
        return np.array(y, dtype=np.float64).reshape(len(y), -1)
    except ValueError as error:
        raise ValueError(
            f"y must be numbers, but {error}; labels of classes are for WNTKClassifier."
        ) from error


def check_labels(y: np.ndarray) -> None:
    """Raise if the targets of a classifier are no labels, or some are missing."""
    if y.dtype.kind == "O":
        missing = np.flatnonzero([label is None for label in y.ravel()])
        if len(missing):
            raise ValueError(
                f"y must have a label for each row, got None in row {missing[0]}."
            )
    check_classification_targets(y)


def training_set(
    given: Given, Y, class_factor, roles, *, learns_alpha: bool, must_merge: bool
) -> tuple[TrainingSet, np.ndarray]:
    """Return the rows to fit: without those of weight zero, and repeated rows merged.

    Parameters
    ----------
    given : Given
        The checked arguments of `fit`.
    Y : ndarray of shape (n, k)
        Numeric targets.
    class_factor : ndarray of shape (n,)
        Factor of the weight of each row in the last solve. A row whose factor is zero
        is left out.
    roles : ndarray of shape (n, n_splits)
        The user's own splits: see `TrainingSet`.
    learns_alpha : bool
        Whether the ridge is learned. If so, only the ratios of floating weights matter,
        and they are scaled to a mean of one.
    must_merge : bool
        Whether repeated rows are merged in tables of any size.

    Returns
    -------
    rows : TrainingSet
    origin : ndarray of int, shape (n,)
        The number of the training row that each given row became; -1 for a row that
        was left out.

    Raises
    ------
    ValueError
        If no row is left.
    """
    weights = given.weights.scaled(class_factor > 0)
    if not weights.weight.any():
        raise ValueError(_NOTHING_LEFT)
    counted = np.array_equal(given.weights.weight, given.weights.multiplicity)
    if learns_alpha and not counted:
        weights = weights.scaled(np.count_nonzero(weights.weight) / weights.total)
    levels = given.reader.categorical
    rows = TrainingSet(given.X, Y, weights, class_factor, roles, levels)
    if given.streamed:
        return rows, np.arange(len(Y))
    origin = np.full(len(Y), -1)
    present = np.flatnonzero(weights.weight > 0)
    rows = rows if len(present) == len(Y) else rows.take(present)
    origin[present] = np.arange(len(present))
    if must_merge or np.size(given.X) <= _MERGED_SIZE:
        rows, became = rows.merged()
        origin[present] = became
    return rows, origin


def split_roles(cv, X, y) -> np.ndarray:
    """Return the role of each row in the user's own splits.

    Parameters
    ----------
    cv : int, splitter, iterable of index pairs or None
        The parameter of the estimator.
    X, y : array-like of n rows
        Inputs and targets, which a splitter may look at.

    Returns
    -------
    ndarray of shape (n, n_splits)
        A column for each split: 1 for a row to fit, 2 for a row to score, 0 for any
        other. There are no columns if `cv` is a number of folds.

    Raises
    ------
    ValueError
        If there is no split, or one without rows to fit or to score, or one that scores
        rows that it fits or names rows that are not there.
    """
    if counts_folds(cv):
        return np.zeros((len(y), 0))
    from sklearn.model_selection import check_cv  # slow to import

    splits = list(check_cv(cv, y).split(X, y)) if cv else []
    if not splits or not all(len(train) and len(test) for train, test in splits):
        raise ValueError(
            'cv must give at least one split for objective="holdout", each with '
            f"rows to fit and rows to score, got {cv!r}."
        )
    roles = np.zeros((len(y), len(splits)))
    try:
        for k, (train, test) in enumerate(splits):
            roles[train, k] = 1
            roles[test, k] += 2
    except IndexError as error:
        raise ValueError(
            f"cv must give numbers of the {len(y)} rows, from 0 to {len(y) - 1}, got "
            f"{cv!r}: {error}."
        ) from error
    if (roles == 3).any():
        raise ValueError(
            'cv must not score rows that it fits, for objective="holdout", got '
            f"{(roles == 3).any(axis=1).sum()} such rows from {cv!r}."
        )
    return roles


def counts_folds(cv) -> bool:
    """Return whether `cv` is a number of folds, or None for the default number."""
    return cv is None or isinstance(cv, Integral)
