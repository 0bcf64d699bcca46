"""The kernels of networks on tables whose layers are skipped or wired to the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .._engine.linear_steps import Layer, Values
from .._engine.structured import State, first_state, first_variances
from .._utils.validation import (
    check_depth,
    check_pair,
    check_positive,
    check_samples,
    check_squares,
    is_positive_integer,
    per_layer,
)
from ..activations._registry import get_activations
from ._structured import Architecture, BiasedKernel


class TableKernel(BiasedKernel[np.ndarray]):
    """Base class of the kernels of networks on tables that are no plain chains."""

    def _inputs(self, X, name):
        found = check_samples(X, name)
        check_squares(found, name)
        return found

    def _pair(self, X, Y):
        found = check_pair(X, Y)
        for side, name in zip(found, ("X", "Y"), strict=True):
            if side is not None:
                check_squares(side, name)
        return found


def _table_architecture(
    forward: Callable[[State], State],
    tensors: list[int],
    variances: dict[str, np.ndarray],
) -> Architecture[np.ndarray]:
    """Return a network on tables, from what its layers do to a state."""
    return Architecture(
        partial(_gram, forward), partial(_diagonal, forward), tuple(tensors), variances
    )


def _gram(forward, values: Values, X, Y):
    return forward(first_state(values, X, Y)).kernel(symmetric=Y is None)


def _diagonal(forward, values: Values, X):
    return forward(State.of_variances(values, first_variances(values, X))).t[:, 0]


@dataclass(eq=False, repr=False)
class ResidualNTKernel(TableKernel):
    r"""Neural tangent kernel of an infinitely wide residual network.

    An embedding of the inputs passes `depth` blocks, each of which adds to it,

    .. math:: z \leftarrow s z + b F(z) ,

    where F is an activation and a dense layer, or several of both; a read-out follows
    [1]_. Deep networks of this kind keep inputs apart that a plain network confuses.
    The kernel is the sum of one term for each layer, with a weight each.

    Parameters
    ----------
    depth : int, default=3
        Number of blocks, at least 1.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all hidden layers; or a list of one for each, and one more
        if `final_activation` is true.
    weight_variance : float or array-like of shape (n_layers,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each: the embedding, the layers of the blocks,
        the read-out.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
    layer_weights : array-like of shape (n_layers,) or (2 * n_layers,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        With two numbers for each layer, its weights have the first and its biases the
        second. None means ones for the layers.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    bias_variance : float or array-like of shape (n_layers,), default=0.0
        Variance of the biases at initialisation, for all layers or for each.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the bias variance.
    block_depth : int, default=1
        Number of layers of each block.
    skip_scale : float or array-like of shape (depth,), default=1.0
        The number s by which each block multiplies what it is given.
    branch_scale : float or array-like of shape (depth,), default=1.0
        The number b by which each block multiplies what it adds.
    final_activation : bool, default=False
        Whether an activation comes before the read-out.

    References
    ----------
    .. [1] Huang, Wang, Tao and Zhao, "Why Do Deep Residual Networks Generalize Better
       than Deep Feedforward Networks? A Neural Tangent Kernel Perspective", NeurIPS
       2020.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import ResidualNTKernel
    >>> X = np.array([[1.0, 0.5], [-0.5, 2.0]])
    >>> kernel = ResidualNTKernel(depth=2, branch_scale=0.5)
    >>> kernel(X).shape, kernel.components(X).shape
    ((2, 2), (4, 2, 2))
    """

    block_depth: int = 1
    skip_scale: float | ArrayLike = 1.0
    branch_scale: float | ArrayLike = 1.0
    final_activation: bool = False

    def _architecture(self):
        depth, size = check_depth(self.depth), self.block_depth
        if not is_positive_integer(size):
            raise ValueError(f"block_depth must be a positive integer, got {size!r}.")
        n_layers = 2 + depth * int(size)
        n_hidden = depth * int(size) + bool(self.final_activation)
        activations = get_activations(self.activation, n_hidden)
        scales = [
            _each_block(name, getattr(self, name), depth)
            for name in ("skip_scale", "branch_scale")
        ]
        layers = _dense_layers(n_layers)

        def forward(state):
            state.layer(layers[0])
            l = 1
            for skip, branch in zip(*scales, strict=True):
                added = state.copy()
                for _ in range(int(size)):
                    added.activate(activations[l - 1]).layer(layers[l])
                    l += 1
                state.scale(skip**2).add(added.scale(branch**2))
            if self.final_activation:
                state.activate(activations[-1])
            return state.layer(layers[-1])

        return _table_architecture(
            forward, _two_each(n_layers), _dense_variances(self, n_layers)
        )


@dataclass(eq=False, repr=False)
class MultiDepthNTKernel(TableKernel):
    r"""Neural tangent kernel of a network whose every hidden layer has a read-out.

    The output is :math:`\sum_l \sqrt{r_l} f_l`, where :math:`f_l` is a read-out of
    hidden layer l, and the kernel :math:`\sum_l r_l \Theta_l`, the sum of the kernels
    of networks of depths 1 to `depth`. With `layer_weights` to learn, an estimator
    finds which depths matter. The kernel is the sum of one term for each hidden layer
    and for each read-out.

    Parameters
    ----------
    depth : int, default=3
        Number of hidden layers, at least 1.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all hidden layers; or a list of one for each.
    weight_variance : float or array-like of shape (depth + 1,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each, that of all read-outs last.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
    layer_weights : array-like of shape (2 * depth,) or (4 * depth,), default=None
        Learning rates of the hidden layers and of the read-outs, in turn: the first
        hidden layer, its read-out, the second hidden layer, and so on. With two numbers
        for each, its weights have the first and its biases the second. None means ones.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    bias_variance : float or array-like of shape (depth + 1,), default=0.0
        Variance of the biases at initialisation, for all layers or for each, that of
        all read-outs last.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the bias variance.
    depth_weights : array-like of shape (depth,), default=None
        The share :math:`r_l` of each depth. None means equal shares, which sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import MultiDepthNTKernel, NTKernel
    >>> X = np.array([[1.0, 0.5], [-0.5, 2.0]])
    >>> kernel = MultiDepthNTKernel(depth=2, bias_variance=0.1)
    >>> mean = (NTKernel(depth=1)(X) + NTKernel(depth=2)(X)) / 2
    >>> bool(np.allclose(kernel(X), mean))
    True
    """

    depth_weights: ArrayLike | None = None

    def _architecture(self):
        depth = check_depth(self.depth)
        activations = get_activations(self.activation, depth)
        shares = np.full(depth, 1.0 / depth)
        if self.depth_weights is not None:
            shares = _each_block("depth_weights", self.depth_weights, depth)
        hidden = [Layer(l, depth + 1 + l, 4 * l, 4 * l + 1) for l in range(depth)]
        outputs = [
            Layer(depth, 2 * depth + 1, 4 * l + 2, 4 * l + 3) for l in range(depth)
        ]

        def forward(state):
            total = None
            for layer, phi, output, share in zip(
                hidden, activations, outputs, shares, strict=True
            ):
                state.layer(layer).activate(phi)
                out = state.copy().layer(output).scale(share)
                total = out if total is None else total.add(out)
            return total

        return _table_architecture(
            forward, _two_each(2 * depth), _dense_variances(self, depth + 1)
        )


def _dense_layers(n_layers: int) -> list[Layer]:
    """Return where the numbers of dense layers are among all."""
    return [Layer(l, n_layers + l, 2 * l, 2 * l + 1) for l in range(n_layers)]


def _two_each(n_layers: int) -> list[int]:
    """Return the layer of each tensor: weights and biases of each layer."""
    return np.repeat(np.arange(n_layers), 2).tolist()


def _dense_variances(kernel: TableKernel, n_layers: int) -> dict[str, np.ndarray]:
    """Return the checked variances of the layers of a kernel."""
    depth = n_layers - 1
    return {
        "weight_variance": per_layer(
            "weight_variance", kernel.weight_variance, depth, zero=False
        ),
        "bias_variance": per_layer(
            "bias_variance", kernel.bias_variance, depth, zero=True
        ),
    }


def _each_block(name: str, value, depth: int) -> np.ndarray:
    """Return one number for each block or depth."""
    array = check_positive(name, value, zero=True)
    if array.shape not in ((), (depth,)):
        raise ValueError(
            f"{name} must be one number of at least 0 or {depth} of them, as depth="
            f"{depth} says, got {value!r}."
        )
    return np.broadcast_to(array, depth)
