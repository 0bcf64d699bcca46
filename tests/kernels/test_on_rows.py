"""Kernels on rows that stay: ours, foreign ones, and sums, products and powers."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.kernels._on_rows import gradient_matrices, kernel_on_rows
from ntk_sklearn.kernels._theta import (
    is_homogeneous,
    kernel_at,
    linear_entries,
    switch_off,
)

X = np.random.default_rng(0).standard_normal((25, 3))
SCALES = {"length_scale": np.ones(3), "length_scale_bounds": (0.1, 10.0)}
KERNELS = [
    WeightedNTKernel(depth=2, **SCALES),
    NTKernel(depth=1, **SCALES) + NTKernel(),
    ConstantKernel(2.0) * NTKernel(depth=2, activation="erf", **SCALES),
    ConstantKernel(2.0, "fixed") * NTKernel(depth=2, **SCALES),
    (NTKernel(depth=1) + RBF()) * (WeightedNTKernel(depth=1) + WhiteKernel(0.3)),
    NTKernel(depth=1, **SCALES) ** 3,
    (NTKernel(depth=1) + Matern(1.5)) ** 2 * WeightedNTKernel(depth=1),
    NNGPKernel(depth=1, dtype="float32") + RBF(),
    RBF([1.0, 2.0, 0.5]),
]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=repr)


@every_kernel
def test_matrix_and_contraction_are_those_of_the_kernel(kernel):
    G = np.random.default_rng(1).standard_normal((25, 25))
    G += G.T
    rows = kernel_on_rows(kernel, X)
    theta = kernel.theta + np.linspace(-0.3, 0.2, kernel.n_dims)
    for at in (kernel.theta, theta, kernel.theta):
        rows.set_theta(at)
        K, gradient = kernel.clone_with_theta(at)(X, eval_gradient=True)
        scale = np.einsum("ij,ijk->k", np.abs(G), np.abs(gradient)).max()
        single = "float32" in repr(kernel)
        found = rows.gram()
        assert_allclose(found, K, rtol=1e-6 if single else 1e-13)
        expected = np.einsum("ij,ijk->k", G, gradient)
        assert_allclose(rows.contract(G), expected, rtol=0, atol=1e-12 * scale)
        found[:] = np.nan  # a new array each time: nothing is kept


@pytest.mark.parametrize(
    ("kernel", "entries", "homogeneous"),
    [
        (RBF(), [False], False),
        (NTKernel(), [False], False),
        (WeightedNTKernel(depth=1), [False, True, True], True),
        (
            WeightedNTKernel(depth=1, bias_weights=[1.0, 1.0]),
            [False, True, True],
            False,
        ),
        (WeightedNTKernel(depth=1, layer_weights_bounds="fixed"), [False], False),
        (
            WeightedNTKernel(depth=1) + WeightedNTKernel(depth=1),
            [False, True, True] * 2,
            True,
        ),
        (WeightedNTKernel(depth=1) + RBF(), [False, True, True, False], False),
        (RBF() * WeightedNTKernel(depth=1), [False, False, True, True], True),
        (
            WeightedNTKernel(depth=1) * WeightedNTKernel(depth=1),
            [False, True, True, False, False, False],
            True,
        ),
        (WeightedNTKernel(depth=1) ** 2, [False] * 3, False),
    ],
    ids=repr,
)
def test_a_kernel_says_in_what_it_is_linear(kernel, entries, homogeneous):
    assert_array_equal(linear_entries(kernel), entries)
    assert is_homogeneous(kernel) is homogeneous
    # It is true: along each of these entries the matrix moves in a straight line,
    for entry in np.flatnonzero(entries):
        ends = []
        for factor in (1.0, 2.0, 3.0):
            theta = kernel.theta
            theta[entry] += np.log(factor)
            ends.append(kernel_at(kernel, theta)(X))
        # Entries near zero are what terms as large as the diagonal leave of each other.
        assert_allclose(ends[1], (ends[0] + ends[2]) / 2, rtol=1e-12, atol=1e-13)
    # and along all of them together it is multiplied.
    if homogeneous:
        theta = kernel.theta
        theta[linear_entries(kernel)] += np.log(5.0)
        assert_allclose(kernel_at(kernel, theta)(X), 5.0 * kernel(X), rtol=1e-12)


def test_layers_are_switched_off_inside_sums_and_products():
    kernel = RBF() * (WeightedNTKernel(depth=1) + NTKernel(depth=2))
    off = np.zeros(kernel.n_dims, dtype=bool)
    off[np.flatnonzero(linear_entries(RBF() * WeightedNTKernel(depth=1)))[0]] = True
    free = kernel_at(kernel, np.where(off, -np.inf, kernel.theta))
    assert free.n_dims == kernel.n_dims  # next to nothing, and still free
    switched = clone(free)
    switch_off(switched, off)
    assert switched.n_dims == kernel.n_dims - 2
    assert_array_equal(switched.k2.k1.layer_weights, [0.0, 1.0])
    assert_allclose(switched(X), free(X), rtol=1e-13)
    rows = kernel_on_rows(kernel, X)
    rows.set_theta(np.where(off, -np.inf, kernel.theta))
    assert_allclose(rows.gram(), switched(X), rtol=1e-13)
    assert_array_equal(rows.contract(np.eye(25))[off], [0.0])


def test_no_array_of_all_derivatives():
    """A contraction holds as many matrices as it says, whatever the length of theta."""
    n, p = 300, 15
    rows = np.random.default_rng(0).standard_normal((n, p))
    scales = {"length_scale": np.ones(p), "length_scale_bounds": (0.1, 10.0)}
    one = NTKernel(depth=1, **scales)
    for kernel, most in ((one + one, 2.0), (ConstantKernel() * one, 8.0)):
        assert gradient_matrices(kernel) <= most
        on_rows, G = kernel_on_rows(kernel, rows), np.eye(n)
        on_rows.gram(), on_rows.contract(G)  # compiled
        tracemalloc.start()
        on_rows.gram()
        on_rows.contract(G)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < (most + 2.0) * 8 * n * n + 4e6  # tiles of each thread beside it
        assert peak < p * 8 * n * n + 4e6 or most > p


def test_a_subclass_of_ours_is_what_it_says():
    """Where it overrides the call, the call counts; where not, the fast way does."""

    class Doubled(NTKernel):
        def __call__(self, X, Y=None, eval_gradient=False):
            found = super().__call__(X, Y, eval_gradient)
            return tuple(2.0 * f for f in found) if eval_gradient else 2.0 * found

        def contract(self, X, G):
            return 2.0 * super().contract(X, G)

    class Renamed(NTKernel):
        pass

    assert_allclose(kernel_on_rows(Doubled(), X).gram(), 2.0 * NTKernel()(X))
    assert type(kernel_on_rows(Renamed(), X)) is type(kernel_on_rows(NTKernel(), X))
    assert gradient_matrices(Renamed()) == 0
    assert gradient_matrices(Doubled()) == 2
