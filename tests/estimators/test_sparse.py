"""Estimators on sparse rows: the numbers of dense ones, and what they refuse."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csc_array, csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor

from ..estimator_cases import both, quiet

rng = np.random.default_rng(0)
X = csr_array(rng.poisson(0.2, (130, 40)) * rng.uniform(0.5, 2.0, (130, 40)))
NEW = csr_array(rng.poisson(0.2, (20, 40)).astype(float))
Y = np.asarray(X @ np.sin(np.arange(40.0))) + 0.1 * rng.standard_normal(130)
KERNEL = WeightedNTKernel(depth=1, length_scale=0.3)


def target(estimator):
    return Y if estimator is WNTKRegressor else np.where(np.median(Y) < Y, "up", "down")


@parametrize_with_checks(
    [WNTKRegressor(KERNEL, max_iter=3), WNTKClassifier(KERNEL, max_iter=3)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize("kernel", [KERNEL, ConstantKernel(2.0) * NTKernel(depth=1)])
@both
def test_the_numbers_of_dense_rows(estimator, kernel, solver):
    # The optimizer starts on all rows at once in both cases.
    model = estimator(kernel, solver=solver, max_iter=5, optimizer="lbfgs")
    here = quiet(model, X, target(estimator))
    values = getattr(here, "decision_function", here.predict)(NEW)
    again = getattr(pickle.loads(pickle.dumps(here)), "predict")(NEW)  # noqa: B009
    assert (again == here.predict(NEW)).all()
    there = quiet(model, X.toarray(), target(estimator))
    expected = getattr(there, "decision_function", there.predict)(NEW.toarray())
    # Rounding grows a little on the optimizer's way.
    assert_allclose(values, expected, atol=1e-6 * np.ptp(expected))
    same = getattr(there, "decision_function", there.predict)(NEW)
    assert_allclose(same, expected, atol=1e-10 * np.ptp(expected))


@both
def test_defaults(estimator):
    model = quiet(estimator(), X[:100], target(estimator)[:100])
    assert len(model.models_) == 1
    assert model.score(X[100:], target(estimator)[100:]) > 0.6
    assert model.predict(csc_array(NEW)).shape == (20,)


def test_repeated_rows_are_weights():
    """Exactly, as repeated rows are merged."""
    rows = np.arange(130).repeat(1 + np.arange(130) % 3)
    model = WNTKRegressor(KERNEL, max_iter=3)
    many = quiet(model, X[rows], Y[rows]).predict(NEW)
    once = quiet(model, X, Y, sample_weight=1 + np.arange(130) % 3)
    assert len(once.X_fit_) == 130
    assert_allclose(once.predict(NEW), many, rtol=1e-12)


def test_regressor_knows_how_sure_it_is():
    model = quiet(WNTKRegressor(KERNEL, max_iter=5), X, Y)
    dense = quiet(WNTKRegressor(KERNEL, max_iter=0), X.toarray(), Y)
    assert (model.predict(NEW, return_std=True)[1] > 0).all()
    parts = model.contributions(NEW)
    assert_allclose(parts.sum(axis=1), model.predict(NEW), rtol=1e-9)
    assert dense.loo_predictions_.shape == model.loo_predictions_.shape


def test_text_straight_into_a_pipeline():
    words = ["red", "blue", "round", "square", "old", "new", "big", "small"]
    texts = [" ".join(rng.choice(words, 4)) for _ in range(120)]
    labels = np.array([("red" in text) != ("old" in text) for text in texts])
    model = make_pipeline(TfidfVectorizer(), WNTKClassifier())
    assert quiet(model, texts[:90], labels[:90]).score(texts[90:], labels[90:]) > 0.8


@pytest.mark.parametrize("solver", ["nystrom", "local"])
def test_solvers_that_measure_distances_refuse(solver):
    with pytest.raises(TypeError, match="measures distances between rows, but X is"):
        WNTKRegressor(KERNEL, solver=solver, n_components=10).fit(X, Y)


def test_batches_and_other_kernels_refuse():
    with pytest.raises(TypeError, match="measures distances between rows, but X is"):
        WNTKRegressor(KERNEL).partial_fit(X, Y)
    for model in (WNTKRegressor(RBF()), WNTKRegressor(encoding="table")):
        with pytest.raises(TypeError, match="Sparse data was passed for X, but dense"):
            model.fit(X, Y)
