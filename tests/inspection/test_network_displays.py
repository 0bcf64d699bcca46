"""Displays of influence and of the drift of empirical kernels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPRegressor

from ntk_sklearn import (
    KernelLogisticRegression,
    NTKernel,
    WNTKClassifier,
    WNTKRegressor,
)
from ntk_sklearn.inspection import InfluenceDisplay, KernelDriftDisplay
from ntk_sklearn.networks import kernel_drift

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
import matplotlib.pyplot  # noqa: E402, F401

X, Y = load_digits(n_class=3, return_X_y=True)
X, Y, IMAGES = X[:60], Y[:60], X[:60].reshape(-1, 8, 8)
KERNEL = NTKernel(depth=1)


@pytest.fixture(autouse=True)
def _closed():
    yield
    mpl.pyplot.close("all")


@pytest.mark.parametrize(
    "model", [WNTKClassifier(KERNEL), KernelLogisticRegression(KERNEL)]
)
def test_the_most_helpful_and_harmful_rows_are_shown(model):
    model.fit(X, Y)
    influence = model.influence(X[:1])[0]
    one = InfluenceDisplay.from_estimator(model, X[0], output=1, n_shown=3)
    order = np.argsort(-influence[:, 1])
    assert_array_equal(one.shown_.rows, [*order[:3], *order[-3:]])
    assert_allclose(one.shown_.values, influence[one.shown_.rows, 1])
    bars = [bar.get_width() for bar in one.axes_[0].patches]
    assert_allclose(bars, one.shown_.values)
    usual = InfluenceDisplay.from_estimator(model, X[0], n_shown=3)
    assert_allclose(usual.influence, influence[:, Y[0]])


def test_images_are_drawn_with_labels():
    model = WNTKClassifier(KERNEL).fit(X, Y)
    display = InfluenceDisplay.from_estimator(model, X[0], labels=Y, images=IMAGES)
    assert display.axes_.shape == (2, 5)
    first = display.shown_.rows[0]
    assert_array_equal(display.axes_[0, 0].images[0].get_array(), IMAGES[first])
    assert display.axes_[0, 0].get_title().startswith(f"{first}: {Y[first]}\n+")


def test_a_regressor_has_one_output():
    model = WNTKRegressor(KERNEL).fit(X, X[:, 20])
    _, ax = mpl.pyplot.subplots()
    display = InfluenceDisplay.from_estimator(model, X[0], ax=ax)
    assert display.figure_ is ax.figure
    assert ax.get_yticklabels()[0].get_text() == f"row {display.shown_.rows[0]}"


def test_drift_is_drawn_by_layer():
    network = MLPRegressor(hidden_layer_sizes=(8,), random_state=0)
    how = {"epochs": [1, 2, 4], "rows": X[:20]}
    drift = kernel_drift(network, X, X[:, 20], **how)
    display = KernelDriftDisplay.from_network(network, X, X[:, 20], **how)
    assert_array_equal(display.line_.get_xdata(), [1, 2, 4])
    assert_allclose(display.line_.get_ydata(), drift.change[1:])
    assert_allclose(display.layer_lines_[0].get_ydata(), drift.layers[1:, 0])
    assert display.layer_lines_[1].get_label() == "read-out"
    again = KernelDriftDisplay(drift.epochs, drift.change, name="mine").plot()
    assert again.line_.get_label() == "mine"
    assert again.layer_lines_ == []


def test_a_nystrom_model_is_told_its_rows():
    model = WNTKRegressor(KERNEL, solver="nystrom", n_components=20).fit(X, X[:, 20])
    again = X, X[:, 20]
    display = InfluenceDisplay.from_estimator(model, X[0], training=again)
    assert_allclose(display.influence, model.influence(X[:1], training=again)[0])
