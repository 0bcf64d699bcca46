"""The ridge problem of a Nyström model that is exact within clusters of rows.

It is the partially independent conditional approximation [1]_. The error of the Nyström
approximation is corrected between rows of the same cluster, and ignored between
clusters. The normal equations are those of the Nyström model, with the rows of each
cluster whitened.

References
----------
.. [1] Snelson and Ghahramani, "Local and global sparse Gaussian process
   approximations", AISTATS 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from scipy.linalg import blas, cho_solve

from .._utils.blas import add_square, mirror_lower, solve_lower
from .._utils.threads import one_blas_thread
from ._cholesky import RAISE_ALPHA, factorise, ridge_factor
from ._features import KernelWithDiagonal, NystromFeatures
from ._leave_one_out import leave_one_out
from ._normal_equations import NormalEquations
from ._row_weights import RowWeights


class ClusteredRows(NamedTuple):
    """Rows divided into clusters, and the Nyström features of all rows.

    Attributes
    ----------
    features : NystromFeatures
        The features, through which the clusters depend on each other.
    X : ndarray of shape (n, n_features)
        The rows.
    clusters : list of ndarray of int
        The numbers of the rows in each cluster; each row is in one cluster.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import ClusteredRows, NystromFeatures, cluster_rows
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> features = NystromFeatures.of(NTKernel(), X[::20])
    >>> len(ClusteredRows(features, X, cluster_rows(X, 50)).clusters)
    4
    """

    features: NystromFeatures
    X: np.ndarray
    clusters: list[np.ndarray]

    def condition(self, rows, noise):
        """Return the features of a cluster, and the factor of its conditional kernel.

        Parameters
        ----------
        rows : ndarray of int
            The numbers of the rows in the cluster.
        noise : ndarray of shape (n,)
            The noise variances of all rows.

        Returns
        -------
        Zt : ndarray of shape (m, n_rows)
            Features as columns.
        factor : ndarray of shape (n_rows, n_rows)
            Lower Cholesky factor of ``K - Z Z' + diag(noise)``.
        jitter : float
            The number that was added to the diagonal besides the noise.
        """
        X, noise = self.X[rows], noise[rows]
        Zt = self.features(X)
        K = np.require(self.features.kernel(X), np.float64, ["C", "W"]).T
        scale = float(np.mean(np.diag(K)))  # scale of rounding errors in the difference
        add_square(K, Zt, -1.0, transposed=True)
        what = (
            f"what {len(Zt)} centres leave of the kernel matrix of a cluster "
            f"of {len(X)} rows"
        )
        return Zt, *factorise(mirror_lower(K), noise, scale, what, RAISE_ALPHA)


class ClusteredPosterior(NamedTuple):
    """The posterior distribution of the coefficients of the features and the constant.

    Attributes
    ----------
    data : ClusteredRows
        The rows of the fit.
    noise : ndarray of shape (n,)
        The noise variances of the rows.
    normal : ndarray of shape (m, m)
        Cholesky factor of the inverse covariance of the features' coefficients.
    mean : ndarray of shape (m,)
        Mean of the features, after the rows of each cluster have been whitened; zeros
        without an intercept.
    weight : float
        Inverse variance of the constant for known coefficients of the features;
        infinite without an intercept.
    """

    data: ClusteredRows
    noise: np.ndarray
    normal: np.ndarray
    mean: np.ndarray
    weight: float

    def variance(self, cluster: int, blocks):
        """Yield the posterior variance of the function at blocks of rows.

        Parameters
        ----------
        cluster : int
            The number of the cluster in which the rows are predicted.
        blocks : iterable of ndarrays of shape (n_new, n_features)
            Blocks of rows.

        Yields
        ------
        ndarray of shape (n_new,)
        """
        features, rows = self.data.features, self.data.clusters[cluster]
        kernel, X = cast(KernelWithDiagonal, features.kernel), self.data.X[rows]
        Zt, factor, _ = self.data.condition(rows, self.noise)
        for new in blocks:
            new_Zt = features(new)
            # The error of the Nyström approximation, which is known in the cluster.
            left = kernel(X, new) - Zt.T @ new_Zt
            solved = cho_solve((factor, True), left)
            known = np.einsum("ij,ij->j", new_Zt, new_Zt)
            known += np.einsum("ij,ij->j", left, solved)
            constant = 1.0 - solved.sum(axis=0)
            other = new_Zt - Zt @ solved - np.outer(self.mean, constant)
            spread = cho_solve((self.normal, True), other)
            out = np.maximum(kernel.diag(new) - known, 0.0) + constant**2 / self.weight
            yield out + np.einsum("ij,ij->j", other, spread)

    def whitened(self, cluster: int, new) -> tuple[np.ndarray, np.ndarray]:
        """Return what the predictions of rows in a cluster make of the targets.

        Parameters
        ----------
        cluster : int
            The number of the cluster in which the rows are predicted.
        new : ndarray of shape (n_new, n_features)
            The rows.

        Returns
        -------
        through : ndarray of shape (m + 1, n_new)
            Vectors: the part of the targets of all rows is their inner product with
            the vectors that `columns` returns.
        within : ndarray of shape (n_rows, n_new)
            The further part of the targets of the rows in the cluster.
        """
        features, rows = self.data.features, self.data.clusters[cluster]
        Zt, factor, _ = self.data.condition(rows, self.noise)
        new_Zt = features(new)
        left = features.kernel(self.data.X[rows], new) - Zt.T @ new_Zt
        within = cho_solve((factor, True), left)
        constant = 1.0 - within.sum(axis=0)
        other = new_Zt - Zt @ within - np.outer(self.mean, constant)
        return self._vectors(other, constant), within

    def columns(self, cluster: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts of the inverse matrix of the problem for a cluster.

        Parameters
        ----------
        cluster : int
            The number of the cluster.

        Returns
        -------
        vectors : ndarray of shape (m + 1, n_rows)
        own : ndarray of shape (n_rows, n_rows)
            The block of the inverse is `own` minus the inner products of `vectors`;
            between clusters it is minus the inner products.
        """
        Zt, factor, _ = self.data.condition(self.data.clusters[cluster], self.noise)
        own = cho_solve((factor, True), np.eye(len(factor)))
        ones = own.sum(axis=0)
        return self._vectors(Zt @ own - np.outer(self.mean, ones), ones), own

    def _vectors(self, features, constant):
        root = solve_lower(self.normal, np.asfortranarray(features))
        return np.vstack([root, constant / np.sqrt(self.weight)])


class ClusteredSolution(NamedTuple):
    """The solution of a ridge problem that is exact within clusters.

    Predictions in cluster b, which has the rows ``X_b``, are ``kernel(X, centres) @
    coef[b] + kernel(X, X_b) @ dual_coef_b + intercept``.

    Attributes
    ----------
    dual_coef : ndarray of shape (n, k)
        The dual coefficients of the rows.
    coef : ndarray of shape (n_clusters, m, k)
        The coefficients of the centres for predictions in each cluster.
    intercept : ndarray of shape (k,)
        The constant of each output; zeros without an intercept.
    loo : ndarray of shape (n_scored, k)
        Leave-one-out predictions of the rows to score.
    jitter : float
        The largest number that was added to the diagonal of a cluster's matrix so that
        it could be factorised.
    posterior : ClusteredPosterior
        The posterior distribution, for variances of predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import ClusteredRows, NystromFeatures
    >>> from ntk_sklearn.solvers import cluster_rows, clustered_solve
    >>> kernel, X = NTKernel(), np.linspace(-1.0, 1.0, 200)[:, None]
    >>> features = NystromFeatures.of(kernel, X[::20])
    >>> data = ClusteredRows(features, X, cluster_rows(X, 50))
    >>> found = clustered_solve(data, np.sin(3.0 * X), alpha=1e-3)
    >>> rows, new = data.clusters[2], X[data.clusters[2]] + 1e-3
    >>> predicted = features.tile(new) @ found.coef[2] + found.intercept
    >>> predicted += kernel(new, X[rows]) @ found.dual_coef[rows]
    >>> bool(np.abs(predicted - np.sin(3.0 * new)).max() < 0.01)
    True
    """

    dual_coef: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    loo: np.ndarray
    jitter: float
    posterior: ClusteredPosterior


@one_blas_thread()
def clustered_solve(
    data: ClusteredRows,
    Y,
    alpha: float,
    sample_weight=None,
    intercept: bool = True,
    *,
    scored=(),
    progress: Callable[[int, int], None] | None = None,
) -> ClusteredSolution:
    """Solve the ridge problem of a Nyström model that is exact within clusters.

    The features of the rows are computed twice, once for the normal equations and once
    for the dual coefficients, because they would take too much memory if kept.

    Parameters
    ----------
    data : ClusteredRows
        The rows in clusters, and their features.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights of the rows: integers count copies. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    scored : array-like of int, default=()
        The numbers of the rows for which leave-one-out predictions are computed.
    progress : callable, default=None
        Called with the number of finished visits to a cluster and the number of all
        visits. Each cluster is visited twice.

    Returns
    -------
    ClusteredSolution

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import ClusteredRows, NystromFeatures
    >>> from ntk_sklearn.solvers import cluster_rows, clustered_solve
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> Y = np.sin(3.0 * X) + 0.1 * np.random.default_rng(0).normal(size=X.shape)
    >>> features = NystromFeatures.of(NTKernel(), X[::20])
    >>> data = ClusteredRows(features, X, cluster_rows(X, 50))
    >>> found = clustered_solve(data, Y, alpha=0.1, scored=[3, 50])
    >>> bool(np.abs(found.loo - np.sin(3.0 * X[[3, 50]])).max() < 0.1)
    True
    """
    weights = RowWeights.of(sample_weight, len(Y))
    noise = weights.noise(alpha)
    clusters, factor_of = data.clusters, data.features.factor
    steps = iter(range(1, 2 * len(clusters) + 1))

    def visit():
        for rows in clusters:
            yield rows, *data.condition(rows, noise)
            if progress is not None:
                progress(next(steps), 2 * len(clusters))

    sums = NormalEquations.zeros(len(factor_of), Y.shape[1])
    for rows, Zt, factor, _ in visit():
        sums = _absorb_cluster(sums, Zt, factor, Y[rows])
    A, right, _ = sums.centred(intercept)
    normal = ridge_factor(A, 1.0)  # the ridge is part of the noise already
    v = cho_solve(normal, right)
    # No intercept is the same as a constant that is known to be zero.
    total = sums.weight if intercept else np.inf
    mean = sums.z / total
    b = (sums.y - sums.z @ v) / total
    posterior = ClusteredPosterior(data, noise, normal[0], mean, total)

    columns = _ScoredColumns(np.asarray(scored, dtype=int), len(Y), len(A))
    dual = np.empty(Y.shape)
    coef = np.empty((len(clusters), *v.shape))
    most = 0.0
    for number, (rows, Zt, factor, jitter) in enumerate(visit()):
        u = cho_solve((factor, True), Y[rows] - Zt.T @ v - b)
        dual[rows] = u
        coef[number] = blas.dtrsm(1.0, factor_of, v - Zt @ u, lower=1, trans_a=1)
        most = max(most, jitter)
        columns.visit(rows, Zt, factor)
    scored = columns.scored
    residuals, _ = leave_one_out(
        columns.precision(posterior), dual[scored], alpha, weights.take(scored)
    )
    return ClusteredSolution(dual, coef, b, Y[scored] - residuals, most, posterior)


def _absorb_cluster(sums: NormalEquations, Zt, factor, Y) -> NormalEquations:
    """Whiten the rows of a cluster and add them to the sums; `Zt` is overwritten."""
    right = np.column_stack([Y, np.ones(len(Y))])
    right = blas.dtrsm(1.0, factor, right, lower=1)
    solve_lower(factor, Zt, right=True)
    return sums.absorb_weighted(Zt, right[:, :-1], right[:, -1], float(len(Y)))


class _ScoredColumns:
    """The parts of the inverse matrices that leave-one-out predictions need.

    For each row to score there is a column in the inverse of its cluster's matrix. Kept
    are the diagonal entry of the column, its sum, and its products with the features.
    """

    def __init__(self, scored, n, m):
        self.scored = scored
        self._position = np.full(n, -1)
        self._position[scored] = np.arange(len(scored))
        self._diagonal, self._ones = np.empty(len(scored)), np.empty(len(scored))
        self._products = np.empty((m, len(scored)), order="F")

    def visit(self, rows, Zt, factor):
        """Store these numbers for the rows to score in a cluster."""
        here = np.flatnonzero(self._position[rows] >= 0)
        to = self._position[rows[here]]
        unit = np.zeros((len(factor), len(here)), order="F")
        unit[here, np.arange(len(here))] = 1.0
        G = cho_solve((factor, True), unit, overwrite_b=True)
        self._diagonal[to] = G[here].diagonal()
        self._ones[to] = G.sum(axis=0)
        self._products[:, to] = Zt @ G

    def precision(self, posterior: ClusteredPosterior):
        """Return the diagonal of the inverse, minus its part along the constant."""
        W = self._products - np.outer(posterior.mean, self._ones)
        found = self._diagonal - self._ones**2 / posterior.weight
        root = solve_lower(posterior.normal, np.asfortranarray(W))
        return found - np.einsum("ij,ij->j", root, root)
