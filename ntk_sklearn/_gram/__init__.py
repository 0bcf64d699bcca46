"""The engine: Gram matrices of networks, as plain functions on arrays."""

from ._contraction import Contraction, contract
from ._full_gradient import full_gradient
from ._network import Layers, Network, diagonal
from ._tiles import components, gram

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
