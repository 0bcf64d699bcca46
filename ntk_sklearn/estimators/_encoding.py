"""The coding of a table for a kernel that the user has given."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel

from .._learning.spec import ModelSpec
from .._learning.training_set import TrainingSet
from ..kernels._theta import parts_of
from ..preprocessing._table_encoder import TableEncoder


def make_encoder(encoding, kernel: Kernel) -> TableEncoder | None:
    """Return an unfitted encoder for a kernel.

    Parameters
    ----------
    encoding : {"auto", "table"}, TableEncoder or None
        ``"auto"`` and None leave the inputs of a given kernel as they are.
    kernel : Kernel

    Returns
    -------
    TableEncoder or None
    """
    if encoding is None or encoding == "auto":
        return None
    if isinstance(encoding, TableEncoder):
        return clone(encoding)
    return TableEncoder(rank_scale="unit" if _takes_ranks(kernel) else "standard")


def coded_specs(
    kernel: Kernel, encoder: TableEncoder | None, rows: TrainingSet
) -> list[ModelSpec]:
    """Return the model of a given kernel, on inputs as they are or on their codes.

    Parameters
    ----------
    kernel : Kernel
    encoder : TableEncoder or None
        Not fitted.
    rows : TrainingSet
        Raw rows.

    Returns
    -------
    list of one ModelSpec
    """
    if encoder is None:
        return [ModelSpec(kernel)]
    fit_encoder(encoder, rows)
    kernel = clone(kernel)
    if encoder.n_ranks_:
        _tell_ranks(kernel, encoder)
    return [ModelSpec(kernel, encoder)]


def fit_encoder(encoder: TableEncoder, rows: TrainingSet) -> None:
    """Fit an encoder that writes arrays, whatever scikit-learn's configuration."""
    encoder.set_output(transform="default")
    encoder.fit(rows.X, sample_weight=rows.weights.weight)


def _takes_ranks(kernel: Kernel) -> bool:
    """Whether every kernel that a kernel is made of knows inputs that are ranks."""
    parts = parts_of(kernel)
    if parts:
        return all(_takes_ranks(part) for part in parts)
    return "n_ranks" in kernel.get_params()


def _tell_ranks(kernel: Kernel, encoder: TableEncoder) -> None:
    """Tell kernels, in place, which inputs are ranks and what to divide each by."""
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
