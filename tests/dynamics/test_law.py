"""The law of trained networks: over random starts, and over noise in training."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.dynamics import GradientDescentRegressor

from .cases import CASES, regression
from .test_estimators import trained, with_ridge

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)


def law(case, kernel, **parameters):
    model = trained(case, kernel, **parameters).fit(case.X, case.Y)
    mean, covariance = model.predict(case.Z, return_cov=True)
    _, spread = model.predict(case.Z, return_std=True)
    variances = np.repeat(np.diag(covariance)[:, None], case.Y.shape[1], axis=1)
    assert_allclose(spread**2, variances, rtol=1e-9, atol=1e-12)
    return mean, covariance


def close(found, expected):
    assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@cases
def test_reference_of_the_ensemble(case):
    """Means and covariances of infinitely many trained networks, at all times."""
    kernel = with_ridge(case)
    for k, time in enumerate(case["t"]):
        mean, covariance = law(case, kernel, n_steps=time, start=case.nngp)
        close(mean, case["lr0_ens_ntk_mean"][k])
        close(covariance, case["lr0_ens_ntk_cov"][k])
    mean, covariance = law(case, kernel, n_steps=np.inf, start=case.nngp)
    close(mean, case["lr0_ens_ntk_mean_inf"])
    close(covariance, case["lr0_ens_ntk_cov_inf"])


def test_reference_of_networks_whose_last_layer_is_trained():
    case = CASES[0]
    for k, time in enumerate(case["t"]):
        _, covariance = law(case, case.nngp, n_steps=time)
        close(covariance, case["lr0_ens_nngp_cov"][k])


@cases
def test_reference_of_gaussian_processes(case):
    for name, kernel in (("nngp", case.nngp), ("ntkgp", case.ntk)):
        noise = case.facts["gp_diag_reg"] * np.mean(kernel.diag(case.X))
        parts = {"weight_decay": noise, "temperature": noise, "start": "zero"}
        mean, covariance = law(case, kernel, **parts)
        close(mean, case[f"gp_{name}_mean"])
        close(covariance, case[f"gp_{name}_cov"])


@cases
def test_reference_of_noisy_training(case):
    parts = {
        "learning_rate": 1.0,
        "weight_decay": float(case["langevin_decay"]),
        "temperature": float(case["langevin_temperature"]),
        "start": "zero",
    }
    for time, suffix in ((np.inf, ""), (float(case["langevin_time"]), "_t")):
        model = trained(case, n_steps=time, **parts)
        model.fit(case.X, case.Y - case["f0"])
        mean, covariance = model.predict(case.Z, return_cov=True)
        close(case["g0"] + mean, case[f"langevin_mean{suffix}"])
        close(covariance, case[f"langevin_cov{suffix}"])


def test_the_start_of_training_is_the_random_network():
    X, y = regression(15)
    for kernel in (NTKernel(depth=2), WeightedNTKernel(depth=2, activation="erf")):
        network = {"depth": 2, "activation": kernel.activation}
        model = GradientDescentRegressor(kernel, n_steps=0, fit_intercept=False)
        mean, covariance = model.fit(X, y).predict(X, return_cov=True)
        assert_allclose(mean, 0.0, atol=1e-15)
        assert_allclose(covariance, NNGPKernel(**network)(X), rtol=1e-12)
    done = GradientDescentRegressor(n_steps=np.inf).fit(X, y)
    assert done.predict(X, return_std=True)[1].max() < 1e-5
    zero = GradientDescentRegressor(start="zero").fit(X, y)
    assert zero.predict(X, return_std=True)[1].max() == 0.0


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_law_is_that_of_training_each_start(intercept, weighted):
    """Starts are drawn jointly at all rows, and each network is trained by itself."""
    X, y = regression(12)
    Z, _ = regression(4, seed=3)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 12) if weighted else None
    model = GradientDescentRegressor(n_steps=8.0, fit_intercept=intercept)
    model.fit(X, y, weight)
    nngp = NNGPKernel()(np.vstack([X, Z]))
    rng = np.random.default_rng(1)
    starts = np.linalg.cholesky(nngp + 1e-12 * np.eye(16)) @ rng.standard_normal(
        (16, 4000)
    )
    one = GradientDescentRegressor(n_steps=8.0, fit_intercept=intercept)
    one.fit(X, y[:, None] - starts[:12], weight)
    ends = starts[12:] + one.predict(Z)
    mean, covariance = model.predict(Z, return_cov=True)
    spread = np.sqrt(np.diag(covariance))
    # Four standard errors of 4000 networks.
    assert (np.abs(ends.mean(axis=1) - mean) < 4 * spread / np.sqrt(4000)).all()
    found = np.cov(ends)
    assert np.abs(found - covariance).max() < 4 * spread.max() ** 2 * np.sqrt(2 / 4000)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_noisy_training_is_a_gaussian_process(intercept, weighted):
    X, y = regression(20)
    Z, _ = regression(5, seed=2)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 20) if weighted else np.ones(20)
    decay, temperature = 0.4, 0.05
    model = GradientDescentRegressor(
        weight_decay=decay,
        temperature=temperature,
        n_steps=np.inf,
        start="zero",
        fit_intercept=intercept,
    ).fit(X, y, weight)
    mean, covariance = model.predict(Z, return_cov=True)
    _, spread = model.predict(Z, return_std=True)
    assert_allclose(spread**2, np.diag(covariance), rtol=1e-9)
    # A constant with a flat prior is one of a very large variance.
    prior = temperature / decay
    kernel = ConstantKernel(prior) * NTKernel()
    if intercept:
        kernel = kernel + ConstantKernel(1e6)
    process = GaussianProcessRegressor(
        kernel, alpha=temperature / weight, optimizer=None
    ).fit(X, y)
    expected, cov = process.predict(Z, return_cov=True)
    # The large constant costs digits.
    assert_allclose(mean, expected, rtol=1e-5)
    assert_allclose(covariance, cov, rtol=1e-4, atol=1e-6)


def test_simulated_noisy_training():
    """Many networks with the kernel's own features, in small noisy steps."""
    rng = np.random.default_rng(0)
    X, y = regression(8)
    kernel = NTKernel(depth=1)
    Z, _ = regression(3, seed=5)
    values, vectors = np.linalg.eigh(kernel(np.vstack([X, Z])))
    features = vectors * np.sqrt(np.maximum(values, 0.0))
    decay, temperature, time, step = 0.5, 0.3, 0.8, 0.002
    runs = 4000
    theta = np.zeros((features.shape[1], runs))
    for _ in range(round(time / step)):
        slope = features[:8].T @ (features[:8] @ theta - y[:, None]) + decay * theta
        theta -= step * slope
        theta += np.sqrt(2 * step * temperature) * rng.standard_normal(theta.shape)
    ends = features[8:] @ theta
    model = GradientDescentRegressor(
        kernel,
        learning_rate=1.0,
        n_steps=time,
        weight_decay=decay,
        temperature=temperature,
        start="zero",
        fit_intercept=False,
    ).fit(X, y)
    mean, covariance = model.predict(Z, return_cov=True)
    size = np.diag(covariance).max()
    # Four standard errors, and one per cent for the length of the steps.
    assert np.abs(ends.mean(axis=1) - mean).max() < 4 * np.sqrt(size / runs) + 0.01
    error = np.abs(np.cov(ends) - covariance).max()
    assert error < 4 * size * np.sqrt(2 / runs) + 0.01 * size


@pytest.mark.parametrize("intercept", [False, True])
def test_noise_and_decay_are_the_most_likely(intercept):
    X, _ = regression(60)
    truth = ConstantKernel(2.0) * NTKernel() + WhiteKernel(0.3)
    rng = np.random.default_rng(3)
    Y = np.linalg.cholesky(truth(X)) @ rng.standard_normal((60, 3))
    model = GradientDescentRegressor(
        weight_decay="evidence",
        temperature="evidence",
        n_steps=np.inf,
        fit_intercept=intercept,
    ).fit(X, Y)
    projected = np.eye(60) - 1 / 60 if intercept else np.eye(60)
    basis = np.linalg.svd(projected)[0][:, : 60 - intercept]
    K, targets = basis.T @ NTKernel()(X) @ basis, basis.T @ Y

    def surprise(logs):
        decay, temperature = np.exp(logs)
        C = temperature / decay * K + temperature * np.eye(len(K))
        fit = np.sum(targets * np.linalg.solve(C, targets))
        return 0.5 * fit + 1.5 * np.linalg.slogdet(C)[1]

    best = minimize(surprise, np.log([0.15, 0.3]), method="Nelder-Mead", tol=1e-10)
    found = [model.weight_decay_, model.temperature_]
    assert_allclose(found, np.exp(best.x), rtol=1e-4)
    # Either alone, with the other one given.
    fixed = model.temperature_
    half = GradientDescentRegressor(
        weight_decay="evidence",
        temperature=fixed,
        n_steps=np.inf,
        fit_intercept=intercept,
    ).fit(X, Y)
    assert_allclose(half.weight_decay_, model.weight_decay_, rtol=1e-4)
    half.set_params(weight_decay=model.weight_decay_, temperature="evidence")
    assert_allclose(half.fit(X, Y).temperature_, fixed, rtol=1e-4)
    flat = half.set_params(weight_decay="evidence").fit(X, np.zeros(60))
    assert flat.temperature_ == 0.0 and flat.weight_decay_ > 0


def test_samples_have_the_law():
    X, Y = regression(15, outputs=2)
    Z, _ = regression(4, seed=1)
    model = GradientDescentRegressor(n_steps=5.0).fit(X, Y)
    drawn = model.sample_y(Z, 3000, random_state=0)
    assert drawn.shape == (4, 2, 3000)
    mean, covariance = model.predict(Z, return_cov=True)
    size = np.diag(covariance).max()
    assert np.abs(drawn.mean(axis=2) - mean).max() < 4 * np.sqrt(size / 3000)
    for k in range(2):
        error = np.abs(np.cov(drawn[:, k]) - covariance).max()
        assert error < 5 * size * np.sqrt(2 / 3000)
    assert abs(np.corrcoef(drawn[0, 0], drawn[0, 1])[0, 1]) < 0.08
    single = GradientDescentRegressor(RBF(), start=RBF()).fit(X, Y[:, 0])
    assert single.sample_y(Z, 7).shape == (4, 7)
