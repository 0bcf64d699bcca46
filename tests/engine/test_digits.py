"""Kernels and derivatives held to 60 digits, wherever inputs may lie.

Inputs of lengths from 1e-12 to 1e8, copies and near-copies of each other, antipodes,
multiples and orthogonal ones; every activation; both lanes of the engine.
"""

from pathlib import Path

import numpy as np
import pytest

from ntk_sklearn import NNGPKernel, WeightedNTKernel
from ntk_sklearn._engine.contraction import contract
from ntk_sklearn._engine.tiles import gram

from ..cases import CLOSED_FORMS

with np.load(Path(__file__).parents[1] / "data" / "digits.npz") as arrays:
    EXACT = dict(arrays)
X, (I, J) = EXACT["X"], EXACT["pairs"].astype(int).T
CASES = [key for key in EXACT if "-" in key]
NAMES = {
    "leaky_relu": ("leaky_relu", 0.2),
    "leaky_relu_negative": ("leaky_relu", -0.9),
    "gaussian": ("gaussian", 0.4),
    "rbf": ("rbf", 0.7),
}
# Of the root of the product of both diagonal entries. Found: 3e-14 for rectifiers,
# whose layers' errors add up, 2e-15 for others; 2e-13 and 1e-12 for derivatives.
KERNEL, DERIVATIVE = 1e-13, 1e-11
FREE = (1e-6, 1e6)

each_case = pytest.mark.parametrize("case", CASES)


def parts(case):
    name, bias, depth = case.split("-")
    return NAMES.get(name, name), EXACT[f"bias_{bias}"], int(depth)


def kernel_of(case, kind=WeightedNTKernel, **options):
    activation, bias, depth = parts(case)
    return kind(
        depth,
        activation,
        EXACT["weight_variance"][: depth + 1],
        bias_variance=bias[: depth + 1],
        length_scale=EXACT["length_scale"],
        **options,
    )


def free_kernel(case):
    """The NTK with every hyperparameter free, and the direction that is stored."""
    depth = parts(case)[-1]
    kernel = kernel_of(
        case,
        layer_weights=[1.0] * (depth + 1),
        weight_variance_bounds=FREE,
        bias_variance_bounds=FREE,
        length_scale_bounds=FREE,
    )
    layers = [depth + 1] * 3
    weights, gains, biases, lengths = np.split(
        EXACT[f"direction_{depth}"], np.cumsum(layers)
    )
    names = ("layer_weights", "weight_variance", "bias_variance", "length_scale")
    return kernel, dict(zip(names, (weights, gains, biases, lengths), strict=True))


def scale_of(values):
    """The root of the product of both diagonal entries of each pair."""
    diagonal = np.zeros(len(X))
    diagonal[I[I == J]] = values[I == J]
    return np.sqrt(diagonal[I] * diagonal[J])


def test_the_cases_are_the_registry_and_the_inputs_what_is_said():
    found = {parts(case)[0] for case in CASES}
    names = {name if isinstance(name, str) else name[0] for name in found}
    assert names == set(CLOSED_FORMS)
    length = np.linalg.norm(X, axis=1)
    assert length[length > 0].min() < 3e-12 and length.max() > 1e8
    assert np.any(length == 0)
    steps = np.linalg.norm(X[I] - X[J], axis=1) / np.maximum(length[I], 1e-300)
    for step in (1e-15, 1e-12, 1e-8, 1e-5, 1e-3):
        assert np.sum((steps > 0.2 * step) & (steps < 5 * step)) >= 7
    assert np.sum((X[I] == X[J]).all(axis=1) & (I != J)) == 7
    assert np.sum((X[I] == -X[J]).all(axis=1) & (length[I] > 0)) == 7


@each_case
def test_kernels(case):
    for kind, row in ((WeightedNTKernel, 0), (NNGPKernel, 1)):
        kernel, expected = kernel_of(case, kind), EXACT[case][row]
        network, allowed = kernel.network(X), KERNEL * scale_of(expected)
        diagonal = kernel.diag(X)[I[I == J]]
        error = np.abs(diagonal - expected[I == J])
        assert (error <= 3e-15 * expected[I == J]).all()
        for work in (-1.0, np.inf):
            square = gram(network, X, profile_work=work)
            rectangle = gram(network, X, X.copy(), profile_work=work)
            for K in (square, rectangle, rectangle.T):
                assert (np.abs(K[I, J] - expected) <= allowed).all()


@each_case
def test_full_gradient(case):
    kernel, direction = free_kernel(case)
    along = np.zeros(kernel.n_dims)
    for name, values in direction.items():
        places = kernel.positions(name)
        along[places] = values[np.asarray(getattr(kernel, name)) > 0]
    values, _, expected = EXACT[case]
    found = kernel(X, eval_gradient=True)[1] @ along
    allowed = DERIVATIVE * scale_of(values)
    assert (np.abs(found[I, J] - expected) <= allowed).all()


@pytest.mark.parametrize("case", [case for case in CASES if case[-1] != "2"])
def test_contractions(case):
    """Of each pair alone, and of all of them together."""
    kernel, direction = free_kernel(case)
    values, _, expected = EXACT[case]
    scale = scale_of(values)

    def contracted(rows, G, work):
        network = kernel.network(rows)
        found = contract(network, rows, G, length_scale=True, profile_work=work)
        return sum(
            getattr(found, name) @ values[: getattr(found, name).size]
            for name, values in direction.items()
        )

    seeds = np.random.default_rng(0).standard_normal(len(I))
    seeds = np.divide(seeds, scale, out=np.zeros_like(scale), where=scale > 0)
    G = np.zeros((len(X), len(X)))
    G[I, J] = seeds / 2
    G += G.T
    for work in (-1.0, np.inf):
        error = contracted(X, G, work) - seeds @ expected
        assert abs(error) <= DERIVATIVE * len(I)
        for i, j, size, exact in zip(I, J, scale, expected, strict=True):
            if i != j and size > 0:
                one = np.array([[0.0, 0.5], [0.5, 0.0]])
                found = contracted(X[[i, j]], one, work)
                assert abs(found - exact) <= DERIVATIVE * size
