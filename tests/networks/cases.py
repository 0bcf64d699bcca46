"""Networks that were trained, and reference values of their kernels."""

import inspect
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from ntk_sklearn.networks import NetworkArrays

DATA = Path(__file__).parents[1] / "data"
EMPIRICAL = np.load(DATA / "empirical.npz")
CASES = {case["i"]: case for case in json.loads((DATA / "empirical.json").read_text())}

poisson = pytest.mark.skipif(
    "loss" not in inspect.signature(MLPRegressor).parameters,
    reason="this scikit-learn has no networks with Poisson loss",
)


def arrays(i, stage=""):
    """The network of a case; a stage such as "drift0_" is one of its training."""

    def listed(name):
        keys = (f"{i}_{stage}{name}_{l}" for l in range(9))
        return tuple(EMPIRICAL[key] for key in keys if key in EMPIRICAL.files)

    return NetworkArrays(listed("coefs"), listed("intercepts"), CASES[i]["activation"])


def value(i, name):
    """A reference value of a case."""
    return EMPIRICAL[f"{i}_{name}"]


def random_network(widths, activation, seed=0):
    """A network with random weights."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(widths))
    coefs = tuple(rng.standard_normal(pair) / np.sqrt(pair[0]) for pair in pairs)
    return NetworkArrays(
        coefs, tuple(rng.standard_normal(n) for n in widths[1:]), activation
    )


def jacobian(network, X):
    """Derivatives of outputs by parameters, by differences: (n, outputs, parameters).

    Parameters come layer by layer, weights before biases.
    """

    def outputs(flat):
        H = X
        for l, (W, b) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
            Z = H @ flat[: W.size].reshape(W.shape) + flat[W.size : W.size + b.size]
            flat = flat[W.size + b.size :]
            H = Z if l == network.n_layers - 1 else PHI[network.activation](Z)
        return H

    tensors = [t for pair in zip(*network[:2], strict=True) for t in pair]
    start, step = np.concatenate([t.ravel() for t in tensors]), 1e-6
    moved = step * np.eye(start.size)
    return np.stack(
        [(outputs(start + d) - outputs(start - d)) / (2 * step) for d in moved], axis=-1
    )


PHI = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
}
