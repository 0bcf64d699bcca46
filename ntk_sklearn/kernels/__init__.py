"""Kernels of infinitely wide networks, as scikit-learn kernel objects."""

from ._ntk import NNGPKernel, NTKernel
from ._weighted import WeightedNTKernel

__all__ = ["NNGPKernel", "NTKernel", "WeightedNTKernel"]
