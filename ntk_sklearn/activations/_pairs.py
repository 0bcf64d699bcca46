"""Activations of pairs that are aligned: the k-th of one side with the k-th of another.

Networks of images, sequences and graphs add up covariances of neighbours, whose digits
are those of a sum: there is no deficit to keep. A pair is given by its covariance `b`,
the roots `n_i` and `n_j` of its two variances, and the inverses of these, `o_i` and
`o_j`, which are zero for a variance of zero. Correlations closer to one than rounding
are taken for one, so that exact copies within an input stay copies in every layer. Each
family with a closed form has three functions, of one pair or variance:

``pair(parameters, b, n_i, o_i, n_j, o_j)``
    Return ``A = E[phi(u) phi(v)]`` and ``D = E[phi'(u) phi'(v)]``.
``pair_slopes(parameters, b, n_i, o_i, n_j, o_j)``
    Return the derivatives of A in the two variances, and those of D in the first
    variance, the covariance and the second variance. That of A in the covariance is D;
    units that jump, whose D is zero, return the three derivatives of A instead.
``mean(parameters, q)``
    Return ``E[phi(z)]``, for z of variance q, and its derivative in q.

All other activations are series, which take rows of pairs; see `_pair_series`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from . import _erf, _gaussian, _gelu, _pair_series, _rectified, _step, _trigonometric
from ._base import Activation
from ._pair_table import pair_table

_rectified_pairs, _rectified_slopes = _rectified.pairs, _rectified.pair_slopes
_erf_pair, _erf_slopes = _erf.pair, _erf.pair_slopes
_gelu_pair, _gelu_slopes = _gelu.pair, _gelu.pair_slopes
_gaussian_pair, _gaussian_slopes = _gaussian.pair, _gaussian.pair_slopes
_wave_pair, _wave_slopes = _trigonometric.pair, _trigonometric.pair_slopes
_step_pair, _step_slopes = _step.pair, _step.pair_slopes
_any_pairs, _any_slopes, _any_mean = (
    _pair_series.pairs,
    _pair_series.slopes,
    _pair_series.mean,
)
_rectified_mean, _erf_mean, _gelu_mean = _rectified.mean, _erf.mean, _gelu.mean
_gaussian_mean, _wave_mean, _step_mean = (
    _gaussian.mean,
    _trigonometric.mean,
    _step.mean,
)


class PairActivation(NamedTuple):
    """An activation for compiled code, or those of several layers.

    Attributes
    ----------
    code : int or ndarray of int, shape (n_layers,)
        The family.
    parameters : ndarray of shape (n_parameters,) or (n_layers, n_parameters)
        The numbers that it reads.
    series : True or None
        Whether it may be a series. Code for None is compiled apart: it is faster to
        compile, as it has closed forms only.
    """

    code: int | np.ndarray
    parameters: np.ndarray
    series: bool | None

    @classmethod
    def of(cls, activation: Activation) -> PairActivation:
        """Return an activation for compiled code."""
        if activation.closed_form:
            return cls(activation.code, activation.parameters, None)
        return cls(activation.code, pair_table(activation), True)

    @classmethod
    def stack(cls, activations: Iterable[Activation]) -> PairActivation:
        """Return the activations of several layers as one record."""
        found = [cls.of(activation) for activation in activations]
        size = max([one.parameters.size for one in found], default=1)
        parameters = np.zeros((len(found), max(size, 1)))
        for row, one in zip(parameters, found, strict=True):
            row[: one.parameters.size] = one.parameters
        codes = np.array([one.code for one in found], dtype=np.int64)
        return cls(
            codes, parameters, True if any(one.series for one in found) else None
        )


@jit
def pairs(code, p, series, b, sides, A, D):
    """Write A and D of aligned pairs, whose covariances are `b`, into other arrays.

    `sides` are four arrays: for both sides, the roots of the variances, and the
    inverses of these. See `PairActivation` for the first three.
    """
    n, o, m, w = sides
    if series is not None and code == 6:
        _any_pairs(p, b, sides, A, D)
        return
    if code == 0:
        _rectified_pairs(p, b, sides, A, D)
    elif code == 1:
        for k in range(b.size):
            A[k], D[k] = _erf_pair(p, b[k], n[k], o[k], m[k], w[k])
    elif code == 2:
        for k in range(b.size):
            A[k], D[k] = _gelu_pair(p, b[k], n[k], o[k], m[k], w[k])
    elif code == 3:
        for k in range(b.size):
            A[k], D[k] = _gaussian_pair(p, b[k], n[k], o[k], m[k], w[k])
    elif code == 4:
        for k in range(b.size):
            A[k], D[k] = _wave_pair(p, b[k], n[k], o[k], m[k], w[k])
    elif code == 5:
        for k in range(b.size):
            A[k], D[k] = _step_pair(p, b[k], n[k], o[k], m[k], w[k])
    else:
        raise ValueError("no family of activations has this code")


@jit
def slopes(code, p, series, b, sides, D, out):
    """Write the derivatives of aligned pairs into the rows of `out`.

    They are the five of `pair_slopes`, and that of A in the covariance, mostly `D`.
    """
    n, o, m, w = sides
    for k in range(b.size):
        out[5, k] = D[k]
    if code == 5:
        for k in range(b.size):
            out[2, k], out[3, k], out[4, k] = 0.0, 0.0, 0.0
            by_a, by_c, by_b = _step_slopes(p, b[k], n[k], o[k], m[k], w[k])
            out[0, k], out[1, k], out[5, k] = by_a, by_c, by_b
        return
    if series is not None and code == 6:
        _any_slopes(p, b, sides, out)
        return
    for k in range(b.size):
        if code == 0:
            s = _rectified_slopes(p, b[k], n[k], o[k], m[k], w[k])
        elif code == 1:
            s = _erf_slopes(p, b[k], n[k], o[k], m[k], w[k])
        elif code == 2:
            s = _gelu_slopes(p, b[k], n[k], o[k], m[k], w[k])
        elif code == 3:
            s = _gaussian_slopes(p, b[k], n[k], o[k], m[k], w[k])
        elif code == 4:
            s = _wave_slopes(p, b[k], n[k], o[k], m[k], w[k])
        else:
            raise ValueError("no family of activations has this code")
        out[0, k], out[1, k], out[2, k], out[3, k], out[4, k] = s


@jit
def mean(code, p, series, q):
    """Return the mean of an activation, and its derivative in the variance."""
    if series is not None and code == 6:
        return _any_mean(p, q)
    if code == 0:
        return _rectified_mean(p, q)
    if code == 1:
        return _erf_mean(p, q)
    if code == 2:
        return _gelu_mean(p, q)
    if code == 3:
        return _gaussian_mean(p, q)
    if code == 4:
        return _wave_mean(p, q)
    if code == 5:
        return _step_mean(p, q)
    raise ValueError("no family of activations has this code")
