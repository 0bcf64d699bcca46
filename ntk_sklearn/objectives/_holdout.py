"""The error on held-out rows."""

from __future__ import annotations

import numpy as np

from .._utils.arrays import is_elsewhere, place_at, to_numpy
from .._utils.threads import one_blas_thread
from ..solvers._cholesky import solve
from ..solvers._row_weights import RowWeights
from ._base import Evaluation


@one_blas_thread()
def holdout(
    K, Y, alpha, sample_weight=None, intercept=True, overwrite_K=False, *, splits
) -> Evaluation:
    """Sum of squared errors on held-out rows.

    In each split, the ridge problem is solved on the rows to fit, and the solution is
    scored on the held-out rows. With one split, no intercept and no weights this is the
    objective of Tan et al. 2023, the authors of the weighted NTK.

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept, overwrite_K
        As for `loo`. The matrix K is not overwritten in any case.
    splits : list of pairs of integer arrays
        Numbers of the rows to fit and of the rows to score, for each split.

    Returns
    -------
    Evaluation
        In squared units of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.objectives import holdout
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> split = np.arange(0, 20, 2), np.arange(1, 20, 2)
    >>> found = holdout(NTKernel()(X), np.sin(3.0 * X), 0.1, splits=[split])
    >>> bool(found.value < np.sum(np.sin(3.0 * X[1::2]) ** 2))
    True
    """
    if is_elsewhere(K):  # parts of the matrix are small
        found = holdout(to_numpy(K), Y, alpha, sample_weight, intercept, splits=splits)
        return found._replace(dK=place_at(K).move(found.dK))
    weights = RowWeights.of(sample_weight, len(K))
    value, dalpha = 0.0, 0.0
    M = np.zeros_like(K)
    for train, test in splits:
        cross = K[np.ix_(test, train)]
        inner = weights.take(train)
        part = solve(K[np.ix_(train, train)], Y[train], alpha, inner, intercept)
        R = cross @ part.dual_coef + part.intercept - Y[test]
        weighted = weights.weight[test, None] * R
        value += float(np.sum(R * weighted))
        # Derivative of the squared errors with respect to the right-hand side of the
        # ridge system: the adjoint solution.
        back = part.P @ (cross.T @ weighted)
        back += np.outer(part.intercept_weights, weighted.sum(axis=0))
        M[np.ix_(test, train)] += weighted @ part.dual_coef.T
        M[np.ix_(train, test)] += part.dual_coef @ weighted.T
        outer = back @ part.dual_coef.T
        M[np.ix_(train, train)] -= outer + outer.T
        dalpha -= 2.0 * float(np.sum(back * part.dual_coef / inner.weight[:, None]))
    return Evaluation(value, M, dalpha)
