"""Spectral filters: all ridges of one kernel matrix from one eigendecomposition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import blas, eigh

from .._utils.threads import factorising
from ._leave_one_out import one_minus_leverage
from ._ridge_path import RidgePath, generalised
from ._row_weights import RowWeights


@dataclass(frozen=True, eq=False)
class Spectrum:
    r"""The eigendecomposition of a kernel matrix as a ridge problem sees it.

    Rows and columns of the matrix are multiplied by the roots of their weights, and
    with an intercept they are centred first, in the weighted mean: so the r eigenvalues
    leave out the direction of the constant. Ridge regression shrinks the targets along
    each direction by :math:`\lambda / (\lambda + \alpha)`; other filters of the
    eigenvalues are other linear fits.

    Parameters
    ----------
    values : ndarray of shape (r,)
        Eigenvalues, falling; r is n, or n - 1 with an intercept.
    vectors : ndarray of shape (n, r)
        The directions, orthonormal columns.
    weights : RowWeights
        The weights of the rows.
    intercept : bool
        Whether there is a constant that no filter shrinks.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import Spectrum, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> spectrum = Spectrum.of(K)
    >>> fit = spectrum.ridge(0.1)
    >>> np.allclose(fit.dual_coef(Y), solve(K, Y, 0.1).dual_coef)
    True

    The filter of gradient descent that is stopped at time 20, from zero:

    >>> flow = spectrum.filter(lambda values: (1 - np.exp(-20 * values)) / values)
    >>> bool(np.square(flow.residuals(Y)).mean() < 0.05)
    True
    """

    values: np.ndarray
    vectors: np.ndarray
    weights: RowWeights
    intercept: bool

    @classmethod
    def of(cls, K: np.ndarray, sample_weight=None, intercept: bool = True) -> Spectrum:
        """Decompose a kernel matrix.

        Parameters
        ----------
        K : ndarray of shape (n, n)
            The kernel matrix; it is not changed.
        sample_weight : array-like of shape (n,) or RowWeights, default=None
            Positive weights of the rows: integers count copies. None means ones.
        intercept : bool, default=True
            Whether a constant that the ridge does not penalise is fitted.

        Returns
        -------
        Spectrum
        """
        weights = RowWeights.of(sample_weight, len(K))
        if intercept:
            values, vectors = _decompose_centred(_weighted(K, weights, True), weights)
        else:
            values, vectors = _decompose(_weighted(K, weights, False))
        return cls(values, vectors, weights, intercept)

    def coordinates(self, Y) -> np.ndarray:
        """Return the weighted (and centred) targets along each direction, (r, k)."""
        if self.intercept:
            Y = Y - self.weights.weight / self.weights.total @ Y
        return self.vectors.T @ (np.sqrt(self.weights.weight)[:, None] * Y)

    def energy(self, Y) -> np.ndarray:
        """Return the squared norm of the targets along each direction, (r,)."""
        return np.sum(self.coordinates(Y) ** 2, axis=1)

    def effective_dimension(self, alpha: float) -> float:
        """Return about how many directions a ridge leaves to be learned."""
        return float(np.sum(self.values / (self.values + alpha)))

    def filter(self, gain: Callable[[np.ndarray], np.ndarray]) -> SpectralFit:
        """Return the linear fit of a filter.

        Parameters
        ----------
        gain : callable
            Takes the eigenvalues and returns for each what the targets along its
            direction are multiplied by to become dual coefficients. That of ridge
            regression is ``1 / (values + alpha)``.

        Returns
        -------
        SpectralFit
        """
        found = gain(self.values)
        return SpectralFit(self, found, 1.0 - self.values * found)

    def ridge(self, alpha: float) -> SpectralFit:
        """Return the fit of ridge regression."""
        found = 1.0 / (self.values + alpha)
        return SpectralFit(self, found, alpha * found)  # exact for the smallest ridge

    def loo_path(self, Y, alphas) -> RidgePath:
        """Return the leave-one-out error at each of `alphas`."""
        return self._path(alphas, lambda fit: fit.loo(Y))

    def gcv_path(self, Y, alphas) -> RidgePath:
        """Return the generalised cross-validation error at each of `alphas`."""
        return self._path(alphas, lambda fit: fit.gcv(Y))

    def _path(self, alphas, error):
        alphas = np.asarray(alphas, dtype=np.float64)
        return RidgePath(alphas, np.array([error(self.ridge(a)) for a in alphas]))

    @cached_property
    def squares(self) -> np.ndarray:
        """The squares of the entries of `vectors`."""
        return self.vectors**2


@dataclass(frozen=True, eq=False)
class SpectralFit:
    """A linear fit of any targets, by a filter of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        The directions.
    gain : ndarray of shape (r,)
        What the targets along each direction are multiplied by to become dual
        coefficients.
    left : ndarray of shape (r,)
        The share of the targets along each direction that stays in the residuals.

    Examples
    --------
    Without noise to smooth away, half a dozen directions are enough:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import Spectrum
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> spectrum = Spectrum.of(NTKernel()(X))
    >>> sixth = spectrum.values[5]
    >>> fit = spectrum.filter(lambda values: np.where(values >= sixth, 1 / values, 0))
    >>> bool(np.abs(fit.fitted(np.sin(3.0 * X)) - np.sin(3.0 * X)).max() < 0.1)
    True
    >>> round(float(fit.leverage.sum()), 6)  # six directions and the constant
    7.0
    """

    spectrum: Spectrum
    gain: np.ndarray
    left: np.ndarray

    def _along(self, factors, Y):
        """Return targets with each of their directions multiplied by a number."""
        spectrum = self.spectrum
        return spectrum.vectors @ (factors[:, None] * spectrum.coordinates(Y))

    def dual_coef(self, Y) -> np.ndarray:
        """Return the dual coefficients, (n, k), which sum to zero with an intercept.

        Predictions are ``K(X_new, X) @ dual_coef`` plus the intercept; the latter is
        any row of ``fitted - K @ dual_coef``.
        """
        root = np.sqrt(self.spectrum.weights.weight)
        return root[:, None] * self._along(self.gain, Y)

    def residuals(self, Y) -> np.ndarray:
        """Return targets minus fitted values, (n, k)."""
        root = np.sqrt(self.spectrum.weights.weight)
        return self._along(self.left, Y) / root[:, None]

    def fitted(self, Y) -> np.ndarray:
        """Return the predictions of the rows themselves, (n, k)."""
        return Y - self.residuals(Y)

    @property
    def leverage(self) -> np.ndarray:
        """How far the fit of each row follows its own target, all copies at once."""
        return 1.0 - self._unexplained

    @property
    def _unexplained(self):
        return self.spectrum.squares @ self.left

    @property
    def one_minus_leverage(self) -> np.ndarray:
        """One minus the leverage of what leave-one-out leaves out of each row."""
        left_out = self.spectrum.weights.left_out
        return one_minus_leverage(self._unexplained, left_out)

    def leave_one_out(self, Y) -> np.ndarray:
        """Return targets minus the predictions by fits that have not seen them, (n, k).

        For ridge regression they are exact. Other filters belong to other matrices once
        a row is gone, and theirs are the usual approximation.
        """
        return self.residuals(Y) / self.one_minus_leverage[:, None]

    def loo(self, Y) -> float:
        """Return the weighted mean square of `leave_one_out`, summed over outputs."""
        return self._mean_square(self.leave_one_out(Y))

    def gcv(self, Y) -> float:
        """Return the generalised cross-validation error, summed over outputs."""
        copies = self.spectrum.weights.multiplicity
        freedom = float(copies @ self.one_minus_leverage)
        error = self._mean_square(self.residuals(Y))
        return generalised(error, float(copies.sum()), freedom)

    def _mean_square(self, residuals):
        weights = self.spectrum.weights
        return float(weights.weight @ np.sum(residuals**2, axis=1)) / weights.total


def _weighted(K, weights, centred):
    """Return a matrix times the roots of the weights on both sides, centred first."""
    # In place, and in the order of LAPACK: its own work takes two matrices more.
    A = np.array(K.T, np.float64, order="F")
    if centred:
        p = weights.weight / weights.total
        mean = K @ p
        A -= mean[:, None]
        A -= mean
        A += p @ mean
    root = np.sqrt(weights.weight)
    A *= root[:, None]
    A *= root
    return A


def _decompose(A):
    """Return eigenvalues, falling and not negative, and vectors; overwrites `A`."""
    with factorising(len(A)):
        values, vectors = eigh(A, lower=True, driver="evd", overwrite_a=True)
    return np.maximum(values[::-1], 0.0), np.asfortranarray(vectors[:, ::-1])


def _decompose_centred(A, weights):
    """Decompose a centred matrix in all directions but that of the constant.

    A reflection turns the constant into the first coordinate, which is dropped: so it
    cannot be confused with what rounding leaves of small eigenvalues.
    """
    if len(A) == 1:
        return np.zeros(0), np.zeros((1, 0))
    v = np.sqrt(weights.weight / weights.total)
    v[0] += 1.0
    scale = 1.0 / v[0]  # two over the squared norm
    w = scale * (A @ v)
    w -= 0.5 * scale * (w @ v) * v
    A = np.array(A[1:, 1:], order="F")
    A = blas.dsyr2(-1.0, v[1:], w[1:], a=A, lower=1, overwrite_a=1)
    values, rest = _decompose(A)
    vectors = np.outer(-v, scale * (v[1:] @ rest))
    vectors[1:] += rest
    return values, vectors


def ridge_path(
    K: np.ndarray, Y: np.ndarray, alphas, sample_weight=None, intercept: bool = True
) -> RidgePath:
    """Return the leave-one-out error at each of many ridges.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix; it is not changed.
    Y : ndarray of shape (n, k)
        Targets.
    alphas : array-like of shape (n_alphas,)
        Positive ridges.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights: integers count copies, of which one is left out at a time.
        None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.

    Returns
    -------
    RidgePath

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import ridge_path
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> noise = 0.3 * np.random.default_rng(0).standard_normal((20, 1))
    >>> path = ridge_path(NTKernel()(X), np.sin(3.0 * X) + noise, [1e-4, 0.1, 100.0])
    >>> path.best_alpha
    0.1
    """
    return Spectrum.of(K, sample_weight, intercept).loo_path(Y, alphas)
