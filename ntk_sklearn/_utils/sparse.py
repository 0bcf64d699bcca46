"""Rows in compressed form, for kernels that take inner products of them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import check_array


class SparseRows(csr_array):
    """A sparse matrix with a length, as any other set of rows has."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]


def sparse_rows(X, name: str = "X") -> SparseRows:
    """Turn a matrix into checked sparse rows of float64, each with sorted columns.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n_samples, n_features)
        Finite numbers.
    name : str, default="X"
        The name of the argument in messages.

    Returns
    -------
    SparseRows
        It shares memory with `X` where it can.
    """
    if isinstance(X, SparseRows):
        return X
    checked = check_array(X, accept_sparse="csr", dtype=np.float64, input_name=name)
    rows = SparseRows(checked)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows
