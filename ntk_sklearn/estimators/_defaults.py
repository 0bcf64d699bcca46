"""What the estimators fit when no kernel is given: chosen by tables of real sets.

The tables, and what else was tried, are in the documentation's page on the study.
"""

from __future__ import annotations

import numpy as np

from .._learning.learn import Member
from .._learning.problem import Prior
from ..kernels._weighted import WeightedNTKernel
from ..preprocessing._table_encoder import TableEncoder

# Standard deviation of the normal prior on the logarithms of the length scales. Weak
# enough to drop a useless column, strong enough for a few dozen rows.
_LENGTH_SCALE_DEVIATION = 0.5
# Sharpness with which a better leave-one-out error favours a member of the blend.
_SHARPNESS = 10.0


def regression_members(X, sample_weight):
    """One network on scaled columns and their ranks.

    Layer weights, bias variance, ridge, and a length scale for each column and for its
    rank, all learned by the evidence.
    """
    encoding = _fitted_encoder(X, sample_weight, ("standard", "ranks"))
    scale = encoding.length_scale_
    kernel = WeightedNTKernel(
        depth=1,
        bias_variance=1.0,
        bias_variance_bounds=(1e-3, 1e4),
        layer_weights=np.full(2, 1.0 / 7.0),
        layer_weights_bounds=(1e-5, 1e5),
        length_scale=scale,
        length_scale_bounds=np.outer(scale, np.exp([-5.0, 5.0])),
        n_ranks=encoding.n_ranks_,
    )
    return [
        Member(
            kernel,
            encoding,
            prior=_regression_prior,
            raise_alpha=True,
        )
    ]


def _regression_prior(problem) -> Prior:
    """Weak priors: bias variance 1, length scales where they start, some noise."""
    mean = np.zeros(problem.start.size)
    scales = problem.kernel.positions("length_scale")
    mean[scales] = problem.kernel.theta[scales]
    deviation = np.full(problem.start.size, _LENGTH_SCALE_DEVIATION)
    kernel = problem.kernel
    deviation[kernel.positions("layer_weights")] = np.inf
    deviation[kernel.positions("bias_variance")] = 3.0
    if problem.learns_alpha:
        mean[-1], deviation[-1] = -3.0, 4.0
    return Prior(mean, deviation)


def classification_members(X, sample_weight):
    """Two networks: on scaled columns, and on thermometers of the columns' ranks."""
    kernel = WeightedNTKernel(
        depth=1,
        bias_variance=[1.0, 0.0],
        bias_variance_bounds="fixed",
        layer_weights_bounds="fixed",
    )
    return [
        Member(
            kernel,
            _fitted_encoder(X, sample_weight, (code,), clip=False),
            on_path=True,
        )
        for code in ("standard", "thermometer")
    ]


def _fitted_encoder(X, sample_weight, codes, clip=True) -> TableEncoder:
    """Return an encoder that writes arrays, whatever scikit-learn's configuration."""
    encoder = TableEncoder(codes, rank_scale="unit", clip=clip)
    encoder.set_output(transform="default")
    return encoder.fit(X, sample_weight=sample_weight)


def blend(errors) -> np.ndarray:
    """Weights of members from their leave-one-out errors; they sum to one."""
    errors = np.asarray(errors, dtype=np.float64)
    smallest = max(errors.min(), 1e-300)
    weights = np.exp(-_SHARPNESS * (errors / smallest - 1.0))
    return weights / weights.sum()
