"""The kernels that tuned kernel methods choose from."""

import numpy as np
import pytest

from ntk_sklearn import NNGPKernel, NTKernel
from ntk_sklearn.comparison.models import kernel_families as families


def test_frozen_family_is_partial_sums_of_layers():
    X = np.random.default_rng(0).normal(size=(6, 3))
    found = [(kernel, gram.copy()) for kernel, gram in families.frozen_ntk(X, False)]
    assert len(found) == 15
    assert np.allclose(found[0][1], X @ X.T)
    for kernel, gram in found:
        assert np.allclose(kernel(X), gram, rtol=1e-12, atol=1e-14)
    # Each layer halves the diagonal of what is below: no layer frozen, depth 2.
    assert np.allclose(np.diag(found[3][1]), 0.75 * (X**2).sum(axis=1))


@pytest.mark.parametrize(("name", "made"), [("ntk", NTKernel), ("nngp", NNGPKernel)])
def test_families_of_networks_hold_the_kernel_of_their_name(name, made):
    X = np.random.default_rng(0).normal(size=(6, 3))
    tuned = list(getattr(families, name)(X, False))
    assert len(tuned) == 8
    assert all(type(kernel) is made for kernel, _ in tuned)
    learned = getattr(families, f"learned_{name}")(X, False)
    assert [type(kernel.k1.k2) for kernel in learned] == [made] * 4
