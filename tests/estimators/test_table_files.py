"""Tables in files and dask DataFrames give the numbers of one in memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from ntk_sklearn import WNTKClassifier, WNTKRegressor
from ntk_sklearn.solvers import BlockError

from ..estimator_cases import quiet

pandas = pytest.importorskip("pandas")
N = 360
MODEL = WNTKRegressor(n_components=60, solver="nystrom", max_iter=5)


def table(n=N):
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "sold": pandas.Timestamp("2021-03-01")
            + pandas.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "count": rng.poisson(3.0, n),
        }
    )
    y = X["colour"].map({"red": 1.0, "green": 0.0, "blue": -1.0}) + np.sin(X["size"])
    X.loc[::9, ["size", "colour"]] = None
    return X.assign(price=y + 0.1 * rng.normal(size=n))


TABLE = table()
X, Y = TABLE.drop(columns="price"), TABLE["price"].to_numpy()


@pytest.fixture(scope="module", params=["parquet", "feather"])
def files(request, tmp_path_factory):
    pyarrow = pytest.importorskip("pyarrow")
    feather, parquet = (
        pytest.importorskip(f"pyarrow.{name}") for name in ("feather", "parquet")
    )
    folder, paths = tmp_path_factory.mktemp(request.param), []
    for k in range(3):
        part = pyarrow.Table.from_pandas(
            TABLE.iloc[120 * k : 120 * (k + 1)], preserve_index=False
        )
        paths.append(folder / f"{k}.{request.param}")
        if request.param == "parquet":
            parquet.write_table(part, paths[-1])
        else:
            feather.write_feather(part, paths[-1])
    return paths


@pytest.fixture(scope="module")
def expected():
    return quiet(clone(MODEL), X, Y)


def same(model, expected):
    assert_allclose(model.predict(X), expected.predict(X), atol=1e-7 * np.ptp(Y))
    assert list(model.feature_names_in_) == list(X.columns)
    assert model.score(X, Y) > 0.85  # a ninth has lost what tells most


def test_files_with_targets_by_name(files, expected):
    same(quiet(clone(MODEL), files, "price"), expected)
    same(quiet(clone(MODEL), [str(path) for path in files], "price"), expected)


def test_a_dataset_of_pyarrow(files, expected):
    dataset = pytest.importorskip("pyarrow.dataset")
    form = "parquet" if files[0].suffix == ".parquet" else "ipc"
    same(quiet(clone(MODEL), dataset.dataset(files, format=form), "price"), expected)


def test_columns_in_the_names_of_folders(tmp_path, expected):
    dataset = pytest.importorskip("pyarrow.dataset")
    pyarrow = pytest.importorskip("pyarrow")
    kept = TABLE[TABLE["colour"].notna()]
    rows = pyarrow.Table.from_pandas(kept, preserve_index=False)
    how = {"format": "parquet", "partitioning_flavor": "hive"}
    dataset.write_dataset(rows, tmp_path, partitioning=["colour"], **how)
    parts = dataset.dataset(tmp_path, format="parquet", partitioning="hive")
    model = quiet(clone(MODEL), parts, "price")
    assert list(model.feature_names_in_) == ["size", "sold", "count", "colour"]
    there = kept[model.feature_names_in_]
    assert model.score(there, kept["price"]) > 0.9
    with pytest.raises(ValueError, match="Remove the filtering"):
        MODEL.fit(parts.filter(dataset.field("count") > 3), "price")


def test_a_file_without_rows_and_one_without_values(files, expected, tmp_path):
    """Parts of which nothing is seen do not say what kind of column it is."""
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    empty, gaps = tmp_path / "empty.parquet", tmp_path / "gaps.parquet"
    rows = pyarrow.Table.from_pandas(TABLE, preserve_index=False)
    parquet.write_table(rows.slice(0, 0), empty)
    same(quiet(clone(MODEL), [empty, *files], "price"), expected)
    nothing = pyarrow.nulls(120, pyarrow.string())
    for name in ("colour", "count"):
        at = rows.column_names.index(name)
        parquet.write_table(rows.slice(0, 120).set_column(at, name, nothing), gaps)
        model = quiet(clone(MODEL), [gaps, *files[1:]], "price")
        written = model.models_[0].encoder.get_feature_names_out()
        assert {"x1_0", "x3"} <= set(written)  # a level, and a number


def test_files_of_other_kinds_are_named(files, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    other = tmp_path / "other.parquet"

    def write(frame):
        parquet.write_table(
            pyarrow.Table.from_pandas(frame, preserve_index=False), other
        )

    write(TABLE.assign(sold=TABLE["sold"].astype(str)))
    words = r"'sold' holds strings .* in block 1 \(file .*other.*, and .* in block 0 \("
    with pytest.raises(TypeError, match=words):
        MODEL.fit([files[0], other], "price")
    write(TABLE.drop(columns="size"))
    with pytest.raises(ValueError, match=r"file .*other.* lacks columns .*'size'"):
        MODEL.fit([files[0], other], "price")


def test_rows_to_predict_are_in_memory(files, expected):
    with pytest.raises(ValueError, match="rows to predict must be in memory, got"):
        expected.predict(files)


def test_labels_by_name(files, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    labels = np.where(Y > 0, "dear", "cheap")
    pyarrow = pytest.importorskip("pyarrow")
    whole = pyarrow.Table.from_pandas(X.assign(price=labels), preserve_index=False)
    parquet.write_table(whole, tmp_path / "all.parquet")
    model = WNTKClassifier(n_components=60, solver="nystrom", max_iter=3)
    quiet(model, [tmp_path / "all.parquet"], "price")
    assert model.classes_.tolist() == ["cheap", "dear"]
    assert model.score(X, labels) > 0.85


def test_targets_are_those_of_a_table_in_memory(tmp_path):
    """Labels keep their type, and dates are no numbers."""
    pytest.importorskip("pyarrow")
    dear, path = Y > 0, tmp_path / "all.parquet"
    model = WNTKClassifier(n_components=10, solver="nystrom", max_iter=0)
    for labels in (dear, np.where(dear, 7, 3)):
        X.assign(price=labels).to_parquet(path)
        assert quiet(model, [path], "price").classes_.dtype == labels.dtype
        assert model.classes_.tolist() == np.unique(labels).tolist()
    sold = X["sold"]
    for times in (sold, sold.dt.tz_localize("UTC"), sold - sold.min(), sold.dt.date):
        X.assign(price=times).to_parquet(path)
        with pytest.raises(ValueError, match="y must be numbers, got dates or"):
            clone(MODEL).fit([path], "price")


def test_a_damaged_page_is_named(tmp_path):
    """Its file has checksums; without them, other numbers may be read."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    paths = [tmp_path / f"{k}.parquet" for k in range(2)]
    whole = pyarrow.Table.from_pandas(TABLE, preserve_index=False)
    for path in paths:
        parquet.write_table(
            whole,
            path,
            compression="none",
            use_dictionary=False,
            write_page_checksum=True,
        )
    number = TABLE["size"][1].tobytes()
    other = (TABLE["size"][1] + 1.0).tobytes()
    paths[1].write_bytes(paths[1].read_bytes().replace(number, other))
    assert parquet.read_table(paths[1])["size"][1].as_py() == TABLE["size"][1] + 1.0
    with pytest.raises(ValueError, match=r"block 1 \(file .*1\.parquet.* cannot be re"):
        clone(MODEL).fit(paths, "price")


def test_targets_that_are_given(files, expected, tmp_path):
    names = list(X.columns)
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "inputs.parquet"
    parquet.write_table(pyarrow.Table.from_pandas(X, preserve_index=False), path)
    model = quiet(clone(MODEL), [path], Y)
    assert list(model.feature_names_in_) == names
    same(model, expected)


def test_dask_dataframes(expected):
    dataframe = pytest.importorskip("dask.dataframe")
    frame = dataframe.from_pandas(TABLE, npartitions=3)
    same(quiet(clone(MODEL), frame, "price"), expected)
    inputs = dataframe.from_pandas(X, npartitions=3)
    same(quiet(clone(MODEL), inputs, frame["price"]), expected)


def test_workers_make_no_difference(files):
    joblib = pytest.importorskip("joblib")
    here = quiet(clone(MODEL), files, "price")
    with joblib.parallel_config(backend="loky", n_jobs=2):
        there = quiet(clone(MODEL), files, "price")
    assert_array_equal(there.predict(X), here.predict(X))


def test_errors_name_the_file_or_the_column(files, tmp_path):
    with pytest.raises(ValueError, match="y must be targets or the name of a column,"):
        MODEL.fit(files, "cost")
    broken = tmp_path / f"broken{files[0].suffix}"
    broken.write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"block 1 \(file .*broken.* cannot be read"):
        MODEL.fit([files[0], broken], "price")
    missing = tmp_path / f"missing{files[0].suffix}"
    with pytest.raises(
        ValueError, match=r"block 0 \(file .*missing.*: there is no such"
    ):
        MODEL.fit([missing], "price")
    assert not hasattr(MODEL, "models_")


def test_a_file_of_other_columns_is_named(files, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    other = tmp_path / "other.parquet"
    table = pyarrow.Table.from_pandas(TABLE.assign(size="large"), preserve_index=False)
    parquet.write_table(table, other)
    many = [*([files[0]] * 5), other, *([files[0]] * 5)]  # not among those looked at
    with pytest.raises(BlockError, match=r"block 5 \(file .*other.* column 'size'"):
        MODEL.fit(many, "price")


@pytest.mark.parametrize("kind", ["parquet", "feather", "dask"])
@pytest.mark.parametrize("dtype", ["object", "category"])
def test_levels_of_all_files_are_known(tmp_path, kind, dtype):
    """Each of 9 parts has a colour of its own, and only 4 parts are looked at."""
    rng = np.random.default_rng(1)
    colours = np.repeat([f"colour {k}" for k in range(9)], 40)
    heights = np.repeat(rng.permutation(9).astype(float), 40)
    whole = pandas.DataFrame({"size": rng.normal(size=360), "colour": colours})
    whole.loc[::25, "colour"] = None
    whole["colour"] = whole["colour"].astype(dtype)
    y = heights + 0.1 * rng.normal(size=360)
    if kind == "dask":
        dataframe = pytest.importorskip("dask.dataframe")
        parts = dataframe.from_pandas(whole.assign(y=y), npartitions=9)
    else:
        pytest.importorskip("pyarrow")
        write = f"to_{kind}"
        parts = [tmp_path / f"{k}.{kind}" for k in range(9)]
        for k, path in enumerate(parts):
            rows = whole.assign(y=y).iloc[40 * k : 40 * (k + 1)]
            getattr(rows.reset_index(drop=True), write)(path)
    model = quiet(clone(MODEL), parts, "y")
    expected = quiet(clone(MODEL), whole, y)
    assert_allclose(model.predict(whole), expected.predict(whole), atol=1e-6 * 9)
    present = whole["colour"].notna().to_numpy()
    assert model.score(whole[present], y[present]) > 0.95


def test_levels_are_read_from_their_columns_only(files, monkeypatch):
    from ntk_sklearn.estimators import _table_files

    read, plain = [], _table_files.read_frames

    def noted(source, few=False):
        if not few:
            read.append(source.columns)
        return plain(source, few)

    monkeypatch.setattr(_table_files, "read_frames", noted)
    quiet(clone(MODEL), files, "price")
    assert read == [["price"], ["colour"]]
