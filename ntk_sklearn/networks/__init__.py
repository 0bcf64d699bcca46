"""Fitted networks: their kernels, the drift of these, and models that imitate them."""

from .._engine.trained import NetworkArrays
from ..kernels._empirical import EmpiricalNTKernel
from ._after import AfterNTKRegressor
from ._drift import KernelChange, KernelDrift, kernel_change, kernel_drift
from ._fidelity import Fidelity
from ._optimizers import OptimizerWeights, optimizer_weights
from ._surrogate import KernelSurrogate

__all__ = [
    "AfterNTKRegressor",
    "EmpiricalNTKernel",
    "Fidelity",
    "KernelChange",
    "KernelDrift",
    "KernelSurrogate",
    "NetworkArrays",
    "OptimizerWeights",
    "kernel_change",
    "kernel_drift",
    "optimizer_weights",
]
