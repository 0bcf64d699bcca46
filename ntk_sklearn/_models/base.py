"""What the fitted ridge models of every solver have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils import gen_batches

from .._learning.spec import Encoder, LearnedKernel
from .._learning.training_set import TrainingSet
from .._utils.compat import get_chunk_n_rows
from .._utils.threads import one_blas_thread
from ..solvers._features import multiply
from ..solvers._row_weights import RowWeights

# Numbers held for each encoded input of a row while its kernel is computed: the input,
# what the encoder makes it from, and what the engine keeps of a rank.
_PER_INPUT = 10


def row_slices(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slice rows so that `n_columns` numbers for each fit the working memory."""
    rows = get_chunk_n_rows(
        row_bytes=8 * n_columns,
        max_n_rows=max(n_rows, 1),
        working_memory=get_config()["working_memory"],
    )
    return gen_batches(n_rows, rows)


class HeldOut(NamedTuple):
    """Leave-one-out predictions of some training rows.

    Attributes
    ----------
    predictions : ndarray of shape (n, k)
        Each by a model that has not seen the row.
    targets : ndarray of shape (n, k)
    weights : RowWeights
    """

    predictions: np.ndarray
    targets: np.ndarray
    weights: RowWeights

    @property
    def error(self) -> float:
        """The weighted mean of squared errors, summed over outputs."""
        squares = np.sum((self.targets - self.predictions) ** 2, axis=1)
        return float(self.weights.weight @ squares / self.weights.total)


@dataclass(frozen=True, kw_only=True)
class RidgeModel(ABC):
    """A fitted kernel ridge model.

    Attributes
    ----------
    encoder : Encoder or None
        Writes raw rows as the kernel sees them.
    learned : LearnedKernel
        The kernel with what was learned.
    alpha : float
        The ridge of the last solve.
    dual_coef : ndarray of shape (n, k)
        Coefficients of the kernel on the rows of `X`.
    intercept : ndarray of shape (k,)
    variance : ndarray of shape (k,)
        Scale of the kernel as a prior covariance, for each output.
    held_out : HeldOut
        Leave-one-out predictions of the rows that the kernel was learned from.
    """

    encoder: Encoder | None
    learned: LearnedKernel
    alpha: float
    dual_coef: np.ndarray
    intercept: np.ndarray
    variance: np.ndarray
    held_out: HeldOut

    @property
    def kernel(self) -> Kernel:
        """The kernel with what was learned."""
        return self.learned.kernel

    @property
    @abstractmethod
    def X(self) -> np.ndarray:
        """The rows that `dual_coef` belongs to, as the kernel sees them."""

    @abstractmethod
    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the decision values of raw rows: (n, k)."""

    @abstractmethod
    def posterior_variance(self, X: np.ndarray) -> np.ndarray:
        """Return the posterior variance of the function at raw rows: (n, k)."""

    def plus(self, batch: TrainingSet, progress_name: str | None) -> RidgeModel:
        """Return the model fitted to more rows; only Nyström models can take them."""
        raise TypeError(f"a {type(self).__name__} takes no more rows.")

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Write raw rows as the kernel sees them."""
        return X if self.encoder is None else self.encoder.transform(X)

    def slices(self, X: np.ndarray, n_columns: int) -> Iterator[slice]:
        """Slice raw rows so that each slice fits scikit-learn's working memory.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Raw rows.
        n_columns : int
            Columns of the kernel matrix of the rows.

        Yields
        ------
        slice
        """
        width = self.X.shape[1] if np.ndim(self.X) == 2 else 0
        return row_slices(len(X), n_columns + _PER_INPUT * width)


@dataclass(frozen=True, kw_only=True)
class DualModel(RidgeModel):
    """A ridge model with a coefficient for each training row.

    Attributes
    ----------
    rows : TrainingSet
        The training rows, as the kernel sees them.
    """

    rows: TrainingSet

    @property
    def X(self) -> np.ndarray:
        """The training rows, as the kernel sees them."""
        return self.rows.X

    @one_blas_thread()
    def predict(self, X):
        """Return the decision values of raw rows, block by block."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        for block in self.slices(X, len(self.X)):
            K = self.kernel(self.encode(X[block]), self.X)
            out[block] = multiply(K, self.dual_coef) + self.intercept
        return out
