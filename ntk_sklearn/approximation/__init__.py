"""Random features whose inner products approximate neural tangent kernels."""

from ._sampler import NTKSampler

__all__ = ["NTKSampler"]
