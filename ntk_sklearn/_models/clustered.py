"""Nyström models that are exact within clusters of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from .._learning.training_set import TrainingSet
from .._utils.progress import Progress
from .._utils.threads import one_blas_thread
from ..solvers._cholesky import warn_jitter
from ..solvers._clustered import (
    ClusteredPosterior,
    ClusteredRows,
    ScoredColumns,
    clustered_solve,
)
from ..solvers._clusters import cluster_rows, nearest_cluster
from ..solvers._features import NystromFeatures, multiply
from ..solvers._row_weights import RowWeights
from .base import HeldOut, RidgeModel
from .dual import DualModel
from .sample import PilotSample, first_layer


@dataclass(frozen=True, kw_only=True)
class ClusteredModel(RidgeModel):
    """A fitted Nyström model that is exact within clusters.

    Between two rows of the same cluster the kernel of this model is the exact one.
    Between rows of different clusters it is the Nyström approximation by the centres.

    Attributes
    ----------
    coef : ndarray of shape (n_clusters, m, k)
        The coefficients of the centres for predictions in each cluster.
    means : ndarray of shape (n_clusters, n_places)
        The mean of the rows of each cluster, in the coordinates of `first_layer`.
    posterior : ClusteredPosterior
        The posterior distribution; it holds the rows, their clusters and the centres.
    targets : ndarray of shape (n, k)
        The targets of the rows.
    weights : RowWeights
        The weights of the rows.
    columns : ScoredColumns
        What predictions without one of the scored rows need.
    scored : TrainingSet
        The raw rows that the kernel was learned from. Leave-one-out predictions are
        made of these rows.
    """

    coef: np.ndarray
    means: np.ndarray
    posterior: ClusteredPosterior
    targets: np.ndarray
    weights: RowWeights
    columns: ScoredColumns
    scored: TrainingSet

    @property
    def raw_rows(self) -> np.ndarray:
        """The raw rows that the kernel was learned from."""
        return self.scored.X

    @property
    def X(self) -> np.ndarray:
        """The training rows, as the kernel sees them."""
        return self.posterior.data.X

    @property
    def clusters(self) -> list[np.ndarray]:
        """The numbers of the rows in each cluster."""
        return self.posterior.data.clusters

    @one_blas_thread()
    def predict(self, X, _place=None):
        """Return the predictions of raw rows, each in the cluster nearest to it."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        centres = self.posterior.data.features.centres
        widest = max(len(rows) for rows in self.clusters)
        for block in self.slices(X, len(centres) + widest):
            Z = self.encode(X[block])
            near = self.nearest(Z)
            K = self.kernel(Z, centres)
            found = out[block]
            for cluster in np.unique(near):
                mine, rows = near == cluster, self.clusters[cluster]
                coef, dual = self.coef[cluster], self.dual_coef[rows]
                own = self.kernel(Z[mine], self.X[rows])
                found[mine] = multiply(K[mine], coef) + multiply(own, dual)
            found += self.intercept
        return out

    @one_blas_thread()
    def posterior_variance(self, X, _place=None):
        """Return the posterior variances of the function at raw rows."""
        out = np.empty(len(X))
        self._fill(out, X, self.posterior.variance)
        return out[:, None] * self.variance

    @one_blas_thread()
    def target_weights(self, X) -> np.ndarray:
        """Return the weights of the scored rows' targets in predictions, (n, s)."""
        out = np.empty((len(X), len(self.columns.rows)))
        self._fill(out, X, partial(self.posterior.target_weights, columns=self.columns))
        return out

    def _fill(self, out, X, values) -> None:
        """Fill an array with values of the posterior, cluster by cluster."""
        Z = self.encode(X)
        near = self.nearest(Z)
        centres = self.posterior.data.features.centres
        for cluster in np.unique(near):
            mine, rows = np.flatnonzero(near == cluster), self.clusters[cluster]
            blocks = [mine[b] for b in self.slices(mine, len(centres) + len(rows))]
            found = values(cluster, (Z[block] for block in blocks))
            for block, value in zip(blocks, found, strict=True):
                out[block] = value

    def attributed(self, training):
        """Return the training rows, as attribution needs them."""
        return RowsInClusters(self)

    def nearest(self, Z) -> np.ndarray:
        """Return the number of the cluster nearest to each encoded row."""
        return nearest_cluster(first_layer(self.kernel, Z), self.means)


def fit_clustered(
    pilot: DualModel,
    sample: PilotSample,
    data: TrainingSet,
    n_centres: int,
    progress_name: str | None,
    cluster_size: int,
) -> ClusteredModel:
    """Fit a clustered model to all rows, with the kernel and the ridge of a pilot.

    Parameters
    ----------
    pilot : DualModel
        The model fitted to the learning rows of the sample.
    sample : PilotSample
        The sample from which the centres are chosen.
    data : TrainingSet
        All rows, raw and in memory.
    n_centres : int
        Number of centres.
    progress_name : str or None
        The name under which the progress of the passes is printed; None prints nothing.
    cluster_size : int
        Mean number of rows in a cluster.

    Returns
    -------
    ClusteredModel
    """
    kernel, alpha = pilot.kernel, pilot.alpha
    features = NystromFeatures.of(kernel, sample.centres(pilot, n_centres))
    Z = pilot.encode(data.X)
    places = first_layer(kernel, Z)
    clusters = cluster_rows(places, cluster_size, random_state=sample.rng)
    means = np.array([places[rows].mean(axis=0) for rows in clusters])
    del places  # takes as much memory as all rows
    found = clustered_solve(
        ClusteredRows(features, Z, clusters),
        data.Y,
        alpha,
        data.solve_weights,
        pilot.fit_intercept,
        scored=sample.learning_numbers,
        progress=None if progress_name is None else Progress(progress_name),
    )
    warn_jitter(found.jitter, alpha)
    scored = sample.learning_rows
    return ClusteredModel(
        encoder=pilot.encoder,
        learned=pilot.learned,
        alpha=alpha,
        dual_coef=found.dual_coef,
        intercept=found.intercept,
        variance=pilot.variance,
        held_out=HeldOut(found.loo, scored.Y, scored.solve_weights),
        coef=found.coef,
        means=means,
        posterior=found.posterior,
        targets=data.Y,
        weights=data.solve_weights,
        columns=found.columns,
        scored=scored,
    )


@dataclass(frozen=True, eq=False)
class RowsInClusters:
    """The rows of a clustered model: exact in a cluster, Nyström between clusters."""

    model: ClusteredModel

    @property
    def weights(self) -> RowWeights:
        """The weights of the rows."""
        return self.model.weights

    @property
    def targets(self) -> np.ndarray:
        """The targets of the rows."""
        return self.model.targets

    @property
    def dual_coef(self) -> np.ndarray:
        """The coefficients of the rows."""
        return self.model.dual_coef

    def kernel(self, X) -> np.ndarray:
        """Return the kernel in each row's cluster, and products of features."""
        model, Z = self.model, self.model.encode(X)
        near, features = model.nearest(Z), model.posterior.data.features
        out, test = np.empty((len(Z), len(model.X))), features(Z).T
        for cluster, rows in enumerate(model.clusters):
            out[:, rows] = test @ features(model.X[rows])
            mine = np.flatnonzero(near == cluster)
            if mine.size:
                out[np.ix_(mine, rows)] = model.kernel(Z[mine], model.X[rows])
        return out

    def smoother(self, X) -> np.ndarray:
        """Return the derivatives of predictions of raw rows by targets."""
        model, posterior, Z = self.model, self.model.posterior, self.model.encode(X)
        near, out = model.nearest(Z), np.zeros((len(Z), len(model.X)))
        through = np.empty((len(Z), model.coef.shape[1] + 1))
        for cluster in np.unique(near):
            mine, rows = np.flatnonzero(near == cluster), model.clusters[cluster]
            vectors, within = posterior.whitened(cluster, Z[mine])
            through[mine], out[np.ix_(mine, rows)] = vectors.T, within.T
        for cluster, rows in enumerate(model.clusters):
            out[:, rows] += through @ posterior.columns(cluster)[0]
        return out

    @cached_property
    def diagonal(self) -> np.ndarray:
        """The derivative of the coefficient of each row by its own target."""
        out = np.empty(len(self.model.X))
        for cluster, rows in enumerate(self.model.clusters):
            vectors, own = self.model.posterior.columns(cluster)
            out[rows] = np.diag(own) - np.einsum("ij,ij->j", vectors, vectors)
        return out

    def precision(self, rows) -> np.ndarray:
        """Return the derivatives of coefficients of some rows by their targets."""
        model, out = self.model, np.zeros((len(rows), len(rows)))
        vectors = np.empty((model.coef.shape[1] + 1, len(rows)))
        for cluster, members in enumerate(model.clusters):
            here = np.flatnonzero(np.isin(rows, members))
            if here.size:
                order = np.argsort(members)
                places = order[np.searchsorted(members[order], rows[here])]
                found, own = model.posterior.columns(cluster)
                vectors[:, here] = found[:, places]
                out[np.ix_(here, here)] = own[np.ix_(places, places)]
        return out - vectors.T @ vectors
