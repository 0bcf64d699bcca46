"""Kernels of infinitely wide networks, as scikit-learn kernel objects."""

from ._nngp import NNGPKernel
from ._ntk import NTKernel
from ._weighted import WeightedNTKernel

__all__ = ["NNGPKernel", "NTKernel", "WeightedNTKernel"]
