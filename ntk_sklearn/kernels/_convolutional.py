"""The kernel of convolutional networks, on images and on series of one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np

from .._engine.convolutional_network import Convolution, ConvolutionalNetwork
from .._engine.images import diagonal, gram
from .._engine.linear_steps import Layer
from .._engine.windows import Window
from .._utils.validation import (
    check_depth,
    is_positive_integer,
    one_each,
    per_layer,
)
from ..activations._registry import get_activations
from ._images import checked_images
from ._structured import Architecture, BiasedKernel

PADDINGS = ("same", "valid", "circular")
READOUTS = ("flatten", "average")


@dataclass(eq=False, repr=False)
class ConvolutionalNTKernel(BiasedKernel[np.ndarray]):
    r"""Neural tangent kernel of an infinitely wide convolutional network.

    The kernel compares images, or series of one length. It is that of a network of
    `depth` convolutions, each followed by the activation, and a read-out that sees
    every pixel (``"flatten"``) or the mean over all pixels (``"average"``) [1]_. With
    :math:`q^l(p, r)` the covariance of pixel p of one image and pixel r of another,

    .. math::

        q^{l+1}(p, r) = \frac{\sigma_w^2}{|F|} \sum_{d \in F} A^l(p + d, r + d)
        + \sigma_b^2 ,

    where F is the filter. The kernel is the sum of one term for each layer, with a
    weight each, as in `WeightedNTKernel`. With a weight for the read-out alone it is
    the NNGP kernel.

    Without pooling, the kernel needs memory for single images rather than for all pairs
    of pixels.

    Parameters
    ----------
    depth : int, default=3
        Number of convolutions, at least 1.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all hidden layers; or a list of one for each.
    weight_variance : float or array-like of shape (n_layers,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each layer, the read-out last.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance. An estimator learns a hyperparameter within its
        bounds, and keeps one with bounds "fixed" as it is.
    layer_weights : array-like of shape (n_layers,) or (2 * n_layers,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        With two numbers for each layer, its weights have the first and its biases the
        second. None means ones for the layers.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    bias_variance : float or array-like of shape (n_layers,), default=0.0
        Variance of the biases at initialisation, for all layers or for each layer. A
        variance of 0 is kept, whatever the bounds.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the bias variance. As long as nothing but layer weights is learned,
        an estimator computes the terms of the layers once.
    image_shape : tuple of int, default=None
        Height and width of the images, and their number of channels if that is not 1.
        With it, images may be given as rows, as most estimators of scikit-learn need
        them. None means arrays of shape (n, height, width) or (n, height, width,
        channels).
    filter_size : int, tuple of two int, or list of these, default=3
        Height and width of the filter; a list has one for each convolution. A filter
        ``(1, k)`` on images of height 1 is a convolution of series.
    strides : int, tuple of two int, or list of these, default=1
        Pixels that the filter moves along both axes.
    padding : {"same", "valid", "circular"} or list of these, default="same"
        What the filter sees beyond the border: zeros, nothing (it stays inside, and
        images shrink), or the opposite side of the image.
    pooling : int, tuple of two int, or list of these, default=1
        Size of windows whose means are taken after an activation. 1 means no pooling.
        With pooling the kernel needs all pairs of pixels of two images in memory.
    pooling_strides : int, tuple of two int, list of these, or None, default=None
        Pixels that these windows move. None means their size.
    readout : {"flatten", "average"}, default="flatten"
        Whether the read-out sees each pixel or the mean over all pixels. The second
        compares all pixels of one image with all of the other, and takes as many times
        longer as an image has pixels.
    dense_depth : int, default=0
        Number of hidden dense layers between that and the last layer.
    verbose : bool, default=False
        Whether to print how long a kernel matrix will take, and its progress.

    See Also
    --------
    NTKernel : The kernel of fully connected networks.
    RecurrentNTKernel : The kernel for series of different lengths.

    References
    ----------
    .. [1] Arora, Du, Hu, Li, Salakhutdinov and Wang, "On Exact Computation with an
       Infinitely Wide Neural Net", NeurIPS 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.svm import SVC
    >>> from ntk_sklearn import ConvolutionalNTKernel
    >>> X, y = load_digits(return_X_y=True)
    >>> kernel = ConvolutionalNTKernel(depth=2, image_shape=(8, 8))
    >>> SVC(kernel=kernel).fit(X[:100] / 16, y[:100]).score(X[100:200] / 16, y[100:200])
    0.94
    >>> kernel.components(X[:3]).shape
    (3, 3, 3)
    """

    image_shape: tuple[int, ...] | None = None
    filter_size: int | Sequence = 3
    strides: int | Sequence = 1
    padding: str | Sequence = "same"
    pooling: int | Sequence = 1
    pooling_strides: int | Sequence | None = None
    readout: str = "flatten"
    dense_depth: int = 0
    verbose: bool = False

    @property
    def requires_vector_input(self):
        """Whether the kernel takes rows of numbers: if `image_shape` is given."""
        return self.image_shape is not None

    def _architecture(self):
        depth, hidden = check_depth(self.depth), self.dense_depth
        if isinstance(hidden, bool) or not isinstance(hidden, Integral) or hidden < 0:
            raise ValueError(
                "dense_depth must be an integer of at least 0, the number of hidden "
                f"dense layers, got {hidden!r}."
            )
        for name, value, known in (
            ("readout", [self.readout], READOUTS),
            ("padding", one_each("padding", self.padding, depth), PADDINGS),
        ):
            if not set(map(str, value)) <= set(known):
                raise ValueError(
                    f"{name} must be one of {known}, got {getattr(self, name)!r}."
                )
        n_hidden = depth + int(hidden)
        variances = {
            "weight_variance": per_layer(
                "weight_variance", self.weight_variance, n_hidden, zero=False
            ),
            "bias_variance": per_layer(
                "bias_variance", self.bias_variance, n_hidden, zero=True
            ),
        }
        count = n_hidden + 1
        layers = [Layer(l, count + l, 2 * l, 2 * l + 1) for l in range(count)]
        activations = get_activations(self.activation, n_hidden)
        head = zip(layers[depth:], [*activations[depth:], None], strict=True)
        network = ConvolutionalNetwork(
            [
                Convolution(*windows, layer, phi, pooling)
                for (windows, pooling), layer, phi in zip(
                    self._windows(depth), layers, activations, strict=False
                )
            ],
            self.readout == "average",
            list(head),
        )
        return Architecture(
            partial(_checked_gram, network, bool(self.verbose)),
            partial(_checked_diagonal, network),
            tuple(np.repeat(np.arange(count), 2).tolist()),
            variances,
        )

    def _windows(self, depth: int):
        """Return the filter and the pooling of each convolution, along both axes."""
        sizes = [_both("filter_size", v) for v in self._each("filter_size", depth)]
        strides = [_both("strides", v) for v in self._each("strides", depth)]
        pools = [_both("pooling", v) for v in self._each("pooling", depth)]
        steps = self._each("pooling_strides", depth)
        found = []
        for size, stride, padding, pool, step in zip(
            sizes, strides, self._each("padding", depth), pools, steps, strict=True
        ):
            moves = pool if step is None else _both("pooling_strides", step)
            windows = [Window(*w, padding) for w in zip(size, stride, strict=True)]
            pooled = tuple(Window(*w, "valid") for w in zip(pool, moves, strict=True))
            found.append((windows, None if pool == moves == (1, 1) else pooled))
        return found

    def _each(self, name: str, depth: int) -> list:
        return one_each(name, getattr(self, name), depth)

    def _inputs(self, X, name):
        return checked_images(X, name, self.image_shape)

    def _pair(self, X, Y):
        left, right = super()._pair(X, Y)
        if right is not None and left.shape[1:] != right.shape[1:]:
            channels, height, width = left.shape[1:]
            other = (*right.shape[2:], right.shape[1])
            raise ValueError(
                f"X has images of shape {(height, width, channels)}, but Y of shape "
                f"{other}; both sides of a kernel need the same."
            )
        return left, right


def _both(name: str, value) -> tuple[int, int]:
    """Return a size along both axes, from one integer or two."""
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != 2 or not all(is_positive_integer(size) for size in pair):
        raise ValueError(
            f"{name} must be a positive integer or a pair of them, or a list with one "
            f"of these for each convolution, got {value!r}."
        )
    return int(pair[0]), int(pair[1])


def _check_size(network: ConvolutionalNetwork, size) -> None:
    """Raise if images are smaller than a filter or a window of a pooling."""
    for l, layer in enumerate(network.convolutions):
        for name, windows, hint in (
            ("filter_size", (layer.rows, layer.columns), ', or padding="same"'),
            ("pooling", layer.pooling or (), ""),
        ):
            after = tuple(w.size(s) for w, s in zip(windows, size, strict=False))
            if windows and min(after) < 1:
                lengths = tuple(w.length for w in windows)
                raise ValueError(
                    f"{name} must fit into the images, but convolution {l + 1} has "
                    f"{lengths} and its images are {tuple(size)}; use a smaller one"
                    f"{hint}."
                )
            size = after or size


def _checked_gram(network, verbose, values, X, Y):
    _check_size(network, X.shape[2:])
    return gram(network, values, X, Y, verbose)


def _checked_diagonal(network, values, X):
    _check_size(network, X.shape[2:])
    return diagonal(network, values, X)
