"""The functions of any activation: an integer code finds the family's own.

A chain of integer comparisons, taken once per row of a tile: numba caches it on disk,
which it does not do for functions passed as arguments or built by closures. A code that
no family has raises ValueError. Series, which any other function has, take what they
need of one input from `prepare`, and have only the last two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from . import (
    _erf,
    _gaussian,
    _gelu,
    _rectified,
    _series,
    _step,
    _trigonometric,
)
from ._base import Activation

_rectified_moments = _rectified.moments
_rectified_dual, _rectified_pullback = _rectified.dual, _rectified.pullback
_erf_moments, _erf_statistics = _erf.moments, _erf.statistics
_erf_dual, _erf_pullback = _erf.dual, _erf.pullback
_gelu_moments, _gelu_statistics = _gelu.moments, _gelu.statistics
_gelu_dual, _gelu_pullback = _gelu.dual, _gelu.pullback
_gaussian_moments, _gaussian_statistics = _gaussian.moments, _gaussian.statistics
_gaussian_dual, _gaussian_pullback = _gaussian.dual, _gaussian.pullback
_wave_moments, _wave_statistics = _trigonometric.moments, _trigonometric.statistics
_wave_dual, _wave_pullback = _trigonometric.dual, _trigonometric.pullback
_step_moments, _step_statistics = _step.moments, _step.statistics
_step_dual, _step_pullback = _step.dual, _step.pullback
_series_dual, _series_pullback = _series.dual, _series.pullback


@jit
def moments(code, parameters, q):
    """Return the family's two moments of one variance."""
    if code == 0:
        return _rectified_moments(parameters, q)
    if code == 1:
        return _erf_moments(parameters, q)
    if code == 2:
        return _gelu_moments(parameters, q)
    if code == 3:
        return _gaussian_moments(parameters, q)
    if code == 4:
        return _wave_moments(parameters, q)
    if code == 5:
        return _step_moments(parameters, q)
    raise ValueError("no family of activations has this code")


@jit
def statistics(code, parameters, n, tail, out):
    """Write the family's statistics of one input; the rectifiers have none."""
    if code == 1:
        _erf_statistics(parameters, n, tail, out)
    elif code == 2:
        _gelu_statistics(parameters, n, tail, out)
    elif code == 3:
        _gaussian_statistics(parameters, n, tail, out)
    elif code == 4:
        _wave_statistics(parameters, n, tail, out)
    elif code == 5:
        _step_statistics(parameters, n, tail, out)
    elif code != 0:
        raise ValueError("no family of activations has this code")


@jit
def dual(code, parameters, eta, derivative, s_i, i, s_j, j0):
    """Take one row of pairs through the family's activation."""
    if code == 0:
        _rectified_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 1:
        _erf_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 2:
        _gelu_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 3:
        _gaussian_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 4:
        _wave_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 5:
        _step_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    elif code == 6:
        _series_dual(parameters, eta, derivative, s_i, i, s_j, j0)
    else:
        raise ValueError("no family of activations has this code")


@jit
def pullback(code, parameters, eta, stats, i, j0, bars, out):
    """Take one row of gradients back through the family's activation."""
    if code == 0:
        _rectified_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 1:
        _erf_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 2:
        _gelu_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 3:
        _gaussian_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 4:
        _wave_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 5:
        _step_pullback(parameters, eta, stats, i, j0, bars, out)
    elif code == 6:
        _series_pullback(parameters, eta, stats, i, j0, bars, out)
    else:
        raise ValueError("no family of activations has this code")


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
