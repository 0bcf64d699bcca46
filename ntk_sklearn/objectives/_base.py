"""The result of an objective, and a matrix product that several objectives use.

All objectives are functions of ``P``, the inverse of ``K + alpha / weight`` (minus its
part along the constant, if there is an intercept), and of ``a = P Y``. With and without
an intercept, ``dP = -P dK P``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas

from .._utils.arrays import is_elsewhere
from .._utils.blas import add_square, mirror_lower
from ..solvers._on_arrays import scaled_square, with_outer


class Evaluation(NamedTuple):
    """The value of an objective at a kernel matrix and a ridge, and its derivatives.

    Attributes
    ----------
    value : float
        The value, which learning minimises.
    dK : ndarray of shape (n, n)
        The derivative with respect to the kernel matrix, a symmetric matrix.
    dalpha : float
        The derivative with respect to the ridge.

    Examples
    --------
    A step of the ridge against its derivative makes the objective smaller:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.objectives import evidence
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = evidence(K, Y, 0.1)
    >>> step = 0.01 * np.sign(found.dalpha)
    >>> bool(evidence(K, Y, 0.1 - step).value < found.value)
    True
    """

    value: float
    dK: np.ndarray
    dalpha: float


def second_order(P, q, A, B, scale):
    """Return ``scale * (P diag(q) P - (A B' + B A') / 2)``.

    P is symmetric and is overwritten; q is not negative. Both products are added up in
    the same triangle, so that only half of each is computed.
    """
    if is_elsewhere(P):
        return with_outer(scaled_square(P, q, scale), 1.0, A, B, -scale)
    P *= np.sqrt(q)
    # In Fortran order the transposes are what BLAS reads, so nothing is copied.
    M = add_square(np.zeros(P.shape, order="F"), P.T, scale, transposed=True)
    M = blas.dsyr2k(
        -0.5 * scale, A.T, B.T, beta=1.0, c=M, trans=1, lower=1, overwrite_c=1
    )
    return mirror_lower(M).T
