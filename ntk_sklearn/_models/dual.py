"""Ridge models with a coefficient for each training row, whatever solver found it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve
from scipy.sparse import issparse

from .._learning.training_set import TrainingSet
from .._utils.arrays import Place, to_numpy
from .._utils.blas import solve_lower
from .._utils.sparse import SparseRows
from .._utils.threads import one_blas_thread
from ..kernels._on_rows import matrix_at
from ..solvers._attribution import smoother
from ..solvers._cholesky import Solution, kernel_factor, solve
from ..solvers._on_arrays import diagonal, submatrix, times
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
        if place is not None:
            return self._variance_at(place, X)
        K = self.kernel(self.X)
        means = K.mean(axis=0) if self.fit_intercept else np.zeros(len(K))
        mean = means.mean()
        # With a free constant, only the centred kernel matters.
        K -= means
        K -= means[:, None] - mean
        noise = self.rows.solve_weights.noise(self.alpha)
        factor = kernel_factor(K, noise, overwrite_K=True)[0]
        ones = cho_solve((factor, True), np.ones(len(factor)))
        constant = ones.sum() if self.fit_intercept else np.inf
        out = np.empty(len(X))
        for block in self.slices(X, len(self.X)):
            Z = self.encode(X[block])
            cross = self.kernel(Z, self.X)
            own = np.zeros(len(Z))
            if self.fit_intercept:
                own = cross.mean(axis=1) - mean
            cross -= means
            cross -= own[:, None]
            prior = self.kernel.diag(Z) - 2.0 * own - mean
            # The uncertainty of the constant, and its covariance with the function.
            out[block] = prior + (1.0 - cross @ ones) ** 2 / constant
            root = solve_lower(factor, np.asfortranarray(cross.T, np.float64))
            out[block] -= np.einsum("ij,ij->j", root, root)
        return np.maximum(out, 0.0)[:, None] * self.variance

    def _variance_at(self, place, X) -> np.ndarray:
        """Return the same variances, from matrices at a place.

        With P the inverse less its part along the constant, and w the weights of the
        targets in the constant, ``w' (K + noise) w`` is the variance of the constant.
        """
        rows, out = SolvedRows(self, place), np.empty(len(X))
        P, w = rows.solution.P, rows.solution.intercept_weights
        K = matrix_at(place, self.kernel, self.X)
        constant = w @ times(K, w) + w**2 @ rows.weights.noise(self.alpha)
        for block in self.slices(X, len(self.X)):
            cross = rows.kernel(X[block])
            prior = self.kernel.diag(self.encode(X[block])) - 2.0 * times(cross, w)
            if self.fit_intercept:  # which P does not see
                cross = cross - place.xp.mean(cross, axis=1, keepdims=True)
            explained = place.xp.sum((cross @ P) * cross, axis=1)
            out[block] = prior + constant - to_numpy(explained)
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
