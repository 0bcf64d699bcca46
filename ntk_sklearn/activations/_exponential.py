"""The exponential function, such that the compiler vectorises it."""

import numpy as np

from .._utils.jit import jit

# Added to a number below 2^51, it leaves the nearest integer in the last bits.
_ROUND = 6755399441055744.0
_LOG2_E = 1.4426950408889634
# The logarithm of two in two parts, of which small multiples of the first are exact.
_LN2, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10


@jit
def decay(y):
    """Return s and p, such that ``exp(-y) = s + s p``, for ``y >= 0``.

    And ``1 - exp(-y) = (1 - s) - s p``, to the digits of its own. s is a power of two,
    and p is a series of what is left of y, with a relative error below 2e-16. Beyond
    y = 708 it is the same number, 1e-308.
    """
    y = min(y, 708.0)
    t = _ROUND - y * _LOG2_E
    n = t - _ROUND
    r = (-y - n * _LN2) - n * _LN2_LOW
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    bits = np.float64(t).view(np.int64)
    s = np.int64((bits + 1023) << 52).view(np.float64)
    return s, r + r * r * p
