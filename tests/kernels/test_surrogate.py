"""Networks of jumping units that are trained with a surrogate derivative."""

import json
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import (
    GradientDescentClassifier,
    SurrogateNTKernel,
    SurrogateNTKRegressor,
    WNTKRegressor,
)
from ntk_sklearn.kernels._surrogate import SURROGATES, surrogate_mean

DATA = Path(__file__).parents[1] / "data"
ARRAYS = np.load(DATA / "surrogate.npz")
STORED = json.loads((DATA / "surrogate.json").read_text())


def case(given):
    given = dict(given)
    i, steepness = given.pop("i"), given.pop("beta")
    kernel = SurrogateNTKernel(steepness=steepness, **given)
    arrays = {n: ARRAYS[f"{i}_{n}"] for n in ("X", "Z", "I_XX", "I_ZX", "I_XZ")}
    return kernel, arrays


@pytest.mark.parametrize("given", STORED["cases"], ids=lambda c: f"{c['i']}")
def test_kernels_are_the_stored_ones(given):
    kernel, arrays = case(given)
    X, Z = arrays["X"], arrays["Z"]
    assert_allclose(kernel(Z, X), arrays["I_ZX"], rtol=1e-12)
    assert_allclose(kernel(X, Z), arrays["I_XZ"], rtol=1e-12)
    # The stored values of equal and nearly equal rows have the rounding of a cosine:
    # see the next test.
    far = np.linalg.norm(X[:, None] - X, axis=2) > 1e-3
    assert far.sum() == len(X) * (len(X) - 1) - 2
    assert_allclose(kernel(X)[far], arrays["I_XX"][far], rtol=1e-12)


def test_near_rows_by_fractions():
    """Without rounding, the first covariances tell whose values are off."""
    kernel, arrays = case(STORED["cases"][0])
    X = arrays["X"]
    distance = np.linalg.norm(X[:, None] - X, axis=2) + np.eye(len(X))
    i, j = np.unravel_index(np.argmin(distance), distance.shape)
    bias = Fraction(kernel.bias_variance)

    def covariance(x, z):
        products = (Fraction(a) * Fraction(b) for a, b in zip(x, z, strict=True))
        return sum(products) / len(x) + bias

    a, b, c = covariance(X[i], X[i]), covariance(X[i], X[j]), covariance(X[j], X[j])
    left = 1 - b * b / (a * c)  # exact, where cosines have the digits of rounding only
    slope = 2.0 / np.sqrt(2.0 * np.pi * float(a))
    slope *= 2.0 / np.sqrt(np.pi) / np.sqrt(1.0 + 2.0 * float(c * left))
    angle = np.arctan2(np.sqrt(float(left)), np.sqrt(1.0 - float(left)))
    expected = 1.0 - 2.0 / np.pi * angle + kernel.bias_variance + slope * float(b)
    assert_allclose(kernel(X)[i, j], expected, rtol=1e-13)
    assert abs(arrays["I_XX"][i, j] / expected - 1.0) > 1e-11


@pytest.mark.parametrize("unit", ["sign", "step"])
def test_near_rows_have_nearly_the_kernel_of_equal_rows(unit):
    """The angle of two signs is the root of that of their inputs, in each layer."""
    rng = np.random.default_rng(0)
    x, step = rng.standard_normal((2, 1, 3))
    kernel = SurrogateNTKernel(2, unit, "fast_sigmoid", 5.0)
    own = kernel(x)[0, 0]
    apart = [kernel(x, x + h * step)[0, 0] - own for h in (1e-6, 1e-9, 1e-12)]
    assert_allclose(apart[1] / apart[0], 1e-3**0.5, rtol=2e-2)
    assert_allclose(apart[2] / apart[0], 1e-6**0.5, rtol=2e-2)


def test_surrogate_means_are_the_exact_ones():
    assert {key.split(",")[0] for key in STORED["means"]} == set(SURROGATES)
    for key, value in STORED["means"].items():
        name, steepness, tau = key.split(",")
        found = surrogate_mean(name, float(steepness), np.array([float(tau)]))
        assert_allclose(found, value, rtol=1e-12)


def test_a_network_of_finite_width_has_the_kernel():
    """One hidden layer: of signs for outputs, with the derivative of erf in training.

    The part of the first layer is E[phi'(u) s(v)] q, and phi' an impulse: here it is
    that of a steep erf, and the sample mean is over first-layer weights.
    """
    rng = np.random.default_rng(1)
    X = rng.standard_normal((4, 3))
    W = rng.standard_normal((400_000, 3)) / np.sqrt(3)
    b = np.sqrt(0.1) * rng.standard_normal(400_000)
    u = X @ W.T + b[None]
    m = 30.0
    steep = 2 * m / np.sqrt(np.pi) * np.exp(-((m * u) ** 2))
    soft = 2 / np.sqrt(np.pi) * np.exp(-(u**2))
    products = steep[:, None] * soft[None]
    q = X @ X.T / 3 + 0.1
    last = np.sign(u) @ np.sign(u).T / len(b) + 0.1
    expected = SurrogateNTKernel()(X)
    error = last + products.mean(axis=2) * q - expected
    spread = np.abs(q) * products.std(axis=2) / np.sqrt(len(b)) + 2 / np.sqrt(len(b))
    assert np.abs(error / spread).max() < 4.5
    assert spread.max() < 0.03 * np.abs(expected).max()


def test_ridge_and_flow_are_the_formulas():
    kernel, arrays = case(STORED["cases"][4])
    X, Z = arrays["X"], arrays["Z"]
    y = np.sin(X[:, 0])
    K, cross = kernel(X), kernel(Z, X)
    ridge = SurrogateNTKRegressor(kernel, alpha=0.3).fit(X, y)
    expected = cross @ np.linalg.inv(K + 0.3 * np.eye(len(X))) @ y
    assert_allclose(ridge.predict(Z), expected, rtol=1e-10)
    f, steps = np.zeros(len(X)), 200_000
    dual = np.zeros(len(X))
    for _ in range(steps):
        step = (y - f) / steps
        dual += step
        f = K @ dual
    flow = SurrogateNTKRegressor(kernel, alpha=0.0, training_time=1.0).fit(X, y)
    assert_allclose(flow.dual_coef_, dual, rtol=1e-4, atol=1e-5)
    late = SurrogateNTKRegressor(kernel, alpha=0.3, training_time=1e3).fit(X, y)
    assert_allclose(late.dual_coef_, ridge.dual_coef_, rtol=1e-9)
    two = SurrogateNTKRegressor(kernel, alpha=0.3).fit(X, np.c_[y, -y])
    assert_allclose(two.predict(Z), np.c_[expected, -expected], rtol=1e-10)


def test_copies_are_alike():
    kernel = SurrogateNTKernel(2, "step", "box", 2.0, 1.5, 0.2)
    X = ARRAYS["0_X"]
    for again in (clone(kernel), pickle.loads(pickle.dumps(kernel))):
        assert_array_equal(again(X), kernel(X))
        assert repr(again) == repr(kernel)


def test_estimators_of_symmetric_kernels_refuse_it():
    X, y = ARRAYS["0_X"], np.arange(7.0)
    for estimator in (
        WNTKRegressor(SurrogateNTKernel()),
        GradientDescentClassifier(SurrogateNTKernel()),
        GaussianProcessRegressor(SurrogateNTKernel()),
    ):
        with pytest.raises(ValueError, match=r"(?s)kernel.*must be.*SurrogateNTKernel"):
            estimator.fit(X, y)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unit": "relu"}, "unit must be one of"),
        ({"surrogate": "tanh"}, "surrogate must be one of"),
        ({"steepness": 0.0}, "steepness"),
        ({"steepness": [1.0, 2.0]}, "steepness must be one number"),
        ({"depth": 0}, "depth"),
        ({"weight_variance": -1.0}, "weight_variance"),
        ({"bias_variance": 0.0}, "row of zeros"),
    ],
)
def test_bad_parameters_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        SurrogateNTKernel(**change)(np.zeros((2, 2)))


def test_training_that_does_not_converge_is_refused():
    kernel, arrays = case(STORED["cases"][4])
    X = np.vstack([arrays["X"], arrays["X"][:1]])
    model = SurrogateNTKRegressor(kernel, alpha=0.0)
    with pytest.raises(ValueError, match="does not converge"):
        model.fit(X, np.arange(8.0))
    assert not hasattr(model, "dual_coef_")


@parametrize_with_checks([SurrogateNTKRegressor()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)
