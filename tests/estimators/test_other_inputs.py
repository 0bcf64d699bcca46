"""Kernels on inputs that are no vectors: whatever GaussianProcessRegressor takes."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    GenericKernelMixin,
    Hyperparameter,
    Kernel,
    StationaryKernelMixin,
    WhiteKernel,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from ntk_sklearn import WNTKClassifier, WNTKRegressor


class SubstringKernel(GenericKernelMixin, StationaryKernelMixin, Kernel):
    """Share of common letters, position by position; no vector anywhere."""

    def __init__(self, decay=0.5, decay_bounds=(1e-3, 1.0)):
        self.decay = decay
        self.decay_bounds = decay_bounds

    @property
    def hyperparameter_decay(self):
        return Hyperparameter("decay", "numeric", self.decay_bounds)

    @staticmethod
    def _distance(a, b):
        longest = max(len(a), len(b))
        return longest - sum(x == y for x, y in zip(a, b, strict=False))

    def __call__(self, X, Y=None, eval_gradient=False):
        others = X if Y is None else Y
        apart = np.array([[self._distance(a, b) for b in others] for a in X], float)
        K = np.exp(-self.decay * apart)
        if not eval_gradient:
            return K
        free = 0 if self.hyperparameter_decay.fixed else 1
        return K, (-self.decay * apart * K)[:, :, None][:, :, :free]

    def diag(self, X):
        return np.ones(len(X))


rng = np.random.default_rng(0)
WORDS = ["".join(rng.choice(list("ACGT"), rng.integers(4, 9))) for _ in range(60)]
Y = np.array([word.count("A") - 0.5 * word.count("G") for word in WORDS])
FORMS = {
    "list": list,
    "strings": np.array,
    "objects": lambda words: np.array(words, dtype=object),
    "tuples": lambda words: np.array([tuple(w) for w in words] + [0], dtype=object)[
        :-1
    ],
}
KERNEL = SubstringKernel()


@pytest.mark.parametrize("form", FORMS)
def test_regressor_is_that_of_the_gaussian_process(form):
    words = FORMS[form](WORDS)
    fixed = {"alpha": 0.3, "alpha_bounds": "fixed", "fit_intercept": False}
    held = SubstringKernel(0.4, "fixed")
    model = WNTKRegressor(held, **fixed).fit(words[:40], Y[:40])
    peer = GaussianProcessRegressor(held, alpha=0.3, optimizer=None)
    peer.fit(words[:40], Y[:40])
    assert_allclose(model.predict(words), peer.predict(words), rtol=1e-9, atol=1e-12)
    assert not hasattr(model, "n_features_in_")
    assert model.predict(words, return_std=True)[1].shape == (60,)


@pytest.mark.parametrize("solver", ["auto", "cg"])
@pytest.mark.parametrize("objective", ["evidence", "loo", "gcv", "holdout"])
def test_hyperparameters_are_learned(objective, solver):
    model = WNTKRegressor(KERNEL, objective=objective, solver=solver)
    model.fit(WORDS[:40], Y[:40])
    assert model.objective_path_[-1] < model.objective_path_[0]
    assert model.kernel_.decay != KERNEL.decay
    assert model.score(WORDS[40:], Y[40:]) > 0.3


def test_sums_and_products_of_such_kernels():
    kernel = ConstantKernel() * SubstringKernel() + WhiteKernel(1e-3)
    assert not kernel.requires_vector_input
    model = WNTKRegressor(kernel).fit(WORDS[:40], Y[:40])
    assert model.score(WORDS[40:], Y[40:]) > 0.3


def test_classifier_with_probabilities_and_weights():
    labels = np.where(np.median(Y) < Y, "many", "few")
    model = WNTKClassifier(KERNEL).fit(WORDS[:40], labels[:40])
    assert model.score(WORDS[40:], labels[40:]) > 0.7
    assert_allclose(model.predict_proba(WORDS).sum(axis=1), 1.0)
    counts = rng.integers(0, 3, 40)
    held = clone(model).set_params(alpha=0.3, alpha_bounds="fixed", max_iter=0)
    rows = np.repeat(np.arange(40), counts)
    once = clone(held).fit(WORDS[:40], labels[:40], counts)
    many = clone(held).fit([WORDS[i] for i in rows], labels[rows])
    found, expected = (m.decision_function(WORDS) for m in (once, many))
    assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("estimator", [WNTKRegressor(KERNEL), WNTKClassifier(KERNEL)])
def test_cross_validation_search_and_pickle(estimator):
    y = Y if isinstance(estimator, WNTKRegressor) else np.median(Y) < Y
    words = np.array(WORDS, dtype=object)
    scores = cross_val_score(estimator, words, y, cv=KFold(3))
    assert scores.shape == (3,)
    assert scores.min() > 0.2
    grid = {"kernel__decay": [0.2, 0.8], "kernel__decay_bounds": ["fixed"]}
    search = GridSearchCV(estimator, grid, cv=KFold(3)).fit(words, y)
    assert search.best_score_ > 0.2
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert_array_equal(again.predict(WORDS), search.predict(WORDS))


@pytest.mark.parametrize("solver", ["nystrom", "local"])
def test_solvers_that_measure_distances_refuse(solver):
    model = WNTKRegressor(KERNEL, solver=solver, n_components=10)
    with pytest.raises(ValueError, match=r"measures distances .* are no vectors; use"):
        model.fit(WORDS, Y)


def test_vectors_are_still_asked_for_by_kernels_on_vectors():
    with pytest.raises(ValueError, match="could not convert string to float"):
        WNTKRegressor(RBF()).fit(np.array(WORDS)[:, None], Y)
