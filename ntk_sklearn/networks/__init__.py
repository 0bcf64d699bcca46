"""Networks that were trained: their kernels, optimisers, drift, and kernel machines."""

from .._engine.trained import NetworkArrays
from ..kernels._empirical import EmpiricalNTKernel
from ._after import AfterNTKRegressor
from ._surrogate import Fidelity, KernelSurrogate

__all__ = [
    "AfterNTKRegressor",
    "EmpiricalNTKernel",
    "Fidelity",
    "KernelSurrogate",
    "NetworkArrays",
]
