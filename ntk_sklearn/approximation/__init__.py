"""Random features and random networks that approximate neural tangent kernels."""

from ._finite import finite_width_kernel
from ._sampler import NTKSampler

__all__ = ["NTKSampler", "finite_width_kernel"]
