"""Residual and multi-depth kernels: reference values, gradients, sentences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.kernel_ridge import KernelRidge

from ntk_sklearn import MultiDepthNTKernel, NTKernel, ResidualNTKernel, WNTKRegressor

from .structured_cases import ARRAYS, CASES, assert_gradient, assert_terms, terms

X, Y = ARRAYS["skip_X"], ARRAYS["skip_Y"]


def by_kind(kind):
    cases = [case for case in CASES["skip"] if case["kind"] == kind]
    return pytest.mark.parametrize("case", cases, ids=lambda c: str(c["index"]))


@by_kind("residual")
def test_reference_terms_of_residual_networks(case):
    inner = [layer for block in case["blocks"] for layer in block[2]]
    weights, biases = np.square([case["embed"], *inner, case["readout"]]).T
    kernel = ResidualNTKernel(
        len(case["blocks"]),
        case["act"],
        weights,
        bias_variance=biases,
        block_depth=len(case["blocks"][0][2]),
        skip_scale=[block[0] for block in case["blocks"]],
        branch_scale=[block[1] for block in case["blocks"]],
        final_activation=case["final_act"],
    )
    assert_terms(kernel, X, Y, terms("skip", case), terms("skip", case, "_XY"))


@by_kind("multi_depth")
def test_reference_terms_of_multi_depth_networks(case):
    weights, biases = np.square([*case["hidden"], case["readout"]]).T
    kernel = MultiDepthNTKernel(
        len(case["hidden"]),
        case["act"],
        weights,
        bias_variance=biases,
        depth_weights=case.get("weights"),
    )
    assert_terms(kernel, X, Y, terms("skip", case), terms("skip", case, "_XY"))


@pytest.mark.parametrize("activation", ["relu", "gelu", "gaussian", "rbf"])
@pytest.mark.parametrize("kind", [ResidualNTKernel, MultiDepthNTKernel])
def test_gradients(kind, activation):
    kernel = kind(
        2,
        activation,
        1.3,
        weight_variance_bounds=(0.1, 10.0),
        bias_variance=0.2,
        bias_variance_bounds=(0.01, 10.0),
        layer_weights=[0.5, 1.0, 2.0, 0.3],
    )
    assert_gradient(kernel, X)


def test_no_branches_leave_a_linear_network():
    kernel = ResidualNTKernel(2, weight_variance=1.0, branch_scale=0.0)
    assert_allclose(kernel(X), 2 * X @ X.T / X.shape[1], rtol=1e-12, atol=1e-13)


def test_one_depth_is_the_plain_kernel():
    kernel = MultiDepthNTKernel(3, bias_variance=0.1, depth_weights=[0, 0, 1])
    assert_allclose(kernel(X), NTKernel(3)(X), rtol=1e-12)


@pytest.mark.parametrize("kernel", [ResidualNTKernel(2), MultiDepthNTKernel(2)])
def test_consumers(kernel):
    A, y = load_diabetes(return_X_y=True)
    A = A[:80] * 20
    given = KernelRidge(kernel="precomputed").fit(kernel(A[:60]), y[:60])
    found = KernelRidge(kernel=clone(kernel)).fit(A[:60], y[:60])
    expected = given.predict(kernel(A[60:], A[:60]))
    assert_allclose(found.predict(A[60:]), expected, rtol=1e-9)
    model = WNTKRegressor(kernel).fit(A[:60], y[:60])
    assert not np.allclose(model.kernel_.value("layer_weights"), 1.0)


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        (ResidualNTKernel(block_depth=0), "block_depth must be a positive integer"),
        (ResidualNTKernel(2, skip_scale=[1, 1, 1]), "skip_scale must be one number"),
        (ResidualNTKernel(branch_scale=-1.0), "branch_scale must be .* not negative"),
        (ResidualNTKernel(branch_scale="a"), "branch_scale must be a number or a"),
        (MultiDepthNTKernel(2, depth_weights=[1]), "depth_weights must be .* or 2"),
        (MultiDepthNTKernel(2, layer_weights=[1, 1]), "2 entries, .* needs 4 or 8"),
        (ResidualNTKernel(2, weight_variance=[1, 2]), "weight_variance has 2 entries"),
    ],
)
def test_bad_input(kernel, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        kernel(X)


@pytest.mark.parametrize("kernel", [ResidualNTKernel(), MultiDepthNTKernel()])
def test_numbers_whose_squares_overflow(kernel):
    for sides, name in (((X * 1e200,), "X"), ((X, X * 1e200), "Y")):
        with pytest.raises(ValueError, match=f"{name} must not have numbers as large"):
            kernel(*sides)


@pytest.mark.parametrize("bounds", ["fixed", (0.1, 10.0)])
def test_contractions_need_an_entry_for_each_pair(bounds):
    kernel = ResidualNTKernel(2, weight_variance_bounds=bounds)
    with pytest.raises(ValueError, match=r"G must have shape .* got \(1, 1\)"):
        kernel.contract(X, [[1.0]])
