"""Families of kernels, from which a kernel method is tuned.

A family yields each kernel with its Gram matrix on the training rows. Each matrix is
computed once, and used for all splits and penalties.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    Kernel,
    Matern,
    PairwiseKernel,
    WhiteKernel,
)

from ...kernels._nngp import NNGPKernel
from ...kernels._ntk import NTKernel
from ...kernels._weighted import WeightedNTKernel

# Memory of the gradients up to which each feature gets a length scale: a Gaussian
# process holds an n × n matrix for each of them.
ARD_BYTES = 5e8


def _depths(quick: bool) -> tuple[int, ...]:
    return (1, 3) if quick else (1, 2, 3, 5)


def _factors(quick: bool) -> np.ndarray:
    """Return factors of 1 / n_features, the usual inverse square of a length scale."""
    return 2.0 ** (np.array([-2, 0, 2]) if quick else np.arange(-4, 5))


def _networks(make, X, quick):
    """Yield kernels of infinite networks, of several depths and bias variances."""
    for depth in _depths(quick):
        for bias in (0.1,) if quick else (0.1, 1.0):
            kernel = make(depth=depth, bias_variance=bias)
            yield kernel, kernel(X)


ntk = partial(_networks, NTKernel)
nngp = partial(_networks, NNGPKernel)


def rbf(X, quick):
    """Yield Gaussian kernels of several widths."""
    for factor in _factors(quick):
        kernel = RBF(np.sqrt(X.shape[1] / (2 * factor)), "fixed")
        yield kernel, kernel(X)


def laplace(X, quick):
    """Yield Laplace kernels, of the sum of absolute differences, of several widths."""
    for factor in _factors(quick):
        kernel = PairwiseKernel(factor / X.shape[1], "fixed", metric="laplacian")
        yield kernel, kernel(X)


def frozen_ntk(X, quick):
    r"""Yield kernels of up to four hidden layers, of which the first are frozen [1]_.

    There is no bias, and :math:`\sigma_w^2` is the number of features in the first
    layer and 1 above, so that depth 0 is the linear kernel. The kernel with frozen
    layers is the sum of the other layers' terms, which are computed once for each
    depth.

    References
    ----------
    .. [1] Arora, Du, Li, Salakhutdinov, Wang and Yu, "Harnessing the Power of
       Infinitely Wide Deep Nets on Small-data Tasks", ICLR 2020.
    """
    linear = WeightedNTKernel(
        depth=1,
        activation="identity",
        weight_variance=[float(X.shape[1]), 1.0],
        bias_variance=0.0,
        layer_weights=[1.0, 0.0],
        layer_weights_bounds="fixed",
    )
    yield linear, linear(X)
    for depth in range(1, 3 if quick else 5):
        kernel = WeightedNTKernel(
            depth=depth,
            weight_variance=[float(X.shape[1])] + [1.0] * depth,
            bias_variance=0.0,
            layer_weights_bounds="fixed",
        )
        # Each term becomes the sum of itself and of the terms of all later layers.
        sums = kernel.components(X)
        for layer in range(depth - 1, -1, -1):
            sums[layer] += sums[layer + 1]
        for n_frozen in range(depth + 1):
            weights = [0.0] * n_frozen + [1.0] * (depth + 1 - n_frozen)
            frozen = kernel.clone_with_theta(kernel.theta)
            frozen.set_params(layer_weights=weights)
            yield frozen, sums[n_frozen]


# -- kernels whose hyperparameters a Gaussian process learns ---------------------------


def _with_noise(kernel: Kernel) -> Kernel:
    noise = WhiteKernel(0.1, (1e-6, 1e2))
    return ConstantKernel(1.0, (1e-4, 1e4)) * kernel + noise


def _length_scales(X, quick) -> list:
    """Return one length scale for all features, and one for each if memory allows."""
    n, d = X.shape
    ard = not quick and d > 1 and n * n * d * 8 < ARD_BYTES
    return [1.0, np.ones(d)] if ard else [1.0]


def _learned_networks(make, X, quick) -> list[Kernel]:
    """Return kernels of networks with free bias variance and length scales."""
    wide = (1e-3, 1e3)
    single = [make(depth=depth) for depth in ((2,) if quick else (1, 2, 3))]
    each = [
        make(depth=2, length_scale=scale, length_scale_bounds=wide)
        for scale in _length_scales(X, quick)[1:]
    ]
    return [_with_noise(kernel) for kernel in single + each]


learned_ntk = partial(_learned_networks, NTKernel)
learned_nngp = partial(_learned_networks, NNGPKernel)


def learned_rbf(X, quick) -> list[Kernel]:
    """Return Gaussian kernels with free length scales."""
    start = np.sqrt(X.shape[1])
    scales = _length_scales(X, quick)
    return [_with_noise(RBF(start * scale, (1e-3, 1e4))) for scale in scales]


def learned_laplace(X, quick) -> list[Kernel]:
    """Return exponential kernels of the distance, with free length scales."""
    start = np.sqrt(X.shape[1])
    scales = _length_scales(X, quick)
    return [_with_noise(Matern(start * s, (1e-3, 1e4), nu=0.5)) for s in scales]
