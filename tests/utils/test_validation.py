"""Bad input is named, with what is needed; good input of any kind gives one answer."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.activations import ACTIVATIONS

X = np.array([[1.0, 0.5, -2.0], [0.0, 2.0, 1.0], [3.0, -1.0, 0.5]])
Y = X[:2] + 1

KINDS = [NTKernel, NNGPKernel, WeightedNTKernel]
every_kind = pytest.mark.parametrize("kind", KINDS)


def with_entry(value):
    bad = X.copy()
    bad[1, 2] = value
    return bad


# -- data -----------------------------------------------------------------------------

BAD_DATA = {
    "nan": (with_entry(np.nan), ValueError, "contains NaN"),
    "inf": (with_entry(np.inf), ValueError, "infinity"),
    "minus inf": (with_entry(-np.inf), ValueError, "infinity"),
    "1-D": (X[0], ValueError, r"2 dimensions .*got 1; use {}\.reshape\(-1, 1\)"),
    "a number": (3.0, ValueError, "2 dimensions"),
    "3-D": (X[None], ValueError, "got 3"),
    "no rows": (X[:0], ValueError, r"at least one sample .* got shape \(0, 3\)"),
    "no columns": (X[:, :0], ValueError, r"one feature, got shape \(3, 0\)"),
    "strings": ([["a", "b", "c"]], ValueError, "finite real numbers"),
    "complex": (X + 1j, ValueError, "[Cc]omplex"),
    "objects": (np.array([[None, 1, 2]]), (ValueError, TypeError), "finite"),
    "text column": (
        pd.DataFrame({"a": [1.0, 2.0], "b": ["u", "v"], "c": [1, 2]}),
        ValueError,
        "finite real numbers",
    ),
    "missing in a DataFrame": (
        pd.DataFrame(with_entry(np.nan)),
        ValueError,
        "contains NaN",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case):
    bad, error, needed = BAD_DATA[case]
    kernel = NTKernel(depth=1)
    sides = {
        "X": (
            lambda: kernel(bad),
            lambda: kernel(bad, Y),
            lambda: kernel(bad, eval_gradient=True),
            lambda: kernel.diag(bad),
            lambda: kernel.components(bad),
            lambda: kernel.contract(bad, np.eye(3)),
        ),
        "Y": (lambda: kernel(X, bad), lambda: kernel.components(X, bad)),
    }
    for name, calls in sides.items():
        sentence = f"{name} must be a dense matrix of finite real numbers"
        for call in calls:
            with pytest.raises(error, match=sentence) as caught:
                call()
            assert caught.match(needed.format(name))


@every_kind
def test_columns_of_both_sides(kind):
    with pytest.raises(ValueError, match="X has 3 features, but Y has 2"):
        kind()(X, Y[:, :2])
    with pytest.raises(ValueError, match="same columns"):
        kind().components(X, Y[:, :1])


@every_kind
def test_gradient_with_y(kind):
    with pytest.raises(
        ValueError, match="Gradient can only be evaluated when Y is None"
    ):
        kind()(X, Y, eval_gradient=True)


def test_matrix_to_contract():
    kernel = NTKernel()
    with pytest.raises(ValueError, match=r"G must have shape \(3, 3\).* got \(2, 2\)"):
        kernel.contract(X, np.eye(2))
    with pytest.raises(ValueError, match="G must be a dense matrix of finite"):
        kernel.contract(X, np.full((3, 3), np.nan))


# -- parameters -----------------------------------------------------------------------

POSITIVE = "must be finite and positive"
NOT_NEGATIVE = "must be finite and not negative"
NUMBER = "must be a number or a sequence of numbers"

BAD_PARAMETERS = [
    ("depth", 0, ValueError, "must be at least 1, the number of hidden layers, got 0"),
    ("depth", -1, ValueError, "must be at least 1, .* got -1"),
    ("depth", 2.5, TypeError, "must be an integer of at least 1, .* got 2.5"),
    ("depth", 2.0, TypeError, "must be an integer"),
    ("depth", True, TypeError, "must be an integer of at least 1, .* got True"),
    ("depth", np.True_, TypeError, "must be an integer"),
    ("depth", "3", TypeError, "must be an integer"),
    ("depth", None, TypeError, "must be an integer"),
    ("activation", "no_such_thing", ValueError, "known activations are"),
    ("activation", None, ValueError, "known activations are"),
    ("activation", ("relu", 0.1), ValueError, "'relu' takes no argument"),
    ("activation", ("leaky_relu", "x"), ValueError, "finite number .*negative slope"),
    ("activation", ("leaky_relu", np.nan), ValueError, "finite number"),
    ("activation", ("leaky_relu", True), ValueError, "finite number"),
    ("activation", ("rbf", 0.0), ValueError, "positive number as its gamma"),
    ("activation", ("gaussian", -1.0), ValueError, "positive number as its scale"),
    ("activation", ("relu", 1, 2), ValueError, "known activations are"),
    ("weight_variance", -1.0, ValueError, f"{POSITIVE}, got -1.0"),
    ("weight_variance", 0.0, ValueError, POSITIVE),
    ("weight_variance", np.nan, ValueError, POSITIVE),
    ("weight_variance", np.inf, ValueError, POSITIVE),
    ("weight_variance", "two", TypeError, NUMBER),
    ("weight_variance", None, TypeError, NUMBER),
    ("weight_variance", True, TypeError, NUMBER),
    ("weight_variance", 1j, TypeError, NUMBER),
    ("weight_variance", [[2.0] * 4], ValueError, "one-dimensional"),
    ("weight_variance", [2.0] * 3, ValueError, "has 3 entries, but depth=3 needs 4"),
    ("weight_variance", [2.0, 2.0, 2.0, -1.0], ValueError, POSITIVE),
    ("weight_variance", [], ValueError, "has 0 entries, but depth=3 needs 4"),
    ("bias_variance", -0.1, ValueError, f"{NOT_NEGATIVE}, got -0.1"),
    ("bias_variance", np.nan, ValueError, NOT_NEGATIVE),
    ("bias_variance", [0.1] * 5, ValueError, "has 5 entries, but depth=3 needs 4"),
    ("bias_variance", "x", TypeError, NUMBER),
    ("length_scale", 0.0, ValueError, POSITIVE),
    ("length_scale", -1.0, ValueError, POSITIVE),
    ("length_scale", np.nan, ValueError, POSITIVE),
    ("length_scale", [1.0, 2.0], ValueError, "has 2 entries, but X has 3 features"),
    ("length_scale", "x", TypeError, NUMBER),
    (
        "layer_weights",
        [1.0, 1.0],
        ValueError,
        r"has 2 entries, but depth=3 needs 4 \(one per layer, the read-out last\); "
        "pass None for equal values",
    ),
    ("layer_weights", [1, 1, -1, 1], ValueError, NOT_NEGATIVE),
    ("layer_weights", [1, 1, np.nan, 1], ValueError, NOT_NEGATIVE),
    ("layer_weights", [1, 1, np.inf, 1], ValueError, NOT_NEGATIVE),
    (
        "layer_weights",
        [0, 0, 0, 0],
        ValueError,
        "at least one positive entry",
    ),
    ("layer_weights", "x", TypeError, NUMBER),
    ("bias_weights", [1.0], ValueError, "has 1 entries, but depth=3 needs 4"),
    ("bias_weights", [1, 1, 1, -1], ValueError, NOT_NEGATIVE),
]


def kinds_with(name):
    if name in {"layer_weights", "bias_weights"}:
        return [WeightedNTKernel]
    return KINDS


@pytest.mark.parametrize(
    ("name", "value", "error", "needed"),
    BAD_PARAMETERS,
    ids=[f"{name}={value}" for name, value, *_ in BAD_PARAMETERS],
)
def test_bad_parameters(name, value, error, needed):
    """Said at the first use, of any kind; the constructor takes what it is given."""
    for kind in kinds_with(name):
        kernel = kind(**{name: value})
        for use in (
            lambda k=kernel: k(X),
            lambda k=kernel: k(X, Y),
            lambda k=kernel: k.diag(X),
            lambda k=kernel: k.components(X),
            lambda k=kernel: k(X, eval_gradient=True),
        ):
            with pytest.raises(error, match=name) as caught:
                use()
            assert caught.match(needed)


def test_an_unknown_activation_gets_the_list():
    with pytest.raises(ValueError, match="activation must be a name") as caught:
        NTKernel(activation="swish")(X)
    assert "'swish'" in str(caught.value)
    assert all(repr(name) in str(caught.value) for name in ACTIVATIONS)


BAD_BOUNDS = [
    "free",
    (1.0,),
    (2.0, 1.0),
    (-1.0, 1.0),
    (0.0, 1.0),
    (np.nan, 1.0),
    [(0.1, 1.0)] * 2,
]


@pytest.mark.parametrize("bounds", BAD_BOUNDS, ids=str)
@pytest.mark.parametrize("name", ["weight_variance", "bias_variance", "length_scale"])
def test_bad_bounds(name, bounds):
    kernel = NTKernel(**{f"{name}_bounds": bounds})
    with pytest.raises(ValueError, match=f'{name}_bounds must be "fixed"'):
        kernel.theta  # noqa: B018
    with pytest.raises(ValueError, match=f"{name}_bounds"):
        kernel(X, eval_gradient=True)


def test_free_bounds_on_a_zero_weight():
    kernel = WeightedNTKernel(depth=2, layer_weights=[1, 0, 1])
    sentence = (
        r"layer_weights is zero at entry 2, .* pass layer_weights_bounds=.fixed. or a "
        r"small positive weight"
    )
    with pytest.raises(ValueError, match=sentence):
        kernel.theta  # noqa: B018
    with pytest.raises(ValueError, match=sentence):
        kernel(X, eval_gradient=True)


# -- good input -----------------------------------------------------------------------


def read_only(A):
    A = A.copy()
    A.flags.writeable = False
    return A


def memory_mapped(A, path):
    mapped = np.memmap(path, dtype=A.dtype, mode="w+", shape=A.shape)
    mapped[:] = A
    mapped.flush()
    return np.memmap(path, dtype=A.dtype, mode="r", shape=A.shape)


GOOD = {
    "lists": lambda A, _: A.tolist(),
    "tuples": lambda A, _: tuple(map(tuple, A)),
    "DataFrame": lambda A, _: pd.DataFrame(A, columns=list("abc")),
    "mixed DataFrame": lambda A, _: pd.DataFrame(A).astype({0: int, 1: "float32"}),
    "nullable DataFrame": lambda A, _: pd.DataFrame(A).astype("Float64"),
    "float32": lambda A, _: A.astype(np.float32),
    "float16": lambda A, _: A.astype(np.float16),
    "int": lambda A, _: A.astype(int),
    "uint8": lambda A, _: np.abs(A).astype(np.uint8),
    "bool": lambda A, _: A > 0,
    "objects": lambda A, _: A.astype(object),
    "big endian": lambda A, _: A.astype(">f8"),
    "F order": lambda A, _: np.asfortranarray(A),
    "strided": lambda A, _: np.repeat(np.repeat(A, 2, 0), 3, 1)[::2, ::3],
    "reversed": lambda A, _: A[::-1].copy()[::-1],
    "read-only": lambda A, _: read_only(A),
    "memory-mapped": memory_mapped,
}


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("case", GOOD)
def test_good_input_gives_the_same_numbers(case, activation, tmp_path):
    kernel = WeightedNTKernel(depth=2, activation=activation)
    whole = np.array([[1, 2, -3], [4, -5, 6], [7, 8, 9], [0, 0, 0]])
    plain = whole if case in {"int", "uint8", "bool"} else whole / 4  # exact in float16
    given, other = (
        GOOD[case](np.asarray(A, dtype=float), tmp_path / name)
        for A, name in ((plain, "X"), (plain[:2], "Y"))
    )
    A, B = (np.array(Z, dtype=np.float64) for Z in (given, other))
    if case not in {"uint8", "bool", "mixed DataFrame"}:
        assert_array_equal(A, plain)
    assert_array_equal(kernel(given), kernel(A))
    assert_array_equal(kernel(given, other), kernel(A, B))
    assert_array_equal(kernel(given, B), kernel(A, B))
    assert_array_equal(kernel(A, other), kernel(A, B))
    assert_array_equal(kernel.diag(given), kernel.diag(A))
    assert_array_equal(kernel.components(given, other), kernel.components(A, B))
    K, gradient = kernel(given, eval_gradient=True)
    assert K.dtype == gradient.dtype == np.float64
    assert_array_equal(gradient, kernel(A, eval_gradient=True)[1])
    G = np.eye(4) + 1
    assert_array_equal(kernel.contract(given, G), kernel.contract(A, G))


def test_one_row_and_one_column():
    assert NTKernel()([[1.0]]).shape == (1, 1)
    assert NTKernel()([[1.0, 2.0]], [[1.0, 2.0], [0.0, 1.0]]).shape == (1, 2)
    assert NTKernel()([[1.0], [-2.0]], eval_gradient=True)[1].shape == (2, 2, 1)


@pytest.mark.parametrize("depth", [2, np.int64(2), np.uint8(2)], ids=repr)
def test_depth_of_any_integer_type(depth):
    """As numpy's ranges in a grid give it."""
    assert_array_equal(NTKernel(depth=depth)(X), NTKernel(depth=2)(X))


@pytest.mark.parametrize(
    "values",
    [(2, 1, 1), (2.0, 1.0, 1.0), np.array([2, 1, 1]), pd.Series([2.0, 1, 1])],
    ids=lambda v: type(v).__name__,
)
def test_vectors_of_any_kind(values):
    expected = NTKernel(2, weight_variance=[2.0, 1.0, 1.0])(X)
    assert_array_equal(NTKernel(2, weight_variance=values)(X), expected)
    kernel = WeightedNTKernel(2, layer_weights=values)
    expected = WeightedNTKernel(2, layer_weights=[2.0, 1.0, 1.0])
    assert_array_equal(kernel(X), expected(X))
    assert_allclose(kernel.theta, expected.theta)
    scaled = NTKernel(length_scale=values)(X)
    assert_allclose(scaled, NTKernel()(X / [2.0, 1.0, 1.0]), rtol=1e-13)
