"""Networks that were trained: their kernels, optimisers, drift, and kernel machines."""

from .._engine.trained import NetworkArrays

__all__ = ["NetworkArrays"]
