"""Phases of random networks, and the dispersion of the kernels of finite ones."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from ntk_sklearn import NNGPKernel, NTKernel
from ntk_sklearn.activations import ACTIVATIONS, get_activation
from ntk_sklearn.approximation import finite_width_kernel
from ntk_sklearn.dynamics import (
    critical_variances,
    dispersion,
    edge_of_chaos,
    phase,
    recommended_variances,
)

from .cases import DATA

REFERENCE = json.loads((DATA / "phases.json").read_text(encoding="utf-8"))


def exponential(scale, height):
    """The function of ELU and SELU, and its derivative."""
    return (
        lambda z: scale * np.where(z > 0, z, height * np.expm1(np.minimum(z, 0))),
        lambda z: scale * np.where(z > 0, 1.0, height * np.exp(np.minimum(z, 0))),
    )


def mish_derivative(z):
    y = np.logaddexp(0, z)
    return np.tanh(y) + z * expit(z) * (1 - np.tanh(y) ** 2)


# Activations that the package has no kernel for, as functions of a user's own.
FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
    "elu": exponential(1.0, 1.0),
    "selu": exponential(1.0507009873554805, 1.6732632423543772),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "mish": (lambda z: z * np.tanh(np.logaddexp(0, z)), mish_derivative),
}
each = pytest.mark.parametrize("name", REFERENCE["phases"])


@each
def test_reference_of_phases(name):
    activation = FUNCTIONS.get(name, name)
    for case in REFERENCE["phases"][name]["phase"]:
        variances = case["weight_variance"], case["bias_variance"]
        found = phase(activation, *variances, first_variance=0.7)
        if isinstance(case["q_star"], str):
            assert (
                found.variance == {"0": 0.0, "inf": np.inf, "any": 0.7}[case["q_star"]]
            )
            continue
        assert found.name == case["phase"]
        assert_allclose(found.variance, case["q_star"], rtol=1e-10)
        assert_allclose(found.chi, case["chi"], rtol=1e-10)
        if case["correlation_length"] is not None:
            expected = case["correlation_length"]
            assert_allclose(found.correlation_length, expected, rtol=1e-10)
            assert found.correlation == 1.0


def test_reference_of_chaos():
    for case in REFERENCE["phases"]["erf"]["chaotic_fixed_point"]:
        found = phase("erf", case["weight_variance"], case["bias_variance"])
        assert found.name == "chaotic"
        assert_allclose(found.correlation, case["c_star"], rtol=1e-10)
        expected = case["correlation_length"]
        assert_allclose(found.correlation_length, expected, rtol=1e-10)


@each
def test_reference_of_the_edge_of_chaos(name):
    activation = FUNCTIONS.get(name, name)
    for case in REFERENCE["phases"][name]["edge_of_chaos"]:
        found = edge_of_chaos(activation, case["q"])
        assert_allclose(found[0], case["weight_variance"], rtol=1e-10)
        assert abs(found[1] - case["bias_variance"]) < 1e-10 * max(case["q"], 1.0)
        # The fixed point of GELU and mish repels; there may be none.
        if found[1] > -1e-9 and name not in {"gelu", "mish"}:
            there = phase(activation, *recommended_variances(activation, case["q"]))
            assert_allclose(there.chi, 1.0, rtol=1e-6)


def correlation_after(kernel, correlation, depth):
    """The correlation of two inputs after many layers, by the kernel of the network."""
    angle = np.arccos(correlation)
    X = np.sqrt(2.0) * np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    K = kernel.set_params(depth=depth)(X)
    return K[0, 1] / np.sqrt(K[0, 0] * K[1, 1])


@pytest.mark.parametrize("activation", ["erf", "sin", "gelu", ("leaky_relu", 0.2)])
@pytest.mark.parametrize("variances", [(1.4, 0.1), (1.2, 0.4), (4.5, 0.1)])
def test_deep_kernels_tend_to_the_fixed_points(activation, variances):
    found = phase(activation, *variances)
    if not np.isfinite(found.variance) or found.correlation_length > 15:
        return
    kernel = NNGPKernel(
        activation=activation, weight_variance=variances[0], bias_variance=variances[1]
    )
    deep = kernel.set_params(depth=60).diag(np.ones((1, 2)))[0]
    assert_allclose(deep, found.variance, rtol=1e-3)
    distances = [
        abs(correlation_after(kernel, 0.6, depth) - found.correlation)
        for depth in (30, 36)
    ]
    factor = (distances[1] / distances[0]) ** (1 / 6)
    if distances[1] > 1e-13:  # above rounding
        expected = np.exp(-1 / found.correlation_length)
        assert_allclose(factor, expected, rtol=0.03)


def test_every_activation_has_recommended_variances():
    for name in ACTIVATIONS:
        weight_variance, bias_variance = recommended_variances(name)
        assert weight_variance > 0 and bias_variance >= 0
        kernel = NNGPKernel(
            depth=1,
            activation=name,
            weight_variance=[1.0, weight_variance],
            bias_variance=[0.0, bias_variance],
        )
        assert_allclose(kernel.diag(np.ones((1, 2))), 1.0, rtol=1e-9)
    # Networks without an edge of chaos keep the variance in the ordered phase.
    found = recommended_variances(FUNCTIONS["softplus"])
    assert edge_of_chaos(FUNCTIONS["softplus"])[1] < 0 and found[1] == 0.0
    assert phase(FUNCTIONS["softplus"], *found).chi < 1
    assert recommended_variances("relu") == recommended_variances(
        get_activation("relu")
    )


@pytest.mark.parametrize("case", REFERENCE["dispersion"], ids=str)
def test_reference_of_the_dispersion(case):
    found = dispersion(case["width"], case["hidden_layers"])
    assert_allclose(found, case["formula"], rtol=1e-10)
    # Three standard errors of the measurement.
    assert abs(found - case["measured"]) < 3 * case["standard_error"]
    assert 1 < found < case["exp_5L_over_n"]


def test_finite_networks_have_the_dispersion():
    kernel = NTKernel(depth=3, bias_variance=0.0)
    X = np.array([[1.0, 0.5, -0.3]])
    drawn = finite_width_kernel(kernel, X, width=30, n_networks=6000, random_state=0)
    squares = (drawn.ravel() / kernel.diag(X)[0]) ** 2
    # The first layer has the width of the inputs, whose weights are as random.
    error = 4 * squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - dispersion(30, 3)) < error


@pytest.mark.parametrize("name", ["tanh", "gelu", "elu", "selu", "mish", "hard_tanh"])
def test_critical_variances_keep_variance_and_distances(name):
    found = critical_variances(name, 0.8)
    at_edge = phase(name, *found, first_variance=0.8)
    means = NNGPKernel(
        1,
        name,
        weight_variance=[0.8, found[0]],
        bias_variance=[0.0, found[1]],
    )
    # Three numbers of mean square one: the first variance is 0.8.
    x = np.ones((1, 3))
    assert_allclose(means.diag(x), 0.8, rtol=1e-10)
    ntk = NTKernel(
        1,
        name,
        weight_variance=[0.8, found[0]],
        bias_variance=[0.0, found[1]],
    )
    assert_allclose(ntk.components(x)[0], 0.8, rtol=1e-9)  # the slope is one
    if abs(at_edge.variance - 0.8) < 1e-6:  # and it attracts
        assert at_edge.name == "edge of chaos"


def test_networks_without_an_edge_of_chaos_are_said_so():
    for name in ("sigmoid", "softplus"):
        with pytest.raises(ValueError, match="no edge of chaos: it would need a bias"):
            critical_variances(name)
    for name in ("sign", "step"):
        with pytest.raises(ValueError, match="derivative zero"):
            critical_variances(name)
    assert_allclose(critical_variances("relu", 3.0), (2.0, 0.0), atol=1e-14)
    assert_allclose(critical_variances("tanh"), (2.1533026489, 0.1509646293), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: phase("relu", -1.0, 0.0),
            "weight_variance must be finite and positive",
        ),
        (lambda: phase("relu", np.nan, 0.0), "weight_variance must be finite and pos"),
        (lambda: phase("relu", 2.0, -0.1), "bias_variance must be finite and not neg"),
        (lambda: phase("relu", 2.0, 0.0, 0.0), "first_variance must be finite and pos"),
        (lambda: edge_of_chaos("erf", [0.1, 0.5]), "variance must be a single number"),
        (
            lambda: recommended_variances("erf", 0.0),
            "variance must be finite and posit",
        ),
        (lambda: dispersion(0, 3), "width must be finite and positive, got 0"),
        (lambda: dispersion(10, 0), "depth must be at least 1, the number of hidden"),
    ],
)
def test_what_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
