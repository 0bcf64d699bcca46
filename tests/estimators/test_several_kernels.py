"""A list of kernels: one model for each, blended by their leave-one-out errors."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import GridSearchCV

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 2))
Y = np.sin(3.0 * X[:, 0]) + 0.1 * RNG.standard_normal(90)
NEW = RNG.standard_normal((20, 2))
KERNELS = [NTKernel(depth=1), RBF(0.7)]


@pytest.mark.parametrize(
    ("Estimator", "y", "values"),
    [
        (WNTKRegressor, Y, "predict"),
        (WNTKClassifier, np.array(["no", "yes"])[(Y > 0).astype(int)], "decision"),
    ],
)
def test_predictions_are_blended(Estimator, y, values):
    def decisions(model):
        if values == "predict":
            return model.predict(NEW)
        return model.decision_function(NEW)

    model = Estimator(KERNELS).fit(X, y)
    alone = [Estimator(kernel).fit(X, y) for kernel in KERNELS]
    assert len(model.models_) == 2
    assert_allclose(model.blend_weights_.sum(), 1.0)
    assert model.blend_weights_.min() > 0.0
    for found, one in zip(model.models_, alone, strict=True):
        assert found.kernel == one.kernel_
        assert_allclose(found.alpha, one.alpha_)
    parts = np.array([decisions(one) for one in alone])
    assert_allclose(decisions(model), model.blend_weights_ @ parts, rtol=1e-10)
    best = int(np.argmax(model.blend_weights_))
    assert model.kernel_ == alone[best].kernel_


def test_the_better_kernel_has_the_larger_share():
    # A linear function, which the second kernel can hardly follow between the rows.
    y = X @ [1.0, 2.0]
    model = WNTKRegressor([NTKernel(), RBF(0.05, "fixed")]).fit(X, y)
    assert model.blend_weights_[0] > 0.9


def test_lists_are_cloned_searched_pickled_and_not_changed():
    model = WNTKRegressor(KERNELS)
    copy = clone(model).fit(X, Y)
    assert [NTKernel(depth=1), RBF(0.7)] == KERNELS
    assert copy.kernel[0] is not KERNELS[0]
    again = pickle.loads(pickle.dumps(copy))
    assert_array_equal(again.predict(NEW), copy.predict(NEW))
    grid = {"kernel": [KERNELS[0], KERNELS]}
    search = GridSearchCV(WNTKRegressor(), grid, cv=2).fit(X, Y)
    assert search.best_params_["kernel"] in grid["kernel"]


@pytest.mark.parametrize("solver", ["cg", "nystrom", "local"])
def test_every_solver_takes_several_kernels(solver):
    model = WNTKRegressor(KERNELS, solver=solver, n_components=20).fit(X, Y)
    assert len(model.models_) == 2
    assert model.score(X, Y) > 0.8


def test_a_table_is_encoded_for_each_kernel():
    kernels = [WeightedNTKernel(depth=1), RBF()]
    model = WNTKRegressor(kernels, encoding="table").fit(X, Y)
    assert [m.kernel.get_params().get("n_ranks") for m in model.models_] == [2, None]
    assert model.models_[0].encoder is not model.models_[1].encoder
    with_gap = X.copy()
    with_gap[0, 0] = np.nan
    assert np.isfinite(model.fit(with_gap, Y).predict(NEW)).all()


@pytest.mark.parametrize(
    "kernel, found",
    [([], r"kernel=\[\]"), ((), r"kernel=\(\)"), ([NTKernel(), "rbf"], "'rbf' among")],
)
def test_lists_of_anything_else_are_refused(kernel, found):
    with pytest.raises(ValueError, match=f"one kernel object or more, .* got {found}"):
        WNTKRegressor(kernel).fit(X, Y)
