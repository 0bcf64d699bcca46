"""The engine: Gram matrices of networks, as plain functions on arrays."""

from .contraction import Contraction, contract
from .full_gradient import full_gradient
from .network import Layers, Network, diagonal
from .tiles import components, gram

__all__ = [
    "Contraction",
    "Layers",
    "Network",
    "components",
    "contract",
    "diagonal",
    "full_gradient",
    "gram",
]
