"""Ridge on a Nyström model: the normal equations of its whitened features, as sums.

With centres C and ``K(C, C) = L L'``, a row x has the features ``z = L^-1 k(C, x)``,
whose inner products are the Nyström approximation of the kernel. Ridge on them needs
sums over rows alone, so that rows can come in blocks, in any order and from anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve, eigh

from .._utils.threads import factorising
from ._normal_equations import Sums, add_block, whiten, whitening
from ._spectrum import RidgePath


class NystromSolution(NamedTuple):
    """A ridge fit: predictions are ``kernel(X, centres) @ coef + intercept``."""

    coef: np.ndarray
    intercept: np.ndarray
    alpha: float


class NystromSystem:
    """The ridge problem of a Nyström model, filled block by block.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, centres)``.
    centres : ndarray of shape (m, n_features)
    n_outputs : int, default=1
    fit_intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    n_features : int, default=None
        Columns of the rows that will come; None means those of the centres.
    counts : bool, default=True
        Whether a weight says how many copies of a row there are.

    Attributes
    ----------
    factor : ndarray of shape (m, m)
        Cholesky factor that whitens the features.
    sums : Sums
        Of all the rows so far.
    """

    def __init__(
        self,
        kernel,
        centres,
        n_outputs=1,
        fit_intercept=True,
        *,
        n_features=None,
        counts=True,
    ):
        self.kernel = kernel
        self.centres = np.ascontiguousarray(centres, dtype=np.float64)
        self.factor = whitening(kernel(self.centres))
        self.fit_intercept = fit_intercept
        width = self.centres.shape[1]
        self.n_features = width if n_features is None else n_features
        self.counts = counts
        self.sums = Sums.zeros(len(self.centres), n_outputs)

    def update(self, X, Y, weight=None) -> NystromSystem:
        """Add a block of rows."""
        self.sums = add_block(
            self.sums, self.kernel, self.centres, self.factor, X, Y, weight
        )
        return self

    def merge(self, sums: Sums) -> NystromSystem:
        """Add the sums of other rows, made with the same centres."""
        self.sums = self.sums.merge(sums)
        return self

    def _centred(self):
        """Return ``Z'WZ``, ``Z'WY`` and ``Y'WY``, less their means."""
        s = self.sums
        if not s.weight > 0:
            raise ValueError("the system holds no row of positive weight yet.")
        A = np.tril(s.zz)
        if not self.fit_intercept:
            return A, s.zy, s.yy
        A -= np.tril(np.outer(s.z, s.z / s.weight))
        return A, s.zy - np.outer(s.z, s.y / s.weight), s.yy - s.y**2 / s.weight

    def solve(self, alpha: float) -> NystromSolution:
        """Minimise ``sum(w |Y - f - b|^2) + alpha |f|^2`` over the model."""
        A, b, _ = self._centred()
        A.flat[:: len(A) + 1] += alpha
        with factorising(len(A)):
            v = cho_solve(cho_factor(A, lower=True, overwrite_a=True), b)
        s = self.sums
        intercept = np.zeros(len(s.y))
        if self.fit_intercept:
            intercept = (s.y - s.z @ v) / s.weight
        coef = blas.dtrsm(1.0, self.factor, v, lower=1, trans_a=1)
        return NystromSolution(coef, intercept, float(alpha))

    def gcv(self, alphas) -> RidgePath:
        """Return the generalised cross-validation errors, without another pass.

        Parameters
        ----------
        alphas : array-like of shape (n_alphas,)
            Positive ridges.

        Returns
        -------
        RidgePath
            ``n RSS / (n - dof)^2``, with n the number of rows, copies included.
        """
        A, b, yy = self._centred()
        with factorising(len(A)):
            values, U = eigh(A, lower=True, overwrite_a=True, driver="evd")
        values = np.maximum(values, 0.0)
        c = np.sum((U.T @ b) ** 2, axis=1)
        n = self.sums.weight if self.counts else self.sums.rows
        alphas = np.asarray(alphas, dtype=np.float64)
        total = float(yy.sum())
        errors = np.empty(len(alphas))
        for k, alpha in enumerate(alphas):
            shrunk = values + alpha
            rss = max(total - float(c @ ((shrunk + alpha) / shrunk**2)), 1e-15 * total)
            dof = float(np.sum(values / shrunk)) + self.fit_intercept
            # With as many parameters as rows there is nothing to validate on.
            errors[k] = n * rss / (n - dof) ** 2 if dof < n else np.inf
        return RidgePath(alphas, errors)

    def _resolve(self, X, alpha):
        """Return fits less the mean, leverages and squared norms of rows."""
        A, b, _ = self._centred()
        A.flat[:: len(A) + 1] += alpha
        with factorising(len(A)):
            factor = cho_factor(A, lower=True, overwrite_a=True)
        Zt = whiten(self.kernel, self.centres, self.factor, X)
        norms = np.einsum("ij,ij->j", Zt, Zt)
        if self.fit_intercept:
            Zt -= (self.sums.z / self.sums.weight)[:, None]
        solved = cho_solve(factor, Zt)
        leverage = np.einsum("ij,ij->j", Zt, solved)
        if self.fit_intercept:
            leverage += 1.0 / self.sums.weight
        return solved.T @ b, leverage, norms

    def variance(self, X, alpha):
        """Return what the model explains of the kernel's diagonal, and its variance.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        alpha : float

        Returns
        -------
        explained, variance : ndarrays of shape (n_rows,)
        """
        _, leverage, norms = self._resolve(X, alpha)
        return norms, alpha * leverage

    def leave_one_out(self, X, Y, alpha, weight=None) -> np.ndarray:
        """Predict rows of the system, each by a fit from which it is left out.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows that have been added, a few.
        Y : ndarray of shape (n_rows, n_outputs)
        alpha : float
        weight : ndarray of shape (n_rows,), default=None
            If weights are counts, one copy of each row is left out.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        fitted, leverage, _ = self._resolve(X, alpha)
        if self.fit_intercept:
            fitted += self.sums.y / self.sums.weight
        weight = np.ones(len(X)) if weight is None else weight
        share = np.minimum(weight, 1.0) if self.counts else weight
        room = np.maximum(1.0 - share * leverage, np.finfo(float).eps)
        return Y - (Y - fitted) / room[:, None]

    def best_alpha(self, alphas) -> float:
        """Return the ridge of a grid with the smallest cross-validation error."""
        return self.gcv(alphas).best_alpha
