"""Activations of pairs that are aligned: the k-th of one side with the k-th of another.

Networks of images, sequences and graphs add up covariances of neighbours, whose digits
are those of a sum: there is no deficit to keep. A pair is given by its covariance `b`,
the roots `n_i` and `n_j` of its two variances, and the inverses of these, `o_i` and
`o_j`, which are zero for a variance of zero. Correlations closer to one than rounding
are taken for one, so that exact copies within an input stay copies in every layer. Each
family has three functions, of one pair or variance:

``pair(parameters, b, n_i, o_i, n_j, o_j)``
    Return ``A = E[phi(u) phi(v)]`` and ``D = E[phi'(u) phi'(v)]``.
``pair_slopes(parameters, b, n_i, o_i, n_j, o_j)``
    Return the derivatives of A in the two variances, and those of D in the first
    variance, the covariance and the second variance. That of A in the covariance is D.
``mean(parameters, q)``
    Return ``E[phi(z)]``, for z of variance q, and its derivative in q.
"""

from .._utils.jit import jit
from . import _erf, _gaussian, _gelu, _rectified, _trigonometric

# The families that have these functions.
PAIR_CODES = frozenset(range(5))

_rectified_pair, _rectified_slopes = _rectified.pair, _rectified.pair_slopes
_erf_pair, _erf_slopes = _erf.pair, _erf.pair_slopes
_gelu_pair, _gelu_slopes = _gelu.pair, _gelu.pair_slopes
_gaussian_pair, _gaussian_slopes = _gaussian.pair, _gaussian.pair_slopes
_wave_pair, _wave_slopes = _trigonometric.pair, _trigonometric.pair_slopes
_rectified_mean, _erf_mean, _gelu_mean = _rectified.mean, _erf.mean, _gelu.mean
_gaussian_mean, _wave_mean = _gaussian.mean, _trigonometric.mean


@jit
def pairs(code, p, b, sides, A, D):
    """Write A and D of aligned pairs, whose covariances are `b`, into other arrays.

    `sides` are four arrays: for both sides, the roots of the variances, and the
    inverses of these.
    """
    n, o, m, w = sides
    if code == 0:
        for k in range(b.size):
            A[k], D[k] = _rectified_pair(p, b[k], n[k], o[k], m[k], w[k])
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
    else:
        raise ValueError("no family of activations has this code")


@jit
def slopes(code, p, b, sides, out):
    """Write the five derivatives of aligned pairs into the rows of `out`."""
    n, o, m, w = sides
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
def mean(code, p, q):
    """Return the mean of an activation, and its derivative in the variance."""
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
    raise ValueError("no family of activations has this code")
