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
        kernel = cast(KernelWithDiagonal, self.data.features.kernel)
        for new, part in self._parts(cluster, blocks):
            spread = cho_solve((self.normal, True), part.other)
            left = np.maximum(kernel.diag(new) - part.known, 0.0)
            out = left + part.constant**2 / self.weight
            yield out + np.einsum("ij,ij->j", part.other, spread)

    def target_weights(self, cluster: int, blocks, columns: ScoredColumns):
        """Yield the weights of the targets of the scored rows in predictions.

        Parameters
        ----------
        cluster : int
            The number of the cluster in which the rows are predicted.
        blocks : iterable of ndarrays of shape (n_new, n_features)
            Blocks of rows.
        columns : ScoredColumns
            The columns of the inverse matrices of the scored rows.

        Yields
        ------
        ndarray of shape (n_new, n_scored)
        """
        here, to = columns.within(self.data.clusters[cluster])
        constant = columns.ones / self.weight
        for _, part in self._parts(cluster, blocks):
            out = part.other.T @ columns.spread
            out += np.outer(part.constant, constant)
            out[:, to] += part.solved[here].T
            yield out

    def _parts(self, cluster: int, blocks):
        """Yield blocks of rows, and what is known of each in its cluster."""
        features, rows = self.data.features, self.data.clusters[cluster]
        kernel, X = features.kernel, self.data.X[rows]
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
            yield new, _Part(solved, known, constant, other)

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
        ((_, part),) = self._parts(cluster, [new])
        return self._vectors(part.other, part.constant), part.solved

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


class _Part(NamedTuple):
    """New rows in a cluster: what its rows tell of them, and what is left to the rest.

    Attributes
    ----------
    solved : ndarray of shape (n_rows, n_new)
        The weights of the cluster's rows in the error of the Nyström approximation.
    known : ndarray of shape (n_new,)
        The part of the prior variance that features and cluster explain.
    constant : ndarray of shape (n_new,)
        The weight of the constant.
    other : ndarray of shape (m, n_new)
        The weights of the features.
    """

    solved: np.ndarray
    known: np.ndarray
    constant: np.ndarray
    other: np.ndarray


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
    columns : ScoredColumns
        The columns of the inverse matrices that belong to the rows to score, for
        predictions without each of them.

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
    columns: ScoredColumns


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

    columns = ScoredColumns.empty(np.asarray(scored, dtype=int), len(A))
    dual = np.empty(Y.shape)
    coef = np.empty((len(clusters), *v.shape))
    most = 0.0
    for number, (rows, Zt, factor, jitter) in enumerate(visit()):
        u = cho_solve((factor, True), Y[rows] - Zt.T @ v - b)
        dual[rows] = u
        coef[number] = blas.dtrsm(1.0, factor_of, v - Zt @ u, lower=1, trans_a=1)
        most = max(most, jitter)
        columns.visit(rows, Zt, factor)
    scored, columns = columns.rows, columns.solved(posterior)
    residuals, _ = leave_one_out(
        columns.diagonal, dual[scored], alpha, weights.take(scored)
    )
    loo = Y[scored] - residuals
    return ClusteredSolution(dual, coef, b, loo, most, posterior, columns)


def _absorb_cluster(sums: NormalEquations, Zt, factor, Y) -> NormalEquations:
    """Whiten the rows of a cluster and add them to the sums; `Zt` is overwritten."""
    right = np.column_stack([Y, np.ones(len(Y))])
    right = blas.dtrsm(1.0, factor, right, lower=1)
    solve_lower(factor, Zt, right=True)
    return sums.absorb_weighted(Zt, right[:, :-1], right[:, -1], float(len(Y)))


class ScoredColumns(NamedTuple):
    """The parts of inverse matrices that predictions without a row need.

    For each row to score there is a column in the inverse of its cluster's matrix.

    Attributes
    ----------
    rows : ndarray of int, shape (n_scored,)
        The numbers of the rows to score.
    diagonal : ndarray of shape (n_scored,)
        The diagonal entry of each column.
    ones : ndarray of shape (n_scored,)
        The sum of each column.
    spread : ndarray of shape (m, n_scored)
        The product of the features with each column; in the end, the inverse of the
        features' normal equations times these products.
    """

    rows: np.ndarray
    diagonal: np.ndarray
    ones: np.ndarray
    spread: np.ndarray

    @classmethod
    def empty(cls, rows: np.ndarray, m: int) -> ScoredColumns:
        """Return columns for m features that are to be filled, cluster by cluster."""
        spread = np.empty((m, len(rows)), order="F")
        return cls(rows, np.empty(len(rows)), np.empty(len(rows)), spread)

    def within(self, cluster) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions in a cluster of its rows to score, and their columns."""
        _, here, to = np.intersect1d(cluster, self.rows, return_indices=True)
        return here, to

    def visit(self, rows, Zt, factor) -> None:
        """Fill the columns of the rows to score in a cluster."""
        here, to = self.within(rows)
        unit = np.zeros((len(factor), len(here)), order="F")
        unit[here, np.arange(len(here))] = 1.0
        G = cho_solve((factor, True), unit, overwrite_b=True)
        self.diagonal[to] = G[here].diagonal()
        self.ones[to] = G.sum(axis=0)
        self.spread[:, to] = Zt @ G

    def solved(self, posterior: ClusteredPosterior) -> ScoredColumns:
        """Return the columns of the inverse of all rows, less those of the constant.

        The diagonal is that of this inverse. This object must not be used afterwards.
        """
        spread, normal = self.spread, posterior.normal
        spread -= np.outer(posterior.mean, self.ones)
        diagonal = self.diagonal - self.ones**2 / posterior.weight
        solve_lower(normal, spread)
        diagonal -= np.einsum("ij,ij->j", spread, spread)
        spread = blas.dtrsm(1.0, normal, spread, lower=1, trans_a=1, overwrite_b=1)
        return self._replace(diagonal=diagonal, spread=spread)
