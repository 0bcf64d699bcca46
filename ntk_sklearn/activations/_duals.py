"""The duals of an activation for some pairs of variances, as arrays."""

from __future__ import annotations

import numpy as np

from .._utils.jit import jit
from ._base import Activation
from ._dispatch import dual, prepare


@jit
def _aligned(code, parameters, eta, derivative, s_i, s_j):
    for k in range(eta.size):
        e, d = eta[k : k + 1], derivative[k : k + 1]
        dual(code, parameters, e, d, s_i, k, s_j, k)


def duals(activation: Activation, q_ii, q_jj, eta) -> tuple[np.ndarray, np.ndarray]:
    """Return the duals of an activation for some pairs of normal variables.

    Parameters
    ----------
    activation : Activation
        The activation.
    q_ii, q_jj : array-like of shape (n,)
        The variances of both variables.
    eta : array-like of shape (n,)
        Their signed deficits, ``copysign(1 - abs(rho), rho)``, where rho is their
        correlation.

    Returns
    -------
    A : ndarray of shape (n,)
        ``E[phi(u) phi(v)]``.
    D : ndarray of shape (n,)
        ``E[phi'(u) phi'(v)]``.

    Examples
    --------
    >>> from ntk_sklearn.activations import duals, get_activation
    >>> A, D = duals(get_activation("tanh"), [1.0], [2.0], [0.5])
    >>> A.round(4), D.round(4)
    (array([0.2096]), array([0.3084]))
    """
    q_ii, q_jj, eta = (
        np.ascontiguousarray(a, dtype=np.float64)
        for a in np.broadcast_arrays(q_ii, q_jj, eta)
    )
    # Of opposite variables, zero has a sign that comparisons do not see.
    eta = np.where(np.signbit(eta), np.minimum(eta, -1e-300), eta)
    derivative, zeros = np.empty_like(eta), np.zeros_like(eta)
    left = prepare(activation, np.sqrt(q_ii), zeros)
    right = prepare(activation, np.sqrt(q_jj), zeros)
    sides = left.statistics, right.statistics
    _aligned(activation.code, activation.parameters, eta, derivative, *sides)
    R = np.where(np.signbit(eta), -1.0 - eta, 1.0 - eta)
    return np.sqrt(left.moment * right.moment) * R, derivative
