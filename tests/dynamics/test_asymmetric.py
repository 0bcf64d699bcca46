"""Training by a kernel that is not symmetric, beside loops in NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import KFold

from ntk_sklearn import NNGPKernel, NTKernel, SurrogateNTKernel, SurrogateNTKRegressor
from ntk_sklearn.dynamics import GradientDescentRegressor

RNG = np.random.default_rng(0)
X, Z = RNG.standard_normal((14, 3)), RNG.standard_normal((5, 3))
Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
WEIGHT = RNG.uniform(0.5, 2.0, 14)
KERNEL = SurrogateNTKernel(2, "sign", "arctan", bias_variance=0.3)


def loop(step, steps, decay, intercept):
    """Return predictions after steps of gradient descent, one after the other."""
    K, K_z = KERNEL(X), KERNEL(Z, X)
    a, shares = np.zeros_like(Y), WEIGHT / WEIGHT.sum() * intercept
    for _ in range(steps):
        residual = Y - K @ a
        residual = residual - shares @ residual
        a = a + step * (WEIGHT[:, None] * residual - decay * a)
    return K_z @ a + shares @ (Y - K @ a)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_steps_are_those_of_a_loop(decay, intercept):
    model = GradientDescentRegressor(
        KERNEL,
        flow=False,
        learning_rate=0.02,
        n_steps=57,
        weight_decay=decay,
        fit_intercept=intercept,
    ).fit(X, Y, WEIGHT)
    # Rounding of 57 products of matrices of this size.
    assert_allclose(model.predict(Z), loop(0.02, 57, decay, intercept), atol=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_flow_is_the_limit_of_short_steps(intercept):
    time = 3.0
    model = GradientDescentRegressor(
        KERNEL,
        learning_rate=0.1,
        n_steps=time,
        weight_decay=0.2,
        fit_intercept=intercept,
    ).fit(X, Y, WEIGHT)
    # Errors of Euler's rule go with the step, so that of two lengths cancels.
    n = 4000
    coarse = loop(0.1 * time / n, n, 0.2, intercept)
    fine = loop(0.05 * time / n, 2 * n, 0.2, intercept)
    assert_allclose(model.predict(Z), 2.0 * fine - coarse, atol=1e-7)
    assert np.abs(fine - coarse).max() > 1e-6


def test_infinite_time_is_a_linear_system_with_a_constant():
    model = GradientDescentRegressor(KERNEL, n_steps=np.inf, weight_decay=0.4)
    model.fit(X, Y, WEIGHT)
    system = np.zeros((15, 15))
    system[:14, :14] = KERNEL(X) + np.diag(0.4 / WEIGHT)
    system[:14, 14] = system[14, :14] = 1.0
    found = np.linalg.solve(system, np.vstack([Y, np.zeros((1, 2))]))
    assert_allclose(model.dual_coef_, found[:14], rtol=1e-9, atol=1e-10)
    assert_allclose(model.intercept_, found[14], rtol=1e-9)


def test_without_constant_and_weights_it_is_the_other_regressor():
    for time in (2.0, np.inf):
        model = GradientDescentRegressor(
            KERNEL,
            learning_rate=1.0,
            n_steps=time,
            weight_decay=0.5,
            fit_intercept=False,
        )
        other = SurrogateNTKRegressor(KERNEL, alpha=0.5, training_time=time)
        assert_allclose(
            model.fit(X, Y).predict(Z), other.fit(X, Y).predict(Z), atol=1e-12
        )


class Symmetric(SurrogateNTKernel):
    """A symmetric kernel that is treated like one that is not."""

    def __call__(self, X, Y=None):
        return NTKernel(1)(X, Y)


@pytest.mark.parametrize("flow", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_of_a_symmetric_kernel_it_is_training_along_eigenvectors(flow, intercept):
    common = {"flow": flow, "fit_intercept": intercept, "weight_decay": 0.1}
    common |= {"n_steps": 20, "start": NNGPKernel(1)}
    one = GradientDescentRegressor(Symmetric(), **common).fit(X, Y, WEIGHT)
    other = GradientDescentRegressor(NTKernel(1), **common).fit(X, Y, WEIGHT)
    assert_allclose(one.max_learning_rate_, other.max_learning_rate_, rtol=1e-10)
    assert_allclose(one.times_, other.times_, rtol=1e-10)
    for found, wanted in zip(
        one.predict(Z, return_std=True), other.predict(Z, return_std=True), strict=True
    ):
        assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)
    for found, wanted in zip(
        one.staged_predict(Z), other.staged_predict(Z), strict=True
    ):
        assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


def test_standard_deviations_are_those_of_random_starts():
    """Training maps a start and the targets to outputs by one matrix."""
    model = GradientDescentRegressor(KERNEL, n_steps=5.0, fit_intercept=False)
    model.fit(X, Y)
    move = clone(model).fit(X, np.eye(14)).predict(Z)
    start = NNGPKernel(2, "sign", weight_variance=1.0, bias_variance=0.3)
    cross = start(Z, X)
    wanted = start(Z) + move @ start(X) @ move.T - move @ cross.T - cross @ move.T
    found = model.predict(Z, return_cov=True)[1]
    assert_allclose(found, wanted, atol=1e-12)
    assert_allclose(
        model.predict(Z, return_std=True)[1][:, 0], np.sqrt(np.diag(wanted)), atol=1e-10
    )


def test_holdout_chooses_the_time():
    model = GradientDescentRegressor(
        KERNEL, stopping="holdout", times=[0.5, 2.0, 8.0], cv=KFold(3)
    ).fit(X, Y)
    errors = np.zeros(3)
    for train, test in KFold(3).split(X):
        rate = model.learning_rate_ * 14 / len(train)
        part = GradientDescentRegressor(KERNEL, learning_rate=rate, n_steps=8.0)
        part.fit(X[train], Y[train])
        for k, found in enumerate(part.staged_predict(X[test], [0.5, 2.0, 8.0])):
            errors[k] += np.sum((found - Y[test]) ** 2) / 14
    assert_allclose(model.stopping_errors_, errors, rtol=1e-10)
    assert model.n_steps_ == [0.5, 2.0, 8.0][int(np.argmin(errors))]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, 'stopping must be "holdout" or None, if n_steps is not given'),
        ({"stopping": "gcv"}, 'stopping must be "holdout"'),
        ({"n_steps": 5, "flow": False, "momentum": 0.5}, "momentum must be 0 with a"),
        ({"n_steps": 5, "temperature": 0.1}, "temperature must be 0 with a Surr"),
        ({"n_steps": 5, "weight_decay": "evidence"}, "weight_decay must be a number"),
        ({"n_steps": 5, "flow": False, "learning_rate": 50.0}, "at most"),
    ],
)
def test_what_needs_symmetry_is_refused(parameters, sentence):
    model = GradientDescentRegressor(KERNEL, **parameters)
    with pytest.raises(ValueError, match=sentence):
        model.fit(X, Y)
    assert not hasattr(model, "dual_coef_")
