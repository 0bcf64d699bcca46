"""A table as it comes: strings, categories, dates and gaps straight into fit."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ntk_sklearn import NTKernel, TableEncoder, WNTKClassifier, WNTKRegressor

from ..cases import kept_names
from ..estimator_cases import BOTH, both, quiet

pandas = pytest.importorskip("pandas")
N = 160


def messy(n=N, seed=0):
    """A table of every type, a tenth of it missing, and what it says."""
    rng = np.random.default_rng(seed)
    X = pandas.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "shop": pandas.Categorical(rng.integers(0, 40, n)),
            "sold": pandas.Timestamp("2021-03-01")
            + pandas.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "new": rng.random(n) < 0.4,
            "count": rng.poisson(3.0, n),
        }
    )
    y = X["colour"].map({"red": 1.0, "green": 0.0, "blue": -1.0}) + np.sin(X["size"])
    y += (X["sold"] - X["sold"].min()) / pandas.Timedelta(days=450)
    y += 0.1 * rng.normal(size=n)
    return X.mask(rng.random(X.shape) < 0.1), y.to_numpy()


X, Y = messy()
NEW = messy(40, seed=1)[0].assign(colour="purple")


def target(estimator):
    return (
        Y if estimator is WNTKRegressor else np.where(np.median(Y) < Y, "high", "low")
    )


def fitted(estimator, X=X, **parameters):
    return quiet(estimator(max_iter=8, **parameters), X, target(estimator))


def answer(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


@both
def test_straight_into_fit(estimator):
    model, y = fitted(estimator), target(estimator)
    assert list(model.feature_names_in_) == list(X.columns)
    assert model.n_features_in_ == 6
    assert model.score(X, y) > 0.85
    assert np.isfinite(answer(model, NEW)).all()
    names = model.models_[0].encoder.get_feature_names_out()
    assert len(names) > 40  # one for each shop


@both
def test_the_categories_are_learned_from(estimator):
    """A table whose strings alone tell the target."""
    only = X[["colour", "new"]].astype({"new": object})
    y = np.where(only["colour"] == "red", 1.0, 0.0)
    y = y if estimator is WNTKRegressor else y > 0.5
    model = quiet(estimator(max_iter=8), only, y)
    assert model.score(only, y) > 0.95
    unknown = pandas.DataFrame({"colour": ["mauve"], "new": [True]})
    assert np.isfinite(answer(model, unknown)).all()


@both
def test_pickle_clone_and_a_failed_fit(estimator):
    model = fitted(estimator)
    expected = answer(model, NEW)
    assert_array_equal(answer(pickle.loads(pickle.dumps(model)), NEW), expected)
    again = quiet(clone(model), X, target(estimator))
    assert_array_equal(answer(again, NEW), expected)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(X.assign(size=np.inf), target(estimator))
    with pytest.raises(TypeError, match="column 'sold' must hold numbers, dates or"):
        model.predict(NEW.assign(sold="yesterday"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(NEW[NEW.columns[::-1]])
    assert_array_equal(answer(model, NEW), expected)


@both
def test_polars_gives_the_same(estimator):
    polars = pytest.importorskip("polars")

    def of(frame):
        plain = frame.assign(
            shop=frame["shop"].astype(str).where(frame["shop"].notna())
        )
        columns = {
            name: [None if pandas.isna(v) else v for v in plain[name].tolist()]
            for name in plain
        }
        return polars.DataFrame(columns)

    here, there = fitted(estimator), fitted(estimator, of(X))
    assert_array_equal(answer(there, of(NEW)), answer(here, NEW))
    names = getattr(there, "feature_names_in_", None)
    assert_array_equal(names, kept_names(of(X)))
    assert names is None or list(names) == list(X.columns)


@both
def test_pipelines_and_searches(estimator):
    drop = FunctionTransformer(lambda frame: frame.drop(columns="count"))
    model = make_pipeline(drop, estimator(max_iter=4))
    assert quiet(model, X, target(estimator)).score(X, target(estimator)) > 0.8
    grid = {"categorical_features": ["from_dtype", ["count"]]}
    with np.errstate(all="raise"):
        search = quiet(
            GridSearchCV(estimator(max_iter=3), grid, cv=2), X, target(estimator)
        )
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_cross_validation_on_new_rows():
    scores = cross_val_score(WNTKRegressor(max_iter=10), X, Y, cv=3)
    assert scores.mean() > 0.6


@both
def test_codes_that_are_said_to_be_levels(estimator):
    """The numbers of a table with strings, and of the same with codes."""
    y = target(estimator)
    codes = {"red": 5.0, "green": -1.0, "blue": 2.0}
    strings = X[["size", "colour"]].to_numpy(dtype=object)
    numbers = np.column_stack([X["size"], X["colour"].map(codes)])
    order = X["colour"].map({"red": "c", "green": "a", "blue": "b"})
    same = np.column_stack([strings[:, :1], order]).astype(object)
    expected = answer(quiet(estimator(max_iter=3), same, y), same)
    model = quiet(estimator(max_iter=3, categorical_features=[1]), numbers, y)
    assert_allclose(answer(model, numbers), expected, rtol=1e-12)
    encoder = TableEncoder(rank_scale="unit", categorical_features=[1])
    given = quiet(estimator(max_iter=3, encoding=encoder), numbers, y)
    assert len(given.models_) == 1
    # Of the default models, one is written as the encoder writes: scaled and as ranks.
    assert given.X_fit_.shape[1] == max(fit.X.shape[1] for fit in model.models_)


@both
def test_numeric_tables_are_the_same_to_the_last_bit(estimator):
    """Whether as an array, as objects or as a DataFrame."""
    numbers = np.random.default_rng(0).normal(size=(N, 3))
    tables = [numbers, numbers.astype(object), pandas.DataFrame(numbers)]
    answers = [answer(fitted(estimator, table), numbers) for table in tables[:2]]
    answers.append(answer(fitted(estimator, tables[2]), tables[2]))
    for found in answers[1:]:
        assert_array_equal(found, answers[0])


@pytest.mark.parametrize("solver", ["cg", "nystrom", "local"])
@both
def test_solvers_that_read_blocks(estimator, solver):
    """The ridges differ, so that predictions do; but little."""
    exact = fitted(estimator)
    model = fitted(estimator, solver=solver, n_components=N)
    error = np.abs(answer(model, NEW) - answer(exact, NEW))
    assert error.mean() < 0.05 * np.ptp(answer(exact, NEW))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_batches():
    model = WNTKRegressor(solver="nystrom", n_components=50, max_iter=3)
    halves = slice(0, 80), slice(80, N)
    for rows in halves:
        model.partial_fit(X.iloc[rows].assign(colour=X["colour"]), Y[rows])
    assert model.score(X, Y) > 0.8


def test_rows_with_gaps_are_merged_as_any_others():
    few = X.iloc[:60]
    twice = pandas.concat([few, few])
    y = np.concatenate([Y[:60], Y[:60]])
    here = quiet(WNTKRegressor(max_iter=3), twice, y)
    there = quiet(WNTKRegressor(max_iter=3), few, Y[:60], sample_weight=np.full(60, 2))
    assert len(here.X_fit_) == 60
    assert_allclose(here.predict(NEW), there.predict(NEW), rtol=1e-10)


def test_missing_values_in_files(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(300, 3))
    y = np.sin(numbers[:, 0])
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    model = WNTKRegressor(solver="nystrom", n_components=50, max_iter=3)
    expected = quiet(clone(model), numbers, y).predict(numbers)
    paths = [tmp_path / f"{i}.npy" for i in range(3)]
    for path, part in zip(paths, np.split(numbers, 3), strict=True):
        np.save(path, part)
    found = quiet(clone(model), paths, y).predict(numbers)
    assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match="NaN"):
        quiet(model.set_params(encoding=None), paths, y)


@pytest.mark.parametrize("estimator", [cls() for cls in BOTH], ids=type)
def test_tags(estimator):
    def tags(**parameters):
        found = clone(estimator).set_params(**parameters).__sklearn_tags__().input_tags
        return {found.allow_nan, found.categorical, found.string}

    assert tags() == tags(encoding="table", kernel=NTKernel()) == {True}
    assert tags(encoding=None) == tags(kernel=NTKernel()) == {False}


@both
def test_skrub_leaves_the_table_to_the_estimator_or_prepares_it(estimator):
    skrub = pytest.importorskip("skrub")
    y = Y if estimator is WNTKRegressor else np.median(Y) < Y
    levels = skrub.TableVectorizer(low_cardinality=skrub.ToCategorical())
    for model in (
        skrub.tabular_pipeline(estimator(max_iter=4)),
        make_pipeline(levels, estimator(max_iter=4)),
    ):
        assert quiet(model, X, y).score(X, y) > 0.8


def test_columns_may_have_numbers_for_names():
    # narwhals takes frame[1] for a row.
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.standard_normal((60, 3)))
    frame[1] = np.where(frame[1] > 0, "high", "low")
    y = frame[0] + (frame[1] == "high")
    model = WNTKRegressor().fit(frame, y)
    assert model.score(frame, y) > 0.99


# -- what is refused, and the cure that the message names -----------------------------


@pytest.mark.parametrize("parameters", [{"encoding": None}, {"kernel": NTKernel()}])
@both
def test_tables_without_an_encoding(estimator, parameters):
    y, cure = target(estimator), r'encoded by encoding="table", with any kernel'
    with pytest.raises(ValueError, match=f"X must be numbers, .* string .* {cure}"):
        estimator(**parameters).fit(X, y)
    gaps = X[["size", "count"]].astype(float)
    with pytest.raises(ValueError, match=f"contains NaN(?s:.*){cure}"):
        estimator(**parameters).fit(gaps, y)
    model = quiet(estimator(max_iter=1, **parameters), gaps.fillna(0.0), y)
    with pytest.raises(ValueError, match=f"contains NaN(?s:.*){cure}"):
        model.predict(gaps)


@both
def test_names_and_paths_that_stand_for_nothing(estimator):
    with pytest.raises(ValueError, match="y must be targets, got 'count'; names of"):
        estimator().fit(X, "count")
    with pytest.raises(
        ValueError, match=r"got the path 'table\.parquet'; files are given"
    ):
        estimator().fit("table.parquet", "count")


def test_files_that_are_no_tables(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(
        ValueError, match=r"cannot be read: .* Files must be \.npy, or all"
    ):
        WNTKRegressor().fit([path], Y)


def test_targets_that_are_no_numbers():
    for times in (X["sold"].fillna(X["sold"].min()), X["sold"] - X["sold"].min()):
        with pytest.raises(
            ValueError, match="y must be numbers, got dates or durations"
        ):
            WNTKRegressor().fit(X, times.fillna(times.min()))
    with pytest.raises(
        ValueError, match=r"y must be numbers, but .*for WNTKClassifier"
    ):
        WNTKRegressor().fit(X, np.where(Y > 0, "high", "low"))


def test_labels_that_are_missing():
    labels = np.where(Y > 0, "high", "low").astype(object)
    labels[7] = None
    with pytest.raises(
        ValueError, match="y must have a label for each row, got None in"
    ):
        WNTKClassifier().fit(X, labels)
