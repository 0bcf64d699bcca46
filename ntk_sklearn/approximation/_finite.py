"""The neural tangent kernels of random networks of finite width."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from .._engine.network import Network
from .._utils.validation import check_pair
from ..kernels._dense import check_fully_connected


def finite_width_kernel(
    kernel, X, Y=None, *, width=256, n_networks=1, random_state=None
):
    r"""Return the neural tangent kernels of random networks of finite width.

    The kernel of a network is the inner product of the derivatives of its output with
    respect to its parameters, weighted by the learning rates of the layers. Over wide
    random networks it tends to the given kernel; how far single networks are away tells
    whether to believe the limit. No derivative is ever held: the term of each layer is
    the product of a kernel matrix of its inputs and one of the back-propagated
    derivatives.

    Parameters
    ----------
    kernel : NTKernel, WeightedNTKernel or NNGPKernel
        The kernel of the network of infinite width, with any activation. It must have
        no ranks.
    X : array-like of shape (n_samples_X, n_features)
        First set of rows.
    Y : array-like of shape (n_samples_Y, n_features), default=None
        Second set of rows; None means `X`.
    width : int or sequence of int, default=256
        Number of units of all hidden layers, or of each.
    n_networks : int, default=1
        Number of random networks.
    random_state : int, RandomState instance or None, default=None
        Seed of the networks.

    Returns
    -------
    ndarray of shape (n_networks, n_samples_X, n_samples_Y)
        The kernel matrix of each network.

    Raises
    ------
    TypeError
        If the kernel is not that of a fully connected network.
    ValueError
        If the kernel has ranks, or `width` does not fit its depth.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.approximation import finite_width_kernel
    >>> X, kernel = np.eye(3), NTKernel(depth=1)
    >>> wide = finite_width_kernel(kernel, X, width=4000, n_networks=20, random_state=0)
    >>> bool(np.abs(wide.mean(axis=0) - kernel(X)).max() < 0.02)
    True
    """
    check_fully_connected(kernel)
    X, Y = check_pair(X, Y)
    network = kernel.network(X, Y)
    if kernel.n_ranks:
        raise ValueError(
            f"kernel must have no ranks, got n_ranks={kernel.n_ranks!r}: a finite "
            "network has no limit of its steps."
        )
    widths = np.full(network.depth, width) if np.ndim(width) == 0 else np.asarray(width)
    if widths.shape != (network.depth,) or (widths < 1).any():
        raise ValueError(
            f"width must be a positive integer, or one for each of {network.depth} "
            f"hidden layers, got {width!r}."
        )
    rng = check_random_state(random_state)
    rows = X if Y is None else np.vstack([X, Y])
    found = np.empty((n_networks, len(X), len(X if Y is None else Y)))
    for out in found:
        layers = _Random(network, widths, rng)
        out[:] = layers.kernel(rows, len(X), None if Y is None else len(X))
    return found


class _Random:
    """A random network in the parameterisation of the NTK."""

    def __init__(self, network: Network, widths, rng):
        self.network = network
        sizes = [len(network.feature_scale), *widths, 1]
        shapes = zip(sizes[1:], sizes[:-1], strict=True)
        self.weights = [rng.standard_normal(shape) for shape in shapes]
        self.biases = [rng.standard_normal(size) for size in sizes[1:]]

    def kernel(self, rows, n, start):
        """Return the kernel between the first n rows and those from `start` on."""
        layers = self.network.layers
        root, bias = np.sqrt(layers.weight_variance), np.sqrt(layers.bias_variance)
        # Inputs of each layer such that its pre-activations have unit weights.
        inputs, slopes = [rows * self.network.feature_scale], []
        for l, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = inputs[-1] @ W.T + bias[l] * b
            if l < len(self.weights) - 1:
                unit = self.network.activations[l]
                slopes.append(unit.phi_derivative(z, *unit.arguments))
                h = unit.phi(z, *unit.arguments)
                inputs.append(root[l + 1] / np.sqrt(len(b)) * h)
        back = np.ones((len(rows), 1))
        total = 0.0
        for l in range(len(self.weights) - 1, -1, -1):
            own = layers.weights[l] * (inputs[l][:n] @ inputs[l][start:].T)
            own += layers.bias_weights[l] * layers.bias_variance[l]
            total = total + own * (back[:n] @ back[start:].T)
            if l:
                scale = root[l] / np.sqrt(self.weights[l].shape[1])
                back = scale * (back @ self.weights[l]) * slopes[l - 1]
        return total
