"""Nyström models: one pass over the rows, and more of them later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._learning.learn import Settings
from ..solvers._features import NystromFeatures
from ..solvers._nystrom import NystromSystem
from .exact import Machine, mean_square, row_slices
from .sample import Sample

# Ridges tried on the Nyström model, relative to the learned one.
_RIDGES = np.exp(np.linspace(-10.0, 10.0, 81))
# Centres of a Nyström model that is chosen for want of memory.
DEFAULT_CENTRES = 2000


@dataclass(kw_only=True)
class NystromMachine(Machine):
    """A fitted Nyström model; `X` holds its centres.

    Attributes
    ----------
    system : NystromSystem
        The sums over all rows.
    """

    system: NystromSystem

    def posterior_variance(self, X):
        """Return the posterior variance of the function at raw rows.

        What the model leaves out of the kernel counts in full.
        """
        out = np.empty(len(X))
        for rows in row_slices(len(X), len(self.X)):
            explained, spread = self.system.variance(X[rows], self.alpha)
            prior = self.kernel.diag(self.encode(X[rows]))
            out[rows] = np.maximum(prior - explained, 0.0) + spread
        return out[:, None] * self.variance


class Stream:
    """One machine of a Nyström fit, to which rows can be added."""

    def __init__(self, machine: Machine, system: NystromSystem, sample: Sample):
        self.machine, self.system, self.sample = machine, system, sample

    @classmethod
    def start(cls, member, sample: Sample, settings: Settings, m: int) -> Stream:
        """Learn a kernel and choose centres, with no row added yet."""
        machine = sample.learn(member, settings)
        encoding = member.encoding
        features = NystromFeatures.of(
            machine.kernel,
            sample.centres(machine, m),
            None if encoding is None else encoding.transform,
            sample.X.shape[1],
        )
        n_outputs = sample.Y.shape[1]
        system = NystromSystem.empty(features, n_outputs, settings.intercept)
        return cls(machine, system, sample)

    def with_system(self, system: NystromSystem) -> Stream:
        """Return the stream with the sums over more rows."""
        return Stream(self.machine, system, self.sample)

    def finish(self) -> NystromMachine:
        """Choose the ridge and solve."""
        old, system, sample = self.machine, self.system, self.sample
        alpha = old.alpha
        if not isinstance(old.alpha_bounds, str):
            alphas = np.clip(alpha * _RIDGES, *old.alpha_bounds)
            alpha = system.best_alpha(np.unique(alphas))
        fit = system.solve(alpha)
        few = sample.few
        X, Y, weights = sample.X[few], sample.Y[few], sample.weights.take(few)
        loo = system.leave_one_out(X, Y, alpha, weights)
        changed = {
            "alpha": alpha,
            "X": system.features.centres,
            "dual_coef": fit.coef,
            "intercept": fit.intercept,
            "loo": loo,
            "loo_error": mean_square(Y - loo, weights.weight),
        }
        return NystromMachine(**vars(old) | changed, system=system)
