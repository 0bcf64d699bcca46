"""Kernel matrices as a step of a pipeline: the same as the kernel itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from ntk_sklearn import (
    ConvolutionalNTKernel,
    Graph,
    GraphNTKernel,
    NetworkGram,
    RecurrentNTKernel,
)

rng = np.random.default_rng(0)
KINDS = {
    "images": (ConvolutionalNTKernel(1), list(rng.standard_normal((12, 4, 5)))),
    "sequences": (
        RecurrentNTKernel(),
        [rng.standard_normal((n, 2)) for n in rng.integers(1, 7, 12)],
    ),
    "graphs": (GraphNTKernel(), [Graph(np.ones((n, n))) for n in range(1, 13)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_matrices_are_those_of_the_kernel(kind):
    kernel, X = KINDS[kind]
    gram = NetworkGram(kernel)
    train, test = X[:8], X[8:]
    train, test = (np.array(s) if kind == "images" else s for s in (train, test))
    assert_allclose(gram.fit_transform(train), kernel(train), rtol=1e-13)
    assert_allclose(gram.transform(test), kernel(test, train), rtol=1e-13)
    y = np.arange(8) % 2
    model = make_pipeline(clone(gram), SVC(kernel="precomputed")).fit(train, y)
    given = SVC(kernel="precomputed").fit(kernel(train), y)
    assert_array_equal(model.predict(test), given.predict(kernel(test, train)))


def test_parameters_can_be_searched():
    X = rng.standard_normal((20, 16))
    y = (X[:, 0] > 0).astype(int)
    kernel = ConvolutionalNTKernel(image_shape=(4, 4))
    steps = [("gram", NetworkGram(kernel)), ("svc", SVC(kernel="precomputed"))]
    grid = {
        "gram__kernel__depth": [1, 2],
        "gram__kernel__padding": ["same", "circular"],
    }
    search = GridSearchCV(Pipeline(steps), grid, cv=2, error_score="raise")
    assert search.fit(X, y).cv_results_["mean_test_score"].shape == (4,)


def test_bad_input():
    with pytest.raises(TypeError, match=r"kernel must be a kernel object .* got str"):
        NetworkGram("rbf").fit([[1.0]])
    with pytest.raises(NotFittedError):
        NetworkGram(ConvolutionalNTKernel()).transform(np.ones((1, 2, 2)))
    fitted = NetworkGram(ConvolutionalNTKernel()).fit(np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="image_shape must be given"):
        fitted.fit(np.ones((2, 4)))
    assert fitted.X_fit_.shape == (1, 2, 2)  # a failed fit changes nothing
