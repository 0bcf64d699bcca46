"""Ridge on a Nyström model: the normal equations of its whitened features, as sums.

With centres C and ``K(C, C) = L L'``, a row x has the features ``z = L^-1 k(C, x)``,
whose inner products are the Nyström approximation of the kernel. Ridge on them needs
sums over rows alone, so that rows can come in blocks, in any order and from anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve, eigh, lapack

# Added to the diagonal of K(C, C), as a multiple of its mean: the root of the smallest
# pivot magnifies the rounding of the kernel by 1e6 then, and no more.
_JITTER = 1e-12


class Sums(NamedTuple):
    """Weighted sums over rows: all that a ridge solve needs to know of them.

    Attributes
    ----------
    zz : ndarray of shape (m, m)
        ``Z' W Z``, the lower triangle only, in Fortran order.
    zy : ndarray of shape (m, k)
        ``Z' W Y``.
    z : ndarray of shape (m,)
        ``Z' W 1``.
    y, yy : ndarray of shape (k,)
        ``Y' W 1`` and the diagonal of ``Y' W Y``.
    weight : float
        Sum of the weights.
    rows : int
        Number of rows.
    """

    zz: np.ndarray
    zy: np.ndarray
    z: np.ndarray
    y: np.ndarray
    yy: np.ndarray
    weight: float
    rows: int

    @classmethod
    def zeros(cls, m: int, k: int) -> Sums:
        """Return the sums over no rows."""
        zz = np.zeros((m, m), order="F")
        parts = np.zeros((m, k)), np.zeros(m), np.zeros(k), np.zeros(k)
        return cls(zz, *parts, 0.0, 0)

    def merge(self, other: Sums) -> Sums:
        """Return the sums over the rows of both; `self` may be overwritten."""
        zz = self.zz
        zz += other.zz
        return Sums(
            zz,
            self.zy + other.zy,
            self.z + other.z,
            self.y + other.y,
            self.yy + other.yy,
            self.weight + other.weight,
            self.rows + other.rows,
        )


def whitening(K_cc: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of the centres' kernel, in Fortran order.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite to rounding.
    """
    scale = float(np.mean(np.diag(K_cc)))
    for jitter in (_JITTER, 100 * _JITTER, 1e4 * _JITTER):
        A = np.array(K_cc, dtype=np.float64, order="F")
        A.flat[:: len(A) + 1] += jitter * scale
        L, failed = lapack.dpotrf(A, lower=1, overwrite_a=1)
        if not failed:
            return L
    raise np.linalg.LinAlgError(
        f"the kernel matrix of the {len(K_cc)} centres is not positive definite, even "
        f"with {jitter * scale:.1e} added to its diagonal; check that the kernel is a "
        "valid one."
    )


def whiten(kernel, centres, factor, X) -> np.ndarray:
    """Return the features of a block of rows as columns: (m, n_rows), Fortran order."""
    tile = np.ascontiguousarray(kernel(X, centres), dtype=np.float64)
    # In place: the transpose of the tile is in the order that BLAS wants.
    return blas.dtrsm(1.0, factor, tile.T, lower=1, overwrite_b=1)


def add_block(sums: Sums, kernel, centres, factor, X, Y, weight=None) -> Sums:
    """Add a block of rows to the sums, in place where it is large.

    Parameters
    ----------
    sums : Sums
    kernel : callable
        ``kernel(X, centres)``, an array of shape (n_rows, m).
    centres : ndarray of shape (m, n_features)
    factor : ndarray of shape (m, m)
        From `whitening`.
    X : ndarray of shape (n_rows, n_features)
    Y : ndarray of shape (n_rows, k)
    weight : ndarray of shape (n_rows,), default=None
        Non-negative; None means ones.
    """
    Zt = whiten(kernel, centres, factor, X)
    w = np.ones(len(X)) if weight is None else weight
    WY = w[:, None] * Y
    zy, z = Zt @ WY, Zt @ w
    if weight is not None:
        Zt *= np.sqrt(w)
    zz = blas.dsyrk(1.0, Zt, beta=1.0, c=sums.zz, lower=1, overwrite_c=1)
    return Sums(
        zz,
        sums.zy + zy,
        sums.z + z,
        sums.y + WY.sum(axis=0),
        sums.yy + np.einsum("ij,ij->j", WY, Y),
        sums.weight + float(w.sum()),
        sums.rows + len(X),
    )


class NystromSolution(NamedTuple):
    """A ridge fit: predictions are ``kernel(X, centres) @ coef + intercept``."""

    coef: np.ndarray
    intercept: np.ndarray
    alpha: float


class GcvPath(NamedTuple):
    """Generalised cross-validation at every ridge of a grid."""

    alphas: np.ndarray
    errors: np.ndarray

    @property
    def best_alpha(self) -> float:
        """The ridge with the smallest error; the largest one among ties."""
        smallest = self.errors.min()
        return float(self.alphas[self.errors <= smallest * (1 + 1e-12)].max())


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

    Attributes
    ----------
    factor : ndarray of shape (m, m)
        Cholesky factor that whitens the features.
    sums : Sums
        Of all the rows so far.
    """

    def __init__(
        self, kernel, centres, n_outputs=1, fit_intercept=True, *, n_features=None
    ):
        self.kernel = kernel
        self.centres = np.ascontiguousarray(centres, dtype=np.float64)
        self.factor = whitening(kernel(self.centres))
        self.fit_intercept = fit_intercept
        width = self.centres.shape[1]
        self.n_features = width if n_features is None else n_features
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
        v = cho_solve(cho_factor(A, lower=True, overwrite_a=True), b)
        s = self.sums
        intercept = np.zeros(len(s.y))
        if self.fit_intercept:
            intercept = (s.y - s.z @ v) / s.weight
        coef = blas.dtrsm(1.0, self.factor, v, lower=1, trans_a=1)
        return NystromSolution(coef, intercept, float(alpha))

    def gcv(self, alphas) -> GcvPath:
        """Return the generalised cross-validation errors, without another pass.

        Parameters
        ----------
        alphas : array-like of shape (n_alphas,)
            Positive ridges.

        Returns
        -------
        GcvPath
            ``n RSS / (n - dof)^2``, with n the sum of the weights.
        """
        A, b, yy = self._centred()
        values, U = eigh(A, lower=True, overwrite_a=True, driver="evd")
        values = np.maximum(values, 0.0)
        c = np.sum((U.T @ b) ** 2, axis=1)
        n = self.sums.weight
        alphas = np.asarray(alphas, dtype=np.float64)
        total = float(yy.sum())
        errors = np.empty(len(alphas))
        for k, alpha in enumerate(alphas):
            shrunk = values + alpha
            rss = max(total - float(c @ ((shrunk + alpha) / shrunk**2)), 1e-15 * total)
            dof = float(np.sum(values / shrunk)) + self.fit_intercept
            # With as many parameters as rows there is nothing to validate on.
            errors[k] = n * rss / (n - dof) ** 2 if dof < n else np.inf
        return GcvPath(alphas, errors)

    def _resolve(self, X, alpha):
        """Return fits less the mean, leverages and squared norms of rows."""
        A, b, _ = self._centred()
        A.flat[:: len(A) + 1] += alpha
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
            Of a row with weight w > 1, one copy is left out.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        fitted, leverage, _ = self._resolve(X, alpha)
        if self.fit_intercept:
            fitted += self.sums.y / self.sums.weight
        share = 1.0 if weight is None else np.minimum(weight, 1.0)
        room = np.maximum(1.0 - share * leverage, np.finfo(float).eps)
        return Y - (Y - fitted) / room[:, None]

    def best_alpha(self, alphas) -> float:
        """Return the ridge of a grid with the smallest cross-validation error."""
        return self.gcv(alphas).best_alpha
