"""A Nyström model that is exact within clusters of rows.

The partially independent conditional approximation [1]_: what the centres leave out of
the kernel is kept between rows of one cluster, and dropped between clusters. A sum over
all rows, whitened cluster by cluster, takes the place of that of the Nyström model.

References
----------
.. [1] Snelson and Ghahramani, "Local and global sparse Gaussian process
   approximations", AISTATS 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve

from .._utils.threads import factorising, one_blas_thread
from ._cholesky import RAISE_ALPHA, factorise, mirror_lower
from ._features import KernelWithDiagonal, NystromFeatures
from ._leave_one_out import leave_one_out
from ._normal_equations import NormalEquations
from ._row_weights import RowWeights


class ClusteredRows(NamedTuple):
    """Rows in clusters, and the features that tie the clusters together.

    Attributes
    ----------
    features : NystromFeatures
        The features of all rows.
    X : ndarray of shape (n, n_features)
        The rows.
    clusters : list of ndarray of int
        Row numbers of each cluster; together they are all rows.

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
        """Return features of a cluster, and what they leave of its kernel, factorised.

        Parameters
        ----------
        rows : ndarray of int
            The numbers of its rows.
        noise : ndarray of shape (n,)
            Of all rows.

        Returns
        -------
        Zt : ndarray of shape (m, n_rows)
        factor : ndarray of shape (n_rows, n_rows)
            Lower Cholesky factor of ``K - Z Z' + diag(noise)``.
        jitter : float
        """
        X, noise = self.X[rows], noise[rows]
        Zt = self.features(X)
        K = np.require(self.features.kernel(X), np.float64, ["C", "W"]).T
        scale = float(np.mean(np.diag(K)))  # of the rounding errors in the difference
        with factorising(len(X)):
            K = blas.dsyrk(-1.0, Zt, beta=1.0, c=K, trans=1, lower=1, overwrite_c=1)
        what = (
            f"what {len(Zt)} centres leave of the kernel matrix of a cluster "
            f"of {len(X)} rows"
        )
        return Zt, *factorise(mirror_lower(K), noise, scale, what, RAISE_ALPHA)


class ClusteredPosterior(NamedTuple):
    """The posterior distribution of the weights of the features, and of the constant.

    Attributes
    ----------
    data : ClusteredRows
        The rows of the fit.
    noise : ndarray of shape (n,)
        The variance of the noise of each.
    normal : ndarray of shape (m, m)
        Cholesky factor of the inverse covariance of the weights of the features.
    mean : ndarray of shape (m,)
        Of the features, each cluster's rows made independent; zeros without an
        intercept.
    weight : float
        Inverse variance of the constant were the weights known; infinite without one.
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
            The number of the cluster that the blocks are predicted from.
        blocks : iterable of ndarrays of shape (n_new, n_features)

        Yields
        ------
        ndarray of shape (n_new,)
        """
        features, rows = self.data.features, self.data.clusters[cluster]
        kernel, X = cast(KernelWithDiagonal, features.kernel), self.data.X[rows]
        Zt, factor, _ = self.data.condition(rows, self.noise)
        for new in blocks:
            new_Zt = features(new)
            # The kernel less what the centres explain: within the cluster it is kept.
            left = kernel(X, new) - Zt.T @ new_Zt
            solved = cho_solve((factor, True), left)
            known = np.einsum("ij,ij->j", new_Zt, new_Zt)
            known += np.einsum("ij,ij->j", left, solved)
            constant = 1.0 - solved.sum(axis=0)
            other = new_Zt - Zt @ solved - np.outer(self.mean, constant)
            spread = cho_solve((self.normal, True), other)
            out = np.maximum(kernel.diag(new) - known, 0.0) + constant**2 / self.weight
            yield out + np.einsum("ij,ij->j", other, spread)


class ClusteredSolution(NamedTuple):
    """A ridge fit that is exact within clusters.

    Predictions in cluster b, which has the rows ``X_b``, are ``kernel(X, centres) @
    coef[b] + kernel(X, X_b) @ dual_coef_b + intercept``.

    Attributes
    ----------
    dual_coef : ndarray of shape (n, k)
        Dual coefficients of the rows.
    coef : ndarray of shape (n_clusters, m, k)
        Coefficients of the centres, other ones in each cluster.
    intercept : ndarray of shape (k,)
        Zeros without an intercept.
    loo : ndarray of shape (n_scored, k)
        Predictions of the rows to score by models that have not seen them.
    jitter : float
        The most that had to be added to a diagonal for its matrix to factor.
    posterior : ClusteredPosterior
        For the variance of predictions.

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

    The features of the rows are made twice, as there is no room to keep them: once for
    the normal equations, once for the dual coefficients.

    Parameters
    ----------
    data : ClusteredRows
        The rows, and the features that tie the clusters together.
    Y : ndarray of shape (n, k)
        Targets.
    alpha : float
        Ridge.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights; a weight of 2 is the row twice. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    scored : array-like of int, default=()
        Some rows of which leave-one-out predictions are wanted.
    progress : callable, default=None
        Called with the number of finished clusters, which are visited twice, and their
        total.

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
    A.flat[:: len(A) + 1] += 1.0  # the ridge has gone into the noise
    with factorising(len(A)):
        normal = cho_factor(A, lower=True, overwrite_a=True)
    v = cho_solve(normal, right)
    # Without an intercept, as if the constant were known to be zero.
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
    """Add a cluster to the sums, its rows made independent; `Zt` is overwritten."""
    right = np.column_stack([Y, np.ones(len(Y))])
    right = blas.dtrsm(1.0, factor, right, lower=1)
    with factorising(len(Zt)):
        Zt = blas.dtrsm(1.0, factor, Zt, side=1, lower=1, trans_a=1, overwrite_b=1)
    return sums.absorb_weighted(Zt, right[:, :-1], right[:, -1], float(len(Y)))


class _ScoredColumns:
    """What leaving rows out needs of the inverse of the whole matrix.

    Of the columns of some rows of their clusters' inverses: the diagonal entries, the
    sums, and the products with the features.
    """

    def __init__(self, scored, n, m):
        self.scored = scored
        self._position = np.full(n, -1)
        self._position[scored] = np.arange(len(scored))
        self._diagonal, self._ones = np.empty(len(scored)), np.empty(len(scored))
        self._products = np.empty((m, len(scored)), order="F")

    def visit(self, rows, Zt, factor):
        """Take what is wanted of a cluster."""
        here = np.flatnonzero(self._position[rows] >= 0)
        to = self._position[rows[here]]
        unit = np.zeros((len(factor), len(here)), order="F")
        unit[here, np.arange(len(here))] = 1.0
        G = cho_solve((factor, True), unit, overwrite_b=True)
        self._diagonal[to] = G[here].diagonal()
        self._ones[to] = G.sum(axis=0)
        self._products[:, to] = Zt @ G

    def precision(self, posterior: ClusteredPosterior):
        """Return the diagonal of the inverse, less its part along the constant."""
        W = self._products - np.outer(posterior.mean, self._ones)
        found = self._diagonal - self._ones**2 / posterior.weight
        with factorising(len(W)):
            solved = cho_solve((posterior.normal, True), W)
        return found - np.einsum("ij,ij->j", W, solved)
