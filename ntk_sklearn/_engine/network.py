"""A network as plain values: checked, and ready for the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..activations._base import Activation


class Layers(NamedTuple):
    """The network as jitted code sees it.

    The first two arrays have a row for each hidden layer, the others an entry for each
    layer, the read-out last.
    """

    codes: np.ndarray
    parameters: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    weights: np.ndarray
    bias_weights: np.ndarray
    tied: bool = True  # whether the bias weights follow the weights


def activation_arrays(
    activations: tuple[Activation, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes and the numbers of the activations, as jitted code reads them.

    Parameters
    ----------
    activations : tuple of Activation
        One for each hidden layer.

    Returns
    -------
    codes : ndarray of shape (depth,)
    parameters : ndarray of shape (depth, n_numbers)
        Each row ends with zeros, if another has more numbers.
    """
    numbers = [activation.parameters for activation in activations]
    parameters = np.zeros((len(numbers), max(map(len, numbers))))
    for row, values in zip(parameters, numbers, strict=True):
        row[: len(values)] = values
    return np.array([activation.code for activation in activations]), parameters


@dataclass(frozen=True)
class Network:
    """An infinitely wide fully connected network, validated and ready to evaluate.

    Attributes
    ----------
    layers : Layers
        Activations, variances and learning rates.
    activations : tuple of Activation
        The records of the activations of the hidden layers.
    feature_scale : ndarray of shape (n_features,)
        The factor of each input column in the first covariance:
        ``sqrt(weight_variance[0] / n_features) / length_scale``.
    n_ranks : int, default=0
        Number of columns, the last ones, that are ranks; see `ranks`.
    """

    layers: Layers
    activations: tuple[Activation, ...]
    feature_scale: np.ndarray
    n_ranks: int = 0

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.layers.weights) - 1

    @property
    def homogeneous(self) -> bool:
        """Whether all activations are positively homogeneous."""
        return all(activation.homogeneous for activation in self.activations)

    @property
    def first_bias(self) -> float:
        """Standard deviation of the first layer's bias."""
        return math.sqrt(self.layers.bias_variance[0])

    @property
    def n_linear(self) -> int:
        """Number of columns that enter by their products."""
        return len(self.feature_scale) - self.n_ranks

    @property
    def linear_scale(self) -> np.ndarray:
        """The factors of those columns."""
        return self.feature_scale[: self.n_linear]

    @property
    def rank_scale(self) -> np.ndarray:
        """The factors of the columns that are ranks."""
        return self.feature_scale[self.n_linear :]

    @property
    def closest(self) -> float:
        """Deficit below which a pair is recomputed from the difference of its rows.

        A dot product leaves some 4e-16 in the correlation, which an angle t magnifies
        by 1/t, and every layer's slope adds to it: at this threshold what is left of a
        rectifier's kernel is wrong by 1e-13 of its diagonal.
        """
        return min(2e-6 * max(1.0, self.depth / math.pi) ** 2, 0.02)

    def work(self, n_pairs: float) -> float:
        """Return the recursion's work on so many pairs, in pair-layers."""
        return n_pairs * (self.depth + 1)

    def with_weights(self, weights) -> Network:
        """Return the same network with other layer weights, biases weighted alike."""
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        layers = self.layers._replace(weights=weights, bias_weights=weights, tied=True)
        return replace(self, layers=layers)


class Contraction(NamedTuple):
    """``<G, dK/d .>`` for every hyperparameter of a network.

    Attributes
    ----------
    layer_weights : ndarray of shape (depth + 1,)
        In each layer weight itself: ``<G, K_l>``.
    weight_variance, bias_variance : ndarray of shape (depth + 1,)
        In the logarithm of each layer's variance.
    length_scale : ndarray of shape (n_features,)
        In the logarithm of each feature's length scale; zeros unless asked for.
    """

    layer_weights: np.ndarray
    weight_variance: np.ndarray
    bias_variance: np.ndarray
    length_scale: np.ndarray
