"""The ridge problem of a Nyström model, solved by its normal equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_solve, solve_triangular

from .._utils.arrays import Array, Place, to_numpy
from .._utils.blas import mirror_lower
from ._cholesky import ridge_factor
from ._features import Kernel, NystromFeatures
from ._leave_one_out import one_minus_leverage
from ._normal_equations import NormalEquations
from ._on_arrays import column_squares, moved_to, solved_lower, stacked, times
from ._ridge_path import RidgePath, generalised
from ._row_weights import RowWeights
from ._spectrum import Spectrum


class NystromSolution(NamedTuple):
    """The solution of the ridge problem of a Nyström model.

    Predictions are ``kernel(X, centres) @ coef + intercept``.

    Attributes
    ----------
    coef : ndarray of shape (m, k)
        The coefficients of the centres.
    intercept : ndarray of shape (k,)
        The constant of each output; zeros without an intercept.
    alpha : float
        The ridge.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import NystromFeatures, NystromSystem, accumulate
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> features = NystromFeatures.of(NTKernel(), X[::20])
    >>> system = accumulate(NystromSystem.empty(features), X, np.sin(3.0 * X))
    >>> found = system.solve(1e-3)
    >>> predicted = features.tile(X) @ found.coef + found.intercept
    >>> bool(np.mean((predicted - np.sin(3.0 * X)) ** 2) < 0.01)
    True
    """

    coef: np.ndarray
    intercept: np.ndarray
    alpha: float


@dataclass(frozen=True, eq=False)
class NystromSystem:
    """The ridge problem of a Nyström model: its features and its normal equations.

    It is never changed: `plus` and `accumulate`, which add rows, return a new one.

    Parameters
    ----------
    features : NystromFeatures
        The features of the model.
    equations : NormalEquations
        The sums over all rows.
    fit_intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import NystromFeatures, NystromSystem, accumulate
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> y = np.sin(3.0 * X[:, 0]) + 0.1 * np.random.default_rng(0).normal(size=200)
    >>> system = NystromSystem.empty(NystromFeatures.of(NTKernel(), X[::20]))
    >>> first = accumulate(system, X[:100], y[:100])
    >>> system = accumulate(first, X[100:], y[100:])
    >>> first.equations.n_rows, system.equations.n_rows
    (100.0, 200.0)
    >>> alpha = system.best_alpha(np.logspace(-6, 6, 49))
    >>> system.solve(alpha).coef.shape
    (10, 1)
    """

    features: NystromFeatures
    equations: NormalEquations
    fit_intercept: bool = True

    @classmethod
    def empty(
        cls, features: NystromFeatures, n_outputs: int = 1, fit_intercept: bool = True
    ) -> NystromSystem:
        """Return the system without any rows."""
        sums = NormalEquations.zeros(len(features.centres), n_outputs)
        return cls(features, sums, fit_intercept)

    def at(self, place: Place, kernel: Kernel) -> NystromSystem:
        """Return the system with the same sums, and features on a device.

        Rows that are added, and those of predictions, are computed there; the sums and
        all results are arrays of NumPy. See `NystromFeatures.at`.
        """
        return replace(self, features=self.features.at(place, kernel))

    def plus(self, equations: NormalEquations) -> NystromSystem:
        """Return the system with more rows, whose sums have the same features."""
        return replace(self, equations=self.equations.plus(equations))

    def solve(self, alpha: float) -> NystromSolution:
        """Solve the problem: minimise ``sum(weight |Y - f - b|^2) + alpha |f|^2``."""
        factor, b = self._factorised(alpha)
        v = cho_solve(factor, b)
        sums = self.equations
        intercept = np.zeros(len(sums.y))
        if self.fit_intercept:
            intercept = (sums.y - sums.z @ v) / sums.weight
        coef = blas.dtrsm(1.0, self.features.factor, v, lower=1, trans_a=1)
        return NystromSolution(coef, intercept, float(alpha))

    def gcv(self, alphas) -> RidgePath:
        """Return the generalised cross-validation error at each of many ridges.

        Parameters
        ----------
        alphas : array-like of shape (n_alphas,)
            Positive ridges.

        Returns
        -------
        RidgePath
            Its errors are ``(n / (n - dof))^2`` times the weighted mean squared
            residual, with n the number of rows, copies included, and dof the effective
            number of parameters.
        """
        A, b, yy = self.equations.centred(self.fit_intercept)
        # The spectrum of the features has the same eigenvalues as the kernel matrix of
        # the rows, apart from zeros.
        spectrum = Spectrum.of(mirror_lower(A).T, intercept=False)
        values, along = spectrum.values, spectrum.energy(b)
        total, n = float(yy.sum()), self.equations.n_rows
        alphas = np.asarray(alphas, dtype=np.float64)
        errors = np.empty(len(alphas))
        for k, alpha in enumerate(alphas):
            shrunk = values + alpha
            rss = total - float(along @ ((shrunk + alpha) / shrunk**2))
            error = max(rss, 1e-15 * total) / self.equations.weight
            dof = spectrum.effective_dimension(alpha) + self.fit_intercept
            errors[k] = generalised(error, n, n - dof)
        return RidgePath(alphas, errors)

    def best_alpha(self, alphas) -> float:
        """Return the ridge with the smallest generalised cross-validation error."""
        return self.gcv(alphas).best_alpha

    def variance(self, X, alpha):
        """Return the two parts of the posterior variance of the function.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Raw rows.
        alpha : float
            The ridge.

        Returns
        -------
        explained : ndarray of shape (n_rows,)
            The diagonal of the kernel as approximated by the centres. The rest of the
            kernel's diagonal is variance that the model does not describe.
        variance : ndarray of shape (n_rows,)
            The posterior variance of the model's function, with its constant.
        """
        _, leverage, norms = self._resolve(X, alpha)
        return norms, alpha * leverage

    def leave_one_out(self, X, Y, alpha, sample_weight=None) -> np.ndarray:
        """Return leave-one-out predictions of some rows of the system.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Raw rows that have been added to the system.
        Y : ndarray of shape (n_rows, n_outputs)
            Their targets.
        alpha : float
            The ridge.
        sample_weight : array-like of shape (n_rows,) or RowWeights, default=None
            Their weights: integers count copies, of which one is left out.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        fitted, leverage, _ = self._resolve(X, alpha)
        if self.fit_intercept:
            fitted += self.equations.y / self.equations.weight
        weights = RowWeights.of(sample_weight, len(X))
        whole = 1.0 - weights.weight * leverage
        left = one_minus_leverage(whole, weights.left_out)
        return Y - (Y - fitted) / left[:, None]

    def covariance(self, X, alpha) -> Callable[[np.ndarray], np.ndarray]:
        """Return the posterior covariance with some rows, as a function of new rows.

        Parameters
        ----------
        X : ndarray of shape (s, n_features)
            Raw rows.
        alpha : float
            The ridge.

        Returns
        -------
        callable
            Function from n raw rows to the covariances of the model's function there
            with that at the s rows, divided by the ridge, an array of shape (n, s).
            Times the weight of a row of the fit, they are the weights of its target in
            the predictions of the new rows.
        """
        factor = self._factorised(alpha)[0][0]
        held = self._solved_features(factor, self.features(X))

        def covariances(new):
            return to_numpy(self._solved_features(factor, self.features(new)).T @ held)

        return covariances

    def _factorised(self, alpha):
        """Return ``Z'WZ + alpha``, factorised, and ``Z'WY``, both centred."""
        A, b, _ = self.equations.centred(self.fit_intercept)
        return ridge_factor(A, alpha), b

    def whitened(self, X, alpha) -> np.ndarray:
        """Return vectors of rows whose inner products are leverages.

        The derivative of the prediction at a row by the target of another one, of
        weight w, is w times the inner product of the two vectors.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Raw rows.
        alpha : float
            The ridge.

        Returns
        -------
        ndarray of shape (m + 1, n_rows)
            The last entry of each vector belongs to the constant.
        """
        factor = self._factorised(alpha)[0][0]
        return to_numpy(self._solved_features(factor, self.features(X)))

    def _solved_features(self, factor, Zt: Array) -> Array:
        """Return whitened vectors of features, which are overwritten."""
        sums = self.equations
        if self.fit_intercept:
            Zt -= moved_to(Zt, (sums.z / sums.weight)[:, None])
        constant = np.full((1, Zt.shape[1]), self.fit_intercept / np.sqrt(sums.weight))
        return stacked(solved_lower(factor, Zt), moved_to(Zt, constant))

    def _resolve(self, X, alpha):
        """Return centred fits, leverages of rows of weight one, and squared norms."""
        (factor, _), b = self._factorised(alpha)
        Zt = self.features(X)
        norms = column_squares(Zt)
        solved = self._solved_features(factor, Zt)
        fitted = times(solved[:-1, :].T, solve_triangular(factor, b, lower=True))
        return fitted, column_squares(solved), norms
