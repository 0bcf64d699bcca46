"""Reading data: a table of one's own, folders of files, OpenML."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from ntk_sklearn.comparison import StudyError, load_bundled, load_suite, with_folds
from ntk_sklearn.comparison import openml as openml_module
from ntk_sklearn.comparison.columns import counts_rows, encode
from ntk_sklearn.comparison.datasets import BUNDLED, Dataset, draw_splits, thinned
from ntk_sklearn.comparison.preprocessing import make_preprocessor
from ntk_sklearn.comparison.tables import read_csv

from . import comparison_cases as cases


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


# -- a table of one's own -------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("texts", "n_columns"),
    [
        (["2021-03-01", "2021-05-02", ""], 3),
        (["01.03.2021", "02.03.2021", "03.03.2021"], 2),
        (["2021-03-01T10:00:00Z", "2021-03-01T12:00:00+01:00"], 2),
        (["3/14/2021", "5/15/2022", "6/16/2023"], 3),
    ],
)
def test_dates(texts, n_columns):
    columns, notes = encode("when", texts)
    assert len(columns) == n_columns, columns
    assert notes == ["when read as date"]
    assert np.isnan(columns[0].values).sum() == texts.count("")


def test_what_is_left_out():
    assert counts_rows("Id", ["1", "2", "3"])
    assert not counts_rows("x", ["1", "2", "3"])
    assert not counts_rows("id", ["1", "2", "a"])
    assert encode("e", ["", ""])[1] == ["empty column e left out"]
    texts = [f"some text {i}" for i in range(50)]
    assert encode("t", texts)[1] == ["free text t left out"]
    # One value and gaps: whether it is there says something.
    columns, notes = encode("c", ["a", "", "a"])
    assert columns[0].categorical
    assert not notes


def test_infinite_inputs_count_as_missing():
    columns, _ = encode("x", ["1", "inf", "3"])
    assert np.array_equal(columns[0].values, [1, np.nan, 3], equal_nan=True)


# -- other sources --------------------------------------------------------------------


def test_bundled_sets():
    loaded = load_bundled()
    assert [d.name for d in loaded] == list(BUNDLED)
    assert {d.name: d.task for d in loaded} == BUNDLED
    assert [d.name for d in load_bundled(["wine", "iris", "wine"])] == ["wine", "iris"]
    with pytest.raises(StudyError, match=r"unknown data set: nope; known are breast_"):
        load_bundled(["nope"])


def test_a_suite_keeps_its_folds(tmp_path):
    cases.write_suite(tmp_path)
    blobs, line = load_suite(tmp_path)
    assert (blobs.name, blobs.task) == ("blobs", "classification")
    assert (line.name, line.task) == ("line", "regression")
    assert len(blobs.folds) == 4
    assert len(line.folds) == 5
    train, test = line.folds[0]
    assert np.array_equal(np.sort(np.r_[train, test]), np.arange(len(line.y)))
    # Classification inputs as given, regression inputs standardised.
    assert np.array_equal(make_preprocessor(blobs).fit_transform(blobs.X), blobs.X)
    assert np.allclose(make_preprocessor(line).fit_transform(line.X).std(axis=0), 1)
    assert [d.name for d in load_suite(tmp_path, ["line"])] == ["line"]
    assert len(with_folds(blobs, 2, 0).folds) == 2


def test_an_unusable_suite_says_why(tmp_path):
    with pytest.raises(StudyError, match="no such folder"):
        load_suite(tmp_path / "nope")
    with pytest.raises(StudyError, match=r"holds no classification/\*\.npz"):
        load_suite(tmp_path)
    (tmp_path / "regression").mkdir()
    path = tmp_path / "regression" / "broken.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(StudyError, match=r"broken\.npz: cannot be read"):
        load_suite(tmp_path)
    np.savez(path, X=np.ones((3, 2)), y=np.ones(3))
    with pytest.raises(StudyError, match="no array 'test_mask'"):
        load_suite(tmp_path)


def test_openml_without_network(monkeypatch):
    asked = []

    def fetch(*, data_id, as_frame, parser):
        asked.append(data_id)
        if data_id == 404:
            raise ValueError("Dataset with data_id 404 not found.")
        return Bunch(
            data=np.column_stack([np.arange(20.0), np.arange(20) % 3]),
            target=np.array(["a", "b"] * 10, dtype=object),
            feature_names=["size", "kind"],
            target_names=["class"],
            categories={"kind": ["x", "y", "z"], "class": ["a", "b"]},
            details={"name": "toy"},
        )

    monkeypatch.setattr(openml_module, "fetch_openml", fetch)
    (dataset,) = openml_module.load_openml(["31"])
    assert (dataset.name, dataset.task) == ("toy-31", "classification")
    assert dataset.categorical.tolist() == [False, True]
    with pytest.raises(StudyError, match="--openml 404: cannot be fetched"):
        openml_module.load_openml(["404"])
    with pytest.raises(StudyError, match="number is needed"):
        openml_module.load_openml(["iris"])
    assert asked == [31, 404]


# -- folds ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_splits_cope_with_rare_classes():
    y = np.array([0] * 6 + [1])
    splits = draw_splits(y, "classification", 5, 0)
    assert len(splits) == 5
    assert len(draw_splits(np.arange(5), "classification", 3, 0)) == 3
    assert len(draw_splits(np.arange(3.0), "regression", 5, 0)) == 3


def test_thinning():
    dataset = load_bundled(["iris"])[0]
    small = thinned(dataset, 30, seed=0)
    assert np.bincount(small.y).tolist() == [10, 10, 10]
    assert small.notes == ("30 of 150 rows",)
    assert thinned(dataset, 150, seed=0) is dataset
    assert small.fingerprint != dataset.fingerprint


@pytest.mark.parametrize(
    ("target", "task", "note"),
    [
        ([0, 1, 2] * 10, "classification", "10 folds instead of 100, the largest"),
        (np.arange(30.0), "regression", "30 folds instead of 100, there are 30 rows"),
        ([0] * 40 + [1, 1], "classification", "smallest class has 2 rows, not all 40"),
        ([0] * 40 + [1], "classification", "smallest class has 1 row, not all 40"),
    ],
)
def test_folds_that_cannot_be_as_asked_are_told_of(target, task, note):
    y = np.asarray(target)
    dataset = Dataset("d", task, np.zeros((len(y), 1)), y)
    told = with_folds(dataset, 100, 0)
    assert note in "; ".join(told.notes), told.notes
    assert len(told.folds) == int(told.notes[0].split()[0])


def test_folds_as_asked_need_no_words():
    for dataset in load_bundled(["iris", "diabetes"]):
        assert with_folds(dataset, 6, 0).notes == ()
