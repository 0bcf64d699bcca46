"""The activations: each function beside its closed-form duals, by family.

Functions without a closed form have power series. To add an activation, see "Adding an
activation or a kernel" in the documentation. Registering it here makes it available to
every kernel, and makes the Monte-Carlo, gradient and limit tests run on it.
"""

from __future__ import annotations

from ._base import Activation
from ._duals import duals
from ._registry import ACTIVATIONS, get_activation, get_activations

__all__ = ["ACTIVATIONS", "Activation", "duals", "get_activation", "get_activations"]
