"""The base of the fitted ridge models, whatever solver has fitted them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils import gen_batches

from .._learning.spec import Encoder, LearnedKernel
from .._learning.training_set import TrainingSet
from .._utils.arrays import Place
from .._utils.compat import get_chunk_n_rows
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._features import multiply
from ..solvers._row_weights import RowWeights

# Numbers that are held for each encoded input of a row while its kernel is computed:
# the input itself, the encoder's intermediate results, and the engine's data of a rank.
_PER_INPUT = 10
# The error of a learned kernel on new rows, in units of its leave-one-out error: with
# many rows, and what each hyperparameter for a row adds. Between 1.1 and 1.25, and 0.25
# and 0.5, classifiers are equally accurate on 32 small sets. The second is also the one
# by which intervals of 20 to 375 rows of twelve tables hold what they promise.
_OPTIMISM = 1.2, 0.25
# Leave-one-out errors above this share of the mean's say that nothing is explained, if
# there are at least as many rows as the second number.
_NOTHING, _FEWEST = 0.99, 20


def row_slices(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slice rows so that `n_columns` numbers for each row fit the working memory."""
    rows = get_chunk_n_rows(
        row_bytes=8 * n_columns,
        max_n_rows=max(n_rows, 1),
        working_memory=get_config()["working_memory"],
    )
    return gen_batches(n_rows, rows)


class HeldOut(NamedTuple):
    """Leave-one-out predictions of training rows, or of some of them.

    Attributes
    ----------
    predictions : ndarray of shape (n, k)
        The prediction of each row by a model fitted without it.
    targets : ndarray of shape (n, k)
        The targets of the rows.
    weights : RowWeights
        The weights of the rows.
    """

    predictions: np.ndarray
    targets: np.ndarray
    weights: RowWeights

    @property
    def error(self) -> float:
        """The weighted mean of squared errors, summed over outputs."""
        squares = np.sum((self.targets - self.predictions) ** 2, axis=1)
        return float(self.weights.weight @ squares / self.weights.total)

    @property
    def explains_nothing(self) -> bool:
        """Whether the predictions are hardly better than the mean of the targets.

        It is never said of fewer than 20 rows, nor of constant targets.
        """
        mean = self.weights.weight @ self.targets / self.weights.total
        null = self._replace(predictions=np.broadcast_to(mean, self.targets.shape))
        return len(self.targets) >= _FEWEST and self.error > _NOTHING * null.error > 0.0


class AttributedRows(Protocol):
    """The training rows of a fitted model."""

    @property
    def weights(self) -> RowWeights:
        """The weights of the rows."""

    @property
    def targets(self) -> np.ndarray:
        """The targets of the rows, (n, k)."""

    @property
    def dual_coef(self) -> np.ndarray:
        """The coefficients of the rows, (n, k): residuals over noise."""

    def kernel(self, X: np.ndarray) -> np.ndarray:
        """Return the model's kernel of raw rows with the training rows, (m, n)."""

    def smoother(self, X: np.ndarray) -> np.ndarray:
        """Return the derivatives of predictions of raw rows by targets, (m, n)."""

    @property
    def diagonal(self) -> np.ndarray:
        """The derivative of the coefficient of each row by its own target, (n,)."""

    def precision(self, rows: np.ndarray) -> np.ndarray:
        """Return the derivatives of coefficients of some rows by their targets."""


@dataclass(frozen=True, kw_only=True)
class RidgeModel(ABC):
    """A fitted kernel ridge model.

    Attributes
    ----------
    encoder : Encoder or None
        The fitted encoder of the inputs; None leaves them as they are.
    learned : LearnedKernel
        The learned kernel and ridge, and the path of the objective.
    alpha : float
        The ridge of the last solve, which may differ from the learned one.
    dual_coef : ndarray of shape (n, k)
        The coefficients of the rows of `X`.
    intercept : ndarray of shape (k,)
        The constant of each output.
    variance : ndarray of shape (k,)
        The factor of each output by which the kernel becomes the prior covariance of a
        Gaussian process.
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
    def expected_error(self) -> float:
        """The leave-one-out error, raised because the kernel was learned.

        The rows have taken part in learning, so that the error is smaller than that of
        new rows, the more so the more hyperparameters were learned from them.
        """
        if not self.learned.n_learned:
            return self.held_out.error
        return self.held_out.error * (
            _OPTIMISM[0] + _OPTIMISM[1] * self.learned_per_row
        )

    @property
    def learned_per_row(self) -> float:
        """The number of hyperparameters learned for each row they are learned from."""
        n_rows = self.held_out.weights.multiplicity.sum()
        return self.learned.n_learned / float(n_rows)

    @property
    def likely_error(self) -> float:
        """The size of a usual error on new rows, in units of leave-one-out errors.

        The mean squared error, which `expected_error` is about, grows by more, as it is
        made by few large errors.
        """
        return float(np.sqrt(1.0 + _OPTIMISM[1] * self.learned_per_row))

    @property
    def kernel(self) -> Kernel:
        """The kernel with the learned hyperparameters."""
        return self.learned.kernel

    @property
    @abstractmethod
    def X(self) -> np.ndarray:
        """The rows that `dual_coef` belongs to, as the kernel sees them."""

    @property
    @abstractmethod
    def raw_rows(self) -> np.ndarray:
        """Training rows as they were given, all or those that are held out."""

    @one_blas_thread()
    def predict(self, X: np.ndarray, place: Place | None = None, /) -> np.ndarray:
        """Return the predictions of raw rows, (n, k), computed block by block.

        Kernel matrices are computed at the `place`; None means by NumPy.
        """
        out = np.empty((len(X), self.dual_coef.shape[1]))
        for block in self.slices(X, len(self.X)):
            K = matrix_at(place, self.kernel, self.encode(X[block]), self.X)
            out[block] = multiply(K, self.dual_coef) + self.intercept
        return out

    @abstractmethod
    def posterior_variance(
        self, X: np.ndarray, place: Place | None = None, /
    ) -> np.ndarray:
        """Return the posterior variances of the function at raw rows, (n, k)."""

    @abstractmethod
    def attributed(self, training: TrainingSet | None) -> AttributedRows:
        """Return the training rows, as attribution needs them.

        Parameters
        ----------
        training : TrainingSet or None
            The raw training rows, for Nyström models: others keep their own.

        Returns
        -------
        AttributedRows
        """

    def plus(
        self, batch: TrainingSet, progress_name: str | None, place: Place | None = None
    ) -> RidgeModel:
        """Return a new model with more rows; only Nyström models support this."""
        raise TypeError(f"a {type(self).__name__} takes no more rows.")

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Return raw rows as the kernel sees them."""
        return X if self.encoder is None else self.encoder.transform(X)

    def slices(self, X: np.ndarray, n_columns: int) -> Iterator[slice]:
        """Slice raw rows so that each slice fits scikit-learn's working memory.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Raw rows.
        n_columns : int
            Number of columns of the kernel matrix that is computed for the rows.

        Yields
        ------
        slice
        """
        dense = np.ndim(self.X) == 2 and not issparse(self.X)
        width = self.X.shape[1] if dense else 0
        return row_slices(len(X), n_columns + _PER_INPUT * width)
