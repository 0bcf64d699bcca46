"""One kernel ridge machine: its hyperparameters learned, its duals solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from sklearn import get_config
from sklearn.utils import gen_batches

from .._learning.learn import Member, Settings, learn
from .._utils.compat import get_chunk_n_rows
from .._utils.threads import factorising, one_blas_thread
from .._utils.validation import are_counts
from ..objectives._loo import loo_along_alpha
from ..preprocessing._table_encoder import TableEncoding
from ..solvers._cholesky import kernel_factor, solve, warn_jitter
from ..solvers._features import multiply
from ..solvers._leave_one_out import leave_one_out
from ..solvers._row_weights import RowWeights

# How leave-one-out raises a ridge chosen by another objective: the first step of its
# logarithm, between whose ends a cubic will do, and how many are tried.
_RAISE, _MOST_RAISES = 2.0, 6


@dataclass(kw_only=True)
class Machine:
    """A fitted kernel ridge model.

    Attributes
    ----------
    kernel : Kernel
        With what was learned.
    alpha : float
    encoding : TableEncoding or None
    X : ndarray of shape (n, n_encoded)
        Encoded training rows.
    dual_coef : ndarray of shape (n, k)
    intercept : ndarray of shape (k,)
    loo : ndarray of shape (n, k)
        Predictions of the training rows by models that have not seen them.
    loo_error : float
        Weighted mean of their squared errors, summed over outputs.
    path : list of float
        Objective at the start and after every iteration.
    path_rows : list of int
        Of how many rows each of its values is.
    variance : ndarray of shape (k,)
        Scale of the kernel as a prior covariance, for each output.
    alpha_bounds : pair of floats or "fixed"
        What the ridge is held within.
    weights : RowWeights
        Of the training rows, in the solve.
    fit_intercept : bool
    """

    kernel: Any
    alpha: float
    encoding: TableEncoding | None
    X: np.ndarray
    dual_coef: np.ndarray
    intercept: np.ndarray
    loo: np.ndarray
    loo_error: float
    path: list
    path_rows: list
    variance: np.ndarray
    alpha_bounds: Any
    weights: RowWeights
    fit_intercept: bool

    def encode(self, X):
        """Write new rows as the training rows were written."""
        return X if self.encoding is None else self.encoding.transform(X)

    @one_blas_thread()
    def predict(self, X):
        """Return the decision values of new rows, block by block."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        for block in row_slices(len(X), len(self.X)):
            K = self.kernel(self.encode(X[block]), self.X)
            out[block] = multiply(K, self.dual_coef) + self.intercept
        return out

    @one_blas_thread()
    def posterior_variance(self, X) -> np.ndarray:
        """Return the posterior variance of the function at raw rows, for each output.

        The matrix is factorised again: kept, it would be most of a pickled model.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, k)
        """
        fit_intercept = self.fit_intercept
        K = self.kernel(self.X)
        means = K.mean(axis=0) if fit_intercept else np.zeros(len(K))
        mean = means.mean()
        # With a free constant, only what the kernel is without one matters.
        K -= means
        K -= means[:, None] - mean
        factor = kernel_factor(K, self.weights.noise(self.alpha), overwrite_K=True)[0]
        ones = cho_solve((factor, True), np.ones(len(factor)))
        constant = ones.sum() if fit_intercept else np.inf
        out = np.empty(len(X))
        for block in row_slices(len(X), len(self.X)):
            Z = self.encode(X[block])
            cross = self.kernel(Z, self.X)
            own = cross.mean(axis=1) - mean if fit_intercept else np.zeros(len(Z))
            cross -= means
            cross -= own[:, None]
            prior = self.kernel.diag(Z) - 2.0 * own - mean
            with factorising(len(factor)):
                root = solve_triangular(factor, cross.T, lower=True)
            out[block] = prior - np.einsum("ij,ij->j", root, root)
            # The constant's own uncertainty, and its covariance.
            out[block] += (1.0 - cross @ ones) ** 2 / constant
        return np.maximum(out, 0.0)[:, None] * self.variance


def row_slices(n_rows: int, n_columns: int):
    """Slice rows so that their kernel with `n_columns` fits the working memory."""
    rows = get_chunk_n_rows(
        row_bytes=8 * n_columns,
        max_n_rows=max(n_rows, 1),
        working_memory=get_config()["working_memory"],
    )
    return gen_batches(n_rows, rows)


@one_blas_thread()
def fit_machine(
    member: Member,
    X,
    Y,
    weights: RowWeights,
    settings: Settings,
    solve_weights: RowWeights | None = None,
) -> Machine:
    """Learn what is free and solve the ridge.

    Parameters
    ----------
    member : Member
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (n, k)
    weights : RowWeights
        Positive: what is learned from.
    settings : Settings
    solve_weights : RowWeights, default=None
        Weights of the solve, where they are others, of the same copies.
    """
    final = weights if solve_weights is None else solve_weights
    Z = X if member.encoding is None else member.encoding.transform(X)
    found = learn(member, Z, Y, weights, settings)
    kernel = found.kernel
    highest = found.alpha
    if member.raise_alpha and found.path and not isinstance(found.alpha_bounds, str):
        highest = found.alpha_bounds[1]
    alpha, solution = solve_raised(
        kernel(Z), Y, found.alpha, highest, final, settings.intercept
    )
    warn_jitter(solution.jitter, alpha)
    precision = np.diag(solution.P)
    residuals, _ = leave_one_out(precision, solution.dual_coef, alpha, final)
    if settings.intercept and len(Y) == 1:
        residuals = np.zeros_like(Y)  # nothing is left to predict one row from
    explained = np.sum((Y - solution.intercept) * solution.dual_coef, axis=0)
    variance = explained / max(final.n_rows - settings.intercept, 1.0)
    return Machine(
        kernel=kernel,
        alpha=alpha,
        encoding=member.encoding,
        X=Z,
        dual_coef=solution.dual_coef,
        intercept=solution.intercept,
        loo=Y - residuals,
        loo_error=mean_square(residuals, final.weight),
        path=found.path,
        path_rows=found.rows,
        variance=np.maximum(variance, 0.0),
        alpha_bounds=found.alpha_bounds,
        weights=final,
        fit_intercept=settings.intercept,
    )


def solve_raised(K, Y, alpha, highest, weights, intercept):
    """Solve with a ridge raised to the next minimum of the leave-one-out error.

    It is never lowered, nor raised above `highest`.

    Returns
    -------
    alpha : float
    solution : Solution
    """
    solution = solve(K, Y, alpha, weights, intercept)
    if highest <= alpha:
        return alpha, solution
    value, slope = loo_along_alpha(solution, alpha, weights)
    if slope >= 0.0:
        return alpha, solution
    del solution  # one inverse at a time

    def along(ridge):
        solution = solve(K, Y, ridge, weights, intercept)
        return loo_along_alpha(solution, ridge, weights)

    alpha = _next_minimum(along, alpha, value, slope, highest)
    return alpha, solve(K, Y, alpha, weights, intercept)


def _next_minimum(along, alpha, value, slope, highest) -> float:
    """Go up in growing steps until the slope turns, then halve what is between.

    ``along(alpha)`` returns a value and a slope; the slope at the start is negative.
    """
    low, high = (np.log(alpha), value, alpha * slope), None
    step, top = _RAISE, np.log(highest)
    for _ in range(_MOST_RAISES):
        if high is None:
            at, step = min(low[0] + step, top), 2.0 * step
        elif high[0] - low[0] > _RAISE:
            at = 0.5 * (low[0] + high[0])
        else:
            break
        value, slope = along(float(np.exp(at)))
        found = at, value, np.exp(at) * slope
        if found[2] > 0.0:
            high = found
        else:
            low = found
        if low[0] == top:
            break
    at = low[0] if high is None else _lowest(low, high)
    return min(float(np.exp(at)), highest)


def _lowest(low, high) -> float:
    """Return where the cubic through two points and slopes is lowest between them."""
    from scipy.interpolate import CubicHermiteSpline  # slow to import, needed only here

    x, values, slopes = zip(low, high, strict=True)
    cubic = CubicHermiteSpline(x, values, slopes)
    found = cubic.derivative().roots(extrapolate=False)
    return float(found[np.argmin(cubic(found))])


def mean_square(residuals, weight) -> float:
    """Return the weighted mean of squared errors, summed over outputs."""
    return float(weight @ np.sum(residuals**2, axis=1) / weight.sum())


def row_weights(sample_weight) -> RowWeights:
    """Return the weights of rows: if all are whole numbers, they count copies."""
    counts = are_counts(sample_weight)
    return RowWeights(
        sample_weight, sample_weight if counts else np.ones(len(sample_weight))
    )
