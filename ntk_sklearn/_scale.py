"""Fits of more rows than a kernel matrix can hold, for the shell of the estimators.

The kernel and its ridge are learned on a sample of the rows. Then either one pass over
all rows fills the normal equations of a Nyström model, whose cross-validation chooses
the ridge; or, if the kernel matrix of all rows fits, conjugate gradients solve on it;
or a Nyström model is made exact within clusters of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from ._learning import Settings
from ._machine import Machine, fit_machine, mean_square, row_blocks, unless_ones
from ._threads import one_blas_thread
from .solvers import (
    NystromSystem,
    cluster_rows,
    conjugate_solve,
    local_solve,
    nearest_cluster,
    sample_rows,
    select_centres,
    warn_jitter,
)
from .solvers._local import LocalPosterior
from .solvers._sums import multiply

# Rows on which hyperparameters are learned.
LEARNING_ROWS = 2000
# Candidates for each centre.
_POOL = 10
# Ridges tried on the Nyström model, relative to the learned one.
_RIDGES = np.exp(np.linspace(-10.0, 10.0, 81))
# Steps by which distances of ranks are measured, where rows are clustered.
_STEPS = 16
# The least number of rows in a cluster, on average.
_CLUSTER_ROWS = 1000
# Centres of a Nyström model that is chosen for want of memory.
DEFAULT_CENTRES = 2000


def first_layer(kernel, Z) -> np.ndarray:
    """Return columns whose distances are those of a kernel's first layer, or nearly."""
    scale = getattr(kernel, "length_scale", 1.0)
    n_ranks = getattr(kernel, "n_ranks", 0)
    if n_ranks == 0:
        return Z / scale
    scale = np.broadcast_to(scale, Z.shape[1])
    first = Z.shape[1] - n_ranks
    steps = np.clip(_STEPS * Z[:, first:, None] - np.arange(_STEPS), 0.0, 1.0)
    steps *= np.sqrt(6.0 / _STEPS) / scale[first:, None]
    return np.hstack([Z[:, :first] / scale[:first], steps.reshape(len(Z), -1)])


class EncodedKernel:
    """A kernel between raw rows and encoded centres."""

    def __init__(self, kernel, encoding):
        self.kernel, self.encoding = kernel, encoding

    def encode(self, X):
        """Write raw rows as the kernel sees them."""
        return X if self.encoding is None else self.encoding.transform(X)

    def __call__(self, X, Y=None):
        if Y is None:
            return self.kernel(X)
        return self.kernel(self.encode(X), Y)


class Sample:
    """Rows drawn from a data set: some to learn from, all as candidates for centres."""

    def __init__(self, X, Y, weight, n_centres, random_state):
        self.rng = check_random_state(random_state)
        wanted = max(_POOL * n_centres, LEARNING_ROWS)
        positive = np.flatnonzero(weight > 0)
        self.rows, self.X = sample_rows(X, wanted, self.rng, among=positive)
        self.Y, self.weight = Y[self.rows], weight[self.rows]
        few = self.rng.permutation(len(self.rows))[:LEARNING_ROWS]
        self.few = np.sort(few)

    def keep_few(self) -> None:
        """Forget the candidates, once the centres have been chosen."""
        few = self.few
        self.rows, self.X = self.rows[few], self.X[few]
        self.Y, self.weight = self.Y[few], self.weight[few]
        self.few = np.arange(len(few))

    def learn(self, member, settings: Settings) -> Machine:
        """Fit a machine to the rows to learn from."""
        few = self.few
        return fit_machine(member, self.X[few], self.Y[few], self.weight[few], settings)

    def centres(self, machine: Machine, m):
        """Choose centres: encoded candidates, far apart in the kernel's own scales."""
        Z = machine.encode(self.X)
        places = first_layer(machine.kernel, Z)
        chosen = select_centres(places, m, random_state=self.rng)
        return Z[chosen]


class Stream:
    """One machine of a Nyström fit, to which rows can be added."""

    def __init__(self, machine: Machine, system: NystromSystem, sample: Sample):
        self.machine, self.system, self.sample = machine, system, sample

    @classmethod
    def start(cls, member, sample: Sample, settings: Settings, m: int) -> Stream:
        """Learn a kernel and choose centres, with no row added yet."""
        machine = sample.learn(member, settings)
        kernel = EncodedKernel(machine.kernel, member.encoding)
        system = NystromSystem(
            kernel,
            sample.centres(machine, m),
            sample.Y.shape[1],
            settings.intercept,
            n_features=sample.X.shape[1],
            counts=settings.copies is None,
        )
        return cls(machine, system, sample)

    def variance(self, X, alpha):
        """Return the posterior variance of the function at raw rows.

        What the model leaves out of the kernel counts in full.
        """
        machine, system = self.machine, self.system
        out = np.empty(len(X))
        for rows in row_blocks(len(X), len(system.centres)):
            missed, spread = system.variance(X[rows], alpha)
            prior = machine.kernel.diag(machine.encode(X[rows]))
            out[rows] = np.maximum(prior - missed, 0.0) + spread
        return out[:, None] * machine.variance

    def finish(self) -> Machine:
        """Choose the ridge and solve."""
        old, system, sample = self.machine, self.system, self.sample
        alpha = old.alpha
        if not isinstance(old.alpha_bounds, str):
            alphas = np.clip(alpha * _RIDGES, *old.alpha_bounds)
            alpha = system.best_alpha(np.unique(alphas))
        fit = system.solve(alpha)
        few = sample.few
        X, Y, weight = sample.X[few], sample.Y[few], sample.weight[few]
        loo = system.leave_one_out(X, Y, alpha, weight)
        return replace(
            old,
            alpha=alpha,
            X=system.centres,
            dual_coef=fit.coef,
            intercept=fit.intercept,
            loo=loo,
            loo_error=mean_square(Y - loo, weight),
        )


def fit_conjugate(member, sample: Sample, X, Y, weight, settings) -> Machine:
    """Learn on a sample, and solve exactly on the kernel matrix of all rows."""
    old = sample.learn(member, settings)
    Z = old.encode(X)
    found = conjugate_solve(
        old.kernel(Z), Y, old.alpha, unless_ones(weight), settings.intercept
    )
    return replace(old, X=Z, dual_coef=found.dual_coef, intercept=found.intercept)


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
    posterior : LocalPosterior
        Holds the centres.
    """

    coef: np.ndarray
    clusters: list
    means: np.ndarray
    posterior: LocalPosterior

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
            mine, rows = np.flatnonzero(near == cluster), self.clusters[cluster]
            columns = len(self.posterior.centres) + len(rows)
            blocks = [mine[block] for block in row_blocks(len(mine), columns)]
            found = self.posterior.variance(
                self.kernel, self.X, rows, (Z[block] for block in blocks)
            )
            for block, variance in zip(blocks, found, strict=True):
                out[block] = variance
        return out[:, None] * self.variance

    @one_blas_thread()
    def predict(self, X):
        """Return the decision values of new rows, each from its nearest cluster."""
        out = np.empty((len(X), self.dual_coef.shape[1]))
        centres = self.posterior.centres
        widest = max(len(rows) for rows in self.clusters)
        for block in row_blocks(len(X), len(centres) + widest):
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
    member, sample: Sample, X, Y, weight, settings, m: int, progress=None
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
    found = local_solve(
        old.kernel,
        centres,
        Z,
        Y,
        old.alpha,
        clusters,
        unless_ones(weight),
        settings.intercept,
        scored=sample.rows[few],
        copies=settings.copies,
        progress=progress,
    )
    warn_jitter(found.jitter, old.alpha)
    changed = {
        "X": Z,
        "dual_coef": found.dual_coef,
        "intercept": found.intercept,
        "loo": found.loo,
        "loo_error": mean_square(sample.Y[few] - found.loo, sample.weight[few]),
    }
    return LocalMachine(
        **vars(old) | changed,
        coef=found.coef,
        clusters=clusters,
        means=means,
        posterior=found.posterior,
    )


__all__ = [
    "DEFAULT_CENTRES",
    "LocalMachine",
    "Sample",
    "Stream",
    "fit_conjugate",
    "fit_local",
]
