"""Weights of rows: how much the error of each row counts, and its number of copies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class RowWeights(NamedTuple):
    """The weight and the multiplicity of each row of a ridge problem.

    A row may have a larger weight than others for two reasons: because it stands for
    several equal rows, or because its target is more exact or matters more. Only in the
    first case are other copies of the row left when leave-one-out leaves one out. That
    is why there are two numbers for each row.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        The factor of the squared error of each row. The noise of its target has the
        variance ``alpha / weight``.
    multiplicity : ndarray of shape (n,)
        The number of copies of each row.

    Examples
    --------
    Integers count copies, and floating numbers say how much a row matters:

    >>> import numpy as np
    >>> from ntk_sklearn.solvers import RowWeights
    >>> RowWeights.of(np.array([1, 3]), 2).multiplicity
    array([1., 3.])
    >>> RowWeights.of(np.array([1.0, 3.0]), 2).multiplicity
    array([1., 1.])
    """

    weight: np.ndarray
    multiplicity: np.ndarray

    @classmethod
    def of(cls, sample_weight: RowWeights | ArrayLike | None, n: int) -> RowWeights:
        """Return the weights of `n` rows, given in any of several forms.

        Parameters
        ----------
        sample_weight : None, array-like or RowWeights
            None means ones. An array of integers or booleans counts copies: it is the
            weight and the multiplicity at once. An array of floating numbers holds the
            weights of single rows, even if all numbers are whole. An array of shape
            (n, 2) has weights in the first column and multiplicities in the second.
        n : int
            The number of rows.

        Returns
        -------
        RowWeights
        """
        if sample_weight is None:
            ones = np.ones(n)
            return cls(ones, ones)
        if isinstance(sample_weight, RowWeights):
            found = sample_weight
        else:
            array = np.asarray(sample_weight)
            weight = np.asarray(array, dtype=np.float64)
            if array.ndim == 2 and array.shape[1] == 2:
                found = cls(*weight.T)
            else:
                counts = array.dtype.kind in "iub"
                found = cls(weight, weight if counts else np.ones(n))
        for part in found:
            if np.shape(part) != (n,):
                raise ValueError(
                    f"sample_weight must have a weight for each of {n} rows, got shape "
                    f"{np.shape(part)}."
                )
        return found

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weight.sum())

    @property
    def n_rows(self) -> float:
        """The number of rows of positive weight, all copies counted."""
        return float(self.multiplicity[self.weight > 0.0].sum())

    @property
    def left_out(self) -> np.ndarray:
        """The share of each row that leave-one-out leaves out.

        It is the share of one copy, or 1 if the row counts for less than one copy.
        """
        return np.minimum(1.0, self.multiplicity) / self.multiplicity

    @property
    def columns(self) -> np.ndarray:
        """Weights and multiplicities as an array of shape (n, 2), as `of` reads it."""
        return np.column_stack(self)

    def noise(self, alpha: float) -> np.ndarray:
        """Return the variance of the noise of each target for a ridge."""
        return alpha / self.weight

    def take(self, rows) -> RowWeights:
        """Return the weights of a subset of the rows."""
        return RowWeights(self.weight[rows], self.multiplicity[rows])

    def scaled(self, factor) -> RowWeights:
        """Return weights multiplied by `factor`, with the same multiplicities.

        Factors of one return the weights themselves, which models then share.
        """
        if np.all(np.equal(factor, 1.0)):
            return self
        return RowWeights(self.weight * factor, self.multiplicity)
