"""Reference values of training in time, and data that several tests share."""

import json
from pathlib import Path

import numpy as np

from ntk_sklearn import NNGPKernel, NTKernel

DATA = Path(__file__).parents[1] / "data"


class Case:
    """A network of the reference file: its arrays, and its kernels."""

    def __init__(self, number, facts, arrays):
        self.number, self.facts, self.arrays = number, facts, arrays
        layers = facts["depth"]
        self.parameters = {
            "depth": layers,
            "activation": facts["activation"],
            "weight_variance": [facts["weight_variance"]] * layers
            + [facts["readout_weight_variance"]],
            "bias_variance": [facts["bias_variance"]] * layers
            + [facts["readout_bias_variance"]],
        }
        self.ntk, self.nngp = NTKernel(**self.parameters), NNGPKernel(**self.parameters)
        self.X, self.Z, self.Y = self["X"], self["Z"], self["Y"]
        # The reference takes the mean over rows and outputs, the package the sum.
        self.learning_rate = facts["learning_rates"][0] / self.Y.size

    def __getitem__(self, key):
        return self.arrays[f"{self.number}_{key}"]


def reference():
    facts = json.loads((DATA / "dynamics.json").read_text(encoding="utf-8"))
    with np.load(DATA / "dynamics.npz") as file:
        arrays = dict(file)
    return [Case(number, each, arrays) for number, each in enumerate(facts)]


CASES = reference()


def regression(n=40, outputs=1, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    signal = np.column_stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2]])
    Y = 3.0 + signal + noise * rng.standard_normal(signal.shape)
    return X, (Y if outputs == 2 else Y[:, 0])
