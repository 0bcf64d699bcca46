"""What an activation needs of the inputs of a layer, and its duals of pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from . import _series
from ._base import Activation
from ._dispatch import dual, moments, statistics


class Prepared(NamedTuple):
    """What the duals need of each input; arrays have a column for each.

    Attributes
    ----------
    statistics : ndarray of shape (n_statistics, n)
        The numbers that the jitted duals read.
    moment, slope : ndarray of shape (n,)
        ``E[phi(z)^2]`` and ``E[phi'(z)^2]``.
    excess : ndarray of shape (n,)
        ``d log(E[phi^2] / q) / d log q``.
    """

    statistics: np.ndarray
    moment: np.ndarray
    slope: np.ndarray
    excess: np.ndarray


@jit
def _fill(code, parameters, norms, tails, stats, both):
    scratch = np.zeros(stats.shape[0])
    for i in range(norms.size):
        if stats.shape[0] > 0:
            statistics(code, parameters, norms[i], tails[i], scratch)
            stats[:, i] = scratch
        both[0, i], both[1, i] = moments(code, parameters, norms[i] * norms[i])


def prepare(activation: Activation, norms: np.ndarray, tails: np.ndarray) -> Prepared:
    """Return what the duals of an activation need of some inputs.

    Parameters
    ----------
    activation : Activation
    norms, tails : ndarray of shape (n,)
        The roots of the variances, and what rounding leaves of them.

    Returns
    -------
    Prepared
    """
    if activation.code == _series.CODE:
        return Prepared(*_series.prepare(activation.parameters, norms))
    stats = np.zeros((activation.n_statistics, norms.size))
    both = np.empty((2, norms.size))
    _fill(activation.code, activation.parameters, norms, tails, stats, both)
    excess = stats[-1] if activation.n_statistics else np.zeros(norms.size)
    return Prepared(stats, both[0], both[1], excess)


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
