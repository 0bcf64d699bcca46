"""The display of length scales: which bars, which names, which model."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.inspection import LengthScaleDisplay

from ..test_package import parameters_described

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def drawn(shown):
    """Return the names on the axis, and the lengths of the bars."""
    names = [label.get_text() for label in shown.ax_.get_yticklabels()]
    return names, [bar.get_width() for bar in shown.bars_]


def test_bars_are_scales_relative_to_their_start():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = WNTKRegressor(tol=1e-2).fit(X[:150], y[:150])
    names, lengths = drawn(LengthScaleDisplay.from_estimator(model, n_inputs=50))
    fitted = model.models_[np.argmax(model.blend_weights_)]
    start, scale = fitted.encoder.length_scale_, model.kernel_.length_scale
    inputs = fitted.encoder.get_feature_names_out(X.columns)
    expected = dict(zip(inputs, start / scale, strict=True))
    assert set(names) == set(expected) and "bmi" in names
    assert_allclose(lengths, [expected[name] for name in names])
    assert (np.diff(lengths) <= 0).all()
    few, longest = drawn(LengthScaleDisplay.from_estimator(model, n_inputs=3))
    assert few == names[:3] and longest == lengths[:3]


def test_the_model_that_has_learned_scales_is_shown():
    X, y = load_iris(return_X_y=True)
    model = WNTKClassifier(tol=1e-2).fit(X[::2], y[::2])
    _, lengths = drawn(LengthScaleDisplay.from_estimator(model))
    _, last = drawn(LengthScaleDisplay.from_estimator(model, model=3))
    _, first = drawn(LengthScaleDisplay.from_estimator(model, model=0))
    assert lengths == last and np.ptp(last) > 0.01
    assert_allclose(first, 1.0)


def test_a_given_kernel_sees_columns_as_they_are():
    X, y = load_diabetes(return_X_y=True)
    kernel = NTKernel(length_scale=np.ones(10), length_scale_bounds=(1e-2, 1e2))
    model = make_pipeline(StandardScaler(), WNTKRegressor(kernel, tol=1e-2))
    model.fit(X[:100], y[:100])
    names, lengths = drawn(LengthScaleDisplay.from_estimator(model))
    scale = model[-1].kernel_.length_scale
    assert_allclose(lengths, np.sort(1.0 / scale)[::-1])
    assert names[0] == f"x{np.argmin(scale)}"
    frame = load_diabetes(as_frame=True).data[:100]
    named = WNTKRegressor(kernel, max_iter=0).fit(frame, y[:100])
    assert drawn(LengthScaleDisplay.from_estimator(named))[0][0] == "age"


def test_names_options_and_axes():
    from matplotlib import pyplot

    shown = LengthScaleDisplay([2.0, 0.5], name="mine").plot(color="red")
    assert drawn(shown) == (["x1", "x0"], [2.0, 0.5])
    assert matplotlib.colors.same_color(shown.bars_[0].get_facecolor(), "red")
    assert [t.get_text() for t in shown.ax_.get_legend().get_texts()] == ["mine"]
    _, ax = pyplot.subplots()
    assert shown.plot(ax=ax, name="other").ax_ is ax
    assert shown.figure_ is ax.figure and ax.get_xlabel()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["other"]


def test_parameters_are_documented():
    for thing in (
        LengthScaleDisplay,
        LengthScaleDisplay.from_estimator,
        LengthScaleDisplay.plot,
    ):
        arguments = list(inspect.signature(thing).parameters)
        described = [name.strip("*") for name in parameters_described(thing.__doc__)]
        assert described == [name for name in arguments if name != "self"]


def test_what_has_no_length_scales():
    X, y = load_diabetes(return_X_y=True)
    model = WNTKRegressor(NTKernel(), max_iter=0).fit(X[:40], y[:40])
    with pytest.raises(ValueError, match="a kernel with a length scale for each input"):
        LengthScaleDisplay.from_estimator(model)
    with pytest.raises(TypeError, match="WNTKRegressor or WNTKClassifier"):
        LengthScaleDisplay.from_estimator(StandardScaler().fit(X))
