"""Fits of more rows than a kernel matrix can hold, for the shell of the estimators.

The kernel and its ridge are learned on a sample of the rows. Then either one pass over
all rows fills the normal equations of a Nyström model, whose cross-validation chooses
the ridge; or, if the kernel matrix of all rows fits, conjugate gradients solve on it.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from ._machine import Machine, Settings, fit_machine, row_blocks
from .solvers import (
    NystromSystem,
    conjugate_solve,
    sample_rows,
    select_centres,
)

# Rows on which hyperparameters are learned.
LEARNING_ROWS = 2000
# Candidates for each centre.
_POOL = 10
# Ridges tried on the Nyström model, relative to the learned one.
_RIDGES = np.exp(np.linspace(-10.0, 10.0, 81))
# Centres of a Nyström model that is chosen for want of memory.
DEFAULT_CENTRES = 2000


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
        rows, self.X = sample_rows(X, wanted, self.rng, among=positive)
        self.Y, self.weight = Y[rows], weight[rows]
        few = self.rng.permutation(len(rows))[:LEARNING_ROWS]
        self.few = np.sort(few)

    def keep_few(self) -> None:
        """Forget the candidates, once the centres have been chosen."""
        few = self.few
        self.X, self.Y, self.weight = self.X[few], self.Y[few], self.weight[few]
        self.few = np.arange(len(few))

    def learn(self, member, settings: Settings) -> Machine:
        """Fit a machine to the rows to learn from."""
        few = self.few
        return fit_machine(member, self.X[few], self.Y[few], self.weight[few], settings)

    def centres(self, machine: Machine, m):
        """Choose centres: encoded candidates, far apart in the kernel's own scales."""
        Z = machine.encode(self.X)
        scale = getattr(machine.kernel, "length_scale", 1.0)
        chosen = select_centres(Z / scale, m, random_state=self.rng)
        return Z[chosen]


class Stream:
    """One machine of a Nyström fit, to which rows can be added."""

    def __init__(self, machine: Machine, system: NystromSystem, sample, alpha_bounds):
        self.machine, self.system = machine, system
        self.sample, self.alpha_bounds = sample, alpha_bounds

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
        )
        return cls(machine, system, sample, settings.alpha_bounds)

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
        return machine.variance * out

    def finish(self) -> Machine:
        """Choose the ridge and solve."""
        old, system, sample = self.machine, self.system, self.sample
        alpha = old.alpha
        if not isinstance(self.alpha_bounds, str):
            alphas = np.clip(alpha * _RIDGES, *self.alpha_bounds)
            alpha = system.best_alpha(np.unique(alphas))
        fit = system.solve(alpha)
        few = sample.few
        X, Y, weight = sample.X[few], sample.Y[few], sample.weight[few]
        loo = system.leave_one_out(X, Y, alpha, weight)
        error = float(weight @ np.sum((Y - loo) ** 2, axis=1) / weight.sum())
        return Machine(
            old.kernel,
            alpha,
            old.encoding,
            system.centres,
            fit.coef,
            fit.intercept,
            loo,
            error,
            old.path,
            old.n_iter,
            old.variance,
        )


def fit_conjugate(member, sample: Sample, X, Y, weight, settings) -> Machine:
    """Learn on a sample, and solve exactly on the kernel matrix of all rows."""
    old = sample.learn(member, settings)
    Z = old.encode(X)
    uniform = bool((weight == 1.0).all())
    found = conjugate_solve(
        old.kernel(Z), Y, old.alpha, None if uniform else weight, settings.intercept
    )
    return Machine(
        old.kernel,
        old.alpha,
        old.encoding,
        Z,
        found.dual_coef,
        found.intercept,
        old.loo,
        old.loo_error,
        old.path,
        old.n_iter,
        old.variance,
    )


__all__ = ["DEFAULT_CENTRES", "Sample", "Stream", "fit_conjugate"]
