"""Batches of rows: a batch gives a new value, or an exception and nothing changed."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from ntk_sklearn import WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn._models import nystrom
from ntk_sklearn.solvers import NystromSystem

rng = np.random.default_rng(0)
X = rng.standard_normal((240, 3))
Y = np.sin(X[:, 0]) + 0.1 * rng.standard_normal(240)
KERNEL = WeightedNTKernel(depth=1, bias_variance_bounds="fixed")
MODELS = {
    "regressor": WNTKRegressor(KERNEL, n_components=20, solver="nystrom"),
    "default": WNTKRegressor(n_components=20, solver="nystrom", max_iter=3, tol=1.0),
    "classifier": WNTKClassifier(n_components=20, solver="nystrom"),
}
every_model = pytest.mark.parametrize("name", MODELS)


def started(name):
    """Return a model fitted to the first batch, and the targets."""
    y = np.where(Y > 0, "up", "down") if name == "classifier" else Y
    model = clone(MODELS[name])
    first = {"classes": np.unique(y)} if name == "classifier" else {}
    return model.partial_fit(X[:120], y[:120], **first), y


def state(model):
    """All that a fitted estimator is, bit for bit."""
    return pickle.dumps(vars(model))


def fails(model, *batch, error=Exception, **options):
    """Check that a batch fails, and that nothing has changed."""
    before, identities = state(model), {k: id(v) for k, v in vars(model).items()}
    with pytest.raises(error):
        model.partial_fit(*batch, **options)
    assert state(model) == before
    assert {k: id(v) for k, v in vars(model).items()} == identities


def goes_on(name, model, y):
    """Check that the next good batch works as if there had been no bad one."""
    expected, _ = started(name)
    expected.partial_fit(X[120:], y[120:])
    model.partial_fit(X[120:], y[120:])
    assert state(model) == state(expected)
    found = model.predict(X)
    if name != "classifier":
        assert_allclose(found, y, atol=3.0)


@every_model
def test_wrong_width_infinity_and_labels(name):
    model, y = started(name)
    fails(model, X[120:, :2], y[120:], error=ValueError)
    fails(model, np.where(X[120:] > 1, np.inf, X[120:]), y[120:], error=ValueError)
    fails(model, X[120:], y[121:], error=ValueError)
    if name == "classifier":
        fails(model, X[120:], np.full(120, "sideways"), error=ValueError)
    goes_on(name, model, y)


@pytest.mark.parametrize("name", ["regressor", "default"])
def test_targets_whose_squares_overflow(name):
    model, y = started(name)
    with np.errstate(all="ignore"):
        fails(model, X[120:], np.full(120, 1e170), error=(ValueError, ArithmeticError))
    goes_on(name, model, y)


@every_model
@pytest.mark.parametrize("where", ["accumulate", "best_alpha", "solve"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupts_in_the_sums_and_in_the_solve(name, where, error, monkeypatch):
    model, y = started(name)

    def interrupted(*args, **options):
        raise error

    owner = nystrom if where == "accumulate" else NystromSystem
    with monkeypatch.context() as patch:
        patch.setattr(owner, where, interrupted)
        fails(model, X[120:], y[120:], error=error)
    goes_on(name, model, y)


def test_an_interrupt_in_the_second_model(monkeypatch):
    """The sums of the first model have been made by then, and are dropped."""
    name = "classifier"
    model, y = started(name)
    whole, calls = nystrom.accumulate, []

    def failing(*args, **options):
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return whole(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(nystrom, "accumulate", failing)
        fails(model, X[120:], y[120:], error=KeyboardInterrupt)
    goes_on(name, model, y)


@every_model
def test_a_fit_that_fails_leaves_the_last_one(name):
    model, y = started(name)
    before = state(model)
    for bad in (X[:, :0], np.full_like(X, np.inf)):
        with pytest.raises(ValueError):
            model.fit(bad, y)
        assert state(model) == before
    goes_on(name, model, y)


@every_model
def test_the_first_batch_may_fail_too(name):
    y = np.where(Y > 0, "up", "down") if name == "classifier" else Y
    model = clone(MODELS[name])
    first = {"classes": np.unique(y)} if name == "classifier" else {}
    fails(model, np.full_like(X, np.inf), y, error=ValueError, **first)
    assert not hasattr(model, "n_features_in_")
    again = model.partial_fit(X[:120], y[:120], **first)
    assert state(again) == state(started(name)[0])
