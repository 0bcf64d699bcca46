"""The models that the estimators fit when no kernel is given: chosen on real sets.

The tables, and what else was tried, are in the documentation's pages on defaults and on
the study.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._learning.prior import Prior
from .._learning.spec import ModelSpec
from .._learning.training_set import TrainingSet
from .._utils.sparse import sparse_rows
from ..kernels._weighted import WeightedNTKernel
from ..preprocessing._table_encoder import TableEncoder
from ._encoding import fit_encoder

# The prior on the logarithms of the length scales: its deviation is strong enough for a
# few dozen rows, and its tail weak enough to drop many useless columns.
_LENGTH_SCALE_DEVIATION, _LENGTH_SCALE_TAIL = 0.5, 0.5
_WEIGHT_BOUNDS = 1e-5, 1e5
# A classifier learns length scales of up to this many columns: the time grows with it.
_MOST_SCALES = 500


def regression_specs(rows: TrainingSet, encoder: TableEncoder | None = None):
    """Return one network on scaled columns and their ranks.

    Layer weights, bias variance, ridge, and a length scale for each column and for its
    rank, all learned by the evidence. With the default coding it has a rival for smooth
    targets: a network of erf units on the scaled columns alone.

    Parameters
    ----------
    rows : TrainingSet
        Raw rows.
    encoder : TableEncoder, default=None
        The coding of the columns, not fitted; None means the default one.

    Returns
    -------
    list of ModelSpec
    """
    if encoder is not None:
        return [_regression_spec(rows, encoder)]
    smooth = _regression_spec(rows, TableEncoder(("standard",)), activation="erf")
    rough = _regression_spec(rows, TableEncoder(rank_scale="unit"))
    return [replace(rough, rival=smooth)]


def _regression_spec(rows: TrainingSet, encoder, activation="relu") -> ModelSpec:
    """Return a network of which all is learned, on coded columns."""
    fit_encoder(encoder, rows)
    scale = encoder.length_scale_
    kernel = WeightedNTKernel(
        depth=1,
        activation=activation,
        bias_variance=1.0,
        bias_variance_bounds=(1e-3, 1e4),
        layer_weights=np.full(2, 1.0 / 7.0),
        layer_weights_bounds=_WEIGHT_BOUNDS,
        length_scale=scale,
        length_scale_bounds=np.outer(scale, np.exp([-5.0, 5.0])),
        n_ranks=encoder.n_ranks_,
    )
    return ModelSpec(kernel, encoder, prior=_regression_prior, raise_alpha=True)


def sparse_specs(rows: TrainingSet) -> list[ModelSpec]:
    """Return one network on sparse rows as they are, of one length scale.

    Layer weights, bias variance and ridge are learned. The length scale, which is
    fixed, gives the rows a mean squared length of one for each column.

    Parameters
    ----------
    rows : TrainingSet
        Sparse rows.

    Returns
    -------
    list of one ModelSpec
    """
    scale = float(np.sqrt(sparse_rows(rows.X).power(2).mean())) or 1.0
    return [ModelSpec(WeightedNTKernel(depth=1, length_scale=scale))]


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
    tail = np.full(problem.start.size, np.inf)
    tail[scales] = _LENGTH_SCALE_TAIL
    return Prior(mean, deviation, tail)


def _classification_prior(problem) -> Prior:
    """Return normal priors, because labels say too little to drop columns."""
    return _regression_prior(problem).without_tail


def classification_specs(rows: TrainingSet, encoder: TableEncoder | None = None):
    """Return four networks: three that see all columns alike, and one of length scales.

    The first sees scaled columns, the second their ranks. The third is the first one
    with learned layer weights, and without a bias. The last learns a length scale for
    each column, and is left out for tables of more than 500 columns.

    Parameters
    ----------
    rows : TrainingSet
        Raw rows.
    encoder : TableEncoder, default=None
        The coding of the columns, not fitted, for a single network; None means both.

    Returns
    -------
    list of ModelSpec
    """
    if encoder is not None:
        return [_classification_spec(rows, encoder, first_bias=1.0)]
    scaled = TableEncoder(("standard",), rank_scale="unit", clip=False)
    ranks = TableEncoder(
        ("ranks",), n_quantiles=64, rank_levels="mass", rank_scale="unit", clip=False
    )
    specs = [
        _classification_spec(rows, scaled, first_bias=1.0),
        _classification_spec(rows, ranks, first_bias=0.0),
    ]
    specs.append(_with_layer_weights(specs[0]))
    if np.shape(rows.X)[1] > _MOST_SCALES:
        return specs
    learned = _regression_spec(rows, TableEncoder(rank_scale="unit"))
    # Numbers are written twice at most; levels may be many more.
    if learned.kernel.length_scale.size <= 2 * _MOST_SCALES:
        specs.append(
            replace(learned, objective="evidence", prior=_classification_prior)
        )
    return specs


def _with_layer_weights(spec: ModelSpec) -> ModelSpec:
    """Return a network without biases whose layer weights are learned."""
    params = spec.kernel.get_params()
    free = {"bias_variance": 0.0, "layer_weights_bounds": _WEIGHT_BOUNDS}
    return ModelSpec(WeightedNTKernel(**params | free), spec.encoder)


def _classification_spec(rows: TrainingSet, encoder: TableEncoder, first_bias: float):
    """Return a network whose ridge alone is learned, on the leave-one-out path."""
    fit_encoder(encoder, rows)
    kernel = WeightedNTKernel(
        depth=1,
        bias_variance=[first_bias, 0.0],
        bias_variance_bounds="fixed",
        layer_weights_bounds="fixed",
        length_scale=encoder.length_scale_,
        n_ranks=encoder.n_ranks_,
    )
    return ModelSpec(kernel, encoder, on_path=True)
