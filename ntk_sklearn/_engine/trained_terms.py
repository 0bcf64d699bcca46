"""The terms of the empirical kernel of a network, from its layers.

The kernel of one layer is a product, entry by entry, of two small matrix products: of
the layer's inputs, and of the derivatives of the outputs with respect to the layer's
pre-activations. Arrays of a row and a parameter are never made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .trained import (
    NetworkArrays,
    Read,
    layer_inputs,
    output_signals,
    read_outputs,
    signals,
)


class Side(NamedTuple):
    """One set of rows: what each layer sees of them, and how it acts on the outputs.

    Attributes
    ----------
    inputs : list of ndarray
        The inputs of the layers, the first layer first.
    signals : iterator of ndarray
        The derivatives of the outputs, the read-out first.
    """

    inputs: list[np.ndarray]
    signals: Iterator[np.ndarray]


def side(network: NetworkArrays, X: np.ndarray, read: Read) -> Side:
    """Return one set of rows as the terms of a kernel need it."""
    H = layer_inputs(network, X)
    return Side(H, signals(network, H, read))


def layer_terms(
    network: NetworkArrays,
    X: np.ndarray,
    Y: np.ndarray | None = None,
    *,
    direction: np.ndarray | None = None,
    wanted: np.ndarray | None = None,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the two factors of the term of every layer, from the read-out down.

    The weights of layer l have the term ``G * A`` and its biases the term ``G``.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    X : ndarray of shape (n, n_features)
        Rows.
    Y : ndarray of shape (m, n_features), default=None
        Second set of rows; None means `X`.
    direction : ndarray of shape (n_outputs,), default=None
        As in `read_outputs`.
    wanted : ndarray of bool, shape (n_layers,), default=None
        The layers whose terms are wanted; None means all of them.

    Yields
    ------
    layer : int
        The number of the layer, from zero.
    A : ndarray of shape (n, m)
        The products of the layer's inputs: a new array.
    G : ndarray of shape (n, m)
        The products of the derivatives, summed over outputs: a new array.
    """
    read = read_outputs(network, direction)
    left = right = side(network, X, read)
    if Y is not None:
        right = side(network, Y, read)
    if wanted is None:
        wanted = np.ones(network.n_layers, dtype=bool)
    for l in range(network.n_layers - 1, -1, -1):
        if not wanted[: l + 1].any():
            return
        B = C = next(left.signals)
        if Y is not None:
            C = next(right.signals)
        if wanted[l]:
            yield l, left.inputs[l] @ right.inputs[l].T, B @ C.T


def layer_diagonals(
    network: NetworkArrays, X: np.ndarray, direction: np.ndarray | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the diagonals of the two factors of every term, from the read-out down.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    X : ndarray of shape (n, n_features)
        Rows.
    direction : ndarray of shape (n_outputs,), default=None
        As in `read_outputs`.

    Yields
    ------
    layer : int
    A, G : ndarray of shape (n,)
        As in `layer_terms`.
    """
    rows = side(network, X, read_outputs(network, direction))
    for l, B in zip(range(network.n_layers - 1, -1, -1), rows.signals, strict=True):
        yield l, _squares(rows.inputs[l]), _squares(B)


def _squares(A: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", A, A)


def full_kernel(
    network: NetworkArrays,
    X: np.ndarray,
    Y: np.ndarray | None,
    weights: np.ndarray,
) -> np.ndarray:
    """Return the neural tangent kernel between all outputs of all rows.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    X : ndarray of shape (n, n_features)
        Rows.
    Y : ndarray of shape (m, n_features) or None
        Second set of rows; None means `X`.
    weights : ndarray of shape (n_layers, 2)
        The learning rates of the weights and of the biases of each layer.

    Returns
    -------
    ndarray of shape (n, n_outputs, m, n_outputs)
    """
    H = layer_inputs(network, X)
    B = output_signals(network, H)
    K, C = H, B
    if Y is not None:
        K = layer_inputs(network, Y)
        C = output_signals(network, K)
    k = network.n_outputs
    out = np.zeros((len(X), k, len(K[0]), k))
    for l, (weight, bias) in enumerate(weights):
        units = B[l].shape[2]
        G = B[l].reshape(-1, units) @ C[l].reshape(-1, units).T
        G = G.reshape(out.shape)
        G *= (weight * (H[l] @ K[l].T) + bias)[:, None, :, None]
        out += G
    return out
