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

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve
from sklearn.utils import check_random_state

from .._utils.threads import factorising, one_blas_thread
from ._cholesky import RAISE_ALPHA, factorise, leave_one_out, mirror_lower
from ._normal_equations import Sums, whiten
from ._nystrom import NystromSystem


class LocalSolution(NamedTuple):
    """A ridge fit that is exact within clusters.

    Predictions in cluster b, which has the rows ``X_b``, are ``kernel(X, centres) @
    coef[b] + kernel(X, X_b) @ dual_coef_b + intercept``.

    Attributes
    ----------
    dual_coef : ndarray of shape (n, k)
    coef : ndarray of shape (n_clusters, m, k)
    intercept : ndarray of shape (k,)
    loo : ndarray of shape (n_scored, k)
        Predictions of the rows to score by models that have not seen them.
    jitter : float
        The most that had to be added to a diagonal for its matrix to factor.
    posterior : LocalPosterior
        For the variance of predictions.
    """

    dual_coef: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    loo: np.ndarray
    jitter: float
    posterior: LocalPosterior


class LocalPosterior(NamedTuple):
    """What is known of the weights of the features, and of the constant.

    Attributes
    ----------
    centres : ndarray of shape (m, n_features)
    factor : ndarray of shape (m, m)
        Cholesky factor that whitens the features.
    normal : ndarray of shape (m, m)
        Cholesky factor of the inverse covariance of the weights of the features.
    mean : ndarray of shape (m,)
        Of the features, each cluster's rows made independent; zeros without an
        intercept.
    weight : float
        Inverse variance of the constant were the weights known; infinite without one.
    noise : ndarray of shape (n,)
        ``alpha / sample_weight`` of all rows.
    """

    centres: np.ndarray
    factor: np.ndarray
    normal: np.ndarray
    mean: np.ndarray
    weight: float
    noise: np.ndarray

    def variance(self, kernel, X, rows, blocks):
        """Yield the posterior variance of the function at blocks of rows.

        Parameters
        ----------
        kernel : callable
            ``kernel(X)``, ``kernel(X, Y)`` and ``kernel.diag(X)``.
        X : ndarray of shape (n, n_features)
            The rows of the fit.
        rows : ndarray of int
            Numbers of those in the cluster that the blocks are predicted from.
        blocks : iterable of ndarrays of shape (n_new, n_features)

        Yields
        ------
        ndarray of shape (n_new,)
        """
        X, noise = X[rows], self.noise[rows]
        Zt, factor, _ = _condition(kernel, self.centres, self.factor, X, noise)
        for new in blocks:
            new_Zt = whiten(kernel, self.centres, self.factor, new)
            # The kernel less what the centres explain: within the cluster it is kept.
            left = kernel(X, new) - Zt.T @ new_Zt
            solved = cho_solve((factor, True), left)
            known = np.einsum("ij,ij->j", new_Zt, new_Zt)
            known += np.einsum("ij,ij->j", left, solved)
            constant = 1.0 - solved.sum(axis=0)
            features = new_Zt - Zt @ solved - np.outer(self.mean, constant)
            spread = cho_solve((self.normal, True), features)
            out = np.maximum(kernel.diag(new) - known, 0.0) + constant**2 / self.weight
            yield out + np.einsum("ij,ij->j", features, spread)


def cluster_rows(X, size=1000, random_state=0) -> list[np.ndarray]:
    """Split rows by k-means, and clusters that are too large in halves.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    size : int, default=1000
        Rows of a cluster on average; none has more than twice as many.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    list of ndarray of int
        Sorted row numbers of each cluster.
    """
    n_clusters = max(1, round(len(X) / size))
    labels = np.zeros(len(X), dtype=int)
    rng = check_random_state(random_state)
    if n_clusters > 1 and np.ptp(X, axis=0).any():
        from sklearn.cluster import MiniBatchKMeans  # slow to import

        labels = MiniBatchKMeans(n_clusters, random_state=rng, n_init=3).fit(X).labels_
    waiting = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    found = []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= 2 * size:
            found.append(rows)
        else:
            order = np.argsort(_along(X[rows], rng), kind="stable")
            waiting += [np.sort(rows[half]) for half in np.array_split(order, 2)]
    return sorted(found, key=lambda rows: rows[0])


def _along(X, rng, n_iter=10):
    """Return where rows lie along the direction in which they vary most."""
    X = X - X.mean(axis=0)
    direction = rng.standard_normal(X.shape[1])
    for _ in range(n_iter):  # the power method: a rough direction is good enough
        direction = X.T @ (X @ direction)
        direction /= np.linalg.norm(direction) or 1.0
    return X @ direction


def nearest_cluster(X, means) -> np.ndarray:
    """Return which mean is the nearest one to each row."""
    return np.argmin(0.5 * np.sum(means**2, axis=1) - X @ means.T, axis=1)


def _condition(kernel, centres, whitener, X, noise):
    """Return features of a cluster, and what they leave of its kernel, factorised.

    Returns
    -------
    Zt : ndarray of shape (m, n_rows)
    factor : ndarray of shape (n_rows, n_rows)
        Lower Cholesky factor of ``K - Z Z' + diag(noise)``.
    jitter : float
    """
    Zt = whiten(kernel, centres, whitener, X)
    K = np.require(kernel(X), np.float64, ["C", "W"]).T
    scale = float(np.mean(np.diag(K)))  # of the rounding errors in the difference
    with factorising(len(X)):
        K = blas.dsyrk(-1.0, Zt, beta=1.0, c=K, trans=1, lower=1, overwrite_c=1)
    what = (
        f"what {len(centres)} centres leave of the kernel matrix of a cluster "
        f"of {len(X)} rows"
    )
    return Zt, *factorise(mirror_lower(K), noise, scale, what, RAISE_ALPHA)


def _add_cluster(sums: Sums, Zt, factor, Y) -> Sums:
    """Add a cluster to the sums, its rows made independent; `Zt` is overwritten."""
    right = np.column_stack([Y, np.ones(len(Y))])
    right = blas.dtrsm(1.0, factor, right, lower=1)
    with factorising(len(Zt)):
        Zt = blas.dtrsm(1.0, factor, Zt, side=1, lower=1, trans_a=1, overwrite_b=1)
    return sums.add(Zt, right[:, :-1], right[:, -1])


@one_blas_thread()
def local_solve(
    kernel,
    centres,
    X,
    Y,
    alpha,
    clusters,
    sample_weight=None,
    intercept=True,
    *,
    scored=(),
    copies=None,
    progress=None,
) -> LocalSolution:
    """Solve the ridge problem of a Nyström model that is exact within clusters.

    The features of the rows are made twice, as there is no room to keep them: once for
    the normal equations, once for the dual coefficients.

    Parameters
    ----------
    kernel : callable
        ``kernel(X)`` and ``kernel(X, centres)``.
    centres : ndarray of shape (m, n_features)
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (n, k)
    alpha : float
    clusters : list of ndarray of int
        Row numbers of each cluster; together they are all rows.
    sample_weight : ndarray of shape (n,), default=None
        Positive weights; a weight of 2 is the row twice. None means ones.
    intercept : bool, default=True
        Whether a constant that the ridge does not penalise is fitted.
    scored : array-like of int, default=()
        Some rows of which leave-one-out predictions are wanted.
    copies : float, default=None
        How many copies each row stands for; None means as many as its weight says.
    progress : callable, default=None
        Called with the number of finished blocks and their total, as `Progress` is.

    Returns
    -------
    LocalSolution
    """
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    noise = alpha / weight
    system = NystromSystem(kernel, centres, Y.shape[1], intercept)
    steps = iter(range(1, 2 * len(clusters) + 1))

    def visit():
        for rows in clusters:
            parts = _condition(kernel, centres, system.factor, X[rows], noise[rows])
            yield rows, *parts
            if progress is not None:
                progress(next(steps), 2 * len(clusters))

    for rows, Zt, factor, _ in visit():
        system.sums = _add_cluster(system.sums, Zt, factor, Y[rows])

    sums = system.sums
    A, right, _ = system._centred()
    A.flat[:: len(A) + 1] += 1.0  # the ridge has gone into the noise
    with factorising(len(A)):
        normal = cho_factor(A, lower=True, overwrite_a=True)
    v = cho_solve(normal, right)
    # Without an intercept, as if the constant were known to be zero.
    total = sums.weight if intercept else np.inf
    mean = sums.z / total
    b = (sums.y - sums.z @ v) / total

    scored = np.asarray(scored, dtype=int)
    position = np.full(len(X), -1)
    position[scored] = np.arange(len(scored))
    precision, ones = np.empty(len(scored)), np.empty(len(scored))
    W = np.empty((len(centres), len(scored)), order="F")
    dual = np.empty(Y.shape)
    coef = np.empty((len(clusters), len(centres), Y.shape[1]))
    most = 0.0
    for number, (rows, Zt, factor, jitter) in enumerate(visit()):
        u = cho_solve((factor, True), Y[rows] - Zt.T @ v - b)
        dual[rows] = u
        coef[number] = blas.dtrsm(1.0, system.factor, v - Zt @ u, lower=1, trans_a=1)
        most = max(most, jitter)
        here = np.flatnonzero(position[rows] >= 0)
        to = position[rows[here]]
        precision[to], ones[to], W[:, to] = _columns(Zt, factor, here)

    # The diagonal of the inverse of the whole matrix, less its part along the constant.
    W -= np.outer(mean, ones)
    precision -= ones**2 / total
    with factorising(len(W)):
        precision -= np.einsum("ij,ij->j", W, cho_solve(normal, W))
    residuals, _ = leave_one_out(precision, dual[scored], alpha, weight[scored], copies)
    posterior = LocalPosterior(
        system.centres, system.factor, normal[0], mean, total, noise
    )
    return LocalSolution(dual, coef, b, Y[scored] - residuals, most, posterior)


def _columns(Zt, factor, here):
    """Return what leaving rows out needs of columns of a cluster's inverse.

    Their diagonal entries, their sums, and their products with the features.
    """
    unit = np.zeros((len(factor), len(here)), order="F")
    unit[here, np.arange(len(here))] = 1.0
    G = cho_solve((factor, True), unit, overwrite_b=True)
    return G[here].diagonal(), G.sum(axis=0), Zt @ G
