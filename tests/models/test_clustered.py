"""Nyström estimators that are exact within clusters: solver="local"."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.linalg import LinAlgWarning
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor

from ..estimator_cases import turn
from ..solvers.test_clustered import NEW, WEIGHT, X, Y, close, local_solve

FIXED = WNTKRegressor(
    NTKernel(depth=2, bias_variance_bounds="fixed"),
    alpha=0.1,
    alpha_bounds="fixed",
    n_components=40,
    solver="local",
)


CLASSES = np.where(Y[:, 0] > 0.5, "high", "low")


@pytest.fixture
def small(monkeypatch):
    """Clusters of few rows, so that few rows make several."""
    turn(monkeypatch, cluster_rows=60)


def test_jitter_of_a_cluster_is_told(monkeypatch):
    turn(monkeypatch, learning_rows=10)  # of which no two are equal
    twice, y = np.vstack([X, X * (1 + 1e-15)]), np.append(Y[:, 0], Y[:, 0])
    model = clone(FIXED).set_params(alpha=1e-30)
    with pytest.warns(LinAlgWarning, match=r"was added to its diagonal.*larger alph"):
        model.fit(twice, y)


@parametrize_with_checks(
    [
        WNTKRegressor(NTKernel(), n_components=20, solver="local", tol=0.1),
        WNTKClassifier(
            NTKernel(bias_variance_bounds="fixed"), n_components=20, solver="local"
        ),
    ]
)
@pytest.mark.filterwarnings("ignore:the lbfgs optimiser used all")
def test_estimator_checks(estimator, check, monkeypatch):
    turn(monkeypatch, cluster_rows=10)
    check(estimator)


@pytest.mark.parametrize("intercept", [True, False])
def test_estimator_of_one_cluster_is_the_exact_one(intercept):
    local = clone(FIXED).set_params(fit_intercept=intercept)
    exact = clone(local).set_params(solver="cholesky").fit(X, Y)
    local.fit(X, Y)
    assert local.solver_ == "local"
    close(local.loo_predictions_, exact.loo_predictions_, 1e-7)
    for weight in (None, WEIGHT):
        expected = exact.fit(X, Y, weight).predict(NEW)
        close(local.fit(X, Y, weight).predict(NEW), expected, 1e-8)


@pytest.mark.usefixtures("small")
class TestEstimators:
    def test_agrees_with_the_functions(self):
        model = clone(FIXED).fit(X, Y)
        (machine,) = model.models_
        assert len(machine.clusters) > 3
        assert model.X_fit_.shape == (300, 4) and model.dual_coef_.shape == (300, 2)
        centres = machine.posterior.data.features.centres
        found = local_solve(Y, 0.1, machine.clusters, centres=centres)
        close(model.dual_coef_, found.dual_coef)
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.predict(NEW), model.predict(NEW))
        single = clone(FIXED).fit(X, Y[:, 0])
        close(single.predict(NEW), model.predict(NEW)[:, 0])

    def test_is_nearer_to_the_exact_fit(self):
        exact = clone(FIXED).set_params(solver="cholesky").fit(X, Y).predict(NEW)
        errors = {
            solver: np.sqrt(np.mean((model.predict(NEW) - exact) ** 2))
            for solver in ("nystrom", "local")
            for model in [clone(FIXED).set_params(solver=solver).fit(X, Y)]
        }
        assert errors["local"] < 0.8 * errors["nystrom"]

    def test_weights_are_copies(self):
        s = WEIGHT - 1  # some rows are not there at all
        times = np.repeat(np.arange(300), s)
        one = clone(FIXED).fit(X, Y, s).predict(NEW)
        close(clone(FIXED).fit(X[times], Y[times]).predict(NEW), one)

    def test_blocks_do_not_matter(self):
        from sklearn import config_context

        model = clone(FIXED).fit(X, Y)
        whole = model.predict(NEW)
        with config_context(working_memory=0.01):
            close(model.predict(NEW), whole, 1e-12)
        assert model.predict(NEW[:1]).shape == (1, 2)

    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    def test_default_models(self, class_weight):
        model = WNTKClassifier(
            n_components=50, solver="local", class_weight=class_weight
        )
        assert model.fit(X, CLASSES).score(X, CLASSES) > 0.9
        assert len(model.models_) == 4
        np.testing.assert_allclose(model.predict_proba(NEW).sum(axis=1), 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = WNTKRegressor(n_components=50, solver="local", max_iter=20)
            assert model.fit(X, Y).score(X, Y) > 0.9

    def test_progress_is_printed(self, capsys):
        clone(FIXED).set_params(verbose=1).fit(X, Y)
        n = 2 * len(clone(FIXED).fit(X, Y).models_[0].clusters)
        assert f"[WNTKRegressor] {n} of {n} blocks in" in capsys.readouterr().out

    def test_clusters_grow_with_the_number_of_centres(self):
        """They have as many rows as there are centres, or those of `small`."""
        sizes = {}
        for m in (40, 200):
            model = clone(FIXED).set_params(n_components=m).fit(X, Y)
            clusters = model.models_[0].clusters
            sizes[m] = sum(map(len, clusters)) / len(clusters)
        assert sizes[40] <= 60
        assert 100 < sizes[200] <= 200


@pytest.mark.parametrize("estimator", [WNTKRegressor, WNTKClassifier])
def test_what_needs_batches_is_refused(estimator, tmp_path):
    y = CLASSES if estimator is WNTKClassifier else Y[:, 0]
    model = estimator(NTKernel(), solver="local", n_components=20)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit(X, y)
    assert "solver='local' needs all rows at once" in str(caught.value.__cause__)
    assert not hasattr(estimator(solver="cholesky"), "partial_fit")
    np.save(tmp_path / "X.npy", X)
    with pytest.raises(ValueError, match=r"solver='local' needs all rows in memory"):
        model.fit([tmp_path / "X.npy"], y)
    assert hasattr(estimator(), "partial_fit")


def test_memory_maps_are_read(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    close(clone(FIXED).fit(mapped, Y).predict(NEW), clone(FIXED).fit(X, Y).predict(NEW))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["1", "s"])
def test_deviation_of_one_cluster_is_the_exact_one(weight):
    exact = clone(FIXED).set_params(solver="cholesky").fit(X, Y, weight)
    local = clone(FIXED).fit(X, Y, weight)
    assert len(local.models_[0].clusters) == 1
    (_, expected), (mean, found) = (
        model.predict(NEW, return_std=True) for model in (exact, local)
    )
    close(found, expected, 1e-6)
    np.testing.assert_array_equal(mean, local.predict(NEW))


@pytest.mark.usefixtures("small")
def test_deviation_does_not_depend_on_blocks():
    model = clone(FIXED).fit(X, Y)
    assert len(model.models_[0].clusters) > 3
    expected = model.predict(NEW, return_std=True)[1]
    with config_context(working_memory=0.002):  # a few rows to a block
        close(model.predict(NEW, return_std=True)[1], expected)
