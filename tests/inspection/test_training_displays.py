"""The displays of training in time, of expected errors and of phases."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_friedman1
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import NTKernel, SurrogateNTKernel
from ntk_sklearn.dynamics import (
    GradientDescentClassifier,
    GradientDescentRegressor,
    edge_of_chaos,
    expected_risk,
    kernel_alignment_risk,
)
from ntk_sklearn.inspection import (
    ExpectedRiskDisplay,
    LearningTimeDisplay,
    PhaseDiagramDisplay,
    TrainingTimeDisplay,
)

from ..test_package import parameters_described

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

OF_ESTIMATORS = [LearningTimeDisplay, TrainingTimeDisplay]
MAKERS = {
    LearningTimeDisplay: "from_estimator",
    TrainingTimeDisplay: "from_estimator",
    ExpectedRiskDisplay: "from_kernel",
    PhaseDiagramDisplay: "from_activation",
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = make_friedman1(120, random_state=0, noise=2.0)
    return X, y


@pytest.fixture(scope="module")
def trained(data):
    X, y = data
    return GradientDescentRegressor().fit(X[:80], y[:80])


@pytest.mark.parametrize(("display", "maker"), MAKERS.items())
def test_parameters_are_documented(display, maker):
    for thing in (display, getattr(display, maker), display.plot):
        arguments = list(inspect.signature(thing).parameters)
        described = [name.strip("*") for name in parameters_described(thing.__doc__)]
        assert described == [name for name in arguments if name != "self"]


@pytest.mark.parametrize("display", OF_ESTIMATORS)
def test_axes_names_and_searches(display, data, trained):
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    shown = display.from_estimator(trained, ax=ax, name="mine", linewidth=3)
    assert shown.ax_ is ax and shown.figure_ is ax.figure
    assert shown.line_.get_label() == "mine" and shown.line_.get_linewidth() == 3
    assert shown.plot(name="other").line_.get_label() == "other"
    model = make_pipeline(StandardScaler(), GradientDescentRegressor())
    grid = {"gradientdescentregressor__kernel": [NTKernel(depth=1), NTKernel()]}
    search = GridSearchCV(model, grid, cv=2).fit(*data)
    assert display.from_estimator(search).ax_.has_data()
    with pytest.raises(TypeError, match=r"GradientDescentClassifier.*KernelRidge"):
        display.from_estimator(KernelRidge().fit(*data))
    with pytest.raises(ValueError, match="not fitted"):
        display.from_estimator(GradientDescentRegressor())
    model = GradientDescentRegressor(SurrogateNTKernel(), n_steps=2.0)
    with pytest.raises(ValueError, match="not symmetric"):
        display.from_estimator(model.fit(*data))


def test_errors_during_training(data, trained):
    X, y = data
    shown = TrainingTimeDisplay.from_estimator(trained, X[80:], y[80:])
    times, training = shown.line_.get_data()
    stages = list(trained.staged_predict(X[:80], times))
    expected = [np.mean((s - y[:80]) ** 2) for s in stages]
    assert_allclose(training, expected, rtol=1e-9, atol=1e-12)
    assert (np.diff(training) <= 0).all()
    stages = trained.staged_predict(X[80:], times)
    expected = [np.mean((s - y[80:]) ** 2) for s in stages]
    assert_allclose(shown.test_line_.get_ydata(), expected, rtol=1e-9)
    left_out = shown.stopping_line_.get_ydata()
    chosen = left_out[np.flatnonzero(times == trained.n_steps_)]
    assert_allclose(chosen, left_out.min(), rtol=1e-6)
    assert shown.stopping_line_.get_label() == "loo"
    assert_allclose(shown.stop_.get_xdata(), trained.n_steps_)
    fixed = GradientDescentRegressor(n_steps=9.0).fit(X, y)
    shown = TrainingTimeDisplay.from_estimator(fixed)
    assert shown.stopping_line_ is None and shown.test_line_ is None
    assert shown.line_.get_xdata()[-1] == 9.0
    late = GradientDescentRegressor(stopping=None).fit(X, y)
    assert TrainingTimeDisplay.from_estimator(late).stop_ is None


def test_classes_have_error_rates():
    X, y = load_iris(return_X_y=True)
    model = GradientDescentClassifier().fit(X[::2], y[::2])
    shown = TrainingTimeDisplay.from_estimator(model, X[1::2], y[1::2])
    rates = shown.test_line_.get_ydata()
    chosen = np.argmin(np.abs(shown.times - model.n_steps_))
    assert_allclose(rates[chosen], 1 - model.score(X[1::2], y[1::2]))
    assert (rates >= 0).all() and (rates <= 1).all()


def test_times_to_learn(trained):
    shown = LearningTimeDisplay.from_estimator(trained)
    values = trained.path_.spectrum.values
    number, times = shown.line_.get_data()
    expected = 1 / (trained.learning_rate_ * values[: len(number)])
    assert_allclose(times, expected, rtol=1e-12)
    # The fastest direction is learned in half a step of the largest length.
    assert_allclose(times[0], 0.5, rtol=1e-9)
    energy = shown.energy_line_.get_ydata()
    assert (np.diff(energy) >= 0).all() and energy[-1] == pytest.approx(1.0)
    assert_allclose(shown.stop_.get_ydata(), trained.n_steps_)
    alone = LearningTimeDisplay([1.0, 2.0, np.inf]).plot()
    assert len(alone.line_.get_xdata()) == 2 and alone.energy_line_ is None


def test_expected_and_measured_errors():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 2))
    y = np.sin(2 * X[:, 0]) + 0.3 * rng.standard_normal(600)
    kernel, sizes = NTKernel(depth=1), [20, 40, 80]
    shown = ExpectedRiskDisplay.from_kernel(
        kernel, X, y, alpha=0.5, sizes=sizes, n_fits=12, random_state=0
    )
    assert shown.measured.shape == shown.estimated.shape == (3, 12)
    # On a table, theory is right within some tenths. The estimate from a few rows,
    # whose norms differ much, is too low by up to four tenths.
    mean = shown.measured.mean(axis=1)
    assert (np.abs(shown.expected / mean - 1) < 0.3).all()
    assert (np.abs(shown.estimated.mean(axis=1) / mean - 1) < 0.5).all()
    K, centred = kernel(X), y - y.mean()
    values, vectors = np.linalg.eigh(K)
    squares = (vectors.T @ centred) ** 2 / 600
    found = expected_risk(np.maximum(values, 0) / 600, squares, 40, 0.5)
    assert_allclose(shown.expected[1], found, rtol=1e-9)
    order = np.random.RandomState(0).permutation(600)[:20]
    first = kernel_alignment_risk(K[np.ix_(order, order)], centred[order], 0.5)
    assert_allclose(shown.estimated[0, 0], first, rtol=1e-9)
    ridge = KernelRidge(alpha=0.5, kernel=kernel).fit(X[order], centred[order])
    rest = np.setdiff1d(np.arange(600), order)
    error = np.mean((ridge.predict(X[rest]) - centred[rest]) ** 2)
    assert_allclose(shown.measured[0, 0], error, rtol=1e-8)
    assert_allclose(shown.measured_[0].get_ydata(), mean)
    assert shown.plot(name="theory").line_.get_label() == "theory"
    default = ExpectedRiskDisplay.from_kernel(kernel, X[:60], y[:60], n_fits=2)
    assert default.sizes[-1] == 20
    bare = ExpectedRiskDisplay([1, 2], [1.0, 0.5]).plot()
    assert bare.measured_ is None and bare.estimated_ is None


def test_phases():
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    shown = PhaseDiagramDisplay.from_activation(
        "erf", weight_variances=[0.5, 1.5, 3.0], bias_variances=[0.0, 0.5], ax=ax
    )
    assert shown.ax_ is ax and shown.chi.shape == (2, 3)
    assert shown.line_.get_label() == "edge of chaos"
    for q in (0.5, 2.0):
        w, b = edge_of_chaos("erf", q)
        line = np.interp(w, *np.transpose(shown.edge))
        assert_allclose(line, b, rtol=0.02)
    assert (shown.chi[:, 0] < 1).all() and (shown.chi[:, 2] > 1).all()
    softplus = (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-z)))
    small = {"weight_variances": [0.5, 1.0], "bias_variances": [0.0, 0.5]}
    with np.errstate(over="ignore"):
        bare = PhaseDiagramDisplay.from_activation(softplus, **small)
    assert bare.line_ is None
    assert shown.plot(name="edge").line_.get_label() == "edge"
