"""Attribution by the estimators: sums, refits, copies, planted labels, sentences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn import config_context
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import log_loss

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.solvers import (
    ClusteredRows,
    NystromSystem,
    accumulate,
    clustered_solve,
)

from ..estimator_cases import indicators, turn

X, Y = load_diabetes(return_X_y=True)
X, Y, TEST = X[:70], Y[:70], X[70:80]
IRIS, LABELS = load_iris(return_X_y=True)
IRIS, LABELS, IRIS_TEST = IRIS[::3], LABELS[::3], IRIS[1::20]
KERNEL = NTKernel(depth=2, bias_variance_bounds="fixed")
FIXED = {"alpha": 0.3, "alpha_bounds": "fixed"}


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_contributions_sum_to_predictions(solver):
    weight = np.arange(len(Y)) % 3  # zeros, and copies
    model = WNTKRegressor(KERNEL, solver=solver).fit(X, Y, weight)
    parts = model.contributions(TEST)
    assert parts.shape == (10, 70)
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    assert not parts[:, weight == 0].any()
    two = WNTKRegressor(KERNEL, solver=solver).fit(X, np.column_stack([Y, Y**2]))
    parts = two.contributions(TEST)
    assert_allclose(parts.sum(axis=1), two.predict(TEST), rtol=1e-9)


def test_contributions_of_the_default_models():
    model = WNTKRegressor(tol=1e-2).fit(X, Y)
    parts = model.contributions(TEST)
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    model = WNTKClassifier(tol=1e-2).fit(IRIS, LABELS)
    assert len(model.models_) == 4
    sums = model.contributions(IRIS_TEST).sum(axis=1)
    assert_allclose(sums, model.decision_function(IRIS_TEST), rtol=1e-9, atol=1e-12)
    two = WNTKClassifier(KERNEL).fit(IRIS, LABELS == 1)
    sums = two.contributions(IRIS_TEST).sum(axis=1)
    assert_allclose(sums, two.decision_function(IRIS_TEST), rtol=1e-9, atol=1e-12)


def test_repeated_rows_share_their_part():
    rows = np.concatenate([X, X[:4]])
    model = WNTKRegressor(KERNEL, **FIXED).fit(rows, np.append(Y, Y[:4]))
    parts = model.contributions(TEST)
    assert_allclose(parts[:, :4], parts[:, 70:])
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    once = WNTKRegressor(KERNEL, **FIXED).fit(rows[1:], np.append(Y, Y[:4])[1:])
    change = model.influence(TEST)
    expected = model.predict(TEST) - once.predict(TEST)
    assert_allclose(change[:, 0], expected, rtol=1e-8, atol=1e-9)
    assert_allclose(change[:, 70], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_influence_is_that_of_a_refit(intercept):
    model = WNTKRegressor(KERNEL, fit_intercept=intercept, **FIXED)
    before, change = model.fit(X, Y).predict(TEST), model.influence(TEST)
    own = model.loo_influence_
    held_out = model.loo_predictions_
    for row in (0, 9):
        kept = np.delete(np.arange(70), row)
        rest = WNTKRegressor(KERNEL, fit_intercept=intercept, **FIXED)
        rest.fit(X[kept], Y[kept])
        expected = before - rest.predict(TEST)
        assert_allclose(change[:, row], expected, rtol=1e-8, atol=1e-8)
    fitted = model.predict(X)
    assert_allclose(own, (Y - held_out) ** 2 - (Y - fitted) ** 2, rtol=1e-7)
    changes = np.diag(model.influence(X))
    assert_allclose(changes, fitted - held_out, rtol=1e-8, atol=1e-8)


def test_groups_are_left_out_together():
    weight = 1 + np.arange(len(Y)) % 3
    model = WNTKRegressor(KERNEL, **FIXED).fit(X, Y, weight)
    groups = [[0, 1, 2], np.arange(20, 40)]
    change = model.influence(TEST, groups)
    assert change.shape == (10, 2)
    assert model.influence(TEST, []).shape == (10, 0)
    for column, group in zip(change.T, groups, strict=True):
        kept = np.delete(np.arange(70), group)
        rest = WNTKRegressor(KERNEL, **FIXED).fit(X[kept], Y[kept], weight[kept])
        expected = model.predict(TEST) - rest.predict(TEST)
        assert_allclose(column, expected, rtol=1e-7, atol=1e-8)


def test_a_classifier_tells_of_each_class():
    model = WNTKClassifier(KERNEL, **FIXED).fit(IRIS, LABELS)
    change = model.influence(IRIS_TEST)
    kept = np.arange(1, len(LABELS))
    rest = WNTKClassifier(KERNEL, **FIXED).fit(IRIS[kept], LABELS[kept])
    before, after = (indicators(m, IRIS_TEST) for m in (model, rest))
    mixed = (before - after) @ model.class_mixing_.T
    assert_allclose(change[:, 0], mixed, rtol=1e-7, atol=1e-9)
    own = model.influence(IRIS)[np.arange(50), np.arange(50)]
    own = np.linalg.solve(model.class_mixing_, own.T).T
    hot, decision = np.eye(3)[LABELS], indicators(model, IRIS)
    grown = (hot - decision + own) ** 2 - (hot - decision) ** 2
    assert_allclose(model.loo_influence_, grown.sum(axis=1), rtol=1e-7, atol=1e-9)


def test_own_influence_is_in_units_of_the_targets():
    """Scaling the targets by a thousand scales squared errors by a million."""
    small, large = (WNTKRegressor().fit(X, c * Y) for c in (1.0, 1000.0))
    ratio = large.loo_influence_ / small.loo_influence_
    assert_allclose(ratio, 1e6, rtol=1e-2)  # the path of learning may differ
    weight = np.ones(70)
    weight[3] = 0.0
    assert WNTKRegressor(KERNEL).fit(X, Y, weight).loo_influence_[3] == 0.0


def test_planted_labels_have_large_influence():
    labels = np.array(["a", "b", "c"])[LABELS]
    planted = [3, 20, 45]
    labels[planted] = ["c", "a", "a"]
    model = WNTKClassifier(KERNEL, objective="loo").fit(IRIS, labels)
    for score in (model.loo_influence_, model.loo_loss_):
        assert set(planted) <= set(np.argsort(-score)[:4])


@pytest.mark.parametrize("solver", ["cholesky", "cg", "local"])
def test_leave_one_out_of_classes_is_that_of_refits(solver):
    weight = np.arange(50) % 3  # zeros, and copies
    model = WNTKClassifier(KERNEL, solver=solver, **FIXED).fit(IRIS, LABELS, weight)
    assert model.loo_loss_.shape == (50,)
    for row in (0, 4, 20):  # not there, one copy, two copies
        left = weight - (np.arange(50) == row)
        rest = WNTKClassifier(KERNEL, **FIXED).fit(IRIS, LABELS, np.maximum(left, 0))
        decision = indicators(rest, IRIS[row : row + 1]) @ model.class_mixing_.T
        decision *= model.temperature_
        expected = log_loss([LABELS[row]], softmax(decision, axis=1), labels=[0, 1, 2])
        assert_allclose(model.loo_loss_[row], expected, rtol=1e-6)
        assert model.loo_predictions_[row] == decision.argmax()


def test_nystrom_models_keep_no_rows_to_leave_out():
    nystrom = WNTKClassifier(KERNEL, solver="nystrom", n_components=10)
    assert not hasattr(nystrom.fit(IRIS, LABELS), "loo_loss_")


# -- other solvers --------------------------------------------------------------------


def refit(model, kept, weight=None):
    """Predictions at TEST by a Nyström or clustered model of some of the rows."""
    (machine,) = model.models_
    Y2, weight = Y[:, None], None if weight is None else weight[kept]
    if model.solver_ == "nystrom":
        system = NystromSystem.empty(
            machine.system.features, 1, model.get_params()["fit_intercept"]
        )
        system = accumulate(system, X[kept], Y2[kept], weight)
        fit = system.solve(machine.alpha)
        return system.features.tile(TEST) @ fit.coef[:, 0] + fit.intercept
    number = np.cumsum(np.isin(np.arange(70), kept)) - 1
    place = np.argsort(model._given_rows.origin)  # rows that count copies are sorted
    clusters = [place[rows] for rows in machine.clusters]
    clusters = [number[rows[np.isin(rows, kept)]] for rows in clusters]
    data = ClusteredRows(machine.posterior.data.features, X[kept], clusters)
    found = clustered_solve(
        data, Y2[kept], machine.alpha, weight, model.get_params()["fit_intercept"]
    )
    near, out = machine.nearest(TEST), np.empty(len(TEST))
    for row, cluster in enumerate(near):
        one, own = TEST[row : row + 1], clusters[cluster]
        value = data.features.tile(one) @ found.coef[cluster] + found.intercept
        value += machine.kernel(one, X[kept][own]) @ found.dual_coef[own]
        out[row] = value[0, 0]
    return out


@pytest.fixture
def small_clusters(monkeypatch):
    """Clusters of about a dozen rows, so that there are several."""
    turn(monkeypatch, cluster_rows=12)


@pytest.mark.usefixtures("small_clusters")
@pytest.mark.parametrize("solver", ["nystrom", "local"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("counts", [True, False])
def test_influence_of_large_models_is_that_of_a_refit(solver, intercept, counts):
    weight = 1 + np.arange(70) % 3 if counts else None
    model = WNTKRegressor(
        KERNEL, solver=solver, n_components=12, fit_intercept=intercept, **FIXED
    ).fit(X, Y, weight)
    if solver == "local":
        assert len(model.models_[0].clusters) > 3
    again = {"training": (X, Y, weight)} if solver == "nystrom" else {}
    before = model.predict(TEST)
    parts = model.contributions(TEST, **again)
    assert_allclose(parts.sum(axis=1), before, rtol=1e-9)
    close = {"rtol": 1e-6, "atol": 1e-7}
    groups = [[5], [0, 1, 2], np.arange(20, 70, 4)]
    change = model.influence(TEST, groups, **again)
    for column, group in zip(change.T, groups, strict=True):
        expected = before - refit(model, np.delete(np.arange(70), group), weight)
        assert_allclose(column, expected, **close)
    each = model.influence(TEST, **again)
    assert each.shape == (10, 70)
    for row in (0, 9, 33):
        left = (np.ones(70, dtype=int) if weight is None else weight).copy()
        left[row] -= 1
        kept = np.flatnonzero(left)
        assert_allclose(each[:, row], before - refit(model, kept, left), **close)


def test_influence_by_conjugate_gradients_is_exact():
    weight = 1 + np.arange(70) % 2
    parts = {"kernel": KERNEL, **FIXED}
    exact = WNTKRegressor(**parts).fit(X, Y, weight)
    iterative = WNTKRegressor(**parts, solver="cg").fit(X, Y, weight)
    close = {"rtol": 1e-6, "atol": 1e-7}
    assert_allclose(iterative.influence(TEST), exact.influence(TEST), **close)
    groups = [[3, 4], range(30)]
    expected = exact.influence(TEST, groups)
    assert_allclose(iterative.influence(TEST, groups), expected, **close)
    assert_allclose(iterative.loo_influence_, exact.loo_influence_, rtol=1e-6)
    assert_allclose(iterative.loo_predictions_, exact.loo_predictions_, rtol=1e-6)


@pytest.mark.usefixtures("small_clusters")
def test_own_influence_of_a_clustered_model():
    model = WNTKRegressor(KERNEL, solver="local", n_components=12, **FIXED).fit(X, Y)
    change, fitted = np.diag(model.influence(X)), model.predict(X)
    expected = (Y - fitted + change) ** 2 - (Y - fitted) ** 2
    assert_allclose(model.loo_influence_, expected, rtol=1e-6, atol=1e-6)
    assert_allclose(model.loo_predictions_, fitted - change, rtol=1e-6, atol=1e-6)


def test_a_nystrom_model_of_batches_is_told_its_rows():
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 70)
    weight[[4, 60]] = 0.0
    model = WNTKRegressor(KERNEL, solver="nystrom", n_components=12)
    for batch in (slice(0, 40), slice(40, 70)):
        model.partial_fit(X[batch], Y[batch], weight[batch])
    parts = model.contributions(TEST, training=(X, Y, weight))
    assert_allclose(parts.sum(axis=1), model.predict(TEST), rtol=1e-9)
    assert not parts[:, [4, 60]].any()
    assert not model.influence(TEST, training=(X, Y, weight))[:, 4].any()
    fitted = WNTKRegressor(KERNEL, solver="nystrom", n_components=12)
    fitted.fit(X, Y, 10.0 * weight)  # such weights are scaled
    parts = fitted.contributions(TEST, training=(X, Y, 10.0 * weight))
    assert_allclose(parts.sum(axis=1), fitted.predict(TEST), rtol=1e-9)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 3.0, 2: 0.5}])
def test_nystrom_classifiers(class_weight):
    model = WNTKClassifier(
        solver="nystrom", n_components=15, class_weight=class_weight, tol=1e-2
    ).fit(IRIS, LABELS)
    assert len(model.models_) == 4
    again = {"training": (IRIS, LABELS)}
    sums = model.contributions(IRIS_TEST, **again).sum(axis=1)
    # Fifteen rows of four columns: kernels without a bias are nearly singular.
    assert_allclose(sums, model.decision_function(IRIS_TEST), rtol=1e-8, atol=1e-8)
    change = model.influence(IRIS_TEST, [np.arange(17)], **again)  # all of a class
    assert (change[:3, 0, 0] > 0.5).all()
    assert (np.abs(change[3:, 0, 0]) < 0.5).all()
    with pytest.raises(
        ValueError, match=r"holds .*, which are not among the classes of"
    ):
        model.contributions(IRIS_TEST, training=(IRIS, LABELS + 1))


def test_blocks_of_training_rows_do_not_matter():
    model = WNTKRegressor(KERNEL, solver="nystrom", n_components=12, **FIXED).fit(X, Y)
    again = {"training": (X, Y)}
    whole = model.influence(TEST, **again), model.contributions(TEST, **again)
    with config_context(working_memory=0.002):
        parts = model.influence(TEST, **again), model.contributions(TEST, **again)
    for one, two in zip(whole, parts, strict=True):
        assert_allclose(two, one, rtol=1e-9, atol=1e-9)


def test_what_is_refused():
    nystrom = WNTKRegressor(KERNEL, solver="nystrom", n_components=10).fit(X, Y)
    for call in (nystrom.influence, nystrom.contributions):
        with pytest.raises(ValueError, match="a Nyström model keeps no training rows"):
            call(TEST)
        with pytest.raises(ValueError, match=r"all rows that .*, 70 of them, got 69"):
            call(TEST, training=(X[1:], Y[1:]))
        for other in (Y + 1.0, np.column_stack([Y, Y])):
            with pytest.raises(ValueError, match="training must hold the targets, or"):
                call(TEST, training=(X, other))
    with pytest.raises(AttributeError, match="which needs a fit that keeps its"):
        _ = nystrom.loo_influence_
    model = WNTKRegressor(KERNEL, **FIXED).fit(X, Y)
    with pytest.raises(ValueError, match="training must be None after a fit with sol"):
        model.influence(TEST, training=(X, Y))
    for group in ([], [70], [-1], [0.5], [[1]]):
        with pytest.raises(ValueError, match="numbers of training rows, from 0 to 69"):
            model.influence(TEST, [group])
