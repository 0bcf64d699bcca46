"""The engine: against its naive twin, over tiles, sizes and the laws it must keep."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.activations import get_activation

from .. import naive
from ..cases import ALL_ACTIVATIONS, hard_rows

MIB = 2**20
HOMOGENEOUS = [a for a in ALL_ACTIVATIONS if get_activation(a).homogeneous]

# Fixed examples, the same in every run.
repeatable = settings(
    max_examples=80, deadline=None, derandomize=True, database=None, print_blob=False
)


@st.composite
def networks(draw, activations=ALL_ACTIVATIONS, bias=True):
    """Parameters of a random weighted kernel and two sets of rows."""
    depth = draw(st.integers(1, 5))

    def numbers(low, high, size):
        return draw(st.lists(st.floats(low, high), min_size=size, max_size=size))

    biases = st.one_of(st.just(0.0), st.floats(0.01, 1.0))
    weights = st.one_of(st.just(0.0), st.floats(0.1, 3.0))
    layers = [draw(weights) for _ in range(depth)]
    network = {
        "depth": depth,
        "activation": draw(st.sampled_from(activations)),
        "weight_variance": numbers(0.3, 2.5, depth + 1),
        "bias_variance": [draw(biases) if bias else 0.0 for _ in range(depth + 1)],
        "layer_weights": [*layers, draw(st.floats(0.1, 3.0))],
        "bias_weights": draw(st.sampled_from([None, [0.5] * (depth + 1)])),
    }
    d = draw(st.integers(1, 6))
    network["length_scale"] = numbers(0.5, 2.0, d)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    X = rng.standard_normal((draw(st.integers(1, 12)), d))
    Y = rng.standard_normal((draw(st.integers(1, 12)), d))
    return network, X, Y


def kernel_of(network):
    return WeightedNTKernel(**network, layer_weights_bounds="fixed")


# -- against the twin -----------------------------------------------------------------


@repeatable
@given(networks())
def test_equals_the_naive_twin(drawn):
    network, X, Y = drawn
    kernel = kernel_of(network)
    # What the twin loses where two rows point the same way (or opposite, as always
    # with one feature): its angle is good to 1e-8, and every layer passes it on.
    scale = 1e-10 if X.shape[1] > 2 else 3e-7
    for K, expected in (
        (kernel(X), naive.weighted(X, **network)),
        (kernel(X, Y), naive.weighted(X, Y, **network)),
    ):
        assert K.shape == expected.shape
        assert_allclose(K, expected, atol=scale * max(1.0, np.abs(expected).max()))
    bare = {k: v for k, v in network.items() if not k.endswith("_weights")}
    expected = naive.components(X, Y, **bare)
    atol = scale * max(1.0, np.abs(expected).max())
    assert_allclose(kernel.components(X, Y), expected, atol=atol)


@repeatable
@given(networks())
def test_laws_of_every_kernel(drawn):
    """Symmetric, positive semi-definite, and blind to the order of rows."""
    network, X, Y = drawn
    kernel = kernel_of(network)
    K = kernel(X)
    assert_array_equal(K, K.T)
    size = np.abs(K).max()
    assert np.linalg.eigvalsh(K).min() >= -1e-13 * len(X) * size
    assert_allclose(kernel.diag(X), np.diag(K), rtol=1e-15)
    # The rectangle computes the same pairs in another order.
    assert_allclose(kernel(X, X.copy()), K, rtol=1e-13, atol=1e-13 * size)
    order = np.random.default_rng(0).permutation(len(X))
    assert_allclose(kernel(X[order]), K[np.ix_(order, order)], atol=1e-13 * size)
    columns = np.random.default_rng(1).permutation(X.shape[1])
    network["length_scale"] = np.array(network["length_scale"])[columns]
    assert_allclose(kernel_of(network)(X[:, columns]), K, atol=1e-12 * size)
    cross = kernel(X, Y)
    assert_allclose(kernel(Y, X), cross.T, atol=1e-13 * max(1.0, np.abs(cross).max()))
    components = kernel.components(X)
    assert_array_equal(components, components.transpose(0, 2, 1))


@repeatable
@given(networks(HOMOGENEOUS, bias=False), st.floats(-20, 20), st.floats(-20, 20))
def test_scaling_law_without_bias(drawn, s, t):
    """A positively homogeneous network has k(s x, t y) = s t k(x, y) for s, t > 0."""
    network, X, Y = drawn
    kernel = kernel_of(network)
    s, t = 10.0**s, 10.0**t
    norm_x, norm_y = np.sqrt(kernel.diag(X)), np.sqrt(kernel.diag(Y))
    K = kernel(X, Y)
    assert (
        np.abs(kernel(s * X, t * Y) / (s * t) - K) <= 1e-13 * np.outer(norm_x, norm_y)
    ).all()
    assert_allclose(kernel.diag(s * X), s**2 * kernel.diag(X), rtol=1e-13)


# -- tiles ----------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "abs", "erf", "gelu", "cos"])
@pytest.mark.parametrize("bias", [0.0, 0.2])
def test_more_than_one_tile(activation, bias):
    """600 × 600 and 700 × 300 entries, against the twin on whole matrices."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((600, 4)), rng.standard_normal((300, 4))
    Z = np.concatenate([X, X[:100] + 1e-9])
    network = {"depth": 3, "activation": activation, "bias_variance": bias}
    kernel = NTKernel(**network)
    off = ~np.eye(600, dtype=bool)  # the twin is blind on the diagonal
    K = kernel(X)
    assert_array_equal(K, K.T)
    assert_allclose(K[off], naive.weighted(X, **network)[off], rtol=1e-9, atol=1e-10)
    assert_allclose(np.diag(K), kernel.diag(X), rtol=1e-15)
    K = kernel(Z, Y)
    assert_allclose(K, naive.weighted(Z, Y, **network), rtol=1e-9, atol=1e-10)
    assert_allclose(kernel(Y, Z), K.T, rtol=1e-12, atol=1e-12)
    components = kernel.components(Z, Y)
    assert_allclose(components.sum(axis=0), K, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 263, 264, 265, 528, 529])
def test_edges_of_tiles(n):
    """Every entry of the result is written, whatever is left for the last tile."""
    X = np.random.default_rng(n).standard_normal((n, 2))
    kernel = NTKernel(depth=1, activation="erf")
    rows = np.unique([0, n // 2, n - 1])
    K = kernel(X)
    assert np.isfinite(K).all()
    assert_array_equal(K, K.T)
    atol = 1e-14 * K.max()  # entries near zero are differences
    assert_allclose(K[rows], kernel(X[rows], X), rtol=1e-13, atol=atol)
    assert_allclose(kernel(X, X[rows]).T, K[rows], rtol=1e-13, atol=atol)


# -- hard data ------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_duplicates_antipodes_and_zero_rows(activation, bias):
    X = hard_rows()
    network = {"depth": 3, "activation": activation, "bias_variance": bias}
    for kernel in (NTKernel(**network), NNGPKernel(**network)):
        K = kernel(X)
        assert np.isfinite(K).all()
        assert np.isfinite(kernel.components(X)).all()
        assert np.linalg.eigvalsh(K).min() >= -1e-13 * np.abs(K).max() * len(X)
        # Row 5 repeats row 0: one input, one row of the kernel, to the last digits.
        assert_allclose(K[0, 5], K[0, 0], rtol=1e-13)
        assert_allclose(K[5], K[0], rtol=1e-12, atol=1e-13)
        assert_allclose(kernel(X[[0]], X[[5]])[0, 0], K[0, 0], rtol=1e-13)
        if get_activation(activation).homogeneous and bias == 0:
            assert (K[8] == 0).all() and (kernel.diag(X)[8] == 0).all()
            assert_allclose(K[2, 7], 2 * K[2, 2], rtol=1e-13)


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_near_duplicates_approach_the_diagonal(activation):
    """Continuous at x = x': an error of the angle of 1e-8 would be seen here."""
    x = np.random.default_rng(4).standard_normal((1, 5))
    kernel = NTKernel(activation=activation)
    for step in (1e-4, 1e-7, 1e-9, 1e-12):
        K = kernel(x, x + step)[0, 0]
        limit = np.sqrt(kernel.diag(x)[0] * kernel.diag(x + step)[0])
        assert abs(K - limit) <= 20 * step * limit + 1e-14 * limit


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_enormous_and_tiny_inputs(activation, bias):
    """Entries of 1e150 and 1e-150: right where the answer fits, else a sentence."""
    x = np.random.default_rng(3).standard_normal((4, 3))
    network = {"depth": 2, "activation": activation, "bias_variance": bias}
    kernel = NTKernel(**network)
    X = np.concatenate([1e150 * x, x, 1e-150 * x])
    with np.errstate(all="raise"):
        K = kernel(X)
    assert np.isfinite(K).all() and np.isfinite(kernel.components(X)).all()
    assert_allclose(kernel.diag(X), np.diag(K), rtol=1e-15)
    if get_activation(activation).homogeneous and bias == 0:
        scale = np.repeat([1e150, 1.0, 1e-150], 4)
        expected = np.tile(kernel(x), (3, 3))
        assert_allclose(K / scale / scale[:, None], expected, rtol=1e-12, atol=1e-13)
    if bias:  # a tiny row is the zero row
        zero = np.zeros((1, 3))
        expected = np.broadcast_to(kernel(zero, x), (4, 4))
        assert_allclose(K[8:, 4:8], expected, rtol=1e-12, atol=1e-14)
        assert_allclose(np.diag(K)[8:], kernel.diag(zero)[0], rtol=1e-13)


def test_out_of_range_is_said_and_not_silent():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"X has rows whose squared length overflows"):
        NTKernel()(1e155 * x)
    with pytest.raises(ValueError, match="StandardScaler"):
        NTKernel().diag(1e160 * x)
    underflows = r"X has rows whose squared length underflows float64 \(row 0"
    with pytest.raises(ValueError, match=underflows):
        NTKernel(bias_variance=0.0)(1e-160 * x)
    with pytest.raises(ValueError, match=r"lower depth=400 or bring weight_variance"):
        NTKernel(400, weight_variance=100.0, bias_variance=0.0)(x)
    with pytest.raises(ValueError, match=r"underflows float64 before the last layer"):
        NTKernel(600, weight_variance=0.01, bias_variance=0.0)(x)


# -- what a call leaves behind --------------------------------------------------------


@pytest.mark.parametrize("n", [1, 9, 300])
def test_results_are_new_and_writable(n):
    """Consumers write into the Gram matrix they receive, and want doubles."""
    X = np.random.default_rng(0).standard_normal((n, 3))
    before = X.copy()
    kernel = NTKernel(depth=1)
    for call in (
        lambda: kernel(X),
        lambda: kernel(X, X),
        lambda: kernel(X, X.copy()),
        lambda: kernel.diag(X),
        lambda: kernel.components(X),
        lambda: kernel(X, eval_gradient=True)[1],
    ):
        first = call()
        kept = first.copy()
        assert first.flags.writeable and first.flags.c_contiguous
        assert first.dtype == np.float64
        assert not np.shares_memory(first, X)
        first[...] = -1.0
        assert_array_equal(call(), kept)
    assert_array_equal(X, before)


def peak(function):
    """Bytes that a call had allocated at its peak, and its answer."""
    tracemalloc.start()
    try:
        answer = function()
        return tracemalloc.get_traced_memory()[1], answer
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_a_rectangle_allocates_its_result_and_tiles(activation):
    """Not the (n + m)² square, nor one more matrix of the result's size."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2000, 5)), rng.standard_normal((1500, 5))
    kernel = NTKernel(depth=2, activation=activation, bias_variance=0.1)
    kernel(X[:300], Y[:300])
    used, K = peak(lambda: kernel(X, Y))
    assert K.nbytes == 2000 * 1500 * 8
    assert K.nbytes <= used <= K.nbytes + 4 * MIB
    used, K = peak(lambda: kernel(X))
    assert K.nbytes <= used <= K.nbytes + 4 * MIB


def test_contract_has_no_array_of_gradients():
    """(n, n, p) would be 70 MiB here, and even one n × n matrix 8."""
    rng = np.random.default_rng(0)
    X, G = rng.standard_normal((1000, 4)), np.ones((1000, 1000))
    kernel = WeightedNTKernel(
        depth=3, length_scale=np.ones(4), length_scale_bounds=(0.1, 10)
    )
    kernel.contract(X[:300], G[:300, :300])
    used, gradient = peak(lambda: kernel.contract(X, G))
    assert gradient.shape == (9,)
    assert used <= 6 * MIB


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_diagonal_costs_memory_in_proportion_to_n(activation):
    X = np.random.default_rng(0).standard_normal((100_000, 2))
    kernel = NTKernel(depth=2, activation=activation)
    kernel.diag(X[:10])
    used, diagonal = peak(lambda: kernel.diag(X))
    assert diagonal.shape == (100_000,)
    assert used <= 100_000 * 8 * 41  # a few numbers per row and layer
    assert_allclose(diagonal[:50], np.diag(kernel(X[:50])), rtol=1e-15)
