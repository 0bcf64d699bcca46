"""Nyström models that are exact within clusters of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._cholesky import warn_jitter
from ..solvers._clustered import (
    ClusteredPosterior,
    ClusteredRows,
    clustered_solve,
)
from ..solvers._clusters import cluster_rows, nearest_cluster
from ..solvers._features import NystromFeatures, multiply
from .exact import Machine, mean_square, row_slices
from .sample import Sample, first_layer

# The least number of rows in a cluster, on average.
_CLUSTER_ROWS = 1000


@dataclass(kw_only=True)
class LocalMachine(Machine):
    """A fitted Nyström model that is exact within clusters.

    `X` holds all training rows, and `dual_coef` their duals under the covariance of
    this model: that of the kernel within a cluster, of the centres' part elsewhere.

    Attributes
    ----------
    coef : ndarray of shape (n_clusters, m, k)
        Coefficients of the centres, other ones in each cluster.
    clusters : list of ndarray of int
        Row numbers of each.
    means : ndarray of shape (n_clusters, n_places)
        Of the rows of each, as `first_layer` places them.
    posterior : ClusteredPosterior
        Holds the centres.
    """

    coef: np.ndarray
    clusters: list
    means: np.ndarray
    posterior: ClusteredPosterior

    @property
    def centres(self):
        """The centres that tie the clusters together."""
        return self.posterior.data.features.centres

    def _nearest(self, Z):
        """Return the cluster of each encoded row."""
        return nearest_cluster(first_layer(self.kernel, Z), self.means)

    @one_blas_thread()
    def posterior_variance(self, X):
        """Return the posterior variance of the function at raw rows."""
        Z = self.encode(X)
        near = self._nearest(Z)
        out = np.empty(len(X))
        for cluster in np.unique(near):
            mine = np.flatnonzero(near == cluster)
            columns = len(self.centres) + len(self.clusters[cluster])
            blocks = [mine[block] for block in row_slices(len(mine), columns)]
            found = self.posterior.variance(cluster, (Z[block] for block in blocks))
            for block, variance in zip(blocks, found, strict=True):
                out[block] = variance
        return out[:, None] * self.variance

    @one_blas_thread()
    def predict(self, X):
        """Return the decision values of new rows, each from its nearest cluster."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        centres = self.centres
        widest = max(len(rows) for rows in self.clusters)
        for block in row_slices(len(X), len(centres) + widest):
            Z = self.encode(X[block])
            near = self._nearest(Z)
            K = self.kernel(Z, centres)
            found = out[block]
            for cluster in np.unique(near):
                mine, rows = near == cluster, self.clusters[cluster]
                coef, dual = self.coef[cluster], self.dual_coef[rows]
                own = self.kernel(Z[mine], self.X[rows])
                found[mine] = multiply(K[mine], coef) + multiply(own, dual)
            found += self.intercept
        return out


def fit_local(
    member, sample: Sample, X, Y, weights, settings, m: int, progress=None
) -> LocalMachine:
    """Learn on a sample, and solve with `m` centres and clusters of all rows."""
    old = sample.learn(member, settings)
    centres = sample.centres(old, m)
    Z = old.encode(X)
    scaled = first_layer(old.kernel, Z)
    # Large clusters are the more accurate ones; up to this size, their factorisations
    # cost no more than the centres.
    size = max(_CLUSTER_ROWS, m)
    clusters = cluster_rows(scaled, size, random_state=sample.rng)
    means = np.array([scaled[rows].mean(axis=0) for rows in clusters])
    del scaled  # as large as all rows
    few = sample.few
    features = NystromFeatures.of(old.kernel, centres)
    found = clustered_solve(
        ClusteredRows(features, Z, clusters),
        Y,
        old.alpha,
        weights,
        settings.intercept,
        scored=sample.rows[few],
        progress=progress,
    )
    warn_jitter(found.jitter, old.alpha)
    changed = {
        "X": Z,
        "dual_coef": found.dual_coef,
        "intercept": found.intercept,
        "weights": weights,
        "loo": found.loo,
        "loo_error": mean_square(sample.Y[few] - found.loo, sample.weights.weight[few]),
    }
    return LocalMachine(
        **vars(old) | changed,
        coef=found.coef,
        clusters=clusters,
        means=means,
        posterior=found.posterior,
    )
