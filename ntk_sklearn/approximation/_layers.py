"""The random matrices of each layer, and the features of rows that they give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.fft import dct, next_fast_len

from .._engine.forward import diagonal

# Inputs with fewer columns than this are projected by a dense matrix. A fast transform
# would not be faster, and its few rows would not be close to independent directions.
_DENSE_BELOW = 128
# If the slope of the negative side is below this, the features of w and of -w are
# negatively correlated, and a pair has a smaller error than two independent directions.
_PAIRS_BELOW = 0.3


class _Dense:
    """A dense matrix of random directions, which are orthogonal in blocks."""

    def __init__(self, n_inputs, n_outputs, rng):
        blocks = []
        for start in range(0, n_outputs, n_inputs):
            gaussian = rng.standard_normal((n_inputs, n_inputs))
            basis, triangle = np.linalg.qr(gaussian)
            # Without the signs, the basis would not be uniformly distributed.
            basis *= np.sign(np.diag(triangle)) * np.sqrt(n_inputs)
            blocks.append(basis[:, : n_outputs - start])
        self.directions = np.concatenate(blocks, axis=1)

    def __call__(self, x):
        return x @ self.directions.astype(x.dtype, copy=False)


class _Transform:
    """Random directions by two cosine transforms, each preceded by random signs."""

    def __init__(self, n_inputs, n_outputs, rng):
        self.size = next_fast_len(n_inputs, real=True)
        self.blocks = []
        for start in range(0, n_outputs, self.size):
            signs = 2 * rng.randint(2, size=(2, self.size), dtype=np.int8) - 1
            chosen = rng.permutation(self.size)[: n_outputs - start]
            self.blocks.append((signs, chosen))

    def __call__(self, x):
        x = np.pad(x, ((0, 0), (0, self.size - x.shape[1])))
        parts = []
        for signs, chosen in self.blocks:
            z = dct(x * signs[0], norm="ortho", overwrite_x=True)
            z *= signs[1]
            parts.append(dct(z, norm="ortho", overwrite_x=True)[:, chosen])
        z = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        z *= x.dtype.type(np.sqrt(self.size))
        return z


def _projection(n_inputs, n_outputs, rng):
    kind = _Dense if n_inputs < _DENSE_BELOW else _Transform
    return kind(n_inputs, n_outputs, rng)


def _rectify(z, slope):
    return np.where(z > 0, z, slope * z)


def _step(z, slope):
    return np.where(z > 0, 1.0, slope)


class _Random:
    """Random features whose inner products estimate a dual of the activation."""

    def __init__(self, function, slope, n_inputs, n_outputs, variance, rng):
        self.function, self.slope = function, slope
        self.n_outputs = n_outputs
        self.scale = np.sqrt(variance / n_outputs) if n_outputs else 0.0
        self.paired = abs(slope) < _PAIRS_BELOW
        drawn = -(-n_outputs // 2) if self.paired else n_outputs
        self.project = _projection(n_inputs, max(drawn, 1), rng)

    def __call__(self, n):
        z = self.project(n)
        if self.paired:
            z = np.concatenate([z, -z], axis=1)[:, : self.n_outputs]
        z = self.function(z, self.slope).astype(n.dtype, copy=False)
        z *= n.dtype.type(self.scale)
        return z


class _Layer:
    """The random matrices of a layer.

    They give features p of the layer's covariance, and features s of the kernel of the
    layers before it. In the last layer the constant of the bias is added to all
    features with random `signs`, so that it is orthogonal to them on average; in other
    layers it is appended as a column.
    """

    def __init__(self, network, l, slope, sizes, widths, last, rng):
        layers = network.layers
        variance = layers.weight_variance[l]
        n_inputs, t_inputs = sizes
        n_read, n_sketch = widths
        self.read = _Random(_rectify, slope, n_inputs, n_read, variance, rng)
        self.step = _Random(_step, slope, n_inputs, n_sketch, variance, rng)
        self.project = _projection(t_inputs, max(n_sketch, 1), rng)
        self.root_weight = np.sqrt(layers.weights[l])
        self.bias = np.sqrt(layers.bias_variance[l])
        self.bias_share = self.bias * np.sqrt(layers.bias_weights[l])
        width = n_read + n_sketch
        self.signs = None
        if last:
            self.signs = (2 * rng.randint(2, size=width) - 1) / np.sqrt(width)

    def __call__(self, n, t):
        real = n.dtype.type
        parts = []
        if self.step.n_outputs:
            parts.append(self.step(n) * self.project(t))
        if self.read.n_outputs:
            p = self.read(n)
            parts.append(p * real(self.root_weight))
        if self.signs is not None:
            t = np.concatenate(parts, axis=1)
            t += (self.bias_share * self.signs).astype(n.dtype)
            return None, t
        one = np.ones((len(n), 1), dtype=n.dtype)
        parts.append(one * real(self.bias_share))
        n = np.concatenate([p, one * real(self.bias)], axis=1)
        return n, np.concatenate(parts, axis=1)


def _read_out_share(network):
    """Return the share of the read-out's term in the kernel of a standardised row."""
    row = np.ones((1, len(network.feature_scale)))
    weights, biases = network.layers.weights, network.layers.bias_weights
    last = np.arange(len(weights)) == network.depth

    def value(weights, biases):
        layers = network.layers._replace(weights=weights, bias_weights=biases)
        return diagonal(replace(network, layers=layers), row)[0]

    total = value(weights, np.where(last, 0.0, biases))
    return value(np.where(last, weights, 0.0), 0.0 * biases) / total if total else 1.0


def draw_layers(network, slope, n_components, rng):
    """Draw the random matrices of all layers.

    The output features are divided between the term of the read-out and the other terms
    in proportion to their shares in the kernel.
    """
    depth = network.depth
    # Wider hidden layers were not measured to lower the error of the output.
    hidden = max(n_components // 2, min(n_components, 64), 2)
    share = _read_out_share(network)
    n_read = round(share * n_components)
    if 0.0 < share < 1.0:
        n_read = min(max(n_read, 1), max(n_components - 1, 1))
    # A single component has to be the sum of both parts, which have independent signs.
    n_sketch = 0 if share == 1.0 else max(n_components - n_read, 1)
    n_inputs = t_inputs = len(network.feature_scale) + 1
    drawn = []
    for l in range(1, depth + 1):
        last = l == depth
        widths = (n_read, n_sketch) if last else (hidden, hidden)
        sizes = (n_inputs, t_inputs)
        drawn.append(_Layer(network, l, slope, sizes, widths, last, rng))
        n_inputs, t_inputs = hidden + 1, 2 * hidden + 1
    return drawn


def features(network, drawn, X, n_components):
    """Return the features of a batch of rows."""
    real = X.dtype.type
    layers = network.layers
    x = X * network.feature_scale.astype(X.dtype)
    one = np.ones((len(X), 1), dtype=X.dtype)
    bias = network.first_bias
    n = np.concatenate([x, one * real(bias)], axis=1)
    bias *= np.sqrt(layers.bias_weights[0])
    x *= real(np.sqrt(layers.weights[0]))
    t = np.concatenate([x, one * real(bias)], axis=1)
    for layer in drawn:
        n, t = layer(n, t)
    return t if t.shape[1] == n_components else t.sum(axis=1, keepdims=True)
