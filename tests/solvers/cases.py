"""A small ridge problem, with weights of every meaning."""

import numpy as np
import pytest

from ntk_sklearn.solvers import RowWeights

N, OUTPUTS, ALPHA = 23, 2, 0.3

with_intercept = pytest.mark.parametrize("intercept", [True, False])


def problem(n=N, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    K = np.exp(-0.3 * ((X[:, None] - X) ** 2).sum(axis=-1))
    return K, rng.standard_normal((n, OUTPUTS)) + 2.0, rng.uniform(0.2, 3.0, n)


def weights_of(s):
    """Weights of every meaning, beside what is left when one copy of a row goes."""
    copies = np.ceil(s).astype(int)
    return {
        "none": (None, np.ones(N)),
        "integer": (copies, copies),
        "rows": (s, s),
        "both": (RowWeights(s, copies), s),
        "fractional": (RowWeights(s, s), s),
    }


every_weight = pytest.mark.parametrize("weights", list(weights_of(np.ones(1))))
