"""scikit-learn's own battery for kernels, over all of ours; their parameters."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Kernel, WhiteKernel
from sklearn.metrics.pairwise import pairwise_kernels

import ntk_sklearn
from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.kernels._theta import ThetaKernel

from ..cases import ALL_ACTIVATIONS

RNG = np.random.default_rng(0)
X, Y = RNG.normal(0, 1, (5, 2)), RNG.normal(0, 1, (6, 2))
WIDE = (1e-3, 1e3)

KERNELS = [
    *(NTKernel(depth=2, activation=a) for a in ALL_ACTIVATIONS),
    NTKernel(),
    NTKernel(bias_variance=0.0),
    NTKernel(depth=1, bias_variance=[0.1, 0.0], weight_variance_bounds=WIDE),
    NTKernel(depth=2, length_scale=[0.5, 2.0], length_scale_bounds=WIDE),
    NTKernel(length_scale=2.0, length_scale_bounds=[(0.1, 10.0)]),
    NTKernel(bias_variance_bounds="fixed"),
    NNGPKernel(depth=1),
    NNGPKernel(depth=2, activation="gelu", weight_variance_bounds=WIDE),
    WeightedNTKernel(),
    WeightedNTKernel(depth=2, layer_weights=[0.1, 1.0, 2.0]),
    WeightedNTKernel(
        depth=1, layer_weights=(0, 1), layer_weights_bounds="fixed", bias_weights=[1, 1]
    ),
    WeightedNTKernel(
        depth=2,
        activation=("leaky_relu", 0.2),
        weight_variance=[1.0, 2.0, 3.0],
        weight_variance_bounds=np.array([(0.1, 10), (0.2, 20), (0.3, 30)]),
        bias_variance=np.array([0.3, 0.1, 0.2]),
        length_scale=[1.0, 2.0],
        length_scale_bounds=WIDE,
        layer_weights=np.array([0.2, 0.5, 1.5]),
    ),
    2.0 * NTKernel(depth=1) + WhiteKernel(0.1),
    NTKernel(depth=1) * WeightedNTKernel(depth=1, activation="erf"),
    NNGPKernel(depth=1) ** 2,
]
ELSEWHERE = {
    f"ntk_sklearn.kernels.{module}"
    for module in (
        "_convolutional",
        "_empirical",
        "_graph_level",
        "_graph_nodes",
        "_recurrent",
        "_residual",
    )
}
OURS = [kernel for kernel in KERNELS if isinstance(kernel, ThetaKernel)]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=repr)
our_kernel = pytest.mark.parametrize("kernel", OURS, ids=repr)


def test_every_public_kernel_is_in_the_battery():
    public = {
        value
        for value in vars(ntk_sklearn).values()
        if isinstance(value, type) and issubclass(value, Kernel)
    }
    assert public >= {NTKernel, NNGPKernel, WeightedNTKernel}
    # Kernels of trained networks and of other architectures have tests of their own.
    others = {kernel for kernel in public if kernel.__module__ in ELSEWHERE}
    assert public - others == {type(kernel) for kernel in OURS}
    assert len(others) == 7


# -- scikit-learn's battery -----------------------------------------------------------


@every_kernel
def test_gradient(kernel):
    _K, gradient = kernel(X, eval_gradient=True)
    assert gradient.shape == (5, 5, kernel.theta.size)
    for k in range(kernel.theta.size):
        step = 1e-5 * np.eye(kernel.theta.size)[k]
        numeric = kernel.clone_with_theta(kernel.theta + step)(X)
        numeric = (numeric - kernel.clone_with_theta(kernel.theta - step)(X)) / 2e-5
        assert_allclose(gradient[:, :, k], numeric, rtol=1e-6, atol=1e-7)


@our_kernel
def test_theta(kernel):
    """Logarithms, in alphabetical order of names, zeros and fixed ones left out."""
    names = [h.name for h in kernel.hyperparameters if not h.fixed]
    assert names == sorted(names)
    attributes = {
        name.removeprefix("hyperparameter_")
        for name in dir(kernel)
        if name.startswith("hyperparameter_")
    }
    assert attributes == {h.name for h in kernel.hyperparameters}
    expected, sizes = [], []
    for h in kernel.hyperparameters:
        assert hasattr(kernel, h.name) and hasattr(kernel, f"{h.name}_bounds")
        if h.fixed:
            continue
        value = getattr(kernel, h.name)
        if value is None:
            value = np.ones(kernel.depth + 1)
        value = np.atleast_1d(np.asarray(value, dtype=float))
        expected.extend(value[value > 0])
        sizes.append(h.n_elements)
    assert_array_equal(kernel.theta, np.log(expected))
    assert kernel.n_dims == sum(sizes) == kernel.theta.size
    assert kernel.bounds.shape == (kernel.n_dims, 2) or kernel.n_dims == 0
    if kernel.n_dims:
        assert (kernel.bounds[:, 0] <= kernel.theta).all()
        assert (kernel.theta <= kernel.bounds[:, 1]).all()


@every_kernel
def test_theta_setter(kernel):
    theta = np.linspace(-0.5, 0.4, kernel.theta.size)
    moved = clone(kernel)
    moved.theta = theta
    assert_allclose(moved.theta, theta, rtol=1e-14, atol=1e-15)
    if theta.size:
        assert kernel != moved
        assert not np.allclose(kernel(X), moved(X))
    moved.theta = kernel.theta
    assert_allclose(moved(X), kernel(X), rtol=1e-12)
    again = kernel.clone_with_theta(theta)
    assert_allclose(again.theta, theta, rtol=1e-14, atol=1e-15)


@our_kernel
def test_each_free_hyperparameter_can_be_fixed(kernel):
    for h in kernel.hyperparameters:
        if h.fixed:
            continue
        fixed = clone(kernel).set_params(**{f"{h.name}_bounds": "fixed"})
        assert fixed.n_dims == kernel.n_dims - h.n_elements
        assert fixed.theta.size == len(fixed.bounds) or fixed.n_dims == 0
        assert_array_equal(fixed(X), kernel(X))


@every_kernel
def test_auto_is_cross(kernel):
    K = kernel(X)
    if "WhiteKernel" not in repr(kernel):
        assert_allclose(K, kernel(X, X), rtol=1e-14)
        assert_allclose(K, kernel(X, X.copy()), rtol=1e-12)
    assert kernel(X, Y).shape == (5, 6)
    assert_allclose(kernel(X, Y), kernel(Y, X).T, rtol=1e-12)


@every_kernel
def test_diag(kernel):
    assert kernel.diag(X).shape == (5,)
    assert_allclose(kernel.diag(X), np.diag(kernel(X)), rtol=1e-14)


@every_kernel
def test_clone(kernel):
    copy = clone(kernel)
    assert kernel == copy and copy == kernel
    assert kernel is not copy
    ours, theirs = kernel.get_params(), copy.get_params()
    assert ours.keys() == theirs.keys()
    assert_array_equal(copy(X), kernel(X))
    assert_array_equal(copy.theta, kernel.theta)
    assert_array_equal(copy.bounds, kernel.bounds)


@every_kernel
def test_pickle(kernel):
    copy = pickle.loads(pickle.dumps(kernel))
    assert kernel == copy
    assert_array_equal(copy(X, Y), kernel(X, Y))
    assert_array_equal(copy.theta, kernel.theta)


@our_kernel
def test_parameters_are_stored_as_given(kernel):
    """`clone` compares by identity."""
    given = kernel.get_params()
    twin = type(kernel)(**given)
    assert all(getattr(twin, name) is value for name, value in given.items())
    twin(X, eval_gradient=True)  # nor does a call change them
    assert all(getattr(twin, name) is value for name, value in given.items())


@our_kernel
def test_set_params(kernel):
    moved = clone(kernel).set_params(bias_variance=0.7, activation="cos")
    assert moved.bias_variance == 0.7 and moved.activation == "cos"
    fresh = type(kernel)(**{**kernel.get_params(), **moved.get_params()})
    assert_array_equal(moved(X), fresh(X))
    assert not np.allclose(moved(X), kernel(X))
    with pytest.raises(ValueError, match="Invalid parameter"):
        clone(kernel).set_params(no_such_parameter=1)


@every_kernel
def test_pairwise_kernels(kernel):
    expected = kernel(X, X.copy())
    if "WhiteKernel" not in repr(kernel):
        assert_allclose(pairwise_kernels(X, metric=kernel), expected, rtol=1e-12)
    assert_allclose(pairwise_kernels(X, Y, metric=kernel), kernel(X, Y), rtol=1e-14)
    parallel = pairwise_kernels(X, Y, metric=kernel, n_jobs=2)
    assert_allclose(parallel, kernel(X, Y), rtol=1e-12)


@our_kernel
def test_stationarity(kernel):
    assert kernel.is_stationary() is False
    assert kernel.requires_vector_input is True
    assert not np.allclose(kernel(X), kernel(X + 1.0))


# -- repr and equality ----------------------------------------------------------------


def test_repr_shows_values():
    """scikit-learn's default shows logarithms, and no depth."""
    kernel = NTKernel(depth=2, activation=("leaky_relu", 0.2), bias_variance=0.25)
    assert repr(kernel) == (
        "NTKernel(depth=2, activation=('leaky_relu', 0.2), weight_variance=2, "
        "bias_variance=0.25, length_scale=1)"
    )
    kernel = WeightedNTKernel(
        1, bias_variance=np.array([0.5, 1 / 3]), layer_weights=[1.0, 2.0]
    )
    shown = repr(kernel)
    assert "bias_variance=[0.5, 0.333]" in shown
    assert "layer_weights=[1, 2]" in shown and "bias_weights=None" in shown
    for bad in (NTKernel(depth="x"), NTKernel(bias_variance=None), NTKernel(depth=2.5)):
        assert repr(bad).startswith("NTKernel(depth=")  # errors need to show it


def test_repr_shortens_long_values():
    """A length scale for each of many columns would bury the rest."""
    shown = repr(NTKernel(length_scale=np.arange(1.0, 101.0)))
    assert "length_scale=[1, 2, 3, ..., 99, 100])" in shown
    assert "[1, 2, 3, 4, 5, 6, 7, 8, 9]" in repr(NTKernel(length_scale=range(1, 10)))


@every_kernel
def test_repr_is_one_line(kernel):
    assert len(repr(kernel)) > 10 and "\n" not in repr(kernel)


def test_equality():
    assert NTKernel() == NTKernel()
    assert NTKernel() != NTKernel(depth=2)
    assert NTKernel() != NNGPKernel()
    assert NTKernel() != WeightedNTKernel()
    assert NTKernel() != 3
    assert NTKernel(bias_variance=[1, 2]) != NTKernel(bias_variance=[1, 2, 3])
    assert NTKernel(bias_variance=[1, 2]) != NTKernel(bias_variance=1)
    assert NTKernel(bias_variance=[1, 2]) == NTKernel(bias_variance=np.array([1, 2]))
    assert NTKernel(activation=("rbf", 1.0)) != NTKernel(activation="rbf")
    assert WeightedNTKernel(layer_weights=[1, 2]) != WeightedNTKernel()
    assert NTKernel(bias_variance_bounds="fixed") != NTKernel()


def test_kernels_are_mutable_and_so_have_no_hash():
    with pytest.raises(TypeError, match="unhashable"):
        hash(NTKernel())


# -- hyperparameters ------------------------------------------------------------------


def test_zero_is_always_fixed():
    """A bias of 0 has no logarithm: it leaves theta, and no warning is given."""
    kernel = NTKernel(depth=2, bias_variance=0.0)
    assert kernel.theta.shape == (0,) and kernel.n_dims == 0
    kernel = NTKernel(depth=2, bias_variance=[0.0, 0.1, 0.0])
    assert_array_equal(kernel.theta, np.log([0.1]))
    kernel.theta = np.log([0.5])
    assert_allclose(kernel.bias_variance, [0.0, 0.5, 0.0])
    assert kernel(X, eval_gradient=True)[1].shape == (5, 5, 1)


def test_bounds():
    kernel = NTKernel(depth=2, weight_variance_bounds=(0.5, 4.0))
    assert_allclose(kernel.bounds, np.log([(1e-5, 1e5), (0.5, 4.0)]))
    pairs = [(0.1, 1.0), (0.2, 2.0), (0.3, 3.0)]
    kernel = NTKernel(2, bias_variance=[0.5, 0, 0.5], bias_variance_bounds=pairs)
    assert_allclose(kernel.bounds, np.log([pairs[0], pairs[2]]))
    kernel = WeightedNTKernel(depth=2, bias_variance_bounds="fixed")
    assert_allclose(kernel.bounds, np.log([(1e-5, 1e5)] * 3))


def test_default_layer_weights_can_be_learned():
    kernel = WeightedNTKernel(depth=2, bias_variance_bounds="fixed")
    assert_array_equal(kernel.theta, np.zeros(3))
    kernel.theta = np.log([0.5, 1.0, 2.0])
    assert_allclose(kernel.layer_weights, [0.5, 1.0, 2.0])


def test_setting_theta_leaves_the_callers_array_alone():
    variances = np.array([0.1, 0.2, 0.3])
    kernel = NTKernel(depth=2, bias_variance=variances)
    kernel.theta = kernel.theta + 1.0
    assert_array_equal(variances, [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"theta must have shape \(3,\)"):
        kernel.theta = np.zeros(2)


def test_a_number_stays_a_number():
    kernel = NTKernel().clone_with_theta([0.0])
    assert np.ndim(kernel.bias_variance) == 0 and kernel.bias_variance == 1.0


def test_depth_is_no_hyperparameter():
    names = {h.name for h in WeightedNTKernel().hyperparameters}
    assert names == {
        "weight_variance",
        "bias_variance",
        "length_scale",
        "layer_weights",
    }


def test_a_zero_layer_weight_needs_fixed_bounds():
    kernel = WeightedNTKernel(depth=2, layer_weights=[0, 1, 1])
    for use in (
        lambda: kernel.theta,
        lambda: kernel.bounds,
        lambda: kernel.n_dims,
        lambda: kernel(X, eval_gradient=True),
    ):
        with pytest.raises(ValueError, match=r'entry 1.*layer_weights_bounds="fixed"'):
            use()
    fixed = clone(kernel).set_params(layer_weights_bounds="fixed")
    assert fixed.n_dims == 1
    assert_array_equal(fixed(X), kernel(X))
