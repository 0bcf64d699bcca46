"""Kernels of infinitely wide networks, as scikit-learn kernel objects."""

from ._convolutional import ConvolutionalNTKernel
from ._empirical import EmpiricalNTKernel
from ._graph_level import GraphNTKernel
from ._graph_nodes import GraphConvolutionNTKernel
from ._graphs import Graph, GraphCollection
from ._nngp import NNGPKernel
from ._ntk import NTKernel
from ._recurrent import RecurrentNTKernel
from ._residual import MultiDepthNTKernel, ResidualNTKernel
from ._weighted import WeightedNTKernel

__all__ = [
    "ConvolutionalNTKernel",
    "EmpiricalNTKernel",
    "Graph",
    "GraphCollection",
    "GraphConvolutionNTKernel",
    "GraphNTKernel",
    "MultiDepthNTKernel",
    "NNGPKernel",
    "NTKernel",
    "RecurrentNTKernel",
    "ResidualNTKernel",
    "WeightedNTKernel",
]
