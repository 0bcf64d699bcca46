"""The coding of tables for any kernel, searched and not silently ignored."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.model_selection import GridSearchCV

from ntk_sklearn import (
    NTKernel,
    TableEncoder,
    WeightedNTKernel,
    WNTKClassifier,
    WNTKRegressor,
)

from ..estimator_cases import quiet

rng = np.random.default_rng(0)
X = np.column_stack(
    [
        rng.standard_normal((150, 2)),
        np.exp(2.0 * rng.standard_normal(150)),
        rng.integers(0, 2, 150),
        np.full(150, 7.0),
    ]
)
Y = np.sin(2.0 * X[:, 0]) + np.log(X[:, 2]) + 0.1 * rng.standard_normal(150)
KERNEL = WeightedNTKernel(depth=1, bias_variance_bounds="fixed")


def test_a_search_over_the_kernel_uses_the_codes():
    model = WNTKRegressor(encoding="table", kernel=KERNEL, max_iter=5)
    grid = {"kernel__depth": [1, 2, 3], "kernel__activation": ["relu", "erf"]}
    search = quiet(GridSearchCV(model, grid, cv=2), X, Y)
    best = search.best_estimator_
    assert best.kernel_.depth == search.best_params_["kernel__depth"]
    assert best.kernel_.n_ranks == 3
    assert best.X_fit_.shape == (150, 7)  # four scaled columns, three with a rank
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores.round(6))) == 6
    plain = quiet(
        GridSearchCV(clone(model).set_params(encoding=None), grid, cv=2), X, Y
    )
    assert search.best_score_ > plain.best_score_ + 0.02


@pytest.mark.parametrize("estimator", [WNTKRegressor, WNTKClassifier])
def test_table_is_an_encoder_before_the_kernel(estimator):
    """The same numbers as a TableEncoder and a kernel that is told of the ranks."""
    y = Y if estimator is WNTKRegressor else Y > 0
    encoder = TableEncoder(rank_scale="unit").fit(X)
    told = clone(KERNEL).set_params(
        n_ranks=encoder.n_ranks_, length_scale=encoder.length_scale_
    )
    expected = quiet(estimator(told), encoder.transform(X), y)
    for encoding in ("table", TableEncoder(rank_scale="unit")):
        model = quiet(estimator(KERNEL, encoding=encoding), X, y)
        assert_array_equal(model.X_fit_, expected.X_fit_)
        found = model.models_[0].predict(X)
        assert_allclose(found, expected.models_[0].predict(encoder.transform(X)))
    assert not hasattr(encoding, "n_ranks_")  # it was cloned


def test_auto_leaves_the_inputs_of_a_given_kernel_alone():
    here, there = (
        quiet(WNTKRegressor(KERNEL, encoding=e, max_iter=2), X, Y)
        for e in ("auto", None)
    )
    assert_array_equal(here.X_fit_, X)
    assert_array_equal(here.predict(X), there.predict(X))


@pytest.mark.parametrize(
    "kernel", [RBF(), ConstantKernel() * RBF(), NTKernel(depth=1) + RBF()], ids=repr
)
def test_kernels_that_know_no_ranks_get_scaled_ones(kernel):
    model = quiet(WNTKRegressor(kernel, encoding="table"), X, Y)
    assert model.X_fit_.shape == (150, 7)
    assert_allclose(model.X_fit_.std(axis=0), 1.0, rtol=1e-9)
    assert model.score(X, Y) > 0.9
    plain = quiet(WNTKRegressor(kernel), X, Y)
    assert np.abs(model.predict(X) - plain.predict(X)).max() > 1e-3


def test_sums_of_networks_are_all_told_of_the_ranks():
    kernel = NTKernel(depth=1) + WeightedNTKernel(depth=2, activation="erf")
    model = quiet(WNTKRegressor(kernel, encoding="table", max_iter=3), X, Y)
    assert [model.kernel_.k1.n_ranks, model.kernel_.k2.n_ranks] == [3, 3]
    assert kernel.k1.n_ranks == 0


def test_ranks_are_written_by_one_of_both_only():
    model = WNTKRegressor(NTKernel(n_ranks=1), encoding="table")
    with pytest.raises(ValueError, match="kernel must have n_ranks=0 where encoding"):
        model.fit(X, Y)


@pytest.mark.parametrize("estimator", [WNTKRegressor, WNTKClassifier])
def test_the_default_kernel_on_an_encoder_of_ones_own(estimator):
    y = Y if estimator is WNTKRegressor else Y > 0
    encoder = TableEncoder(("standard",), rank_scale="unit")
    model = quiet(estimator(encoding=encoder), X, y)
    assert len(model.models_) == 1
    assert model.X_fit_.shape == (150, 4)
    usual = quiet(estimator(), X, y)
    assert not np.array_equal(*(m.models_[-1].predict(X) for m in (model, usual)))
    same = quiet(estimator(encoding="table"), X, y)
    assert_array_equal(same.predict(X), usual.predict(X))


@pytest.mark.parametrize("bad", [{"kernel": None}, {"encoding": "ranks"}])
def test_wrong_values_are_named(bad):
    ((name, _),) = bad.items()
    with pytest.raises(ValueError, match=f"The '{name}' parameter of WNTKRegressor"):
        WNTKRegressor(**bad).fit(X, Y)
