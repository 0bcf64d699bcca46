"""What theory predicts: against reference values, definitions and real fits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn import NTKernel, WeightedNTKernel
from ntk_sklearn.dynamics import (
    alignment,
    complexity,
    effective_dimension,
    estimated_threshold,
    expected_risk,
    kernel_alignment_risk,
    learning_times,
    signal_capture_threshold,
)
from ntk_sklearn.solvers import Spectrum

from .cases import DATA, regression

with np.load(DATA / "complexity.npz") as file:
    ARRAYS = dict(file)


def close(found, expected):
    assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("number", [1, 2])
def test_reference_of_tables(number):
    case = {k[2:]: v for k, v in ARRAYS.items() if k.startswith(f"{number}_")}
    K, y, alphas, n = case["K"], case["y"], case["alphas"], len(case["y"])
    close([complexity(K, y, alpha) for alpha in alphas], case["cmd"])
    # The reference was made with half of 1e-8 on the diagonal, as its digits show.
    close(complexity(case["arora_gram"], y, 5e-9), case["cmd_arora"])
    assert_allclose(complexity(case["arora_gram"], y), case["cmd_arora"], rtol=1e-7)
    close([kernel_alignment_risk(K, y, alpha) for alpha in alphas], case["kare"])
    found = [estimated_threshold(K, alpha) for alpha in alphas]
    close(found, case["theta_from_data"])
    values = np.linalg.eigvalsh(K) / n
    found = [signal_capture_threshold(values, n, alpha) for alpha in alphas]
    close(found, case["theta_fixed_point"])
    found = [effective_dimension(K, alpha) for alpha in alphas]
    close(found, case["effective_dimension"])
    close(alignment(K, y), case["alignment"])
    close(alignment(K, y, centred=True), case["centred_alignment"])
    close(learning_times(case["eigenvalues"], 1 / n), case["modes_time"])


def test_the_kernel_of_the_first_layer_is_ours():
    case = {k[2:]: v for k, v in ARRAYS.items() if k.startswith("1_")}
    X = case["X"] / np.linalg.norm(case["X"], axis=1, keepdims=True)
    kernel = WeightedNTKernel(
        depth=1,
        weight_variance=[X.shape[1], 1.0],
        bias_variance=0.0,
        layer_weights=[1.0, 0.0],
    )
    # The reference takes the arc cosine of a rounded number near one.
    assert_allclose(kernel(X), case["arora_gram"], atol=1e-8)


@pytest.mark.parametrize("name", ["gauss0", "gauss1", "curve0"])
def test_reference_of_learning_curves(name):
    case = {k[len(name) + 1 :]: v for k, v in ARRAYS.items() if k.startswith(name)}
    e, alpha = case["eigenvalues"], float(case["alpha"])
    noise = float(case.get("noise", 0.0))
    found = [
        expected_risk(e, case["target_squares"], n, alpha, noise) for n in case["n"]
    ]
    close(found, case["predicted_risk"])
    close([signal_capture_threshold(e, n, alpha) for n in case["n"]], case["theta"])
    error = np.abs(found - case["measured_risk"])
    if name == "curve0":  # a table: eigenvectors are not random features
        assert (error < 0.2 * case["measured_risk"]).all()
    else:
        assert (error < 3 * case["measured_se"]).all()


def test_the_risk_estimate_is_generalised_cross_validation():
    X, y = regression(30)
    K = NTKernel()(X)
    found = kernel_alignment_risk(K, y, 0.7)
    gcv = Spectrum.of(K, intercept=False).gcv_path(y[:, None], [0.7]).errors[0]
    close(found, gcv)
    inverse = np.linalg.inv(K / 30 + 0.7 / 30 * np.eye(30))
    definition = (y @ inverse @ inverse @ y / 30) / (np.trace(inverse) / 30) ** 2
    assert_allclose(found, definition, rtol=1e-9)
    both = kernel_alignment_risk(K, np.column_stack([y, y]), 0.7)
    close(both, 2 * found)


def test_limits_of_the_threshold_and_the_risk():
    e, squares = [1.0, 0.3, 0.0], [1.0, 1.0, 0.5]
    assert signal_capture_threshold(e, 2, 0.0) == 0.0
    assert signal_capture_threshold([0.0], 3, 0.6) == pytest.approx(0.2)
    assert signal_capture_threshold([0.0], 3, 0.0) == 0.0
    # Without a ridge, and more directions than rows: the fixed point itself.
    t = signal_capture_threshold(e, 1, 0.0)
    close(t, t * np.sum(np.array(e[:2]) / (np.array(e[:2]) + t)))
    # Many rows leave what the kernel cannot express, and the noise.
    assert_allclose(expected_risk(e, squares, 10**9, 1.0, 0.2), 0.7, rtol=1e-6)
    assert_allclose(expected_risk(e, squares, 1e-9, 1.0, 0.2), 2.7, rtol=1e-6)
    assert_allclose(expected_risk(e, squares, 10, 0.0), 0.5 / (1 - 0.2), rtol=1e-12)


def test_the_estimated_threshold_tends_to_the_threshold():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 3))
    kernel = NTKernel(depth=1)
    values = np.linalg.eigvalsh(kernel(X)) / 2000
    expected = signal_capture_threshold(values, 200, 5.0)
    assert_allclose(estimated_threshold(kernel(X[:200]), 5.0), expected, rtol=0.02)


def test_targets_outside_the_kernel_are_infinitely_complex():
    K = np.diag([1.0, 2.0, 0.0])
    assert complexity(K, [1.0, 1.0, 1.0]) == np.inf
    assert complexity(K, [1.0, 2.0, 0.0]) == pytest.approx(np.sqrt(2.0))
    assert complexity(K, [0.0, 0.0, 3.0], alpha=9.0) == pytest.approx(np.sqrt(2 / 3))
    assert alignment(np.zeros((3, 3)), [1.0, 1.0, 1.0]) == 0.0
    Y = np.eye(3)[:, :2]
    assert alignment(Y @ Y.T, Y) == pytest.approx(1.0)


def test_as_many_rows_as_directions_without_a_ridge():
    e = np.geomspace(1.0, 1e-3, 20)
    assert expected_risk(e, e, 20, 0.0, noise=0.1) == np.inf
    assert expected_risk(e, e, 20, 0.0) == 0.0
    assert 1e3 < expected_risk(e, e, 20, 1e-12, noise=0.1) < np.inf
    assert_allclose(expected_risk(e, e, 30, 0.0, noise=0.1), 0.3, rtol=1e-12)


def test_rounding_errors_of_eigenvalues_are_zeros():
    e, squares = np.array([1.0, 0.3, -1e-17]), np.array([1.0, 1.0, 0.1])
    expected = expected_risk(np.maximum(e, 0.0), squares, 5, 0.1)
    assert expected_risk(e, squares, 5, 0.1) == expected
    assert learning_times(e)[2] == np.inf


E2, K3 = [1.0, 0.5], np.eye(3)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: kernel_alignment_risk(K3, [1.0] * 3, 0.0),
            "alpha must be finite and p",
        ),
        (lambda: kernel_alignment_risk(K3, [1.0] * 3, [1.0]), "alpha must be a single"),
        (
            lambda: kernel_alignment_risk(K3[:2], [1.0] * 2, 1.0),
            "K must be a square mat",
        ),
        (
            lambda: complexity(K3, [1.0] * 2),
            "target for each of the 3 rows of K, got sh",
        ),
        (lambda: complexity(K3, [1.0, np.nan, 0.0]), r"shape \(3,\) with NaN or infin"),
        (
            lambda: complexity(K3, [1.0] * 3, -1.0),
            "alpha must be finite and not negativ",
        ),
        (
            lambda: complexity(np.full((3, 3), np.inf), [1.0] * 3),
            "K must be a dense matrix of finite",
        ),
        (
            lambda: alignment(K3, [1.0] * 4),
            "target for each of the 3 rows of K, got sh",
        ),
        (
            lambda: effective_dimension(K3, -1.0),
            "alpha must be finite and positive, got",
        ),
        (
            lambda: estimated_threshold(K3, 0.0),
            "alpha must be finite and positive, got",
        ),
        (lambda: signal_capture_threshold(E2, 0, 1.0), "n must be finite and positive"),
        (
            lambda: signal_capture_threshold([1.0, -1.0], 2, 1.0),
            "eigenvalues must be a",
        ),
        (
            lambda: signal_capture_threshold(E2, 2, -1.0),
            "alpha must be finite and not n",
        ),
        (
            lambda: expected_risk(E2, [1.0], 2, 1.0),
            "squares must have one entry for each",
        ),
        (
            lambda: expected_risk(E2, [1.0, -1.0], 2, 1.0),
            "squares must be a list of fin",
        ),
        (
            lambda: expected_risk(E2, E2, 2, 1.0, -1.0),
            "noise must be finite and not neg",
        ),
        (lambda: learning_times(E2, 0.0), "learning_rate must be finite and positive"),
        (lambda: learning_times([np.nan]), "eigenvalues must be a list of finite numb"),
    ],
)
def test_what_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
