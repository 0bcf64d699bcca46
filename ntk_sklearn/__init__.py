"""Neural tangent kernels of infinitely wide networks, for scikit-learn."""

from .approximation._sampler import NTKSampler
from .dynamics._classifier import GradientDescentClassifier
from .dynamics._regressor import GradientDescentRegressor
from .dynamics._surrogate import SurrogateNTKRegressor
from .estimators._classifier import WNTKClassifier
from .estimators._logistic import KernelLogisticRegression
from .estimators._regressor import WNTKRegressor
from .kernels._convolutional import ConvolutionalNTKernel
from .kernels._empirical import EmpiricalNTKernel
from .kernels._graph_level import GraphNTKernel
from .kernels._graph_nodes import GraphConvolutionNTKernel
from .kernels._graphs import Graph, GraphCollection
from .kernels._nngp import NNGPKernel
from .kernels._ntk import NTKernel
from .kernels._recurrent import RecurrentNTKernel
from .kernels._residual import MultiDepthNTKernel, ResidualNTKernel
from .kernels._surrogate import SurrogateNTKernel
from .kernels._weighted import WeightedNTKernel
from .networks._surrogate import KernelSurrogate
from .preprocessing._network_gram import NetworkGram
from .preprocessing._sequence_packer import SequencePacker
from .preprocessing._table_encoder import TableEncoder

__version__ = "0.2.0"

__all__ = [
    "ConvolutionalNTKernel",
    "EmpiricalNTKernel",
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "Graph",
    "GraphCollection",
    "GraphConvolutionNTKernel",
    "GraphNTKernel",
    "KernelLogisticRegression",
    "KernelSurrogate",
    "MultiDepthNTKernel",
    "NNGPKernel",
    "NTKSampler",
    "NTKernel",
    "NetworkGram",
    "RecurrentNTKernel",
    "ResidualNTKernel",
    "SequencePacker",
    "SurrogateNTKRegressor",
    "SurrogateNTKernel",
    "TableEncoder",
    "WNTKClassifier",
    "WNTKRegressor",
    "WeightedNTKernel",
    "__version__",
]
