"""The encoding of inputs for a kernel that the user has given."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel

from .._learning.spec import ModelSpec
from .._learning.training_set import TrainingSet
from ..kernels._theta import parts_of
from ..preprocessing._table_encoder import TableEncoder


def make_encoder(encoding, kernel: Kernel) -> TableEncoder | None:
    """Return an unfitted encoder of the inputs of a kernel.

    Parameters
    ----------
    encoding : {"auto", "table"}, TableEncoder or None
        The parameter of the estimator. ``"auto"`` and None leave the inputs of a given
        kernel as they are.
    kernel : Kernel
        The kernel that the user has given.

    Returns
    -------
    TableEncoder or None
    """
    if encoding is None or encoding == "auto":
        return None
    if isinstance(encoding, TableEncoder):
        return clone(encoding)
    return TableEncoder(rank_scale="unit" if _takes_ranks(kernel) else "standard")


def coded_spec(
    kernel: Kernel, encoder: TableEncoder | None, rows: TrainingSet
) -> ModelSpec:
    """Return the specification of the model with a given kernel.

    Parameters
    ----------
    kernel : Kernel
        The kernel that the user has given; it is not changed.
    encoder : TableEncoder or None
        The encoder of its inputs, not yet fitted. None leaves inputs as they are.
    rows : TrainingSet
        Raw rows, to which the encoder is fitted.

    Returns
    -------
    ModelSpec
    """
    if encoder is None:
        return ModelSpec(kernel)
    fit_encoder(encoder, rows)
    kernel = clone(kernel)
    if encoder.n_ranks_:
        _tell_ranks(kernel, encoder)
    return ModelSpec(kernel, encoder)


def fit_encoder(encoder: TableEncoder, rows: TrainingSet) -> None:
    """Fit an encoder so that it returns arrays, whatever scikit-learn's settings."""
    if rows.categorical.any():
        encoder.set_params(categorical_features=rows.categorical)
    encoder.set_output(transform="default")
    encoder.fit(rows.X, sample_weight=rows.weights.weight)


def _takes_ranks(kernel: Kernel) -> bool:
    """Return whether a kernel, or all parts of it, have a parameter `n_ranks`."""
    parts = parts_of(kernel)
    if parts:
        return all(_takes_ranks(part) for part in parts)
    return "n_ranks" in kernel.get_params()


def _tell_ranks(kernel: Kernel, encoder: TableEncoder) -> None:
    """Set the number of ranks and the length scales of a kernel or all its parts."""
    parts = parts_of(kernel)
    for part in parts:
        _tell_ranks(part, encoder)
    if parts or "n_ranks" not in kernel.get_params():
        return
    if kernel.n_ranks:
        raise ValueError(
            f"kernel must have n_ranks=0 where encoding writes the ranks, got "
            f"n_ranks={kernel.n_ranks!r}."
        )
    kernel.n_ranks = encoder.n_ranks_
    kernel.length_scale = np.asarray(kernel.length_scale) * encoder.length_scale_
