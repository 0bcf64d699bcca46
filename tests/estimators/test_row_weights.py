"""Integers count copies; numbers of floating type say how much a row matters."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from ntk_sklearn import WeightedNTKernel, WNTKClassifier, WNTKRegressor

from ..estimator_cases import WEIGHT, quiet, regression

KERNEL = WeightedNTKernel(depth=1, bias_variance_bounds="fixed")
HELD = {"kernel": KERNEL, "alpha": 0.3, "alpha_bounds": "fixed", "max_iter": 0}


def eight_bits(weight):
    return weight.astype(np.int8)


FORMS = [list, np.array, pd.Series, eight_bits]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_integers_of_any_kind_count_copies(form):
    X, y = regression()
    rows = np.repeat(np.arange(45), WEIGHT)
    once = quiet(WNTKRegressor(**HELD), X, y, sample_weight=form(WEIGHT))
    many = quiet(WNTKRegressor(**HELD), X[rows], y[rows])
    assert_allclose(once.loo_predictions_[rows], many.loo_predictions_, rtol=1e-9)


@pytest.mark.parametrize("solver", ["cholesky", "nystrom", "local", "cg"])
def test_whole_numbers_of_floating_type_are_no_copies(solver):
    """A row of weight 10.0 is left out with all of it, and only ratios count."""
    X, y = regression()
    s = np.where(np.arange(45) % 3, 1.0, 10.0)
    model = WNTKRegressor(KERNEL, solver=solver, objective="loo")
    if solver != "cholesky":
        model.set_params(n_components=30)
    here, there = (quiet(clone(model), X, y, w) for w in (s, s / 3.7))
    assert_allclose(here.predict(X), there.predict(X), rtol=1e-6)
    counts = quiet(clone(model), X, y, s.astype(int))
    assert np.abs(here.predict(X) - counts.predict(X)).max() > 1e-3
    one = here.models_[0].held_out
    if solver == "cholesky":
        for row in (0, 3, 4):
            rest = np.arange(45) != row
            held = {"alpha": here.alpha_, "alpha_bounds": "fixed", "max_iter": 0}
            fixed = clone(here.kernel_).set_params(layer_weights_bounds="fixed")
            scale = s * (45 / s.sum())
            part = WNTKRegressor(fixed, **held).fit(X[rest], y[rest], scale[rest])
            expected = part.predict(X[row : row + 1])[0]
            assert_allclose(one.predictions[row, 0], expected, atol=1e-8)


def test_a_rare_class_of_large_weight_is_still_left_out_whole():
    """As ten copies, nine would be seen when the tenth is predicted."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((300, 4))
    rare = X[:, 0] + rng.standard_normal(300) > 1.8
    weight = np.where(rare, 10.0, 1.0)
    model = WNTKClassifier().fit(X[:150], rare[:150], weight[:150])
    inside = np.mean(model.loo_predictions_[rare[:150]])
    outside = np.mean(model.predict(X[150:])[rare[150:]])
    copies = WNTKClassifier().fit(X[:150], rare[:150], weight[:150].astype(int))
    # Leave-one-out of copies says that nearly all of the class is found.
    assert np.mean(copies.loo_predictions_[rare[:150]]) > inside + 0.1
    assert abs(inside - outside) < 0.25
