"""KernelSurrogate and AfterNTKRegressor: reference values, checks, sentences."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import EmpiricalNTKernel, KernelSurrogate, WNTKRegressor
from ntk_sklearn.networks import AfterNTKRegressor
from ntk_sklearn.solvers import solve

from .cases import CASES, arrays, poisson, value

HOW = {"solver": "lbfgs", "alpha": 0.1, "max_iter": 50, "random_state": 0}
CLASSIFIER = MLPClassifier((6,), **HOW)
REGRESSOR = MLPRegressor(hidden_layer_sizes=(6,), **HOW)


@pytest.fixture(autouse=True)
def _few_iterations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@parametrize_with_checks(
    [
        KernelSurrogate(CLASSIFIER),
        KernelSurrogate(CLASSIFIER, method="ridge", target="y"),
        KernelSurrogate(REGRESSOR),
        AfterNTKRegressor(REGRESSOR),
    ],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def fitted_case(i):
    """The network of a case as scikit-learn has it, with the weights of the case."""
    case, X, y = CASES[i], value(i, "X"), value(i, "y")
    kind = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[case["model"]]
    network = kind(
        hidden_layer_sizes=case["hidden_layer_sizes"],
        activation=case["activation"],
        max_iter=1,
    ).fit(X, y)
    network.coefs_, network.intercepts_ = map(list, arrays(i)[:2])
    return network, X, y


@pytest.mark.parametrize("i", [0, 3])
def test_reference_surrogates(i):
    network, X, y = fitted_case(i)
    surrogate = KernelSurrogate(
        network,
        alpha=float(value(i, "surrogate_alpha")),
        kernel_params={"normalize": True},
    ).fit(X, y)
    Z = value(i, "Z")
    proba = surrogate.predict_proba(Z)
    assert_allclose(proba, value(i, "surrogate_proba_Z"), rtol=1e-8, atol=1e-10)
    fidelity = surrogate.fidelity(Z, value(i, "y_Z"))
    assert_allclose(fidelity.kendall_tau, value(i, "kendall_tau"), rtol=1e-12)
    assert_allclose(
        fidelity.accuracy_difference, value(i, "test_accuracy_difference"), atol=1e-12
    )
    assert_allclose(
        fidelity.agreement,
        np.mean(proba.argmax(1) == value(i, "network_proba_Z").argmax(1)),
    )
    assert np.isnan(surrogate.fidelity(Z).accuracy_difference)


@pytest.mark.parametrize("i", [2, 6])
def test_reference_ridge_after_the_network(i):
    network, X, y = fitted_case(i)
    Z, alpha = value(i, "Z"), float(value(i, "alpha"))
    after = AfterNTKRegressor(network, alpha=alpha).fit(X, y)
    expected = value(i, "linearised_Z")
    found = after.predict(Z).reshape(expected.shape)
    assert_allclose(found, expected, rtol=1e-10)
    # Ridge on the targets themselves.
    kernel, n = EmpiricalNTKernel(network), len(X)
    outputs = expected.shape[1]
    K = kernel.full(X).reshape(n * outputs, -1)
    solution = solve(K, np.reshape(y, (-1, 1)), alpha, intercept=False)
    cross = kernel.full(Z, X).reshape(-1, n * outputs)
    found = (cross @ solution.dual_coef).reshape(expected.shape)
    assert_allclose(found, value(i, "after_ntk_Z"), rtol=1e-10)


def test_the_full_kernel_has_all_pairs_of_outputs():
    network, X, _ = fitted_case(2)
    kernel = EmpiricalNTKernel(network)
    full = kernel.full(X)
    assert_allclose(full, value(2, "ntk_full_XX"), rtol=1e-11, atol=1e-13)
    assert_allclose(np.einsum("icjc->ij", full), kernel(X), rtol=1e-12)
    rates = np.arange(1.0, 9.0)
    weighted = EmpiricalNTKernel(network, layer_weights=rates)
    summed = np.einsum("icjc->ij", weighted.full(X, X[:3]))
    assert_allclose(summed, weighted(X, X[:3]), rtol=1e-12)
    with pytest.raises(ValueError, match='the full kernel needs kind="ntk"'):
        EmpiricalNTKernel(network, normalize=True).full(X)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    network = MLPClassifier(
        (10,), solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0
    )
    return network.fit(X[::2], y[::2]), X, y


@pytest.mark.parametrize("method", ["logistic", "ridge"])
@pytest.mark.parametrize("target", ["network", "y"])
def test_a_surrogate_follows_its_network(iris, method, target):
    network, X, y = iris
    surrogate = KernelSurrogate(network, method=method, target=target)
    surrogate.fit(X[::2], y[::2])
    assert is_classifier(surrogate)
    assert surrogate.network_ is network
    assert surrogate.score(X[1::2], y[1::2]) > 0.9
    fidelity = surrogate.fidelity(X[1::2], y[1::2])
    assert fidelity.agreement > 0.95
    # Ridge on the outputs follows them; labels say nothing of probabilities.
    outputs = method == "ridge" and target == "network"
    assert fidelity.kendall_tau > (0.9 if outputs else 0.3)
    parts = surrogate.contributions(X[:5])
    assert parts.shape == (5, 75, 3)
    logits = parts.sum(axis=1)
    if method == "ridge":
        assert_allclose(logits, surrogate.machine_.predict(X[:5]), rtol=1e-9)
        if target == "network":
            theirs = network.predict_proba(X[:5])
            assert_allclose(surrogate.predict_proba(X[:5]), theirs, atol=0.05)
    else:
        assert_allclose(logits, surrogate.machine_.decision_function(X[:5]))
    assert surrogate.influence(X[:5]).shape == parts.shape
    assert surrogate.loo_influence_.shape == (75,)


def test_two_classes_have_one_column(iris):
    _, X, y = iris
    rows = y != "setosa"
    for method in ("logistic", "ridge"):
        surrogate = KernelSurrogate(CLASSIFIER, method=method).fit(X[rows], y[rows])
        assert surrogate.contributions(X[:5]).shape == (5, rows.sum())
        proba = surrogate.predict_proba(X[:5])
        assert_allclose(proba.sum(axis=1), 1.0)
        assert_array_equal(surrogate.classes_, ["versicolor", "virginica"])


def test_regressors_and_several_outputs():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120] / X.std(), (y[:120] - 150.0) / 77.0
    Y = np.column_stack([y, X[:, 0] ** 2])
    for targets in (y, Y):
        network = MLPRegressor(
            hidden_layer_sizes=(20,), solver="lbfgs", alpha=5.0, random_state=0
        ).fit(X[:90], targets[:90])
        surrogate = KernelSurrogate(network).fit(X[:90], targets[:90])
        assert is_regressor(surrogate)
        fidelity = surrogate.fidelity(X[90:], targets[90:])
        assert fidelity.agreement > 0.9
        assert fidelity.kendall_tau > 0.8
        sums = surrogate.contributions(X[90:]).sum(axis=1)
        assert_allclose(sums, surrogate.predict(X[90:]), rtol=1e-8)
        after = AfterNTKRegressor(network).fit(X[:90], targets[:90])
        assert after.predict(X[90:]).shape == targets[90:].shape
    with pytest.raises(AttributeError):
        _ = surrogate.predict_proba


def test_after_ntk_mends_a_network_that_has_not_learned_enough():
    X = np.linspace(-1.0, 1.0, 80)[:, None]
    y = np.sin(4.0 * X.ravel())
    network = MLPRegressor(hidden_layer_sizes=(200,), max_iter=20, random_state=0)
    network.fit(X, y)
    after = AfterNTKRegressor(network).fit(X[::2], y[::2])
    assert network.score(X, y) < 0.8
    assert after.score(X, y) > 0.95
    ridge = KernelRidge(kernel=after.kernel_, alpha=after.alpha_)
    ridge.fit(X[::2], y[::2] - network.predict(X[::2]))
    assert_allclose(
        after.predict(X), network.predict(X) + ridge.predict(X), rtol=1e-6, atol=1e-8
    )


def test_clones_train_anew_unless_frozen(iris):
    network, X, y = iris
    frozen = clone(KernelSurrogate(FrozenEstimator(network))).fit(X, y)
    assert_array_equal(frozen.network_.coefs_[0], network.coefs_[0])
    anew = clone(KernelSurrogate(network)).fit(X, y)
    assert not np.array_equal(anew.network_.coefs_[0], network.coefs_[0])
    assert cross_val_score(KernelSurrogate(network), X, y, cv=3).mean() > 0.9


def test_layer_weights_are_learned_if_asked_for():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:80] / X.std(), (y[:80] - 150.0) / 77.0
    surrogate = KernelSurrogate(
        REGRESSOR,
        target="y",
        kernel_params={"layer_weights_bounds": (1e-5, 1e5)},
    ).fit(X, y)
    assert isinstance(surrogate.machine_, WNTKRegressor)
    assert np.ptp(np.log(surrogate.kernel_.layer_weights)) > 0.01


def test_what_does_not_suit(iris):
    network, X, y = iris
    with pytest.raises(ValueError, match=r"y holds \['rose'\], which are not among"):
        KernelSurrogate(network).fit(X[:4], ["rose", *y[:3]])
    with pytest.raises(ValueError, match="X has 3 features, but network was fitted"):
        KernelSurrogate(network).fit(X[:, :3], y)
    with pytest.raises(TypeError, match=r"must be an MLPClassifier .* got KernelRidge"):
        KernelSurrogate(KernelRidge()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match='must be "auto" or "ridge" for a network'):
        KernelSurrogate(REGRESSOR, method="logistic").fit(X, X[:, 0])
    with pytest.raises(TypeError, match="must be an MLPRegressor, whose residuals"):
        AfterNTKRegressor(CLASSIFIER).fit(X, X[:, 0])
    same = MLPClassifier((4,), max_iter=1, random_state=0).fit(X, y)
    same.coefs_ = [0.0 * W for W in same.coefs_]
    with pytest.raises(ValueError, match=r"every row of X the label .*: 1 class"):
        KernelSurrogate(same).fit(X, y)
    several = MLPClassifier((4,), max_iter=5).fit(X, np.column_stack([y == "a"] * 2))
    with pytest.raises(ValueError, match="it was fitted to 2 labels"):
        KernelSurrogate(several).fit(X, y == "setosa")
    model = KernelSurrogate(network).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="y holds"):
        model.fit(X[:3], ["rose"] * 3)
    assert_array_equal(model.predict_proba(X), before)


@poisson
def test_poisson_networks():
    X, y = load_diabetes(return_X_y=True)
    X, y = 10.0 * X[:120], y[:120] / 100.0
    network = clone(REGRESSOR).set_params(loss="poisson", max_iter=300).fit(X, y)
    surrogate = KernelSurrogate(network).fit(X, y)
    found = surrogate.fidelity(X, y)
    assert found.agreement > 0.99 and abs(found.accuracy_difference) < 0.01
    sums = surrogate.contributions(X[:5]).sum(axis=1)
    assert_allclose(np.exp(sums), surrogate.predict(X[:5]), rtol=1e-9)
    direct = KernelSurrogate(network, target="y").fit(X, y)
    assert_allclose(direct.predict(X[:5]), direct.contributions(X[:5]).sum(axis=1))
