"""Importances: planted columns, every solver, selection by scikit-learn."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.gaussian_process.kernels import RBF

from ntk_sklearn import WNTKClassifier, WNTKRegressor
from ntk_sklearn._models.importance import column_importances
from ntk_sklearn.solvers import RowWeights

from ..estimator_cases import HELD, turn
from .test_other_inputs import SubstringKernel

X = np.random.default_rng(0).standard_normal((200, 6))
SIGNAL = X[:, 1] * X[:, 4]
PLANTED = np.isin(np.arange(6), [1, 4])


@pytest.mark.parametrize("solver", ["cholesky", "nystrom", "cg", "local"])
def test_planted_columns_are_found(solver, monkeypatch):
    turn(monkeypatch, cluster_rows=50)
    n = 60 if solver in ("nystrom", "local") else None
    model = WNTKRegressor(solver=solver, n_components=n, tol=1e-2).fit(X, SIGNAL)
    found = model.feature_importances_
    assert found.shape == (6,) and (found >= 0).all()
    assert_allclose(found.sum(), 1.0)
    assert found[PLANTED].min() > 0.3 and found[~PLANTED].max() < 0.05


def test_shares_are_those_of_a_sum():
    """Of a sum of columns times factors, the effects are the squares of the factors."""
    slopes = np.array([0.0, 3.0, 0.0, 0.0, 1.0, 0.0])
    model = WNTKRegressor().fit(X, X @ slopes)
    expected = slopes**2 / 10.0
    # 500 pairs of 200 rows: the sampled variances of columns differ by a tenth.
    assert_allclose(model.feature_importances_, expected, rtol=0, atol=0.05)


def test_units_of_columns_do_not_matter():
    one = WNTKRegressor(tol=1e-2).fit(X, SIGNAL).feature_importances_
    two = WNTKRegressor(tol=1e-2).fit(X * [1, 1e3, 1e-3, 1, 50, 1] + 7, SIGNAL)
    assert_allclose(two.feature_importances_, one, rtol=0, atol=1e-6)


def test_selection_by_scikit_learn():
    labels = np.where(SIGNAL > 0, "yes", "no")
    chosen = SelectFromModel(WNTKClassifier(tol=1e-2)).fit(X, labels)
    assert_array_equal(chosen.get_support(), PLANTED)
    chosen = SelectFromModel(WNTKRegressor(tol=1e-2)).fit(X, SIGNAL)
    assert_array_equal(chosen.get_support(), PLANTED)
    last = RFE(WNTKRegressor(tol=1e-2), n_features_to_select=2, step=2)
    assert_array_equal(last.fit(X, SIGNAL).support_, PLANTED)
    search = RFECV(WNTKRegressor(tol=1e-2), cv=3, step=2).fit(X, SIGNAL)
    assert search.support_[PLANTED].all()


def test_names_are_those_of_the_columns():
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    frame["constant"] = 1.0
    model = WNTKRegressor(tol=1e-2).fit(frame[:200], y[:200])
    found = dict(zip(model.feature_names_in_, model.feature_importances_, strict=True))
    assert max(found, key=found.get) in ("bmi", "s5") and found["constant"] == 0.0


def test_importances_are_of_the_last_fit():
    model = WNTKRegressor(**HELD).fit(X, X[:, 0])
    first = model.feature_importances_
    assert first is model.feature_importances_  # computed once
    assert_array_equal(pickle.loads(pickle.dumps(model)).feature_importances_, first)
    model.fit(X, X[:, 3])
    assert np.argmax(model.feature_importances_) == 3 and np.argmax(first) == 0


def test_copies_weigh_and_given_kernels_too():
    """Rows that count twice are drawn twice as often."""
    weight = np.where(X[:, 2] > 0, 50, 1)
    y = np.where(X[:, 2] > 0, 3 * X[:, 0], 3 * X[:, 5])
    model = WNTKRegressor(RBF(1.0, "fixed"), alpha=0.01, alpha_bounds="fixed")
    plain = model.fit(X, y).feature_importances_
    heavy = model.fit(X, y, weight).feature_importances_
    assert heavy[0] / heavy[5] > 3 * plain[0] / plain[5]


def test_what_has_no_importances():
    with pytest.raises(NotFittedError):
        _ = WNTKRegressor().feature_importances_
    words = ["aa", "ab", "ba", "bb"] * 3
    model = WNTKRegressor(SubstringKernel(), alpha_bounds="fixed", max_iter=0)
    model.fit(words, np.arange(12.0))
    assert not hasattr(model, "feature_importances_")
    with pytest.raises(AttributeError, match="inputs are sparse or no table of col"):
        _ = model.feature_importances_
    model = SimpleNamespace(raw_rows=csr_array(X), held_out=SimpleNamespace())
    model.held_out.weights = RowWeights.of(None, 200)
    assert column_importances(SimpleNamespace(best=model)) is None
    constant = WNTKRegressor(**HELD).fit(X[:20], np.ones(20))
    assert not constant.feature_importances_.any()
