"""The rows that a model is fitted to: inputs, targets, weights, folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from ..solvers._row_weights import RowWeights


class TrainingSet(NamedTuple):
    """Checked rows of positive weight.

    Attributes
    ----------
    X : ndarray of shape (n, n_features), or a sequence of n objects
        The inputs, raw or encoded for a kernel.
    Y : ndarray of shape (n, k)
        Numeric targets.
    weights : RowWeights
        The weights with which the hyperparameters are learned.
    class_factor : ndarray of shape (n,)
        The factor of each weight in the last solve, which comes from class weights.
    roles : ndarray of shape (n, n_splits)
        The user's own splits for the hold-out objective, one in each column: 1 marks a
        row to fit, 2 a row to score, 0 any other row.
    categorical : ndarray of bool, shape (n_features,)
        Mask of the raw inputs that are codes of levels; empty if there are none.
    """

    X: np.ndarray
    Y: np.ndarray
    weights: RowWeights
    class_factor: np.ndarray
    roles: np.ndarray
    categorical: np.ndarray = np.zeros(0, dtype=bool)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.Y)

    @property
    def solve_weights(self) -> RowWeights:
        """The weights of the last solve, class factors included."""
        return self.weights.scaled(self.class_factor)

    def take(self, rows) -> TrainingSet:
        """Return a subset of the rows.

        Parameters
        ----------
        rows : ndarray of int
            Numbers of the rows.

        Returns
        -------
        TrainingSet
        """
        return TrainingSet(
            self.X[rows],
            self.Y[rows],
            self.weights.take(rows),
            self.class_factor[rows],
            self.roles[rows],
            self.categorical,
        )

    def merged(self) -> tuple[TrainingSet, np.ndarray]:
        """Merge repeated rows into one row each, if the weights count copies.

        A row of weight 2 and the same row twice then are the same problem, to the last
        digit, and repeated rows take no time. If all rows are distinct and have weight
        one, they stay in their order.

        Returns
        -------
        rows : TrainingSet
        origin : ndarray of int, shape (n,)
            The number of the merged row that each row has become.
        """
        counted = self.weights.multiplicity
        origin = np.arange(self.n_rows)
        if np.ndim(self.X) != 2 or not np.array_equal(self.weights.weight, counted):
            return self, origin
        first, inverse = _distinct(self.X, np.column_stack([self.Y, self.roles]))
        if len(first) == self.n_rows and (counted == 1.0).all():
            return self, origin
        origin = inverse.ravel()
        weights = RowWeights(*[np.bincount(origin, weights=counted)] * 2)
        return self.take(first)._replace(weights=weights), origin


def _distinct(X, others) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of rows, in an order of their own, and all kinds.

    Rows are equal if those of `X` and of `others` are.
    """
    if issparse(X):
        ends = zip(X.indptr, X.indptr[1:], others, strict=False)
        keys = [
            (X.indices[a:b].tobytes(), X.data[a:b].tobytes(), row.tobytes())
            for a, b, row in ends
        ]
        number = {key: k for k, key in enumerate(sorted(set(keys)))}
        kinds = np.array([number[key] for key in keys])
        return np.unique(kinds, return_index=True)[1], kinds
    inputs, missing = [X], np.isnan(X)
    if missing.any():  # as NaN equals nothing, not even itself
        inputs = [np.where(missing, 0.0, X), missing]
    table = np.column_stack([*inputs, others])
    first, kinds = np.unique(table, axis=0, return_index=True, return_inverse=True)[1:]
    return first, kinds
