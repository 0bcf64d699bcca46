"""Activations of networks, and the expectations from which kernels are computed.

Functions without a closed form have power series. To add an activation, see "Adding an
activation, a kernel or an objective" in the documentation. An activation that is
registered here is available to every kernel, and is part of the tests of all of them.
"""

from __future__ import annotations

from ._base import Activation
from ._duals import duals
from ._registry import ACTIVATIONS, get_activation, get_activations

__all__ = ["ACTIVATIONS", "Activation", "duals", "get_activation", "get_activations"]
