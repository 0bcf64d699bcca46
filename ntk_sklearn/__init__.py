"""Neural tangent kernels of infinitely wide networks, for scikit-learn."""

from .approximation import NTKSampler
from .classification import WNTKClassifier
from .kernels import NNGPKernel, NTKernel, WeightedNTKernel
from .regression import WNTKRegressor

__version__ = "0.1.0.dev0"

__all__ = [
    "NNGPKernel",
    "NTKSampler",
    "NTKernel",
    "WNTKClassifier",
    "WNTKRegressor",
    "WeightedNTKernel",
    "__version__",
]
