"""Exact fits of many rows, by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

from ..solvers._conjugate_gradient import conjugate_solve
from .exact import Machine
from .sample import Sample


@dataclass(kw_only=True)
class ConjugateMachine(Machine):
    """A kernel ridge model whose matrix was never factorised."""

    def posterior_variance(self, X):
        """Raise: there is no factor to take it from."""
        raise ValueError(
            "return_std=True needs a factorisation of the whole problem, which "
            'solver="cg" does without; fit with another solver.'
        )


def fit_conjugate(member, sample: Sample, X, Y, weights, settings) -> ConjugateMachine:
    """Learn on a sample, and solve exactly on the kernel matrix of all rows."""
    old = sample.learn(member, settings)
    Z = old.encode(X)
    found = conjugate_solve(old.kernel(Z), Y, old.alpha, weights, settings.intercept)
    changed = {
        "X": Z,
        "dual_coef": found.dual_coef,
        "intercept": found.intercept,
        "weights": weights,
    }
    return ConjugateMachine(**vars(old) | changed)
