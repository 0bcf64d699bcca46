"""The shrunk correlation, which the duals of erf, gelu and the Gaussian depend on.

It is ``r = rho k_i k_j`` with ``k^2 = c q / (1 + c q)`` and ``l^2 = 1 - k^2``, where c
belongs to the activation.
"""

import math

from .._utils.jit import jit
from ._deficit import gap


@jit
def shrink(c, q):
    """Return k and l of a variance."""
    l = 1.0 / math.sqrt(1.0 + c * q)
    return math.sqrt(c * q) * l, l


@jit
def inverse_root(second_moment):
    """Return ``second_moment ** -0.5``, and zero for zero."""
    return 1.0 / math.sqrt(second_moment) if second_moment > 0.0 else 0.0


@jit
def shrinkage(k_i, k_j, l_i, l_j):
    """Return ``1 - k_i k_j``, which are cosines of angles whose sines are l."""
    return 0.5 * ((k_i - k_j) ** 2 + (l_i - l_j) ** 2) + l_i * l_j


@jit
def shrunk_deficit(d, k_i, k_j, l_i, l_j):
    """Return ``1 - abs(r)`` without cancellation, for large variances too."""
    return min(k_i * k_j * d + shrinkage(k_i, k_j, l_i, l_j), 1.0)


@jit
def signed_deficit(rho):
    """Return ``copysign(1 - abs(rho), rho)``, never minus zero."""
    d = max(1.0 - abs(rho), 0.0)
    return -max(d, 1e-300) if rho < 0.0 else d


@jit
def remaining(c, b, n_i, o_i, n_j, o_j):
    """Return ``(1 + c a)(1 + c a') - c^2 b^2`` of two variances and a covariance.

    `n` are the roots of the variances, and `o` the inverses of these.
    """
    d = gap(b * (o_i * o_j))
    g = n_i * n_j
    return 1.0 + c * (n_i * n_i + n_j * n_j) + c * c * (g * g * (d * (2.0 - d)))
