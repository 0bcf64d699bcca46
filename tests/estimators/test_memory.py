"""The memory of predictions, and the size of what is pickled."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn import config_context

from ntk_sklearn import WNTKClassifier, WNTKRegressor

rng = np.random.default_rng(0)


def peak_of(function, *args):
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("estimator", [WNTKRegressor, WNTKClassifier])
@pytest.mark.parametrize("megabytes", [16, 64])
def test_predictions_stay_within_the_working_memory(estimator, megabytes):
    X = rng.standard_normal((60, 30))
    y = X[:, 0] + X[:, 1]
    y = y if estimator is WNTKRegressor else y > 0
    model = estimator(max_iter=2, tol=10.0).fit(X, y)
    new = rng.standard_normal((60_000, 30))
    model.predict(new[:1000])  # compiled
    with config_context(working_memory=megabytes):
        peak = peak_of(model.predict, new)
    result = 3 * 8 * len(new) * 2  # decision values of two classes, a few times
    assert peak < 1.25 * megabytes * 2**20 + result


@pytest.mark.parametrize("shape", [(100, 30), (200, 300)])
def test_a_pickled_classifier_is_not_much_larger_than_its_rows(shape):
    X = rng.standard_normal(shape)
    model = WNTKClassifier().fit(X, X[:, 0] > 0)
    assert model.models_[1].X.shape == shape  # a rank for each column
    pickled = pickle.dumps(model)
    # Three models share the rows; their encoders hold up to 64 levels of each column.
    # With 100 rows, the numbers of each row weigh a quarter of its 30 values.
    assert len(pickled) < 3.7 * X.nbytes
    # The rows are encoded again, and are the same to the last digit.
    again = pickle.loads(pickled)
    for one, two in zip(again.models_, model.models_, strict=True):
        np.testing.assert_array_equal(one.X, two.X)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
