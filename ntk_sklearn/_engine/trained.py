"""Networks of finite width, given as arrays: what goes up, and what comes back.

Values go from the first layer to the outputs. Signals, the derivatives of the outputs
with respect to the pre-activations of each layer, come back from the read-out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import expit

# The activations of scikit-learn's networks, and their slopes as functions of values.
ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda h: (h > 0.0).astype(np.float64)),
    "tanh": (np.tanh, lambda h: 1.0 - h * h),
    "logistic": (expit, lambda h: h * (1.0 - h)),
}


class NetworkArrays(NamedTuple):
    """A fully connected network, given by its arrays.

    It stands for a trained network wherever the package takes a fitted network of
    scikit-learn: with the arrays of a network that another library has trained, for
    instance.

    Parameters
    ----------
    coefs : sequence of ndarray of shape (n_inputs, n_units)
        The weights of each layer, the read-out last, as in the attribute ``coefs_`` of
        scikit-learn's networks.
    intercepts : sequence of ndarray of shape (n_units,)
        The biases of each layer.
    activation : {"identity", "relu", "tanh", "logistic"}
        The activation of the hidden layers. The outputs are those before any output
        activation.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import EmpiricalNTKernel
    >>> from ntk_sklearn.networks import NetworkArrays
    >>> rng = np.random.default_rng(0)
    >>> coefs = [rng.standard_normal((2, 5)), rng.standard_normal((5, 1))]
    >>> network = NetworkArrays(coefs, [np.zeros(5), np.zeros(1)], "tanh")
    >>> EmpiricalNTKernel(network)(np.eye(2)).shape
    (2, 2)
    """

    coefs: tuple[np.ndarray, ...]
    intercepts: tuple[np.ndarray, ...]
    activation: str

    @property
    def n_layers(self) -> int:
        """Number of layers, the read-out included."""
        return len(self.coefs)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.coefs[-1].shape[1]


def layer_inputs(network: NetworkArrays, X: np.ndarray) -> list[np.ndarray]:
    """Return the inputs of every layer: `X`, then the values of the hidden layers."""
    phi, _ = ACTIVATIONS[network.activation]
    H = [X]
    for W, b in zip(network.coefs[:-1], network.intercepts[:-1], strict=True):
        Z = H[-1] @ W
        Z += b
        H.append(phi(Z))
    return H


def outputs(network: NetworkArrays, X: np.ndarray) -> np.ndarray:
    """Return the outputs before the output activation, of shape (n, n_outputs)."""
    return layer_inputs(network, X)[-1] @ network.coefs[-1] + network.intercepts[-1]


class Read(NamedTuple):
    """The outputs that a kernel looks at, in the form in which they are propagated.

    Attributes
    ----------
    seed : ndarray of shape (n_units, k)
        The read-out weights of each output, or of each combination of outputs.
    size : float
        The sum of squares of the combinations: the term of the read-out's biases.
    """

    seed: np.ndarray
    size: float


def read_outputs(network: NetworkArrays, direction: np.ndarray | None) -> Read:
    """Return what a kernel sees of the read-out.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    direction : ndarray of shape (n_outputs,) or None
        The combination of outputs whose kernel is wanted. None means the sum of the
        kernels of all outputs.

    Returns
    -------
    Read
    """
    W = network.coefs[-1]
    if direction is not None:
        return Read((W @ direction)[:, None], float(direction @ direction))
    # A rotation of the outputs changes no sum over them, and leaves no more of them
    # than there are units.
    seed = np.linalg.qr(W.T).R.T if W.shape[1] > W.shape[0] else W
    return Read(seed, float(W.shape[1]))


def signals(
    network: NetworkArrays, H: list[np.ndarray], read: Read
) -> Iterator[np.ndarray]:
    """Yield the derivatives of the outputs by the pre-activations of every layer.

    They come from the read-out down to the first layer, each as a matrix of shape
    (n, m) whose product with its transpose is the sum over outputs that kernels need.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    H : list of ndarray
        The inputs of its layers.
    read : Read
        The outputs.

    Yields
    ------
    ndarray of shape (n, m)
    """
    _, slope = ACTIVATIONS[network.activation]
    n = len(H[0])
    yield np.full((n, 1), np.sqrt(read.size))
    if network.n_layers == 1:
        return
    D = slope(H[-1])
    # The same for all rows but for the slopes, so that the outputs can be summed first.
    yield D * np.sqrt(np.sum(read.seed**2, axis=1))
    B = D[:, None, :] * read.seed.T
    for l in range(network.n_layers - 2, 0, -1):
        # One product for all outputs; the slopes of a row are those of each output.
        B = (B.reshape(-1, B.shape[2]) @ network.coefs[l].T).reshape(n, B.shape[1], -1)
        B *= slope(H[l])[:, None, :]
        yield B.reshape(n, -1)


def output_signals(network: NetworkArrays, H: list[np.ndarray]) -> list[np.ndarray]:
    """Return the derivatives of every output by the pre-activations of every layer.

    Parameters
    ----------
    network : NetworkArrays
        The network.
    H : list of ndarray
        The inputs of its layers.

    Returns
    -------
    list of ndarray of shape (n, n_outputs, n_units)
        The first layer comes first.
    """
    _, slope = ACTIVATIONS[network.activation]
    n, k = len(H[0]), network.n_outputs
    B = [np.broadcast_to(np.eye(k), (n, k, k))]
    for l in range(network.n_layers - 1, 0, -1):
        B.insert(0, (B[0] @ network.coefs[l].T) * slope(H[l])[:, None, :])
    return B
