"""Reading a table of one's own, without a flag."""

import numpy as np
import pytest

from ntk_sklearn.comparison import StudyError
from ntk_sklearn.comparison.data.tables import read_csv
from ntk_sklearn.comparison.models.preprocessing import make_preprocessor

from .. import cases


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_messy_table_needs_no_flag(write):
    dataset = read_csv(write(cases.messy_csv()))
    assert dataset.task == "regression"
    # 40 rows of which 3 are repeated; size, gap, days and month, colour.
    notes = " ".join(dataset.notes)
    assert "3 repeated rows removed" in notes
    assert "constant column site left out" in notes
    assert "when read as date" in notes
    assert dataset.X.shape[0] == 40
    assert dataset.categorical.sum() == 1
    assert np.isnan(dataset.X).any()
    rows = np.arange(30)
    transformer = make_preprocessor(dataset).fit(dataset.X[rows])
    assert np.isfinite(transformer.transform(dataset.X)).all()


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"] * 10, "classification"),
        (["0", "1"] * 10, "classification"),
        (["0.5", "1.5"] * 10, "classification"),
        (["1", "2", "3", "4"] * 10, "classification"),
        ([str(i) for i in range(20)], "regression"),
        ([str(i / 4) for i in range(4)] * 10, "regression"),
    ],
)
def test_the_task_is_recognised(write, values, task):
    lines = [f"{i / 7},{value}" for i, value in enumerate(values)]
    assert read_csv(write("\n".join(["x,y", *lines]))).task == task


def test_the_task_can_be_forced(write):
    path = write("\n".join(["x,y", *(f"{i / 7},{i % 8}" for i in range(80))]))
    assert read_csv(path).task == "classification"
    dataset = read_csv(path, task="regression")
    assert dataset.task == "regression"
    assert np.array_equal(dataset.y, np.arange(80) % 8)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters(write, delimiter):
    lines = [delimiter.join([f"{i / 7}", f"{i},5"]) for i in range(20)]
    dataset = read_csv(write("\n".join([delimiter.join(["x", "y"]), *lines])))
    assert np.array_equal(dataset.y, np.arange(20) + 0.5)
    assert np.array_equal(dataset.X[:, 0], np.arange(20) / 7)


def test_latin_letters_quotes_and_a_mark(write):
    lines = [f'"Zürich, {i % 2}",{i / 7},{i % 2}' for i in range(20)]
    text = "\n".join(["Ort,größe,ja", *lines])
    for encoding in ("latin-1", "utf-8", "utf-8-sig"):
        dataset = read_csv(write(text, encoding=encoding))
        assert dataset.X.shape == (20, 2)


def test_rows_without_target_go_and_repetitions_by_nature_stay(write):
    lines = [f"{i % 4},{i % 2}" for i in range(40)] + ["9,", "9,NA"]
    dataset = read_csv(write("\n".join(["x,y", *lines])))
    assert len(dataset.y) == 40
    assert "2 rows without target removed" in dataset.notes
    assert "36 repeated rows kept" in dataset.notes


def test_one_row_is_no_rows(write):
    lines = [f"{i},{'NA' if i == 7 else i},{i / 3}" for i in range(20)]
    lines += ["0.5,0.5,", lines[0]]
    notes = read_csv(write("\n".join(["x,z,y", *lines]))).notes
    assert "1 row without target removed" in notes
    assert "1 repeated row removed" in notes
    assert "1 missing value" in notes


def test_row_numbers_are_recognised_before_rows_are_removed(write):
    lines = [f"{i},{i / 7},{'' if i == 7 else i / 3}" for i in range(20)]
    for name in ("id", ""):
        dataset = read_csv(write("\n".join([f"{name},x,y", *lines])))
        assert f"row number {name or 'without name'} left out" in dataset.notes
        assert dataset.X.shape == (19, 1)
    # What has gaps in the file is an input, and a target that counts is a target.
    assert read_csv(write("\n".join(["id,x,y", *lines[::2]]))).X.shape == (10, 2)
    counting = [f"{i / 7},{i}" for i in range(20)]
    assert np.array_equal(
        read_csv(write("\n".join(["x,id", *counting]))).y, np.arange(20)
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        ("x\n1\n", {}, "one column"),
        ("x,y\n1,2\n", {}, "has 1 row with a target, at least 10"),
        ("x,x\n1,2\n", {}, "two columns named 'x'"),
        ("x,y\n1,2\n1,2,3\n", {}, "line 3 has 3 cells, the first line has 2"),
        ("x,y\n1,2\n", {"target": "z"}, "no column 'z'; columns are x, y"),
        ("x,y\n" + "1,2\n2,2\n" * 9, {}, "one value only"),
        ("x,y\n" + "1,2\n1,3\n" * 9, {}, "no usable column"),
        (
            "x,y\n" + "".join(f"{i},a{i}\n" for i in range(12)),
            {},
            "too many for classes",
        ),
        (
            "x,y\n" + "".join(f"{i},a{i % 2}\n" for i in range(12)),
            {"task": "regression"},
            "not numeric",
        ),
        ("x,y\n" + "".join(f"{i},inf\n" for i in range(12)), {}, "infinite"),
        ("x,y\n1,2\n\0", {}, "not a text file"),
    ],
)
def test_an_unusable_table_says_why(write, text, options, message):
    with pytest.raises(StudyError, match=message):
        read_csv(write(text), **options)
