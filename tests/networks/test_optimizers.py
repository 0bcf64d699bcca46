"""The learning rates of optimisers, against gradients of single rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ntk_sklearn import EmpiricalNTKernel
from ntk_sklearn.networks import NetworkArrays, optimizer_weights

from .cases import jacobian, poisson

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
TARGETS = {
    "regression": np.sin(X[:, 0]) + X[:, 1],
    "two outputs": np.column_stack([np.sin(X[:, 0]), X[:, 1]]),
    "two classes": np.where(X[:, 0] > 0, "b", "a"),
    "three classes": np.digitize(X[:, 0], [-0.5, 0.5]),
}


def fitted(target):
    y = TARGETS[target]
    kind = MLPClassifier if "classes" in target else MLPRegressor
    network = kind(
        hidden_layer_sizes=(5, 4), activation="tanh", random_state=0, tol=0.1
    )
    return network.fit(X, y), y


def row_gradients(network, y):
    """Gradients of the loss at every row, from the Jacobian by differences."""
    arrays = NetworkArrays(network.coefs_, network.intercepts_, network.activation)
    J = jacobian(arrays, X)
    if isinstance(network, MLPRegressor):
        residual = network.predict(X).reshape(len(X), -1) - y.reshape(len(X), -1)
    else:
        hot = y[:, None] == network.classes_
        residual = (network.predict_proba(X) - hot)[:, -J.shape[1] :]
    return J, np.einsum("nc,ncp->np", residual, J)


def flat(arrays):
    pairs = zip(arrays.coefs, arrays.intercepts, strict=True)
    return np.concatenate([np.append(W.ravel(), b) for W, b in pairs])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_rates_are_roots_of_mean_squares(target, optimizer):
    network, y = fitted(target)
    J, gradients = row_gradients(network, y)
    expected = 1.0 / (np.sqrt(np.mean(gradients**2, axis=0)) + 1e-8)
    expected /= expected.mean()
    found = optimizer_weights(network, X, y, optimizer)
    assert_allclose(flat(found.parameter_weights), expected, rtol=1e-5)
    ends = np.cumsum([W.size + W.shape[1] for W in network.coefs_])[:-1]
    layers = [part.mean() for part in np.split(expected, ends)]
    assert_allclose(found.layer_weights, layers, rtol=1e-5)
    # The kernel is positive semi-definite, and that of the preconditioned Jacobian.
    K = EmpiricalNTKernel(network, parameter_weights=found.parameter_weights)(X)
    assert_allclose(K, np.einsum("ncp,p,mcp->nm", J, expected, J), rtol=1e-4)
    assert np.linalg.eigvalsh(K).min() > -1e-10 * np.trace(K)


def test_a_step_changes_outputs_as_the_kernel_says():
    network, y = fitted("regression")
    _, gradients = row_gradients(network, y)
    rates = optimizer_weights(network, X, y, "adam").parameter_weights
    kernel = EmpiricalNTKernel(network, parameter_weights=rates)
    Z = RNG.standard_normal((6, 3))
    before, step = network.predict(Z), 1e-6
    change = -step * kernel(Z, X) @ (network.predict(X) - y)
    moves = -step * flat(rates) * gradients.sum(axis=0)
    for tensors in zip(network.coefs_, network.intercepts_, strict=True):
        for tensor in tensors:
            np.add(tensor, moves[: tensor.size].reshape(tensor.shape), out=tensor)
            moves = moves[tensor.size :]
    assert_allclose(network.predict(Z) - before, change, rtol=1e-3, atol=1e-10)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_gradient_descent_has_one_rate(optimizer):
    network, y = fitted("three classes")
    found = optimizer_weights(network, X, y, optimizer)
    assert_allclose(found.layer_weights, np.ones(3))
    assert_allclose(flat(found.parameter_weights), 1.0)


def test_only_training_rows_enter():
    network, y = fitted("regression")
    some = optimizer_weights(network, X[:20], y[:20]).layer_weights
    again = optimizer_weights(network, X[:20].tolist(), y[:20]).layer_weights
    assert_allclose(some, again)
    assert not np.allclose(some, optimizer_weights(network, X, y).layer_weights)


def test_what_does_not_suit():
    network, y = fitted("regression")
    with pytest.raises(ValueError, match=r"optimizer must be one of .*, got 'adagrad'"):
        optimizer_weights(network, X, y, "adagrad")
    with pytest.raises(ValueError, match="epsilon must be finite and not negative"):
        optimizer_weights(network, X, y, epsilon=-1.0)
    network.coefs_[-1][0] = 0.0  # a unit that nobody listens to
    network.coefs_[1][:, 0] = 0.0
    with pytest.raises(ValueError, match="epsilon must be positive if some gradients"):
        optimizer_weights(network, X, y, epsilon=0.0)
    classifier, _ = fitted("two classes")
    with pytest.raises(ValueError, match="one label for each row"):
        optimizer_weights(classifier, X, TARGETS["two outputs"])
    with pytest.raises(ValueError, match="entry for each of the 40 rows of X, got 39"):
        optimizer_weights(classifier, X, TARGETS["two classes"][1:])
    with pytest.raises(
        ValueError, match=r"y holds \['c'\], which are not among the cla"
    ):
        optimizer_weights(classifier, X, np.full(40, "c"))


@poisson
def test_rates_of_poisson_regression():
    y = np.exp(TARGETS["regression"])
    network = MLPRegressor(
        loss="poisson", hidden_layer_sizes=(5,), random_state=0, tol=0.1
    ).fit(X, y)
    _, gradients = row_gradients(network, y)
    expected = 1.0 / (np.sqrt(np.mean(gradients**2, axis=0)) + 1e-8)
    found = optimizer_weights(network, X, y).parameter_weights
    assert_allclose(flat(found), expected / expected.mean(), rtol=1e-5)
