"""What the tests of kernels on images, sequences and graphs share."""

import json
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

FOLDER = Path(__file__).parents[1] / "data"
ARRAYS = np.load(FOLDER / "architectures.npz")
CASES = json.loads((FOLDER / "architectures.json").read_text(encoding="utf-8"))


def terms(family, case, which="_XX"):
    """The stored terms of a case."""
    return ARRAYS[f"{family}_{case['index']}_terms{which}"]


def squares(pairs):
    """Variances from standard deviations, one array for each column."""
    return [np.square(column).tolist() for column in np.array(pairs, float).T]


def assert_terms(kernel, X, Y, XX, XY=None):
    """Terms, their weighted sum and the diagonal are the stored ones, to rounding.

    1e-12 of the largest entry: a few thousand roundings of 1e-16.
    """
    close = {"rtol": 0, "atol": 1e-12 * np.abs(XX.sum(axis=0)).max()}
    n = len(XX)
    kernel.set_params(layer_weights=np.ones(n), layer_weights_bounds="fixed")
    assert_allclose(kernel.components(X), XX, **close)
    K = kernel(X)
    assert_allclose(K, XX.sum(axis=0), **close)
    assert np.array_equal(K, K.T)
    assert_allclose(kernel.diag(X), np.diag(XX.sum(axis=0)), **close)
    weights = np.random.default_rng(0).random(n) + 0.1
    kernel.set_params(layer_weights=weights)
    assert_allclose(kernel(X), np.tensordot(weights, XX, 1), **close)
    if XY is not None:
        assert_allclose(kernel.components(X, Y), XY, **close)
        assert_allclose(kernel(X, Y), np.tensordot(weights, XY, 1), **close)


def assert_gradient(kernel, X):
    """The gradient is that of central differences, of a step of 1e-5."""
    K, gradient = kernel(X, eval_gradient=True)
    assert_allclose(K, kernel(X), rtol=1e-13, atol=1e-14 * np.abs(K).max())
    assert gradient.shape == (*K.shape, kernel.n_dims)
    for j, step in enumerate(1e-5 * np.eye(kernel.n_dims)):
        up, down = (kernel.clone_with_theta(kernel.theta + s * step) for s in (1, -1))
        expected = (up(X) - down(X)) / 2e-5
        scale = max(np.abs(expected).max(), 1e-3 * np.abs(K).max())
        assert_allclose(gradient[..., j], expected, rtol=0, atol=1e-6 * scale)
    G = np.random.default_rng(5).standard_normal(K.shape)
    G += G.T
    expected = np.einsum("ij,ijk->k", G, gradient)
    close = {"rtol": 1e-9, "atol": 1e-11 * np.abs(gradient).max()}
    assert_allclose(kernel.contract(X, G), expected, **close)
    on_rows = kernel.on_rows(X)
    on_rows.set_theta(kernel.theta + 0.1)
    moved = kernel.clone_with_theta(kernel.theta + 0.1)
    assert_allclose(on_rows.gram(), moved(X), rtol=1e-12, atol=1e-14 * K.max())
    assert_allclose(
        on_rows.contract(G), moved.contract(X, G), rtol=1e-9, atol=1e-9 * K.max()
    )
