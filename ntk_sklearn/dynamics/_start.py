"""The kernel of the outputs of random networks before training."""

from __future__ import annotations

import inspect

from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel

from ..kernels._dense import DenseKernel
from ..kernels._nngp import NNGPKernel
from ..kernels._surrogate import SurrogateNTKernel


def start_kernel(
    kernel: Kernel | SurrogateNTKernel, start: Kernel | str
) -> Kernel | None:
    """Return the covariance of the outputs at the start of training.

    Parameters
    ----------
    kernel : Kernel or SurrogateNTKernel
        The kernel by which the network learns.
    start : {"random", "zero"} or Kernel
        The parameter of the estimator.

    Returns
    -------
    Kernel or None
        For random networks the NNGP kernel with the same parameters. None means that
        all networks start at zero.

    Raises
    ------
    ValueError
        If the network starts at random, and its kernel does not tell how.
    """
    if not isinstance(start, str):
        return clone(start)
    if start == "zero":
        return None
    if isinstance(kernel, SurrogateNTKernel):
        return NNGPKernel(
            kernel.depth,
            kernel.unit,
            weight_variance=kernel.weight_variance,
            bias_variance=kernel.bias_variance,
        )
    if not isinstance(kernel, DenseKernel):
        raise ValueError(
            'start="random" needs the kernel of a fully connected network of this '
            f"package, whose outputs before training are known, got {kernel!r}; pass "
            'start="zero", or as start the kernel of the outputs before training.'
        )
    parameters, known = kernel.get_params(), inspect.signature(NNGPKernel).parameters
    return NNGPKernel(**{k: v for k, v in parameters.items() if k in known})
