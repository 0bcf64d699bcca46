"""Neural tangent kernels of infinitely wide networks, for scikit-learn."""

from .kernels import NNGPKernel, NTKernel, WeightedNTKernel

__version__ = "0.1.0.dev0"

__all__ = ["NNGPKernel", "NTKernel", "WeightedNTKernel", "__version__"]
