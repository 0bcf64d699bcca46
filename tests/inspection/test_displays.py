"""The displays: what is plotted, not only that it is."""

import builtins
import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_friedman1
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.inspection import (
    AlphaPathDisplay,
    KernelSpectrumDisplay,
    LayerWeightsDisplay,
    LearningPathDisplay,
)

from ..test_package import parameters_described

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

DISPLAYS = [
    AlphaPathDisplay,
    KernelSpectrumDisplay,
    LayerWeightsDisplay,
    LearningPathDisplay,
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = make_friedman1(60, random_state=0, noise=1.0)
    return X, y, np.random.default_rng(0).integers(1, 4, len(y))


def kernel(**parameters):
    parameters = {"depth": 2, "bias_variance_bounds": "fixed", **parameters}
    return WeightedNTKernel(**parameters)


@pytest.fixture(scope="module")
def regressor(data):
    X, y, _ = data
    model = WNTKRegressor(kernel(), objective="loo", alpha_bounds=(1.0, 1e3))
    return model.fit(X, y)


@pytest.fixture(scope="module")
def classifier():
    X, y = load_iris(return_X_y=True)
    return WNTKClassifier().fit(X[::2], y[::2])


# -- what all have in common ----------------------------------------------------------


@pytest.mark.parametrize("display", DISPLAYS)
def test_axes_are_made_or_taken(display, regressor):
    from matplotlib import pyplot

    shown = display.from_estimator(regressor)
    assert shown.figure_ is shown.ax_.figure
    assert shown.ax_.get_xlabel() or shown.ax_.get_ylabel()
    fig, ax = pyplot.subplots()
    again = shown.plot(ax=ax)
    assert again is shown and shown.ax_ is ax and shown.figure_ is fig


@pytest.mark.parametrize("display", DISPLAYS)
def test_parameters_are_documented(display):
    for thing in (display, display.from_estimator, display.plot):
        arguments = list(inspect.signature(thing).parameters)
        described = [name.strip("*") for name in parameters_described(thing.__doc__)]
        assert described == [name for name in arguments if name != "self"]


@pytest.mark.parametrize("display", DISPLAYS)
def test_names_label_what_is_drawn(display, regressor):
    def labels(shown):
        legend = (getattr(shown, "energy_ax_", None) or shown.ax_).get_legend()
        return [text.get_text() for text in legend.get_texts()]

    shown = display.from_estimator(regressor, name="mine")
    assert "mine" in labels(shown)
    assert "other" in labels(shown.plot(name="other"))


@pytest.mark.parametrize("display", DISPLAYS)
def test_searches_and_pipelines_are_opened(display, data):
    X, y, _ = data
    model = make_pipeline(StandardScaler(), WNTKRegressor(kernel(), objective="loo"))
    grid = {"wntkregressor__kernel__depth": [1, 2]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert display.from_estimator(search).ax_.has_data()


@pytest.mark.parametrize("display", DISPLAYS)
def test_other_estimators_are_refused(display, data):
    X, y, _ = data
    with pytest.raises(TypeError, match=r"WNTKRegressor or WNTKClassifier.*KernelRid"):
        display.from_estimator(KernelRidge().fit(X, y))
    with pytest.raises(ValueError, match="not fitted"):
        display.from_estimator(WNTKRegressor())


@pytest.mark.parametrize("display", DISPLAYS)
def test_members(display, classifier):
    best = int(np.argmin([m.expected_error for m in classifier.models_]))
    for member in (None, 0, 1, 2, 3):
        shown = display.from_estimator(classifier, model=member)
        if display is AlphaPathDisplay:
            machine = classifier.models_[best if member is None else member]
            assert shown.alpha == machine.alpha
    with pytest.raises(ValueError, match="from 0 to 3"):
        display.from_estimator(classifier, model=4)


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_missing_matplotlib_is_named(display, regressor, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=f"{display.__name__}.*pip install"):
        display.from_estimator(regressor)


@pytest.mark.parametrize("display", DISPLAYS)
def test_options_reach_matplotlib(display, regressor):
    shown = display.from_estimator(regressor, color="red")
    drawn = shown.bars_[0] if display is LayerWeightsDisplay else shown.line_
    color = drawn.get_facecolor() if display is LayerWeightsDisplay else "red"
    assert matplotlib.colors.same_color(color, "red")
    if display is not LayerWeightsDisplay:
        assert drawn.get_color() == "red"


@pytest.mark.parametrize("display", DISPLAYS)
def test_fits_that_hold_no_kernel_matrix(display, data):
    X, y, _ = data
    model = WNTKRegressor(kernel(), objective="loo", n_components=20, random_state=0)
    model.fit(X, y)
    if display in (AlphaPathDisplay, KernelSpectrumDisplay):
        with pytest.raises(ValueError, match=r"fitted exactly.*solver_='nystrom'"):
            display.from_estimator(model)
    else:
        assert display.from_estimator(model).ax_.has_data()


# -- layer weights --------------------------------------------------------------------


def test_bars_are_the_layer_weights(regressor):
    shown = LayerWeightsDisplay.from_estimator(regressor)
    heights = [bar.get_height() for bar in shown.bars_]
    assert_allclose(heights, regressor.layer_weights_)
    terms = regressor.kernel_.components(regressor.X_fit_)
    traces = regressor.layer_weights_ * np.trace(terms, axis1=1, axis2=2)
    assert_allclose(shown.shares, traces / traces.sum(), rtol=1e-12)
    texts = [text.get_text() for text in shown.ax_.texts]
    assert texts == [f"{100 * share:.0f} %" for share in shown.shares]
    ticks = [tick.get_text() for tick in shown.ax_.get_xticklabels()]
    assert ticks == ["layer 1", "layer 2", "read-out"]


def test_shares_with_a_layer_off_and_bias_weights(data):
    X, y, _ = data
    fixed = {"layer_weights_bounds": "fixed", "layer_weights": [0.0, 0.5, 2.0]}
    for bias_weights in (None, [0.0, 3.0, 0.1]):
        held = kernel(bias_weights=bias_weights, **fixed)
        shown = LayerWeightsDisplay.from_estimator(WNTKRegressor(held).fit(X, y))
        assert shown.shares[0] == 0.0
        assert_allclose(shown.shares.sum(), 1.0)
        traces = []
        for l in (1, 2):
            one = np.eye(3)[l]
            biases = fixed["layer_weights"] if bias_weights is None else bias_weights
            alone = kernel(
                layer_weights=one * fixed["layer_weights"],
                layer_weights_bounds="fixed",
                bias_weights=one * biases,
            )
            traces.append(np.trace(alone(X)))
        assert_allclose(shown.shares[1:], traces / np.trace(held(X)), rtol=1e-12)


def test_kernels_without_layer_weights_are_refused(data):
    X, y, _ = data
    model = WNTKRegressor(NTKernel(depth=1)).fit(X, y)
    with pytest.raises(ValueError, match="WeightedNTKernel"):
        LayerWeightsDisplay.from_estimator(model)


# -- the ridge path -------------------------------------------------------------------


def brute_force_error(model, X, y, alpha, sample_weight):
    """Leave one copy of each row out, refit, and score."""
    total = 0.0
    for i in range(len(y)):
        left = sample_weight.astype(float)
        left[i] -= 1.0
        rest = left > 0
        part = WNTKRegressor(
            model.kernel_, alpha=alpha, alpha_bounds="fixed", max_iter=0
        )
        part.fit(X[rest], y[rest], sample_weight=left[rest])
        total += sample_weight[i] * (y[i] - part.predict(X[i : i + 1])[0]) ** 2
    return total / sample_weight.sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_alpha_path_is_the_leave_one_out_error(data, weighted):
    X, y, s = (part[:25] for part in data)
    weight = s if weighted else np.ones(len(y), dtype=int)
    model = WNTKRegressor(kernel(layer_weights_bounds="fixed"), objective="loo")
    model.fit(X, y, sample_weight=weight)
    shown = AlphaPathDisplay.from_estimator(model, alphas=[10.0, 0.1])
    assert_allclose(shown.line_.get_xdata(), [0.1, 10.0])
    assert_allclose(shown.line_.get_ydata(), shown.errors)
    for alpha, error in zip(shown.alphas, shown.errors, strict=True):
        fixed = brute_force_error(model, X, y, alpha, weight)
        assert_allclose(error, fixed, rtol=1e-7)


def test_the_chosen_ridge_is_marked(data, regressor):
    X, y, _ = data
    for model in (regressor, WNTKRegressor().fit(X, y)):
        shown = AlphaPathDisplay.from_estimator(model)
        assert shown.alpha == model.alpha_
        best = model.models_[np.argmax(model.blend_weights_)]
        error = best.held_out.error * model.target_scale_[0] ** 2
        assert_allclose(shown.error, error)
        if len(model.models_) == 1:
            assert_allclose(error, np.mean((y - model.loo_predictions_) ** 2))
        assert_allclose(shown.chosen_.get_xydata(), [[shown.alpha, shown.error]])
        (again,) = AlphaPathDisplay.from_estimator(model, alphas=[shown.alpha]).errors
        assert_allclose(again, shown.error, rtol=1e-7)
        assert shown.ax_.get_xscale() == "log"
        assert shown.alphas[0] < model.alpha_ < shown.alphas[-1]
        assert shown.errors.min() <= shown.error * (1 + 1e-3)


def test_the_mark_is_on_the_path_of_weighted_rows(data):
    X, y, s = data
    labels = np.where(y > np.median(y), "up", "down")
    for model in (
        WNTKRegressor().fit(X, y, sample_weight=0.3 + 0.7 * s),
        WNTKClassifier(class_weight={"up": 5.0}).fit(X, labels),
    ):
        shown = AlphaPathDisplay.from_estimator(model)
        (again,) = AlphaPathDisplay.from_estimator(model, alphas=[shown.alpha]).errors
        assert_allclose(again, shown.error, rtol=1e-7)


def test_classifiers_have_a_path_too(classifier):
    shown = AlphaPathDisplay.from_estimator(classifier, model=0)
    assert_allclose(shown.error, classifier.models_[0].held_out.error, rtol=1e-8)


def test_a_path_alone():
    shown = AlphaPathDisplay([0.1, 1.0], [2.0, 3.0]).plot()
    assert shown.chosen_ is None and shown.ax_.get_legend() is None


@pytest.mark.parametrize("alphas", [[], [0.0, 1.0], [[1.0]], [np.nan]])
def test_alphas_are_checked(regressor, alphas):
    with pytest.raises(ValueError, match="alphas must be one or more positive"):
        AlphaPathDisplay.from_estimator(regressor, alphas=alphas)


# -- the spectrum ---------------------------------------------------------------------


def test_spectrum(data, regressor):
    X, y, _ = data
    shown = KernelSpectrumDisplay.from_estimator(regressor)
    centre = np.eye(len(y)) - 1.0 / len(y)
    K, z = centre @ regressor.kernel_(X) @ centre, y - y.mean()
    values, U = np.linalg.eigh(K)
    assert_allclose(shown.eigenvalues, np.maximum(values[::-1], 0), atol=1e-10)
    energy = np.cumsum((U.T @ z)[::-1] ** 2) / (z @ z)
    assert_allclose(shown.energy, energy, rtol=1e-6)
    alignment = z @ K @ z / (np.linalg.norm(K) * (z @ z))
    assert_allclose(shown.alignment, alignment, rtol=1e-10)
    alpha = regressor.alpha_
    dimension = np.trace(np.linalg.solve(K + alpha * np.eye(len(K)), K))
    assert_allclose(shown.effective_dimension, dimension, rtol=1e-9)

    number, drawn = shown.line_.get_data()
    assert_allclose(drawn, shown.eigenvalues[: len(drawn)])
    assert_allclose(number, np.arange(1, len(drawn) + 1))
    assert len(drawn) == len(y) - 1  # the constant is no direction of the ridge
    assert_allclose(shown.energy_line_.get_ydata(), shown.energy)


def test_spectrum_of_weighted_rows_is_that_of_repeated_ones(data):
    X, y, s = data
    held = kernel(layer_weights_bounds="fixed")
    options = {"alpha": 0.5, "alpha_bounds": "fixed"}
    weighted = WNTKRegressor(held, **options).fit(X, y, sample_weight=s)
    shown = KernelSpectrumDisplay.from_estimator(weighted)
    every = np.repeat(np.arange(len(y)), s)
    K = held(X[every])
    centre = np.eye(len(K)) - 1.0 / len(K)
    values = np.linalg.eigvalsh(centre @ K @ centre)[::-1][: len(y)]
    assert_allclose(shown.eigenvalues, np.maximum(values, 0), atol=1e-9)


def test_spectrum_without_intercept_and_energy(data):
    X, y, _ = data
    model = WNTKRegressor(kernel(), objective="loo", fit_intercept=False).fit(X, y)
    shown = KernelSpectrumDisplay.from_estimator(model)
    assert_allclose(shown.eigenvalues.sum(), np.trace(model.kernel_(X)))
    bare = KernelSpectrumDisplay([3.0, 1.0]).plot()
    assert bare.energy_ax_ is None and bare.energy_line_ is None
    assert bare.ax_.get_legend() is not None


# -- the learning path ----------------------------------------------------------------


def test_learning_path_is_the_objective(regressor):
    shown = LearningPathDisplay.from_estimator(regressor)
    number, values = shown.line_.get_data()
    assert_allclose(values, regressor.objective_path_)
    assert_allclose(number, np.arange(regressor.n_iter_ + 1))
    assert shown.ax_.get_ylabel() == "loo"
    assert shown.part_lines_ == []


def test_the_path_on_parts_of_the_rows_is_drawn_apart():
    X, y = make_friedman1(450, random_state=0, noise=1.0)
    model = WNTKRegressor(kernel(), objective="loo").fit(X, y)
    shown = LearningPathDisplay.from_estimator(model)
    lines = [*shown.part_lines_, shown.line_]
    assert [line.get_label() for line in lines] == [
        "on 112 of 450 rows",
        "on 224 of 450 rows",
        "WNTKRegressor",
    ]
    drawn = np.hstack([line.get_data() for line in lines])
    assert_allclose(drawn, [np.arange(model.n_iter_ + 1), model.objective_path_])
    assert [line.get_linestyle() for line in lines] == [":", ":", "-"]
    assert len({line.get_color() for line in lines}) == 1


def test_nothing_learned_is_said(data):
    X, y, _ = data
    held = kernel(layer_weights_bounds="fixed")
    model = WNTKRegressor(held, alpha_bounds="fixed").fit(X, y)
    with pytest.raises(ValueError, match="no learning path"):
        LearningPathDisplay.from_estimator(model)
