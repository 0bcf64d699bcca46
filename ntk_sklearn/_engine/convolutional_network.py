"""Convolutional networks, cut into stacks of convolutions after each pooling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..activations._base import Activation
from ..activations._pairs import PairActivation
from .aligned import image_variances
from .convolution import Stack
from .linear_steps import Layer, Steps, Values, covariance_steps, steps_of
from .planes import axis
from .structured import take
from .windows import Window, window_means


class Convolution(NamedTuple):
    """A convolution, its activation, and the pooling that may follow.

    Attributes
    ----------
    rows, columns : Window
        The filter along both axes.
    layer : Layer
        Where its numbers are.
    activation : Activation
        What it passes through.
    pooling : tuple of two Window, or None
        Windows along both axes, whose means are taken.
    """

    rows: Window
    columns: Window
    layer: Layer
    activation: Activation
    pooling: tuple[Window, Window] | None


class ConvolutionalNetwork(NamedTuple):
    """An infinitely wide convolutional network.

    Attributes
    ----------
    convolutions : list of Convolution
        The layers of images.
    average : bool
        Whether the read-out sees the mean over all pixels, or each of them.
    head : list of (Layer, Activation or None)
        The layers behind, the read-out last; each activation follows its layer.
    """

    convolutions: list[Convolution]
    average: bool
    head: list[tuple[Layer, Activation | None]]


class Part(NamedTuple):
    """Convolutions up to a pooling, and the sizes of the images they see."""

    convolutions: list[Convolution]
    stack: Stack
    sizes: list[tuple[int, int]]
    pooling: tuple[Window, Window] | None

    @property
    def windows(self) -> tuple[np.ndarray, np.ndarray]:
        """What the pooling sees."""
        assert self.pooling is not None
        rows, columns = self.pooling
        return rows.sources(self.sizes[-1][0]), columns.sources(self.sizes[-1][1])

    @property
    def pooled_size(self) -> tuple[int, int]:
        """Height and width after the pooling."""
        assert self.pooling is not None
        rows, columns = self.pooling
        return rows.size(self.sizes[-1][0]), columns.size(self.sizes[-1][1])

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the largest layer."""
        return max(h for h, _ in self.sizes), max(w for _, w in self.sizes)

    @property
    def work(self) -> float:
        """Pairs of pixels of one pair of images, times layers."""
        rows = self.stack.rows.counts.sum(axis=1, dtype=float)
        columns = self.stack.columns.counts.sum(axis=1, dtype=float)
        return float((rows * columns)[1:].sum()) + 1.0


def parts(
    network: ConvolutionalNetwork, values: Values, size, n_channels: int
) -> list[Part]:
    """Cut a network after each pooling.

    The first layer sees sums over the channels of an image, and makes means of them.
    """
    found: list[Part] = []
    rest = list(network.convolutions)
    while True:
        count = next((i for i, c in enumerate(rest) if c.pooling), len(rest) - 1) + 1
        here, rest = rest[:count], rest[count:]
        pooling = here[-1].pooling if here else None
        whole = "all" if pooling or network.average else "zero"
        rows = axis(size[0], tuple(c.rows for c in here), whole)
        columns = axis(size[1], tuple(c.columns for c in here), whole)
        shares = [1.0 / (c.rows.length * c.columns.length) for c in here]
        if not found:
            shares[0] /= n_channels
        steps = [
            steps_of(values, c.layer, share)
            for c, share in zip(here, shares, strict=True)
        ]
        phi = PairActivation.stack(c.activation for c in here)
        stack = Stack(rows, columns, Steps.stack(steps), phi)
        sizes = [size]
        for c in here:
            sizes.append((c.rows.size(sizes[-1][0]), c.columns.size(sizes[-1][1])))
        found.append(Part(here, stack, sizes, pooling))
        if pooling is None:
            return found
        size = found[-1].pooled_size


def variances(part: Part, values: Values, a: np.ndarray) -> np.ndarray:
    """Return each layer's variances, padded to one size.

    Those of the input are `a`: (n_covariances, n, height, width).
    """
    n_covariances, n = a.shape[:2]
    out = np.zeros((len(part.convolutions), n_covariances, n, *part.largest))
    derive = True if n_covariances > 1 else None
    for l, c in enumerate(part.convolutions):
        if l:
            last = PairActivation.of(part.convolutions[l - 1].activation)
            image_variances(last, a.reshape(n_covariances, -1), derive)
        (height, width), size = part.sizes[l : l + 2]
        rows, columns = c.rows.sources(height), c.columns.along(width)
        means = np.empty((n_covariances, n, *size))
        work = np.empty((2, max(width + 1, len(columns[0]))))
        for below, here in zip(a, means, strict=True):
            window_means(below, rows, columns, work, here)
        a = means
        take(covariance_steps(values, c.layer), list(a))
        out[l, :, :, : size[0], : size[1]] = a
    return out
