"""The kernel of the nodes of one graph: sums of covariances over neighbours.

A sum over neighbours is a product with a sparse matrix from both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..activations._base import Activation
from ..activations._pairs import PairActivation
from .aligned import means
from .linear_steps import Layer, Values
from .structured import State


def both_sides(left, right, matrices: np.ndarray) -> np.ndarray:
    """Return ``left @ M @ right.T`` of every matrix M of a stack."""
    return np.stack([np.ascontiguousarray((right @ (left @ M).T).T) for M in matrices])


# -- nodes of one graph ---------------------------------------------------------------


class NodeNetwork(NamedTuple):
    """A graph convolutional network.

    Attributes
    ----------
    operator : sparse matrix of shape (n_nodes, n_nodes)
        The normalised adjacency.
    layers : list of Layer
        The layers, the output last.
    activations : sequence of Activation
        The activation between each layer and the next.
    skip : {None, "pc", "alpha"}
        How the fixed random features enter each layer.
    skip_activation : Activation
        The activation of these features.
    strength : float
        Their share in each layer, for ``"alpha"``.
    """

    operator: sparse.csr_matrix
    layers: list[Layer]
    activations: Sequence[Activation]
    skip: str | None
    skip_activation: Activation
    strength: float


def nodes(network: NodeNetwork, values: Values, inputs: np.ndarray) -> np.ndarray:
    """Return the kernel of all nodes, and its derivatives: (n_tangents, n, n).

    `inputs` are the inner products of the nodes' features.
    """
    q = np.zeros((values.n_covariances, *inputs.shape))
    q[0] = inputs
    state = State(values, q, *[np.einsum("kii->ki", q).copy()] * 2)
    if network.skip is not None:
        return _skipping(network, state).kernel(symmetric=True)
    for l, layer in enumerate(network.layers):
        aggregate(state, network.operator, network.operator)
        state.layer(layer)
        if l < len(network.activations):
            own_variances(state)
            state.activate(network.activations[l])
    return state.kernel(symmetric=True)


def aggregate(state: State, left, right) -> None:
    """Sum over the neighbours of both nodes of each pair."""
    state.q = both_sides(left, right, state.q)
    state.t = both_sides(left, right, state.t)


def own_variances(state: State) -> None:
    """Take the variance of each node from its pair with itself."""
    state.a = state.c = np.einsum("kii->ki", state.q).copy()  # never a view


def _skipping(network: NodeNetwork, state: State) -> State:
    """Pass the layers of a network with fixed random features H in each of them."""
    values, S, slot = state.values, network.operator, 0
    alpha = network.strength
    beta = 1.0 if network.skip == "pc" else 1.0 - alpha
    # The features H themselves, which nothing before them is learned for.
    mean = _means(values, state.a, network.skip_activation)
    state.activate(network.skip_activation)
    scale = Layer(network.layers[0].weight)
    state.layer(scale)
    slot = int(values.variance_slots[scale.weight])
    H, mean = state.q, _scaled(values, mean, scale.weight, slot)
    if network.skip == "pc":
        state.q = both_sides(S, S, H)
    else:
        once = _once(S, H)
        state.q = beta**2 * both_sides(S, S, H) + alpha**2 * H
        state.q += alpha * beta * (once + once.transpose(0, 2, 1))
    state.start(network.layers[0].weight_tensor, state.q)
    for layer, activation in zip(network.layers[1:], network.activations, strict=True):
        own_variances(state)
        own = _means(values, state.a, activation)
        state.activate(activation)
        state.layer(Layer(layer.weight))
        slot = int(values.variance_slots[layer.weight])
        cross = _outer(_scaled(values, own, layer.weight, slot), mean)
        if network.skip == "pc":
            state.q += H + cross + cross.transpose(0, 2, 1)
            state.q = both_sides(S, S, state.q)
        else:
            once = _once(S, cross)
            state.q = beta**2 * both_sides(S, S, state.q) + alpha**2 * H
            state.q += alpha * beta * (once + once.transpose(0, 2, 1))
        state.t = beta**2 * both_sides(S, S, state.t)
        state.start(layer.weight_tensor, state.q)
    return state


def _once(S, matrices):
    """Return ``S @ M`` of every matrix of a stack."""
    return np.stack([S @ M for M in matrices])


def _means(values: Values, a, activation: Activation) -> np.ndarray:
    """Return the mean of an activation at each node, and its derivatives."""
    found = np.empty((2, a.shape[1]))
    means(PairActivation.of(activation), a[0], found)
    out = found[1] * a
    out[0] = found[0]
    return out


def _scaled(values: Values, mean, weight: int, slot: int) -> np.ndarray:
    """Return means times the root of a variance."""
    out = np.sqrt(values.variances[weight]) * mean
    if slot >= 0:
        out[1 + slot] += 0.5 * out[0]
    return out


def _outer(left, right) -> np.ndarray:
    """Return the outer product of two vectors, and its derivatives."""
    out = np.stack(
        [
            np.outer(l, right[0]) + np.outer(left[0], r)
            for l, r in zip(left, right, strict=True)
        ]
    )
    out[0] *= 0.5
    return out


# -- whole graphs ---------------------------------------------------------------------
