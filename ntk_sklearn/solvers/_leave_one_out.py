"""Leave-one-out residuals of a ridge problem that is already solved."""

from __future__ import annotations

import numpy as np

from ._row_weights import RowWeights

EPS = float(np.finfo(float).eps)


def one_minus_leverage(whole, left_out, floor: float = EPS) -> np.ndarray:
    """Return one minus the leverage of the part of each row that is left out.

    Parameters
    ----------
    whole : ndarray of shape (n,)
        One minus the leverage of each row with all its copies.
    left_out : ndarray of shape (n,)
        The share of each row that is left out, `RowWeights.left_out`.
    floor : float, default=2.2e-16
        The smallest value that is returned. If a row is nearly interpolated, one minus
        its leverage may be smaller than its rounding error.

    Returns
    -------
    ndarray of shape (n,)
    """
    return np.maximum(1.0 - left_out + left_out * whole, floor)


def leave_one_out(precision, dual_coef, alpha, sample_weight=None):
    """Return the exact leave-one-out residuals: targets minus predictions.

    One copy of each row is left out at a time; a row that counts for less than one copy
    is left out as a whole.

    Parameters
    ----------
    precision : ndarray of shape (n,)
        The diagonal of `Solution.P`.
    dual_coef : ndarray of shape (n, k)
        The dual coefficients of the same solution.
    alpha : float
        The ridge of the same solution.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        The weights of the same solution: integers count copies.

    Returns
    -------
    residuals : ndarray of shape (n, k)
        The target of each row minus its prediction by a model fitted without it.
    one_minus_leverage : ndarray of shape (n,)
        One minus the leverage of the part of each row that is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import leave_one_out, solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), np.sin(3.0 * X)
    >>> found = solve(K, Y, alpha=0.1)
    >>> errors, _ = leave_one_out(np.diag(found.P), found.dual_coef, 0.1)

    The first residual can be found by a fit to all rows but the first:

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
