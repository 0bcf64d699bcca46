"""The engine on arrays of any library: equal to the compiled one."""

import numpy as np
import pytest

from ntk_sklearn import WeightedNTKernel
from ntk_sklearn._engine.array_api import array_components, array_diagonal, array_gram
from ntk_sklearn._engine.array_contraction import array_contract
from ntk_sklearn._engine.contraction import contract
from ntk_sklearn._engine.forward import diagonal
from ntk_sklearn._engine.tiles import components, gram
from ntk_sklearn._utils.arrays import place_at
from ntk_sklearn._utils.sparse import sparse_rows
from ntk_sklearn.kernels._dense import ARRAYS, COMPILED, engine_of

from ..array_libraries import LIBRARIES, dispatch, host, namespace_of, needs_dispatch

CLOSED = ["relu", ("leaky_relu", 0.3), "abs", "identity", "erf", "gelu", "gaussian"]
CLOSED += ["sin", "cos", ("rbf", 0.7)]
# Power series are cut off at 3e-13, for groups of pairs that are not the same in both.
TOLERANCE = 1e-12
each_activation = pytest.mark.parametrize(
    "activation", [*CLOSED, "tanh", "elu"], ids=str
)
each_place = pytest.mark.parametrize(
    "library", ["numpy", *(pytest.param(x, marks=needs_dispatch) for x in LIBRARIES)]
)


def rows(seed=0, n=60):
    """Rows of which some are equal, nearly so, opposite, multiples, or zero."""
    X = np.random.default_rng(seed).standard_normal((n, 5))
    X[40], X[41], X[42] = X[3], X[4] + 1e-8, -X[5]
    X[43], X[44], X[45] = 1e-9 - X[6], 2.0 * X[7], 1e-6 - 3.0 * X[8]
    X[46], X[47], X[48] = (1.0 + 1e-5) * X[9], X[10] + 1e-5, 0.0
    return X


def ranked(X):
    return np.hstack([X[:, :3], np.abs(np.sin(X[:, 3:]))])


def on(library, *arrays):
    """Return arrays of a library, and a function that brings results back."""
    if library == "numpy":
        if not hasattr(place_at(arrays[0]).xp, "matrix_transpose"):
            pytest.skip("this NumPy is older than the standard")
        return arrays, np.asarray
    xp = namespace_of(library)
    return tuple(xp.asarray(a) for a in arrays), host


def nearly_parallel(network, X):
    """Return the mask of pairs of rows that are nearly multiples of each other."""
    Z = np.column_stack([X * network.linear_scale, np.full(len(X), network.first_bias)])
    Z /= np.maximum(np.linalg.norm(Z, axis=1), 1e-300)[:, None]
    return 1.0 - np.abs(Z @ Z.T) < 1e-6


def compare(found, expected, tolerance):
    size = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)


@each_place
@each_activation
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_matrices_are_those_of_the_compiled_engine(library, activation, bias):
    kernel = WeightedNTKernel(
        2, activation, bias_variance=bias, layer_weights=[1.0, 0.5, 0.7]
    )
    X, Y = rows(), rows(1)[:50]
    Y[:5] = X[:5]
    network, tolerance = kernel.network(X), TOLERANCE
    (A, B), back = on(library, X, Y)
    with dispatch() if library != "numpy" else np.errstate():
        for work in (0, np.inf):
            K = array_gram(network, A, profile_work=work)
            compare(back(K), gram(network, X), tolerance)
        compare(back(array_gram(network, A, B)), gram(network, X, Y), tolerance)
        compare(back(array_diagonal(network, A)), diagonal(network, X), 1e-15)
        terms = back(array_components(network, A, B))
    for term, expected in zip(terms, components(network, X, Y), strict=True):
        compare(term, expected, tolerance)


@each_place
@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("scale", [1e-100, 1e-3, 50.0, 1e100])
def test_inputs_of_any_length(library, activation, scale):
    if activation == "erf" and scale > 1e50:
        return  # the compiled engine has more digits of such lengths
    kernel = WeightedNTKernel(3, activation, bias_variance=0.0)
    X = rows()[:48] * scale
    network = kernel.network(X)
    (A,), back = on(library, X)
    with dispatch() if library != "numpy" else np.errstate():
        K = back(array_gram(network, A))
    expected = gram(network, X)
    size = np.outer(np.sqrt(np.diag(expected)), np.sqrt(np.diag(expected)))
    np.testing.assert_allclose(K / size, expected / size, rtol=0, atol=1e-12)


@each_place
@pytest.mark.parametrize("activation", ["sign", "step"])
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_units_that_jump(library, activation, bias):
    """With each layer, angles become the roots of angles: none may be lost at first.

    An angle of 1e-8 is one of 0.02 after three layers, and rounding in place of it,
    1e-16, would be one of 1e-4.
    """
    X, rng = rows(), np.random.default_rng(2)
    X[49], X[50], X[51] = 3.0 * X[11], X[12] + 1e-14, (1.0 - 1e-12) * X[13]
    X[52:60] = X[14:22] * 10.0 ** rng.uniform(-3, 3, (8, 1)) + 1e-11
    network = WeightedNTKernel(3, activation, bias_variance=bias).network(X)
    (A,), back = on(library, X)
    expected = gram(network, X)
    near = nearly_parallel(network, X)
    with dispatch() if library != "numpy" else np.errstate():
        found = back(array_gram(network, A))
    compare(found[~near], expected[~near], 1e-12)
    compare(found[near], expected[near], 1e-9)


@each_place
@each_activation
@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize("bias_weights", [None, [1.0, 2.0, 3.0]])
def test_gradients_are_those_of_the_compiled_engine(
    library, activation, bias, bias_weights
):
    kernel = WeightedNTKernel(
        2,
        activation,
        bias_variance=bias,
        layer_weights=[1.0, 0.5, 0.7],
        bias_weights=bias_weights,
    )
    X = rows()[:48]
    G = np.random.default_rng(1).standard_normal((48, 48))
    G += G.T
    network, tolerance = kernel.network(X), TOLERANCE
    (A, H), _ = on(library, X, G)
    expected = contract(network, X, G, length_scale=True)
    size = np.abs(np.concatenate(expected)).max()
    with dispatch() if library != "numpy" else np.errstate():
        found = array_contract(network, A, H, length_scale=True)
        few = array_contract(network, A, H, weights_only=True)
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, other, rtol=0, atol=tolerance * size)
    np.testing.assert_array_equal(few.layer_weights, found.layer_weights)


@each_place
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_ranks(library, activation):
    kernel = WeightedNTKernel(1, activation, bias_variance=0.1, n_ranks=2)
    X = ranked(rows())
    network, G = kernel.network(X), np.eye(60) + 0.1
    (A, H), back = on(library, X, G)
    with dispatch() if library != "numpy" else np.errstate():
        compare(back(array_gram(network, A)), gram(network, X), 1e-12)
        found = array_contract(network, A, H, length_scale=True)
    expected = contract(network, X, G, length_scale=True)
    size = np.abs(np.concatenate(expected)).max()
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, other, rtol=0, atol=1e-12 * size)


@each_place
def test_tiles_of_any_size(library, monkeypatch):
    """The memory of the device changes the tiles, and nothing else."""
    X = rows(n=300)
    network = WeightedNTKernel(2, "erf").network(X)
    (A, G), back = on(library, X, np.ones((300, 300)))
    with dispatch() if library != "numpy" else np.errstate():
        whole, slopes = array_gram(network, A), array_contract(network, A, G)
        monkeypatch.setattr("ntk_sklearn._utils.arrays._IN_CACHE", 1.0)
        tiles, parts = array_gram(network, A), array_contract(network, A, G)
    compare(back(tiles), back(whole), 1e-14)
    np.testing.assert_allclose(
        np.concatenate(parts), np.concatenate(slopes), rtol=1e-11
    )


def test_rows_of_numpy_and_sparse_ones_never_take_it():
    X = rows()
    assert engine_of(X) is COMPILED
    assert engine_of(sparse_rows(X)) is COMPILED


@needs_dispatch
@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays_of_other_libraries_take_it(library):
    (A,), _ = on(library, rows())
    assert engine_of(A) is ARRAYS


@each_place
def test_rows_out_of_range(library):
    X = np.full((3, 2), 1e200)
    network = WeightedNTKernel(1).network(X)
    (A,), _ = on(library, X)
    with dispatch() if library != "numpy" else np.errstate():
        with pytest.raises(ValueError, match=r"squared length overflows float64"):
            array_gram(network, A)
        with pytest.raises(ValueError, match="overflow float32"):
            array_gram(network, A * 1e-60, dtype=np.float32)
