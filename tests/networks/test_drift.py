"""The drift of empirical kernels: reference values, the start, the width."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ntk_sklearn import EmpiricalNTKernel
from ntk_sklearn.networks import kernel_change, kernel_drift

from .cases import arrays, value

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = np.sin(X[:, 0]) * X[:, 1]


def test_reference_changes():
    rows = value(0, "X")
    kernels = [EmpiricalNTKernel(arrays(0, f"drift{q}_"))(rows) for q in range(5)]
    found = np.array([kernel_change(kernels[0], K) for K in kernels])
    assert_allclose(found, value(0, "drift"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("classifies", [False, True])
def test_stages_are_those_of_partial_fit(solver, classifies):
    kind, y = (MLPClassifier, Y > 0) if classifies else (MLPRegressor, Y)
    network = kind(hidden_layer_sizes=(8, 6), solver=solver, random_state=3)
    drift = kernel_drift(network, X, y, epochs=[1, 3], rows=X[:20])
    assert_array_equal(drift.epochs, [0, 1, 3])
    assert drift.change[0] == 0.0
    assert drift.layers.shape == (3, 3)
    assert not hasattr(network, "coefs_")
    # The same training by hand, from the seed that the network's own state gives.
    seed = np.random.RandomState(3).randint(np.iinfo(np.int32).max)
    known = {"classes": [False, True]} if classifies else {}
    start = clone(network).set_params(random_state=seed, learning_rate_init=1e-12)
    trained = clone(network).set_params(random_state=seed)
    before = EmpiricalNTKernel(start.partial_fit(X, y, **known)).components(X[:20])
    for _ in range(3):
        trained.partial_fit(X, y, **known)
    after = EmpiricalNTKernel(trained).components(X[:20])
    expected = kernel_change(before.sum(axis=0), after.sum(axis=0))
    found = drift.change[-1], drift.distance[-1], drift.alignment[-1]
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    norms = [
        np.linalg.norm(b - a) / np.linalg.norm(a)
        for a, b in zip(before, after, strict=True)
    ]
    assert_allclose(drift.layers[-1], norms, rtol=1e-6)
    assert_allclose(drift.loss[-1], trained.loss_)


def in_theory(width, seed):
    """A network at its start that has the parameterisation of the theorem.

    Read-out weights of one, targets times the root of the width and a learning rate of
    one over the width are the same training as read-out weights of one over that root
    and a kernel that does not depend on the width.
    """
    network = MLPRegressor(
        hidden_layer_sizes=(width,),
        activation="tanh",
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        learning_rate_init=1.0 / width,
        batch_size=len(X),
        random_state=seed,
    ).partial_fit(X, 0.0 * Y)
    rng = np.random.default_rng(seed)
    network.coefs_ = [
        rng.standard_normal((X.shape[1], width)) / np.sqrt(X.shape[1]),
        rng.standard_normal((width, 1)),
    ]
    return network


def test_it_falls_with_the_width():
    """As theory says, between the root of the width and the width."""
    changes = []
    for width in (32, 128, 512):
        drifts = [
            kernel_drift(in_theory(width, seed), X, np.sqrt(width) * Y, epochs=[100])
            for seed in range(4)
        ]
        changes.append(np.mean([drift.change[-1] for drift in drifts]))
        # The same progress at every width.
        loss = np.mean([drift.loss[-1] for drift in drifts]) / width
        assert 0.05 < loss / (0.5 * np.mean(Y**2)) < 0.3
    exponents = np.log2(np.array(changes[:-1]) / changes[1:]) / 2.0
    assert ((exponents > 0.4) & (exponents < 1.1)).all()


def test_a_fitted_network_goes_on_from_its_weights():
    network = MLPRegressor(hidden_layer_sizes=(8,), random_state=0).partial_fit(X, Y)
    weights = [W.copy() for W in network.coefs_]
    drift = kernel_drift(network, X, Y, epochs=[5])
    assert drift.change[0] == 0.0
    assert drift.change[1] > 0.0
    for W, kept in zip(network.coefs_, weights, strict=True):
        assert_array_equal(W, kept)
    before = EmpiricalNTKernel(network)(X)
    for _ in range(5):
        network.partial_fit(X, Y)
    after = EmpiricalNTKernel(network)(X)
    assert_allclose(drift.change[1], kernel_change(before, after).change)


def test_other_kernels_and_unseeded_networks():
    network = MLPRegressor(hidden_layer_sizes=(8,), early_stopping=True)
    drift = kernel_drift(network, X, Y, epochs=[1], kernel_params={"kind": "conjugate"})
    assert drift.layers.shape == (2, 1)
    assert drift.change[1] > 0.0


def test_what_does_not_suit():
    with pytest.raises(ValueError, match=r"which train in steps, got .*'lbfgs'"):
        kernel_drift(MLPRegressor(solver="lbfgs"), X, Y)
    for epochs in ([], [0, 1], [2, 1], [0.5]):
        with pytest.raises(ValueError, match="positive and increasing integers"):
            kernel_drift(MLPRegressor(), X, Y, epochs=epochs)
