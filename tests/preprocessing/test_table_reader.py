"""Tables of every kind as numbers: levels as codes, times in seconds, gaps as NaN."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ntk_sklearn.preprocessing._table_reader import TableReader

pandas = pytest.importorskip("pandas")
NAN = np.nan
DAY = 86400.0
MOMENT = dt.datetime(2020, 5, 17, 12, 30)
SECONDS = (MOMENT - dt.datetime(1970, 1, 1)).total_seconds()

# A column of objects, the numbers it becomes, and the levels it has, if any.
COLUMNS = {
    "floats": ([1.5, None, -2.0], [1.5, NAN, -2.0], None),
    "integers": ([1, 2, None], [1.0, 2.0, NAN], None),
    "booleans": ([True, False, None], [1.0, 0.0, NAN], None),
    "strings": (["b", None, "a"], [1.0, NAN, 0.0], ("a", "b")),
    "moments": ([MOMENT, None, dt.datetime(1970, 1, 2)], [SECONDS, NAN, DAY], None),
    "dates": (
        [dt.date(1970, 1, 3), None, dt.date(1969, 12, 31)],
        [2 * DAY, NAN, -DAY],
        None,
    ),
    "durations": (
        [dt.timedelta(hours=1), None, dt.timedelta(0)],
        [3600.0, NAN, 0.0],
        None,
    ),
    "times": ([dt.time(1, 2, 3), None, dt.time(0)], [3723.0, NAN, 0.0], None),
}
NUMBERS = np.column_stack([numbers for _, numbers, _ in COLUMNS.values()])
LEVELS = tuple(levels for *_, levels in COLUMNS.values())


def objects():
    return np.array([values for values, *_ in COLUMNS.values()], dtype=object).T


def of_pandas():
    frame = pandas.DataFrame({name: v for name, (v, *_) in COLUMNS.items()})
    return frame.assign(
        strings=frame["strings"].astype("category"),
        integers=frame["integers"].astype("Int64"),
        booleans=frame["booleans"].astype("boolean"),
    )


def of_polars():
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: v for name, (v, *_) in COLUMNS.items()})


def of_pyarrow():
    """With a category missing, beside which pyarrow's arrays of NumPy have another."""
    pyarrow = pytest.importorskip("pyarrow")
    columns = {name: pyarrow.array(values) for name, (values, *_) in COLUMNS.items()}
    columns["strings"] = columns["strings"].dictionary_encode()
    return pyarrow.table(columns)


@pytest.mark.parametrize("table", [objects, of_pandas, of_polars, of_pyarrow])
def test_every_kind_of_column(table):
    X = table()
    reader = TableReader.of(X)
    assert reader.levels == LEVELS
    assert_array_equal(reader.categorical, [found is not None for found in LEVELS])
    assert_array_equal(reader.read(X), NUMBERS)


def test_categories_that_are_numbers():
    pyarrow = pytest.importorskip("pyarrow")
    codes = pandas.Categorical([30, None, 7, 30])
    frame = pandas.DataFrame({"a": codes})
    for table in (frame, pyarrow.Table.from_pandas(frame)):
        reader = TableReader.of(table)
        assert reader.levels == (("30", "7"),)
        assert_array_equal(reader.read(table), [[0], [NAN], [1], [0]])


def test_levels_that_cannot_be_looked_up():
    X = np.empty((4, 1), dtype=object)
    X[:, 0] = [[1, 2], "a", [1, 2], None]
    reader = TableReader.of(X)
    assert reader.levels == (("[1, 2]", "a"),)
    assert_array_equal(reader.read(X), [[0], [1], [0], [NAN]])


def test_lists_and_arrays_of_strings_and_dates():
    table = [["a", 1], ["b", None]]
    assert_array_equal(TableReader.of(table).read(table), [[0, 1], [1, NAN]])
    words = np.array([["x"], ["y"], ["x"]])
    assert_array_equal(TableReader.of(words).read(words), [[0], [1], [0]])
    days = np.array([["1970-01-02", "NaT"]], dtype="datetime64[D]")
    assert_array_equal(TableReader.of(days).read(days), [[DAY, NAN]])


def test_missing_values_of_every_kind():
    values = [None, NAN, pandas.NA, pandas.NaT, "a"]
    X = np.array(values, dtype=object)[:, None]
    assert_array_equal(TableReader.of(X).read(X).ravel(), [NAN] * 4 + [0])


def test_numbers_stay_what_they_are():
    arrays = [
        np.ones((3, 2)),
        np.ones((3, 2), dtype=np.float32),
        [[1.0, 2.0]],
        pandas.DataFrame({"a": [1, 2], "b": [True, False]}),
        pandas.DataFrame([[1.0, 2.0]], columns=["same", "same"]),
    ]
    for X in arrays:
        reader = TableReader.of(X)
        assert reader.levels == ()
        assert reader.read(X) is X


def test_unknown_levels_and_other_types_of_the_same_level():
    reader = TableReader.of(pandas.DataFrame({"a": pandas.Categorical([3, 1, 1])}))
    assert reader.levels == (("1", "3"),)
    for values in ([1, 3, 7], [1.0, 3.0, 7.0], np.array([1, 3, 7], dtype=object)):
        frame = pandas.DataFrame({"a": values})
        assert_array_equal(reader.read(frame).ravel(), [0, 1, -1])


@pytest.mark.parametrize(
    "features", [[True, False], [0], [-2], ["a"], np.array(["a"], dtype=object)]
)
def test_columns_of_numbers_that_are_said_to_hold_levels(features):
    X = pandas.DataFrame({"a": [4, 2, 4], "b": [0.5, 1.5, NAN]})
    reader = TableReader.of(X, features)
    assert reader.levels == (("2", "4"), None)
    assert_array_equal(reader.read(X), [[1, 0.5], [0, 1.5], [1, NAN]])
    if not isinstance(features[0], str):
        same = TableReader.of(X.to_numpy(), features)
        assert_array_equal(same.read(X.to_numpy()), reader.read(X))


@pytest.mark.parametrize("features", [[2], [-3], ["c"], [True], [[0]], [0.5], "all"])
def test_features_that_are_not_there(features):
    X = pandas.DataFrame({"a": [4, 2, 4], "b": [0.5, 1.5, NAN]})
    with pytest.raises(ValueError, match=r'categorical_features must be "from_dtype",'):
        TableReader.of(X, features)


def test_no_categories_where_there_must_be_none():
    with pytest.raises(ValueError, match="column 'a' holds strings or categories, but"):
        TableReader.of(pandas.DataFrame({"a": ["x", "y"]}), None)
    assert TableReader.of(pandas.DataFrame({"a": [Decimal("0.5")]}), None).levels == (
        None,
    )


@pytest.mark.parametrize("value", ["x", {"foo": "bar"}, 1j])
def test_other_objects_are_named(value):
    reader = TableReader.of([[1.0], [2.0]])
    X = np.array([[1.0], [value]], dtype=object)
    with pytest.raises(TypeError, match=r"column '0' must hold numbers, .* in row 1\."):
        reader.read(X)


def test_time_zones_are_one_time():
    zoned = pandas.to_datetime(["2020-01-01 12:00"]).tz_localize("UTC")
    there = zoned.tz_convert("Asia/Tokyo")
    frames = [pandas.DataFrame({"t": t}) for t in (zoned, there, there.astype(object))]
    for frame in frames:
        assert_array_equal(TableReader.of(frame).read(frame), [[1577880000.0]])
