"""Linear fits by filters of the eigenvalues of a kernel matrix, such as ridges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import blas

from .._utils.arrays import to_numpy
from .._utils.blas import pieces
from .._utils.eigen import decompose
from .._utils.threads import one_blas_thread
from .._utils.validation import check_positive
from ._leave_one_out import one_minus_leverage
from ._ridge_path import RidgePath, generalised
from ._row_weights import RowWeights

# Columns of targets, for several ridges, that are multiplied at a time.
_COLUMNS = 256


@dataclass(frozen=True, eq=False)
class Spectrum:
    r"""The eigendecomposition of the kernel matrix of a ridge problem.

    Rows and columns of the matrix are multiplied by the square roots of their weights.
    With an intercept, they are centred first by the weighted mean, and the direction of
    the constant is left out. Ridge regression multiplies the targets along each
    eigenvector by :math:`\lambda / (\lambda + \alpha)`; other functions of the
    eigenvalue, called filters, give other linear fits.

    Parameters
    ----------
    values : ndarray of shape (r,)
        The eigenvalues, largest first; r is n, or n - 1 with an intercept.
    vectors : ndarray of shape (n, r)
        The eigenvectors, orthonormal columns.
    weights : RowWeights
        The weights of the rows.
    intercept : bool
        Whether a constant that no filter shrinks is fitted.

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

    Gradient descent from zero, stopped at the time 20, is another filter:

    >>> flow = spectrum.filter(lambda values: (1 - np.exp(-20 * values)) / values)
    >>> bool(np.square(flow.residuals(Y)).mean() < 0.05)
    True
    """

    values: np.ndarray
    vectors: np.ndarray
    weights: RowWeights
    intercept: bool

    @classmethod
    @one_blas_thread()
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
        # The matrix is negated, so that the largest eigenvalues come first.
        A = _negated(K, weights, intercept)
        values, vectors = decompose(A)
        constant = int(intercept)  # comes first, and is left out
        # Negative eigenvalues of a kernel matrix are rounding errors.
        values = np.maximum(-values[constant:], 0.0)
        return cls(values, vectors[:, constant:], weights, intercept)

    def coordinates(self, Y) -> np.ndarray:
        """Return the weighted, centred targets along each eigenvector, (r, k)."""
        if self.intercept:
            Y = Y - self.weights.weight / self.weights.total @ Y
        return self.vectors.T @ (np.sqrt(self.weights.weight)[:, None] * Y)

    def energy(self, Y) -> np.ndarray:
        """Return the squared norm of the targets along each eigenvector, (r,)."""
        return np.sum(self.coordinates(Y) ** 2, axis=1)

    def effective_dimension(self, alpha: float) -> float:
        """Return the effective dimension: ``sum(values / (values + alpha))``.

        It is about the number of eigenvectors along which the targets are fitted.
        """
        return float(np.sum(self.values / (self.values + alpha)))

    def filter(self, gain: Callable[[np.ndarray], np.ndarray]) -> SpectralFit:
        """Return the linear fit of a filter.

        Parameters
        ----------
        gain : callable
            Function of the eigenvalues that returns a factor for each: the dual
            coefficients along an eigenvector are the targets along it times this
            factor. For ridge regression it is ``1 / (values + alpha)``.

        Returns
        -------
        SpectralFit
        """
        found = gain(self.values)
        return SpectralFit(self, found, 1.0 - self.values * found)

    def ridge(self, alpha: float) -> SpectralFit:
        """Return the fit of ridge regression with a given ridge."""
        found = 1.0 / (self.values + alpha)
        return SpectralFit(self, found, alpha * found)  # without cancellation

    def loo_path(self, Y, alphas) -> RidgePath:
        """Return the leave-one-out error at each of `alphas`."""
        return self._path(Y, alphas, _loo)

    def gcv_path(self, Y, alphas) -> RidgePath:
        """Return the generalised cross-validation error at each of `alphas`."""
        return self._path(Y, alphas, _gcv)

    @one_blas_thread()
    def _path(self, Y, alphas, error):
        alphas = np.asarray(alphas, dtype=np.float64)
        left = alphas / (self.values[:, None] + alphas)
        unexplained = self.squares @ left
        targets = self.coordinates(Y)
        root = np.sqrt(self.weights.weight)[:, None, None]
        errors: list[float] = []
        # Several ridges at a time, because each product reads all eigenvectors.
        for some in pieces(len(alphas), max(_COLUMNS // targets.shape[1], 1)):
            along = left[:, some, None] * targets[:, None]
            residuals = self.vectors @ along.reshape(len(along), -1)
            residuals = residuals.reshape(-1, *along.shape[1:]) / root
            errors += [
                error(self.weights, residuals[:, k], unexplained[:, some][:, k])
                for k in range(along.shape[1])
            ]
        return RidgePath(alphas, np.array(errors))

    @cached_property
    def squares(self) -> np.ndarray:
        """The squares of the entries of `vectors`."""
        return self.vectors**2


@dataclass(frozen=True, eq=False)
class SpectralFit:
    """The linear fit of targets by a filter of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        The eigenvalues and eigenvectors.
    gain : ndarray of shape (r,)
        The ratio of dual coefficients to targets along each eigenvector.
    left : ndarray of shape (r,)
        The share of the targets along each eigenvector that stays in the residuals.

    Examples
    --------
    The six leading eigenvectors are enough for targets without noise:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import Spectrum
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> spectrum = Spectrum.of(NTKernel()(X))
    >>> sixth = spectrum.values[5]
    >>> fit = spectrum.filter(lambda values: np.where(values >= sixth, 1 / values, 0))
    >>> bool(np.abs(fit.fitted(np.sin(3.0 * X)) - np.sin(3.0 * X)).max() < 0.1)
    True
    >>> round(float(fit.leverage.sum()), 6)  # six eigenvectors and the constant
    7.0
    """

    spectrum: Spectrum
    gain: np.ndarray
    left: np.ndarray

    def _along(self, factors, Y):
        """Return targets, multiplied by a factor along each eigenvector."""
        targets = self.spectrum.coordinates(Y)
        return self.spectrum.vectors @ (factors[:, None] * targets)

    def dual_coef(self, Y) -> np.ndarray:
        """Return the dual coefficients, (n, k), which sum to zero with an intercept.

        Predictions are ``K(X_new, X) @ dual_coef`` plus the intercept. All rows of
        ``fitted - K @ dual_coef`` equal the intercept.
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
        """The leverage of each row with all its copies.

        It is the derivative of the fitted value with respect to the row's target.
        """
        return 1.0 - self._unexplained

    @property
    def _unexplained(self):
        return self.spectrum.squares @ self.left

    @property
    def one_minus_leverage(self) -> np.ndarray:
        """One minus the leverage of the part of each row that is left out."""
        left_out = self.spectrum.weights.left_out
        return one_minus_leverage(self._unexplained, left_out)

    def leave_one_out(self, Y) -> np.ndarray:
        """Return targets minus their predictions by fits without the row, (n, k).

        They are exact for ridge regression. For other filters they are an
        approximation, because the spectrum changes if a row is left out.
        """
        return self.residuals(Y) / self.one_minus_leverage[:, None]

    def loo(self, Y) -> float:
        """Return the weighted mean square of `leave_one_out`, summed over outputs."""
        return _loo(self.spectrum.weights, self.residuals(Y), self._unexplained)

    def gcv(self, Y) -> float:
        """Return the generalised cross-validation error, summed over outputs."""
        return _gcv(self.spectrum.weights, self.residuals(Y), self._unexplained)


def _loo(weights: RowWeights, residuals, unexplained) -> float:
    """Return the leave-one-out error, from one minus the leverages of whole rows."""
    left = one_minus_leverage(unexplained, weights.left_out)
    return _mean_square(weights, residuals / left[:, None])


def _gcv(weights: RowWeights, residuals, unexplained) -> float:
    """Return the generalised cross-validation error."""
    left = one_minus_leverage(unexplained, weights.left_out)
    freedom = float(weights.multiplicity @ left)
    error = _mean_square(weights, residuals)
    return generalised(error, float(weights.multiplicity.sum()), freedom)


def _mean_square(weights: RowWeights, residuals) -> float:
    return float(weights.weight @ np.sum(residuals**2, axis=1)) / weights.total


def _negated(K, weights, intercept):
    """Return a matrix, negated, with both sides multiplied by the weights' roots.

    With an intercept it is centred first, and lowered along the constant, whose
    eigenvalue of zero could be mistaken for a small one with a rounding error: now it
    is below all others.
    """
    # In place, and in the order of LAPACK, which needs memory for two more matrices.
    A = np.array(K.T, np.float64, order="F")
    root = np.sqrt(weights.weight)
    if intercept:
        p = weights.weight / weights.total
        mean = K @ p
        mean -= 0.5 * (p @ mean)
        A -= mean[:, None]
        A -= mean
    A *= -root[:, None]
    A *= root
    if intercept:
        size = np.linalg.norm(A) or 1.0  # no eigenvalue is larger
        A = blas.dsyr(-2.0 * size / weights.total, root, a=A, lower=1, overwrite_a=1)
    return A


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
        Positive weights of the rows: integers count copies, of which one is left out at
        a time. None means ones.
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
    alphas = check_positive("alphas", alphas, zero=False)
    return Spectrum.of(to_numpy(K), sample_weight, intercept).loo_path(Y, alphas)
