"""The parameters of a network, checked, and the network's kernel on fixed rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._engine.network import Layers, Network, activation_arrays
from ..activations._base import Activation


class NetworkParameters(NamedTuple):
    """Checked parameters of a network, with one number for each layer or feature.

    The first four fields are the hyperparameters, in the order of the engine's
    gradients.
    """

    layer_weights: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    length_scale: np.ndarray
    bias_weights: np.ndarray | None  # None means those of the layers
    activations: tuple[Activation, ...]  # of the hidden layers
    n_ranks: int

    def network(self) -> Network:
        """Return the network in the engine's form."""
        layers = Layers(
            *activation_arrays(self.activations),
            self.weight_variance,
            self.bias_variance,
            self.layer_weights,
            self.layer_weights if self.bias_weights is None else self.bias_weights,
            tied=self.bias_weights is None,
        )
        n_features = len(self.length_scale)
        scale = np.sqrt(self.weight_variance[0] / n_features) / self.length_scale
        return Network(layers, self.activations, scale, self.n_ranks)


HYPERPARAMETERS = NetworkParameters._fields[:4]


class NetworkOnRows:
    """The kernel of a network on fixed rows, for repeated changes of theta.

    Rows and parameters are checked once, because on a hundred rows the checks take
    longer than the kernel matrix.

    Parameters
    ----------
    parameters : NetworkParameters
        The parameters at the start.
    columns : list of ndarray of int
        For each hyperparameter, the entry of theta for each of its numbers; -1 where it
        is fixed.
    n_dims : int
        Length of theta.
    X : ndarray of shape (n, n_features)
        Checked rows.
    dtype : dtype
        Type of the kernel matrix.
    engine : Engine
        The engine for such rows.
    """

    def __init__(
        self, parameters: NetworkParameters, columns, n_dims: int, X, dtype, engine
    ):
        self._parameters, self._n_dims, self._dtype = parameters, n_dims, dtype
        self._X, self._engine = X, engine
        # The free numbers of each hyperparameter, and their entries of theta.
        self._moves = [(np.flatnonzero(c >= 0), c[c >= 0]) for c in columns]
        self.network = parameters.network()

    def set_theta(self, theta) -> None:
        """Set theta; minus infinity means a weight of zero."""
        values = np.exp(theta)
        moved = {}
        for name, (entries, positions) in zip(
            HYPERPARAMETERS, self._moves, strict=True
        ):
            if entries.size:
                moved[name] = getattr(self._parameters, name).copy()
                moved[name][entries] = values[positions]
        self.network = self._parameters._replace(**moved).network()

    def gram(self) -> np.ndarray:
        """Return the kernel matrix: a new array."""
        return self._engine.gram(self.network, self._X, dtype=self._dtype)

    def contract(self, G) -> np.ndarray:
        """Return ``sum(G * dK / dtheta)`` for a symmetric G."""
        moving = [entries.size > 0 for entries, _ in self._moves]
        found = self._engine.contract(
            self.network,
            self._X,
            G,
            length_scale=moving[-1],
            weights_only=not any(moving[1:]),  # takes less time
        )
        gradient = np.zeros(self._n_dims)
        found = found._replace(
            layer_weights=found.layer_weights * self.network.layers.weights
        )
        for part, (entries, positions) in zip(found, self._moves, strict=True):
            np.add.at(gradient, positions, part[entries])
        return gradient
