"""Kernels of infinitely wide networks, as scikit-learn kernel objects."""

from ._empirical import EmpiricalNTKernel
from ._nngp import NNGPKernel
from ._ntk import NTKernel
from ._weighted import WeightedNTKernel

__all__ = ["EmpiricalNTKernel", "NNGPKernel", "NTKernel", "WeightedNTKernel"]
