"""How much the neural tangent kernels of networks of finite width vary."""

from __future__ import annotations

import numpy as np

from .._utils.validation import check_depth
from ._checked import checked_number


def dispersion(width, depth):
    r"""Return the relative second moment of the NTK over random networks.

    This is :math:`E[\Theta(x, x)^2] / E[\Theta(x, x)]^2` of networks with finite width
    n, L hidden ReLU layers, and variances at the edge of chaos (2 and 0). The kernel of
    a single network is close to its limit if the number is close to one. It is the
    mean, over pairs l, m of the L + 1 layers, of :math:`(1 + 5/n)^{L - |l - m|} (1 +
    1/n + 4/n^2)^{|l - m|}`, and grows at most like :math:`e^{5 L / n}`: depth over
    width counts (Hanin and Nica, "Finite Depth and Width Corrections to the Neural
    Tangent Kernel", ICLR 2020).

    Parameters
    ----------
    width : int
        Number of units in each hidden layer.
    depth : int
        Number of hidden layers.

    Returns
    -------
    float

    Examples
    --------
    >>> from ntk_sklearn.dynamics import dispersion
    >>> (
    ...     round(dispersion(width=1000, depth=3), 3),
    ...     round(dispersion(width=32, depth=8), 2),
    ... )
    (1.01, 2.36)
    """
    n, depth = checked_number("width", width, zero=False), check_depth(depth)
    layers = np.arange(depth + 1)
    apart = np.abs(layers[:, None] - layers)
    both = (1.0 + 5.0 / n) ** (depth - apart)
    return float(np.mean(both * (1.0 + 1.0 / n + 4.0 / n**2) ** apart))
