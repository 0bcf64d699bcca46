"""Estimators beyond memory: Nyström models, batches, sources, iterative solvers."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WeightedNTKernel
from ntk_sklearn._models.choose import choose_solver
from ntk_sklearn.estimators._classifier import WNTKClassifier
from ntk_sklearn.estimators._regressor import WNTKRegressor

from ..estimator_cases import turn
from ..solvers.nystrom_cases import KERNEL, NEW, WEIGHT, X, Y, close, solved, system_of


@pytest.fixture
def files(tmp_path):
    paths = []
    for k in range(0, 600, 200):
        pair = tmp_path / f"X{k}.npy", tmp_path / f"y{k}.npy"
        for path, part in zip(pair, (X, Y), strict=True):
            np.save(path, part[k : k + 200])
        paths.append(pair)
    return [list(part) for part in zip(*paths, strict=True)]


def test_choice_of_solver():
    gib = 2.0**30
    assert choose_solver(5_000, 8 * gib) == "cholesky"
    assert choose_solver(6_001, 8 * gib) == "local"
    assert choose_solver(100_000, 8 * gib) == "local"
    assert choose_solver(100_001, 8 * gib) == "nystrom"
    assert choose_solver(1_000_000, 64 * gib) == "nystrom"
    assert choose_solver(6_000, 0.1 * gib) == "nystrom"
    assert choose_solver(5_000, 8 * gib, n_matrices=50) == "cg"
    apart = partial(choose_solver, has_distances=False)
    assert apart(20_000, 16 * gib) == "cholesky"
    assert apart(20_001, 16 * gib) == "cg"
    assert apart(30_000, 16 * gib) == "cg"
    assert apart(10_000, 0.1 * gib) == "nystrom"
    assert choose_solver(1_000, n_components=100) == "nystrom"
    assert choose_solver(1_000, n_components=1_000) == "cholesky"


FIXED = WNTKRegressor(
    NTKernel(depth=2, bias_variance_bounds="fixed"),
    alpha=0.1,
    alpha_bounds="fixed",
    n_components=60,
)


CLASSES = np.where(Y[:, 0] > 0.5, "high", "low")


@parametrize_with_checks(
    [
        WNTKRegressor(NTKernel(), n_components=20, tol=0.1),
        WNTKClassifier(NTKernel(bias_variance_bounds="fixed"), n_components=20),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_bounds_of_the_ridge_are_scaled_as_the_ridge_is():
    # Layer weights are scaled to a diagonal of one, and the ridge with them.
    options = {
        "kernel": WeightedNTKernel(depth=1, layer_weights_bounds=(5.0, 1e5)),
        "alpha_bounds": (0.5, 0.6),
    }
    exact = WNTKRegressor(**options).fit(X, Y)
    scaled = WNTKRegressor(n_components=60, **options).fit(X, Y)
    assert exact.alpha_ < 0.4
    # From 0.5 to 0.6, and scaled alike.
    assert abs(np.log(scaled.alpha_ / exact.alpha_)) < np.log(0.6 / 0.5) + 1e-9


def test_the_ridge_is_that_of_all_rows(monkeypatch):
    # On 60 noisy rows little is learned but noise, of which 3000 need not be afraid.
    turn(monkeypatch, learning_rows=60)
    rng = np.random.default_rng(0)
    rows, new = rng.standard_normal((2, 3000, 2))
    signal = [np.sin(3 * A[:, 0]) + np.cos(2 * A[:, 1]) for A in (rows, new)]
    y = signal[0] + rng.standard_normal(3000)
    model = clone(FIXED).set_params(n_components=100, alpha_bounds=(1e-8, 1e8))
    model.fit(rows, y)
    error = np.mean((model.predict(new) - signal[1]) ** 2)
    (fitted,) = model.models_
    sampled, K = fitted.learned.alpha, KERNEL(new, model.X_fit_)

    def error_of(alpha):
        found = fitted.system.solve(alpha)
        return np.mean(((K @ found.coef + found.intercept)[:, 0] - signal[1]) ** 2)

    grid = [error_of(alpha) for alpha in sampled * np.exp(np.arange(-10.0, 10.5))]
    assert min(grid) < 0.5 * error_of(sampled)
    assert error < 1.1 * min(grid)


def test_estimator_agrees_with_the_functions():
    model = clone(FIXED).fit(X, Y, WEIGHT)
    assert model.solver_ == "nystrom" and model.X_fit_.shape == (60, 5)
    close(model.predict(NEW), solved(system_of(X, Y, WEIGHT, model.X_fit_)))


def test_all_components_are_the_exact_fit():
    exact = clone(FIXED).set_params(n_components=600).fit(X, Y)
    assert exact.solver_ == "cholesky"
    for solver in ("nystrom", "cg"):
        model = clone(exact).set_params(solver=solver).fit(X, Y)
        assert model.solver_ == solver
        close(model.predict(NEW), exact.predict(NEW), 1e-7)
    model = clone(exact).set_params(solver="nystrom").fit(X, Y[:, 0])
    exact.fit(X, Y[:, 0])
    deviations = [m.predict(NEW, return_std=True)[1] for m in (model, exact)]
    close(deviations[0], deviations[1], 1e-5)
    loo = model.models_[0].held_out.predictions
    close(loo[:, 0], exact.loo_predictions_, 1e-6)


@pytest.mark.parametrize("weight", [None, 1 + np.arange(len(X)) % 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_conjugate_gradients_know_as_much_as_a_factorisation(weight, intercept):
    exact = clone(FIXED).set_params(solver="cholesky", fit_intercept=intercept)
    model = clone(exact).set_params(solver="cg")
    for each in (exact.fit(X, Y[:, 0], weight), model.fit(X, Y[:, 0], weight)):
        assert each.solver_ == each.solver
    for noise in (False, True):
        _, expected = exact.predict(NEW, return_std=True, include_noise=noise)
        _, found = model.predict(NEW, return_std=True, include_noise=noise)
        close(found, expected, 1e-7)
    expected = exact.predict_interval(NEW, method="gaussian")
    close(model.predict_interval(NEW, method="gaussian"), expected, 1e-6)
    close(model.loo_predictions_, exact.loo_predictions_, 1e-6)


def test_partial_fit_equals_fit():
    whole = clone(FIXED).fit(X, Y)
    once = clone(FIXED).partial_fit(X, Y)
    close(once.predict(NEW), whole.predict(NEW))
    # A batch adds to what is there: twice the data is a weight of two.
    once.partial_fit(X, Y)
    close(once.predict(NEW), solved(system_of(X, Y, np.full(600, 2), once.X_fit_)))
    with pytest.raises(ValueError, match=r"features"):
        once.partial_fit(X[:, :3], Y)


def test_partial_fit_after_an_exact_fit():
    model = WNTKRegressor(WeightedNTKernel(depth=1)).fit(X, Y)
    message = r"adds rows to a Nyström model, .* solver_='cholesky': a new model"
    with pytest.warns(UserWarning, match=message):
        model.set_params(kernel=KERNEL).partial_fit(X[:50], Y[:50])
    alone = clone(model).partial_fit(X[:50], Y[:50])
    np.testing.assert_array_equal(model.predict(NEW), alone.predict(NEW))
    # Nothing is left of the rows that are forgotten.
    assert not hasattr(model, "loo_predictions_") and not hasattr(
        model, "layer_weights_"
    )


def test_first_batch_without_weight():
    model = WNTKClassifier(class_weight={"low": 0.0, "high": 0.0})
    with pytest.raises(ValueError, match="first batch of partial_fit must hold a row"):
        model.partial_fit(X, CLASSES, ["low", "high", "never"])


def test_partial_fit_of_classes():
    whole = WNTKClassifier(n_components=50).fit(X, CLASSES)
    assert whole.score(X, CLASSES) > 0.9
    part = WNTKClassifier(n_components=50)
    with pytest.raises(ValueError, match=r"classes must be passed"):
        part.partial_fit(X, CLASSES)
    part.partial_fit(X, CLASSES, ["low", "high", "never"])
    part.partial_fit(X, CLASSES)
    assert list(part.classes_) == ["high", "low", "never"]
    assert part.score(X, CLASSES) > 0.9
    np.testing.assert_allclose(part.predict_proba(NEW).sum(axis=1), 1.0)
    with pytest.raises(ValueError, match=r"'new'.*not among the classes"):
        part.partial_fit(X[:1], ["new"])


def test_estimator_reads_sources(files, tmp_path):
    da = pytest.importorskip("dask.array")
    whole = clone(FIXED).fit(X, Y)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    close(clone(FIXED).fit(mapped, Y).predict(NEW), whole.predict(NEW))
    model = clone(FIXED).fit(*files)
    close(model.predict(NEW), whole.predict(NEW))
    lazy = [da.from_array(part, chunks=(200, -1)) for part in (X, Y)]
    close(clone(FIXED).fit(*lazy).predict(NEW), whole.predict(NEW))
    labels = WNTKClassifier(n_components=50).fit(files[0], CLASSES)
    assert labels.score(X, CLASSES) > 0.9
    with pytest.raises(ValueError, match=r"needs all rows in memory"):
        clone(FIXED).set_params(solver="cg").fit(*files)


@pytest.mark.parametrize(
    "kernel, value, what",
    [
        ("auto", -np.inf, "infinity"),  # NaN is a missing value to the encoder
        (KERNEL, np.nan, "NaN"),
        (KERNEL, -np.inf, "infinity"),
    ],
)
def test_values_of_a_mapped_table_that_are_not_finite_are_named(
    tmp_path, kernel, value, what
):
    """Whether the rows are among those that are drawn to learn from, or not."""
    model = WNTKRegressor(kernel, solver="nystrom", n_components=20, tol=1e3)
    rows, targets = np.tile(X, (4, 1)), np.tile(Y, 4)  # more than are drawn
    for bad in ([7], range(3, 2400, 4), range(2400)):
        table = rows.copy()
        table[bad, 2] = value
        np.save(tmp_path / "X.npy", table)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        with pytest.raises(ValueError, match=f"Input X contains {what}"):
            clone(model).fit(mapped, targets)
    with pytest.raises(ValueError, match=f"Input X contains {what}"):
        model.fit(X, Y).predict(mapped)


def test_splits_of_ones_own_count_the_rows_of_files(files):
    from sklearn.model_selection import KFold

    model = WNTKRegressor(KERNEL, objective="holdout", cv=KFold(3), n_components=20)
    expected = clone(model).set_params(solver="nystrom").fit(X, Y).objective_path_
    found = clone(model).fit(*files).objective_path_
    np.testing.assert_allclose(found, expected, rtol=1e-9)
