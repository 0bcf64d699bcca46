"""Fits at all times, and their leave-one-out errors, against refits without the row."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn import NTKernel
from ntk_sklearn.dynamics import (
    GradientDescent,
    GradientFlow,
    TrainingPath,
    max_learning_rate,
)
from ntk_sklearn.solvers import RowWeights, Spectrum, ridge_path

from .cases import CASES, regression

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
ONE = np.ones(1)


def path_of(case, rule, weights=None, intercept=False):
    spectrum = Spectrum.of(case.ntk(case.X), weights, intercept)
    return TrainingPath(spectrum, rule, case.Y)


# -- rules ----------------------------------------------------------------------------


def iterated(values, rule, n_steps):
    """The dual coefficients for targets of one, step by step."""
    decayed = values + rule.weight_decay
    gain, before = np.zeros_like(values), np.zeros_like(values)
    for _ in range(n_steps):
        step = rule.learning_rate * (1 - decayed * gain)
        gain, before = gain + step + rule.momentum * (gain - before), gain
    return gain


VALUES = np.array([4.0, 3.0, 1.0, 1e-3, 1e-9, 0.0])


@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.9])  # 0.25 of 8: a double root
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_steps_are_those_of_gradient_descent(momentum, share, decay):
    rate = share * max_learning_rate(4.0, momentum, decay)
    rule = GradientDescent(rate, momentum, decay)
    for n_steps in (0, 1, 2, 3, 10, 77):
        expected = iterated(VALUES, rule, n_steps)
        # Held-apart double roots err by less than 1e-10.
        found = rule.gain(VALUES, n_steps)
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        left = rule.left(VALUES, n_steps)
        assert_allclose(left, 1 - VALUES * expected, rtol=1e-9, atol=1e-10)


def test_double_roots_of_the_recursion():
    for momentum in (0.0, 0.25):
        x = (1.0 - momentum**0.5) ** 2 * np.array([1.0, 1 - 1e-15, 1 + 1e-13])
        rule = GradientDescent(1.0, momentum)
        assert_allclose(rule.gain(x, 7), iterated(x, rule, 7), rtol=1e-10)


@pytest.mark.parametrize("rule", [GradientFlow(0.3), GradientDescent(0.3, 0.5)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_no_time_and_all_time_are_limits(rule, decay):
    rule = type(rule)(0.3, weight_decay=decay)
    assert_allclose(rule.gain(VALUES, 0), 0.0, atol=0)
    assert_allclose(rule.left(VALUES, 0), 1.0, rtol=1e-14)
    end = rule.gain(VALUES, np.inf)
    positive = VALUES + decay > 0
    assert_allclose(end[positive], 1 / (VALUES + decay)[positive], rtol=1e-15)
    assert_allclose(rule.gain(VALUES, 10**15)[:4], end[:4], rtol=1e-12)
    kept = np.where(VALUES + decay > 0, decay / (VALUES + decay + (decay == 0)), 1.0)
    if decay == 0.0:
        kept = np.where(VALUES > 0, 0.0, 1.0)
    assert_allclose(rule.left(VALUES, np.inf), kept, rtol=1e-15)
    for time in (1, 10, 10**6):
        assert np.isfinite(rule.gain(VALUES, time)).all()
        assert np.isfinite(rule.left(VALUES, time)).all()


def test_small_shares_are_left_without_cancellation():
    values = np.array([30.0, 1.0])
    left = GradientFlow().left(values, 20.0)
    assert_allclose(left, np.exp([-600.0, -20.0]), rtol=1e-12)
    steps = GradientDescent(0.01).left(values, 2000)
    assert_allclose(steps, [0.7**2000, 0.99**2000], rtol=1e-10)


@cases
def test_the_largest_learning_rate(case):
    largest = np.linalg.eigvalsh(case.ntk(case.X))[-1]
    mean_loss = case.Y.size
    found = max_learning_rate(largest) * mean_loss
    # The reference adds 1e-12 to the eigenvalue.
    assert_allclose(found, case.facts["max_learning_rate"], rtol=1e-11)
    found = max_learning_rate(largest, 0.9) * mean_loss
    assert_allclose(found, case.facts["max_learning_rate_momentum_0_9"], rtol=1e-11)
    for rate, converges in ((0.99, True), (1.01, False)):
        rule = GradientDescent(rate * max_learning_rate(4.0, 0.5), 0.5)
        assert (abs(1 - 4 * iterated(4 * ONE, rule, 3000)[0]) < 1) == converges
    assert max_learning_rate(0.0) == 1.0


@cases
def test_reference_of_steps(case):
    step = float(case["gd_step"])
    rules = {
        "gd_test": GradientDescent(step),
        "gd_decay_test": GradientDescent(step, 0.0, float(case["gd_decay_lambda"])),
        "momentum_0_9_test": GradientDescent(step, 0.9),
    }
    K = case.ntk(case.Z, case.X)
    for key, rule in rules.items():
        spectrum = Spectrum.of(case.ntk(case.X), intercept=False)
        path = TrainingPath(spectrum, rule, case.Y - case["f0"])
        for n_steps, expected in zip(case["gd_steps"], case[key], strict=True):
            found = case["g0"] + K @ path.at(n_steps).dual_coef(path.Y)
            assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


# -- leave-one-out --------------------------------------------------------------------


@cases
@pytest.mark.parametrize("kind", ["loo", "loo_decay", "loo_intercept", "loo_weights"])
def test_reference_of_leave_one_out(case, kind):
    decay = float(case["flow_decay_lambda"]) if kind == "loo_decay" else 0.0
    weights = case["weights"] if kind == "loo_weights" else None
    rule = GradientFlow(1.0, decay)
    path = path_of(case, rule, weights, kind == "loo_intercept")
    share = np.ones(len(case.X)) if weights is None else weights
    times = case["tau"]
    for time, expected in zip(times, case[kind], strict=True):
        found = case.Y - path.leave_one_out(time)
        assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    errors = np.sum((case.Y - case[kind]) ** 2, axis=2) @ share / share.sum()
    # Times of a decade share a contour, which is less exact.
    assert_allclose(path.loo(times), errors, rtol=2e-7)


@cases
def test_reference_of_leave_one_out_of_steps(case):
    path = path_of(case, GradientDescent(float(case["gd_step"])))
    for n_steps, expected in zip(case["loo_gd_steps"], case["loo_gd"], strict=True):
        found = case.Y - path.leave_one_out(n_steps)
        assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


def refitted(K, Y, weights, intercept, rule, time):
    """Leave-one-out residuals by a fit without one copy of each row."""
    found = np.empty_like(Y)
    for i in range(len(K)):
        weight, copies = weights.weight.copy(), weights.multiplicity[i]
        weight[i] *= 1.0 - min(1.0, copies) / copies
        kept = np.flatnonzero(weight > 0)
        rest = RowWeights(weight[kept], np.ones(len(kept)))
        own = K[np.ix_(kept, kept)]
        spectrum = Spectrum.of(own, rest, intercept)
        dual = TrainingPath(spectrum, rule, Y[kept]).at(time).dual_coef(Y[kept])
        constant = rest.weight / rest.total @ (Y[kept] - own @ dual) if intercept else 0
        found[i] = Y[i] - K[i, kept] @ dual - constant
    return found


RULES = [
    GradientFlow(0.1),
    GradientFlow(0.1, 0.3),
    GradientDescent(0.2),
    GradientDescent(0.9),  # alternates along the leading eigenvector
    GradientDescent(0.9, 0.0, 0.2),
    GradientDescent(0.9, 0.5),
    GradientDescent(1.5, 0.8),
    GradientDescent(1.0),  # at the limit itself
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_one_copy_of_each_row_is_left_out(rule, counts, intercept):
    X, Y = regression(12, outputs=2)
    K = NTKernel(depth=1)(X)
    copies = np.random.default_rng(1).integers(1, 4, 12)
    weights = RowWeights.of(copies if counts else None, 12)
    spectrum = Spectrum.of(K, weights, intercept)
    rule = type(rule)(**vars(rule) | {"learning_rate": scaled(rule, K, weights)})
    path = TrainingPath(spectrum, rule, Y)
    times = [1, 3, 15, 17, 40, 120, 800]
    for time in times:
        expected = refitted(K, Y, weights, intercept, rule, time)
        assert_allclose(path.leave_one_out(time), expected, rtol=1e-9, atol=1e-10)
    errors = [
        weights.weight @ (path.leave_one_out(t) ** 2).sum(axis=1) / weights.total
        for t in times
    ]
    shuffled = np.random.default_rng(0).permutation(len(times))
    found = path.loo(np.array(times)[shuffled])
    assert_allclose(found, np.array(errors)[shuffled], rtol=1e-6)


def scaled(rule, K, weights):
    """The learning rate, in units of 2 over the largest eigenvalue."""
    root = np.sqrt(weights.weight)
    largest = np.linalg.eigvalsh(K * root * root[:, None])[-1]
    return rule.learning_rate * 2.0 / (largest + rule.weight_decay)


@pytest.mark.parametrize("intercept", [False, True])
def test_the_ends_are_the_mean_and_the_ridge(intercept):
    X, Y = regression(20, outputs=2)
    K = NTKernel()(X)
    spectrum = Spectrum.of(K, intercept=intercept)
    plain = TrainingPath(spectrum, GradientFlow(), Y)
    mean = (Y.sum(axis=0) - Y) / 19 if intercept else 0.0
    assert_allclose(plain.leave_one_out(0.0), Y - mean, rtol=1e-12, atol=1e-12)
    expected = spectrum.ridge(1e-13).leave_one_out(Y)
    # A ridge of 1e-13 moves them by less than 1e-9.
    assert_allclose(plain.leave_one_out(np.inf), expected, rtol=1e-8, atol=1e-8)
    decayed = TrainingPath(spectrum, GradientFlow(1.0, 0.5), Y)
    expected = spectrum.ridge(0.5).leave_one_out(Y)
    assert_allclose(decayed.leave_one_out(np.inf), expected, rtol=1e-11, atol=1e-11)
    ends = np.array([np.inf, 1.0, 0.0])
    together = decayed.loo(ends)
    single = [np.mean(np.sum(decayed.leave_one_out(t) ** 2, axis=1)) for t in ends]
    assert_allclose(together, single, rtol=1e-6)


def test_repeated_rows_have_limits():
    """Two rows are equal with other targets: an eigenvalue is zero."""
    X, Y = regression(16)
    X, Y = np.vstack([X, X[:1]]), np.append(Y, Y[0] + 1.0)[:, None]
    K = NTKernel()(X)
    path = TrainingPath(Spectrum.of(K), GradientFlow(), Y)
    times = np.array([0.0, 1e-300, 1.0, 1e5, 1e12, 1e300, np.inf])
    for errors in (path.loo(times), path.gcv(times), path.smoother_gcv(times)):
        assert np.isfinite(errors).all()
    fits = [K @ path.at(time).dual_coef(Y) for time in times]
    assert np.isfinite(fits).all()
    assert_allclose(fits[-2], fits[-1], atol=1e-6)
    spread = Y - fits[-1]
    # Converged: both copies at their mean, all others met.
    assert_allclose(np.ptp(spread[1:-1]), 0.0, atol=1e-6)
    assert_allclose(spread[0] - spread[-1], [-1.0], atol=1e-6)
    nothing = replace(Spectrum.of(K[:4, :4]), values=np.zeros(3))
    nothing = TrainingPath(nothing, GradientFlow(), Y[:4])
    for time in (0.0, 1.0, np.inf):
        assert_allclose(nothing.at(time).left, 1.0)
        assert np.isfinite(nothing.leave_one_out(time)).all()


def slow_rules(largest, decay):
    """Flow, steps and two kinds of momentum; the roots of the last are complex."""
    yield GradientFlow(1.0 / largest, decay)
    for momentum in (0.0, 0.5, 0.95):
        rate = 0.9 * max_learning_rate(largest, momentum, decay)
        yield GradientDescent(rate, momentum, decay)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_slowest_part_shrinks_by_its_factor(decay):
    values = np.array([0.2])
    for rule in slow_rules(4.0, decay):
        # Of two complex roots, an oscillation is left out by the largest of periods.
        way = [np.abs(rule.gain(values, t) * (0.2 + decay) - 1) for t in range(50, 150)]
        first, last = max(way[:50])[0], max(way[50:])[0]
        expected = rule.slowest(0.2) ** 50
        assert_allclose(last / first, expected, rtol=0.2)


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("decay", [0.0, 1e-3])
def test_all_times_after_convergence_are_one(counts, decay):
    """They are taken for infinity, no sooner than the errors without a row allow."""
    X, Y = regression(30)
    K = NTKernel()(X) + 0.05 * np.eye(30)  # converges within the times
    copies = np.where(np.arange(30) % 3 == 0, 2, 1) if counts else None
    weights = RowWeights.of(copies, 30)
    spectrum = Spectrum.of(K, weights)
    for rule in slow_rules(spectrum.values[0], decay):
        path = TrainingPath(spectrum, rule, Y[:, None])
        time = 10.0 / -np.log(rule.slowest(spectrum.values[-1]))
        times = np.ceil(time * np.linspace(1.0, 6.0, 21))
        share = weights.weight / weights.total
        expected = [share @ path.leave_one_out(t)[:, 0] ** 2 for t in times]
        # Residuals are within 1e-8 of the targets.
        found = path.loo(times)
        assert_allclose(found, expected, rtol=1e-7)
        # A contour would be off by 1e-10.
        end = path.loo(np.array([np.inf]))[0]
        assert_allclose(found[times > 4.5 * time], end, rtol=1e-14)


# -- generalised cross-validation -----------------------------------------------------


@cases
def test_reference_of_the_smoother(case):
    path = path_of(case, GradientFlow())
    found = path.smoother_gcv(case["tau"])
    assert_allclose(found, case["gcv"], rtol=1e-10)
    leverage = [path.at(time).leverage for time in case["tau"]]
    assert_allclose(leverage, case["leverage"], rtol=1e-10, atol=1e-12)


def test_gcv_ends_at_that_of_the_ridge():
    X, Y = regression(30, outputs=2)
    weights = np.random.default_rng(0).integers(1, 3, 30)
    spectrum = Spectrum.of(NTKernel()(X), weights)
    path = TrainingPath(spectrum, GradientFlow(1.0, 0.4), Y)
    expected = spectrum.gcv_path(Y, [0.4]).errors
    assert_allclose(path.gcv(np.array([np.inf])), expected, rtol=1e-12)
    # At a finite time: the mean of ridges, with equal leverages in a circle of rows.
    angle = np.arange(12) * 2 * np.pi / 12
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    path = TrainingPath(Spectrum.of(NTKernel()(circle)), GradientFlow(), Y[:12])
    times = np.array([0.3, 3.0, 30.0])
    assert_allclose(path.gcv(times), path.loo(times), rtol=1e-6)


def test_long_training_misleads_the_smoother_only():
    X, Y = regression(60, noise=1.0)
    path = TrainingPath(Spectrum.of(NTKernel()(X)), GradientFlow(), Y[:, None])
    late = np.array([1e6])
    last = path.spectrum.energy(path.Y)[-1] * 60**2 / 60
    assert_allclose(path.smoother_gcv(late), last, rtol=1e-6)
    exact = path.loo(late)[0]
    assert abs(path.gcv(late)[0] / exact - 1) < 0.5


def test_training_error_and_ridge_path_units():
    X, Y = regression(25)
    K = NTKernel()(X)
    path = TrainingPath(Spectrum.of(K), GradientFlow(), Y[:, None])
    times = np.array([0.0, 0.5, 50.0])
    expected = [np.mean(path.at(time).residuals(path.Y) ** 2) for time in times]
    assert_allclose(path.training_error(times), expected, rtol=1e-10)
    # Stopping at t is like a ridge of 1 / t: the best of both are close.
    alphas = np.geomspace(1e-4, 1e4, 60)
    ridge = ridge_path(K, path.Y, alphas).errors.min()
    assert abs(path.loo(1 / alphas).min() / ridge - 1) < 0.1
