"""How predicted indicators of three classes or more are mixed to tell the classes."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime, minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import RidgeClassifier

from ntk_sklearn import NTKernel, WNTKClassifier
from ntk_sklearn._models.base import HeldOut
from ntk_sklearn.estimators._indicators import softened, softmax_factor
from ntk_sklearn.estimators._mixing import _Labels, mixing_of
from ntk_sklearn.solvers import RowWeights

from ..estimator_cases import classification, held_out, indicators

FIXED = {"kernel": NTKernel(depth=1), "alpha": 0.1, "alpha_bounds": "fixed"}


def ordered(n, seed=0):
    """Five ordered classes of a linear score in six columns."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 6))
    score = X[:, :4].sum(axis=1) + 0.5 * rng.standard_normal(n)
    return X, np.digitize(score, [-2.0, -0.5, 0.5, 2.0])


def rows(n=80, k=4, weights=None, seed=0):
    """Leave-one-out predictions that say something of the classes."""
    rng = np.random.default_rng(seed)
    Y = np.eye(k)[rng.integers(0, k, n)]
    blurred = 0.5 * np.eye(k) + 0.3 * np.eye(
        k, k=-1
    )  # each class is like the one before
    blurred[1] *= 0.5  # and the second one is weak
    told = Y @ blurred + 0.2 * rng.standard_normal((n, k))
    return HeldOut(told, Y, RowWeights.of(weights, n))


def naive_posterior(held, deviation):
    """The function of an excess that has to be largest, row by row."""
    n, k = held.targets.shape
    factor, soft = softmax_factor(held), 1.0 / (n + k)

    def log_density(excess):
        total = -np.sum(excess**2) / (2 * deviation**2)
        for told, hot in zip(held.predictions, held.targets, strict=True):
            target = hot * (1.0 - k * soft) + soft
            total += target @ log_softmax(factor * (told + excess @ told))
        return total

    return log_density


def naive_mixing(held):
    """The average over priors, by general optimisation and differences."""
    k = held.targets.shape[1]
    excesses, evidences = [], []
    for deviation in (0.1, 0.2, 0.4, 0.8):
        density = naive_posterior(held, deviation)

        def loss(x, density=density):
            return -density(x.reshape(k, k))

        mode = minimize(loss, np.zeros(k * k), method="BFGS", tol=1e-7).x
        slope = partial(approx_fprime, f=loss, epsilon=1e-5)
        hessian = approx_fprime(mode, slope, 1e-3)
        volume = np.linalg.slogdet(deviation**2 * (hessian + hessian.T) / 2)[1]
        excesses.append(mode.reshape(k, k))
        evidences.append(-loss(mode) - 0.5 * volume)
    excesses.append(np.zeros((k, k)))
    evidences.append(naive_posterior(held, 1.0)(excesses[-1]))
    return np.eye(k) + np.tensordot(softmax(evidences), excesses, 1)


def test_classes_in_the_middle_are_not_masked():
    X, y = ordered(300)
    new, truth = ordered(2000, seed=1)
    model = WNTKClassifier().fit(X, y)
    plain = np.mean(indicators(model, new).argmax(axis=1) == truth)
    # A linear rule masks the classes in the middle; six columns leave no room to bend.
    assert RidgeClassifier().fit(X, y).score(new, truth) < 0.6
    assert plain < 0.7
    assert model.score(new, truth) > plain + 0.05
    assert set(model.predict(new)) == set(range(5))


def test_the_average_is_that_of_general_optimisation():
    """The Kronecker product moves it by about a hundredth."""
    held = rows(n=150, k=3)
    found = mixing_of(held)
    assert np.abs(found - np.eye(3)).max() > 0.15
    assert_allclose(found, naive_mixing(held), rtol=0, atol=0.05)


@pytest.mark.parametrize("deviation", [0.1, 0.8])
def test_modes_are_where_the_posterior_is_flat(deviation):
    held = rows()
    weight = np.ones((80, 1))
    labels = _Labels(
        softmax_factor(held) * held.predictions, softened(held.targets, 80), weight
    )
    mode = labels.mode(np.zeros((4, 4)), deviation)
    density = naive_posterior(held, deviation)
    slope = approx_fprime(mode.ravel(), lambda x: density(x.reshape(4, 4)), 1e-6)
    # It is concave. Differences of sums of about 100 are exact to 1e-8, over 1e-6.
    assert np.abs(slope).max() < 0.05
    start = approx_fprime(np.zeros(16), lambda x: density(x.reshape(4, 4)), 1e-6)
    assert np.abs(start).max() > 1.0


def test_few_rows_and_labels_at_random_mix_little():
    rng = np.random.default_rng(0)
    few, many = rows(n=12), rows(n=400)
    assert np.abs(mixing_of(few) - np.eye(4)).max() < 0.3
    assert np.abs(mixing_of(many) - np.eye(4)).max() > 0.4
    blind = many._replace(predictions=0.25 + 0.01 * rng.standard_normal((400, 4)))
    assert np.abs(mixing_of(blind) - np.eye(4)).max() < 0.2


def test_other_names_of_the_classes():
    held, order = rows(), [2, 0, 3, 1]
    found = mixing_of(held)
    turned = HeldOut(held.predictions[:, order], held.targets[:, order], held.weights)
    assert_allclose(mixing_of(turned), found[np.ix_(order, order)], rtol=0, atol=1e-6)


def test_weights():
    """Integers count copies; of floating numbers only the ratios matter."""
    copies = np.random.default_rng(1).integers(1, 4, 80)
    held = rows(weights=copies)
    every = np.repeat(np.arange(80), copies)
    each = HeldOut(
        held.predictions[every], held.targets[every], RowWeights.of(None, every.size)
    )
    assert_allclose(mixing_of(held), mixing_of(each), rtol=0, atol=1e-6)
    one, two = (rows(weights=scale * (1.0 + copies)) for scale in (1.0, 1000.0))
    assert np.abs(mixing_of(one) - mixing_of(held)).max() > 1e-3
    assert_allclose(mixing_of(one), mixing_of(two), rtol=0, atol=1e-6)


def test_two_classes_are_not_mixed():
    X, y = classification(classes=2)
    model = WNTKClassifier(**FIXED).fit(X, y)
    assert_array_equal(model.class_mixing_, np.eye(2))
    assert mixing_of(rows(k=2)) is None
    told = model.models_[0].predict(X)
    assert_array_equal(model.decision_function(X), told[:, 1] - told[:, 0])


@pytest.mark.parametrize("solver", ["cholesky", "cg", "nystrom", "local"])
def test_every_solver_mixes(solver):
    X, y = classification(120, classes=4)
    model = WNTKClassifier(**FIXED, solver=solver, random_state=0).fit(X, y)
    assert model.class_mixing_.shape == (4, 4)
    assert np.abs(model.class_mixing_ - np.eye(4)).max() > 0.01
    (machine,) = model.models_
    mixed = machine.predict(X) @ model.class_mixing_.T
    assert_allclose(model.decision_function(X), mixed, rtol=0, atol=1e-12)
    assert_array_equal(model.predict(X), model.classes_[mixed.argmax(axis=1)])
    probable = model.classes_[model.predict_proba(X).argmax(axis=1)]
    assert_array_equal(model.predict(X), probable)


def test_it_is_learned_from_rows_left_out():
    X, y = classification(classes=4)
    model = WNTKClassifier(**FIXED).fit(X, y)
    hot = (y[:, None] == model.classes_).astype(float)
    held = HeldOut(held_out(model), hot, RowWeights.of(None, len(y)))
    assert_allclose(model.class_mixing_, mixing_of(held), rtol=0, atol=1e-6)
