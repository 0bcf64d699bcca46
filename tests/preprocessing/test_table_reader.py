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


@pytest.mark.parametrize("value", ["x", {"foo": "bar"}, 1j, [1, 2], np.ones(2)])
def test_other_objects_are_named(value):
    reader = TableReader.of([[1.0], [2.0]])
    X = np.full((2, 1), 1.0, dtype=object)
    X[1, 0] = value
    with pytest.raises(TypeError, match=r"column '0' must hold numbers, .* in row 1\."):
        reader.read(X)


def test_time_zones_are_one_time():
    zoned = pandas.to_datetime(["2020-01-01 12:00"]).tz_localize("UTC")
    there = zoned.tz_convert("Asia/Tokyo")
    frames = [pandas.DataFrame({"t": t}) for t in (zoned, there, there.astype(object))]
    for frame in frames:
        assert_array_equal(TableReader.of(frame).read(frame), [[1577880000.0]])


def test_lists_in_a_column_are_named():
    polars = pytest.importorskip("polars")
    values = [[1, 2], [3], None]
    frames = pandas.DataFrame({"a": values}), polars.DataFrame({"a": values})
    for frame in frames:
        with pytest.raises(TypeError, match=r"column 'a' .*\[1, 2\] in row 0\. If its"):
            TableReader.of(frame)
        reader = TableReader.of(frame, ["a"])
        assert reader.levels == (("[1, 2]", "[3]"),)


def test_polars_types():
    """By the types of the columns, whatever methods this version of polars has."""
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {
            "enum": polars.Series(["b", None, "a"], dtype=polars.Enum(["a", "b", "c"])),
            "category": polars.Series(["b", None, "a"], dtype=polars.Categorical),
            "no strings": polars.Series([None, None, None], dtype=polars.String),
            "decimal": polars.Series([Decimal("0.5"), None, Decimal("2.0")]),
        }
    )
    reader = TableReader.of(frame)
    assert reader.levels == (("a", "b"), ("a", "b"), (), None)
    expected = [[1, NAN, 0], [1, NAN, 0], [NAN] * 3, [0.5, NAN, 2]]
    assert_array_equal(reader.read(frame), np.transpose(expected))


def test_periods_are_times():
    months = pandas.period_range("1970-02", periods=3, freq="M")
    X = pandas.DataFrame({"p": months.insert(1, pandas.NaT)})
    expected = [[31 * DAY], [NAN], [59 * DAY], [90 * DAY]]
    assert_array_equal(TableReader.of(X).read(X), expected)


def test_numbers_too_large_for_floats():
    X = np.array([[10**400], [1]], dtype=object)
    assert_array_equal(TableReader.of(X).read(X), [[np.inf], [1.0]])
    assert TableReader.of(X, [0]).levels == (("1", str(10**400)),)


def test_bytes_that_are_no_text():
    X = np.array([[b"a"], [b"\xff"]], dtype=object)
    assert TableReader.of(X).levels == (("\\xff", "a"),)


def test_strings_that_are_numbers_are_warned_of():
    X = pandas.DataFrame({"a": [f"{i / 7:.3f}" for i in range(40)]})
    with pytest.warns(
        UserWarning, match="column 'a' has 40 levels in 40 rows, and all"
    ):
        TableReader.of(X)
    TableReader.of(X, ["a"])  # warnings are errors
    TableReader.of(X.assign(a=X["a"].where(X.index > 0, "about 3")))
    TableReader.of(pandas.DataFrame({"a": [str(i) for i in range(40)]}))


class Lazy:
    columns = ("a",)

    def collect(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ({"a": [1, 2]}, TypeError, "got a dict; use pandas.DataFrame"),
        ([{"a": 1}, {"a": 2}], TypeError, "got a list of dicts; use pandas.DataFrame"),
        (np.zeros(3, dtype=[("a", float)]), TypeError, "got a structured array; use"),
        (
            pandas.Series(["a", "b"]),
            ValueError,
            "got 2 values in one dimension; a single",
        ),
        (np.array(["a", "b"]), ValueError, "got 2 values in one dimension; a single"),
        (pandas.DataFrame(index=range(3)), ValueError, "X has no columns"),
        (
            Lazy(),
            TypeError,
            "X is a Lazy whose rows are not in memory; call its method",
        ),
    ],
)
def test_what_is_no_table(X, error, message):
    with pytest.raises(error, match=message):
        TableReader.of(X)
    with pytest.raises(error, match=message):
        TableReader.of([["a"]]).read(X)


def test_polars_lazy_frames_are_to_be_collected():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X is a LazyFrame .* its method collect"):
        TableReader.of(polars.LazyFrame({"a": ["x"]}))
