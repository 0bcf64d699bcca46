"""Ridge models with a coefficient for each training row, whatever solver found it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from .._learning.training_set import TrainingSet
from .._utils.arrays import Place, to_numpy
from .._utils.sparse import SparseRows
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._attribution import smoother
from ..solvers._cholesky import Solution, kernel_factor, solve
from ..solvers._on_arrays import (
    column_squares,
    columns,
    diagonal,
    moved_to,
    row_sums,
    solved_lower,
    submatrix,
    times,
)
from ..solvers._row_weights import RowWeights
from .base import RidgeModel


@dataclass(frozen=True, kw_only=True)
class DualModel(RidgeModel):
    """A ridge model with a coefficient for each training row.

    Attributes
    ----------
    rows : TrainingSet
        The training rows, as the kernel sees them.
    raw : ndarray of shape (n, n_features), or a sequence of n objects
        The training rows as they were given.
    fit_intercept : bool
        Whether it has a constant.
    """

    rows: TrainingSet
    raw: np.ndarray
    fit_intercept: bool

    def __getstate__(self):
        """Leave out the encoded rows: models share the raw ones, which are smaller."""
        state = vars(self).copy()
        if self.encoder is not None:
            state["rows"] = self.rows._replace(X=np.empty(0))
        return state

    def __setstate__(self, state):
        """Encode the raw rows again."""
        vars(self).update(state)
        if self.encoder is not None:
            rows = self.rows._replace(X=self.encode(self.raw))
            vars(self)["rows"] = rows

    @property
    def X(self) -> np.ndarray:
        """The training rows, as the kernel sees them."""
        X = self.rows.X  # a file of skops holds a sparse array without a length
        return SparseRows(X) if issparse(X) else X

    @one_blas_thread()
    def posterior_variance(self, X, place=None, /) -> np.ndarray:
        """Return the posterior variances of the function at raw rows, for each output.

        The kernel matrix is factorised in each call. A factor that is kept would make
        up most of a pickled model.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Raw rows.
        place : Place, default=None
            Where the matrices are computed; None means by NumPy.

        Returns
        -------
        ndarray of shape (n, k)
        """
        K = matrix_at(place, self.kernel, self.X)
        n, intercept = K.shape[0], self.fit_intercept
        means = row_sums(K) / n if intercept else np.zeros(n)
        mean = means.mean()
        # With a free constant, only the centred kernel matters.
        K -= moved_to(K, means)
        K -= moved_to(K, means[:, None] - mean)
        noise = self.rows.solve_weights.noise(self.alpha)
        factor = kernel_factor(K, noise, overwrite_K=True)[0]
        ones = solved_lower(factor, moved_to(factor, np.ones((n, 1), order="F")))
        constant = float(column_squares(ones)[0]) if intercept else np.inf
        out = np.empty(len(X))
        for block in self.slices(X, n):
            Z = self.encode(X[block])
            cross = matrix_at(place, self.kernel, Z, self.X)
            own = row_sums(cross) / n - mean if intercept else np.zeros(len(Z))
            cross -= moved_to(cross, means)
            cross -= moved_to(cross, own[:, None])
            prior = self.kernel.diag(Z) - 2.0 * own - mean
            root = solved_lower(factor, columns(cross))
            # The uncertainty of the constant, and its covariance with the function.
            by_constant = (1.0 - times(root.T, to_numpy(ones))[:, 0]) ** 2 / constant
            out[block] = prior + by_constant - column_squares(root)
        return np.maximum(out, 0.0)[:, None] * self.variance

    def attributed(self, training):
        """Return the training rows, as attribution needs them."""
        return SolvedRows(self)

    @property
    def raw_rows(self) -> np.ndarray:
        """All training rows, as they were given."""
        return self.raw


@dataclass(frozen=True, eq=False)
class SolvedRows:
    """The rows of a model with an exact kernel, which is factorised again if needed."""

    model: DualModel
    place: Place | None = None  # where its matrices are

    @property
    def weights(self) -> RowWeights:
        """The weights of the rows."""
        return self.model.rows.solve_weights

    @property
    def targets(self) -> np.ndarray:
        """The targets of the rows."""
        return self.model.rows.Y

    @property
    def dual_coef(self) -> np.ndarray:
        """The coefficients of the rows."""
        return self.model.dual_coef

    @cached_property
    def solution(self) -> Solution:
        """The solution of the ridge problem, with the inverse of its matrix."""
        model = self.model
        K = matrix_at(self.place, model.kernel, model.X)
        how = model.alpha, self.weights, model.fit_intercept, True
        return solve(K, model.rows.Y, *how)

    def kernel(self, X) -> np.ndarray:
        """Return the kernel of raw rows with the training rows."""
        model = self.model
        return matrix_at(self.place, model.kernel, model.encode(X), model.X)

    def smoother(self, X) -> np.ndarray:
        """Return the derivatives of predictions of raw rows by targets."""
        return smoother(self.solution, self.kernel(X))

    @property
    def diagonal(self) -> np.ndarray:
        """The derivative of the coefficient of each row by its own target."""
        return diagonal(self.solution.P)

    def precision(self, rows) -> np.ndarray:
        """Return the derivatives of coefficients of some rows by their targets."""
        return to_numpy(submatrix(self.solution.P, rows))
