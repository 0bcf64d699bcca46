"""The profile lane: one function of one variable, held to 60-digit values."""

from pathlib import Path

import numpy as np
import pytest

from ntk_sklearn import WeightedNTKernel
from ntk_sklearn._engine.contraction import contract, derivatives_of
from ntk_sklearn._engine.profile import profile_of
from ntk_sklearn._engine.recursion import unit_kernel
from ntk_sklearn._engine.tiles import gram
from ntk_sklearn._utils.jit import jit_sums

from ..cases import hard_rows

EXACT = np.load(Path(__file__).parents[1] / "data" / "profile.npz")
NAMES = {
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "leaky_relu_0_2": ("leaky_relu", 0.2),
    "leaky_relu_minus_0_3": ("leaky_relu", -0.3),
    "abs": "abs",
    "identity": "identity",
}
CASES = sorted(k.removesuffix("-kernel") for k in EXACT.files if k.endswith("kernel"))


def network_of(activation, weights, bias=0.0, n_features=3):
    kernel = WeightedNTKernel(
        depth=len(weights) - 1,
        activation=activation,
        bias_variance=bias,
        layer_weights=weights,
    )
    return kernel.network(np.zeros((1, n_features)))


@pytest.mark.parametrize("case", CASES)
def test_profile_is_exact_to_rounding(case):
    name, depth = case.rsplit("-", 1)
    weights = EXACT[f"{case}-weights"]
    expected = EXACT[f"{case}-kernel"]
    profile = profile_of(network_of(NAMES[name], weights), unit_kernel)
    if profile is None:
        # Two singularities near the ends of the interval: the recursion takes over.
        assert name == "leaky_relu_minus_0_3" and int(depth) >= 20
        return
    found = profile.at(EXACT["eta"].copy())
    assert np.abs(found - expected).max() <= 1e-13 * expected[0]


def both_lanes(function, *arguments, **options):
    """Whatever the number of rows, from the profile and from the recursion."""
    return [
        function(*arguments, profile_work=work, **options) for work in (-1.0, np.inf)
    ]


BIASES = {"none": 0.0, "first": [0.3, 0, 0, 0], "ends": [0.3, 0, 0, 0.2]}


@pytest.mark.parametrize("bias", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("activation", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("n", [9, 300])
def test_lanes_agree(activation, bias, n):
    X = np.vstack([hard_rows(), np.random.default_rng(1).standard_normal((n - 9, 3))])
    X[4] = X[3] * (1 + 1e-9)
    kernel = WeightedNTKernel(3, activation, 1.7, bias_variance=bias)
    kernel.set_params(layer_weights=[0.3, 0.7, 1.1, 0.2])
    scale = np.sqrt(np.outer(kernel.diag(X), kernel.diag(X)))
    for Y in (None, X[::2].copy()):
        here = scale if Y is None else scale[:, ::2]
        profile, recursion = both_lanes(gram, kernel.network(X), X, Y)
        assert not np.array_equal(profile, recursion)  # there are two
        assert np.all(np.abs(profile - recursion) <= 1e-14 * here)


@pytest.mark.parametrize("bias", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("activation", NAMES.values(), ids=NAMES)
def test_contractions_of_the_lanes_agree(activation, bias):
    X = np.vstack([hard_rows(), np.random.default_rng(1).standard_normal((300, 3))])
    G = np.random.default_rng(2).standard_normal((309, 309))
    G += G.T
    weights = [0.3, 0.7, 1.1, 0.2]
    network = network_of(activation, weights, bias)
    size = gram(network, X)
    size = np.abs(G * size).sum()
    for options in ({}, {"length_scale": True}, {"weights_only": True}):
        profile, recursion = both_lanes(contract, network, X, G, **options)
        fields = profile._fields[:1] if "weights_only" in options else profile._fields
        for field in fields:
            difference = getattr(profile, field) - getattr(recursion, field)
            assert np.abs(difference).max() <= 1e-13 * size, field


@pytest.mark.parametrize(
    ("activation", "bias"),
    [("erf", 0.0), ("relu", 0.1), ("relu", [0, 0.1, 0, 0]), (("leaky_relu", -0.9), 0)],
    ids=str,
)
def test_no_profile_where_there_is_none(activation, bias):
    network = network_of(activation, np.ones(4), bias)
    assert profile_of(network, unit_kernel) is None
    assert derivatives_of(network) is None


def test_no_profile_if_the_first_bias_learns_at_another_rate():
    kernel = WeightedNTKernel(
        depth=2, bias_variance=[0.1, 0, 0], layer_weights=[1, 1, 1]
    )
    X = np.zeros((1, 3))
    assert profile_of(kernel.network(X), unit_kernel) is not None
    kernel.bias_weights = [0.5, 1, 1]
    assert profile_of(kernel.network(X), unit_kernel) is None


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_one_feature_has_only_duplicates_and_antipodes(activation):
    X = np.linspace(-2, 2, 31)[:, None]
    kernel = WeightedNTKernel(30, activation, bias_variance=0.0)
    profile, recursion = both_lanes(gram, kernel.network(X), X)
    assert np.abs(profile - recursion).max() <= 1e-14 * recursion.max()


def test_the_profile_is_used_from_so_much_work_on():
    """By default for large matrices only: finding it takes a while."""
    X = np.random.default_rng(0).standard_normal((300, 3))
    G = np.eye(300)
    network = network_of("relu", np.ones(3))
    for n, lane in ((30, 1), (300, 0)):
        some = X[:n], G[:n, :n]
        lanes = both_lanes(gram, network, some[0])
        assert np.array_equal(gram(network, some[0]), lanes[lane])
        assert not np.array_equal(*lanes)
        lanes = both_lanes(contract, network, *some)
        found = contract(network, *some)
        assert np.array_equal(found.weight_variance, lanes[lane].weight_variance)


@pytest.mark.parametrize("activation", ["abs", ("leaky_relu", -1.0)], ids=str)
def test_an_even_activation_has_a_profile_of_its_own(activation):
    """Smooth in another variable: of a rectifier's, it would need far more powers."""
    network = network_of(activation, np.ones(31))
    profile = profile_of(network, unit_kernel)
    assert profile.variable.even
    assert profile.coefficients.size <= 48
    eta = np.linspace(0, 1, 30)
    assert np.array_equal(profile.at(-eta[1:]), profile.at(eta[1:]))
    assert not profile_of(network_of("relu", np.ones(31)), unit_kernel).variable.even


@jit_sums
def _sum(a):
    s = 0.0
    for k in range(a.size):
        s += a[k]
    return s


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 17, 99])
def test_reordered_sums_keep_what_is_not_finite(bad, at):
    a = np.ones(100)
    assert _sum(a) == 100.0
    a[at] = bad
    assert np.array_equal(_sum(a), bad, equal_nan=True)
