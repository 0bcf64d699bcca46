"""The shrunk correlation, which the duals of erf, gelu and the Gaussian depend on.

It is ``r = rho k_i k_j`` with ``k^2 = c q / (1 + c q)`` and ``l^2 = 1 - k^2``, where c
belongs to the activation. The statistics of one input are k, l, and one over the root
of ``E[phi^2]``; a family may add some of its own.
"""

import math

from .._utils.jit import jit


@jit
def shrink(c, q, second_moment, out):
    """Write k, l and ``second_moment ** -0.5``."""
    out[1] = 1.0 / math.sqrt(1.0 + c * q)
    out[0] = math.sqrt(c * q) * out[1]
    out[2] = 1.0 / math.sqrt(second_moment) if second_moment > 0.0 else 0.0


@jit
def shrunk_deficit(d, k_i, k_j, l_i, l_j):
    """Return ``1 - abs(r)`` without cancellation, for large variances too."""
    shrinkage = 0.5 * ((k_i - k_j) ** 2 + (l_i - l_j) ** 2) + l_i * l_j
    return min(k_i * k_j * d + shrinkage, 1.0)


@jit
def signed_deficit(rho):
    """Return ``copysign(1 - abs(rho), rho)``, never minus zero."""
    d = max(1.0 - abs(rho), 0.0)
    return -max(d, 1e-300) if rho < 0.0 else d
