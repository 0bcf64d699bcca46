"""The one rule by which rows are left out of a ridge fit that is already solved."""

from __future__ import annotations

import numpy as np

from ._row_weights import RowWeights

EPS = float(np.finfo(float).eps)


def one_minus_leverage(whole, left_out, floor: float = EPS) -> np.ndarray:
    """Return one minus the leverage of what leave-one-out leaves out of each row.

    Parameters
    ----------
    whole : ndarray of shape (n,)
        One minus the leverage of each row with all its copies.
    left_out : ndarray of shape (n,)
        The share of the row that is left out, `RowWeights.left_out`.
    floor : float, default=2.2e-16
        The smallest value returned. Rows that are nearly interpolated have next to
        nothing left, and what is left must not be rounding.

    Returns
    -------
    ndarray of shape (n,)
    """
    return np.maximum(1.0 - left_out + left_out * whole, floor)


def leave_one_out(precision, dual_coef, alpha, sample_weight=None):
    """Return the exact leave-one-out residuals: targets minus predictions.

    Of each row one copy is left out, or all of it if there is less than one.

    Parameters
    ----------
    precision : ndarray of shape (n,)
        The diagonal of `Solution.P`.
    dual_coef : ndarray of shape (n, k)
        The dual coefficients of the same solution.
    alpha : float
        The ridge that it was solved with.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        The weights that it was solved with: integers count copies.

    Returns
    -------
    residuals : ndarray of shape (n, k)
        Errors of predictions by models that have not seen the row.
    one_minus_leverage : ndarray of shape (n,)
        One minus the leverage of what is left out of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import leave_one_out, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = solve(K, Y, alpha=0.1)
    >>> errors, _ = leave_one_out(np.diag(found.P), found.dual_coef, 0.1)

    The first one again, by a fit to all rows but the first:

    >>> rest = solve(K[1:, 1:], Y[1:], alpha=0.1)
    >>> predicted = K[0, 1:] @ rest.dual_coef + rest.intercept
    >>> bool(np.isclose(errors[0], Y[0] - predicted)[0])
    True
    """
    weights = RowWeights.of(sample_weight, len(precision))
    noise = weights.noise(alpha)
    floor = EPS * noise.min(initial=1.0)
    left = one_minus_leverage(noise * precision, weights.left_out, floor)
    return (noise / left)[:, None] * dual_coef, left
