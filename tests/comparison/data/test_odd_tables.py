"""Odd tables of text: packings, encodings, titles, units, dates."""

import bz2
import csv
import datetime
import io
import lzma
import zipfile

import numpy as np
import pytest

from ntk_sklearn.comparison import StudyError

from ..written import lines, reader

N = 24
rng = np.random.default_rng(1)
A = np.round(rng.normal(size=N), 4)
B = np.round(rng.uniform(1, 900, size=N), 2)
Y = np.round(rng.normal(size=N), 3)
DAYS = [datetime.date(2019, 12, 28) + datetime.timedelta(days=11 * i) for i in range(N)]
MASSES = [f"{b} {'kg' if i % 2 else 'g'}" for i, b in enumerate(B)]
NAN = np.nan


@pytest.fixture
def read(tmp_path):
    return reader(tmp_path)


def column(read, cells):
    """Return the inputs that become of a column of cells, and the notes."""
    dataset = read(lines([f'"{cell}"' for cell in cells], A, Y, header="c,a,y"))
    assert np.array_equal(dataset.y, Y)
    return dataset.X[:, :-1], "; ".join(dataset.notes), dataset.categorical[:-1]


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("SLASH", "/") + ".csv", content)
    return packed.getvalue()


PLAIN = lines(A, B, Y, header="a,b,y")


def is_plain(dataset):
    assert np.array_equal(dataset.X, np.column_stack([A, B]))
    assert np.array_equal(dataset.y, Y)
    assert "target y" in dataset.notes
    return dataset


# -- files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("bz2", bz2.compress(PLAIN.encode())),
        ("xz", lzma.compress(PLAIN.encode())),
        ("zip", zipped(table=PLAIN)),
        ("zip", zipped(__MACOSXSLASHtable="?", table=PLAIN)),
    ],
)
def test_packed_files(read, ending, content):
    assert is_plain(read(content, name=f"house.csv.{ending}")).name == "house"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_marks_of_encodings(read, encoding):
    is_plain(read(PLAIN.encode(encoding)))
    is_plain(read(("\ufeff" + PLAIN).encode(encoding)))  # twice


@pytest.mark.parametrize("encoding", ["shift_jis", "cp1251", "mac-roman", "big5"])
def test_levels_stay_different_in_any_encoding(read, encoding):
    words = {"cp1251": "да нет ђ", "mac-roman": "größe über é"}.get(
        encoding, "赤 青 空"
    )
    table = lines(A, words.split() * 8, Y, header="a,b,y")
    dataset = read(table.encode(encoding))
    assert len(np.unique(dataset.X[:, 1])) == 3
    assert (dataset.X[:3, 1] == dataset.X[3:6, 1]).all()


def test_marks_that_cannot_be_seen(read):
    is_plain(read(lines([f"\u200b{a}\u200e" for a in A], B, Y, header="a,b,y")))
    is_plain(read(PLAIN + "\x1a"))


def test_very_long_cells(read):
    limit = csv.field_size_limit()
    text = "word " * 40_000
    table = lines([text + "ab"[i % 2] for i in range(N)], A, Y, header="c,a,y")
    assert read(table).categorical.tolist() == [True, False]
    assert csv.field_size_limit() == limit


def test_backslashes_are_no_escapes(read):
    cells = [f'"the \\"{"ab"[i % 2]}\\", one"' for i in range(N)]
    with pytest.raises(StudyError, match="write it twice if it stands within"):
        read(lines(cells, A, Y, header="c,a,y"))
    paths = [f'"C:\\\\{"ab"[i % 2]}\\"' for i in range(N)]
    assert read(lines(paths, A, Y, header="c,a,y")).X.shape == (N, 2)


def test_blanks_after_quotes(read):
    cells = [f'"{"ab"[i % 2]}, c" ' for i in range(N)]
    dataset = read(lines(cells, A, Y, header='"c" ,a,y'))
    assert dataset.categorical.tolist() == [True, False]
    for rows in ([f'"{line}"' for line in PLAIN.splitlines()], ['the"first"one'] * 20):
        with pytest.raises(StudyError, match="has one column"):
            read("\n".join(rows))


def test_a_title_above_the_names(read):
    with pytest.raises(StudyError, match="no name for column 2; delete lines above"):
        read("Report of 2020,,\n,,\n" + PLAIN)


def test_rows_that_begin_with_an_error_of_excel_are_no_comments(read):
    cells = ["#N/A" if i % 6 == 0 else b for i, b in enumerate(B)]
    dataset = read(lines(cells, A, Y, header="b,a,y"))
    assert len(dataset.y) == N
    assert np.isnan(dataset.X[::6, 0]).all()


def test_shuffled_row_numbers_are_left_out(read):
    dataset = read(lines(rng.permutation(N), A, Y, header=",a,y"))
    assert "row number without name left out" in dataset.notes
    assert dataset.X.shape == (N, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(a=PLAIN, b=PLAIN), "holds 2 files; unpack the one with the table"),
        (bz2.compress(PLAIN.encode())[:60], "cannot be unpacked"),
        (lzma.compress(PLAIN.encode())[:60], "cannot be unpacked"),
        ("a,b,y\n", "has one line; names and rows below are needed"),
        ('{"a": 1, "y": 2}\n' * 20, "is JSON; save the table as CSV"),
        ('[["a", 1], ["y", 2]]', "is JSON; save the table as CSV"),
        ("<html><table><tr><td>1</td></tr>", "is HTML; save the table as CSV"),
        (PLAIN.replace(",", "^"), "or by what a first line such as sep=\\^ says"),
        (lines(A, DAYS, header="a,y"), "target y holds dates; choose another column"),
        (
            lines(A, [*Y[1:], "none of these"], header="a,y"),
            "target y has cells that are no numbers, such as 'none of these'",
        ),
        (
            lines(
                A,
                [f"{b} {'kg' if i % 2 else 'g'}" for i, b in enumerate(B)],
                header="a,y",
            ),
            "target y has numbers of several units; write all in one",
        ),
    ],
)
def test_what_is_refused(read, content, message):
    with pytest.raises(StudyError, match=message):
        read(content)


def test_a_workbook_is_refused(read):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(
        StudyError, match=r"holds 2 files; .* or save a workbook as CSV"
    ):
        read(packed.getvalue(), name="table.xlsx")


def test_any_delimiter_that_the_first_line_names(read):
    is_plain(read("sep=^\n" + PLAIN.replace(",", "^")))


# -- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "values", "note"),
    [
        ([f"{b} K" for b in B], B, "read without K"),  # degrees
        ([f"{b}-" if i % 2 else b for i, b in enumerate(B)], None, "read as -"),
        ([f"{7 * i:05d}" for i in range(N)], 7 * np.arange(N), "00007 read as 7"),
        (["-1.#IND", "nan", *B[2:]], [NAN, NAN, *B[2:]], "1 cell counted as missing"),
        ([r"\N", "(null)", *B[2:]], [NAN, NAN, *B[2:]], "2 missing values"),
    ],
)
def test_numbers(read, cells, values, note):
    values = np.where(np.arange(N) % 2, -B, B) if values is None else values
    X, notes, categorical = column(read, cells)
    assert not categorical.any(), notes
    assert np.allclose(X[:, 0], values, rtol=1e-14, atol=0, equal_nan=True), notes
    assert note in notes


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (
            MASSES,
            "c left out: numbers of several units, such as",
        ),
        (
            [f"{b}{'M' if i % 2 else 'k'}" for i, b in enumerate(B)],
            "c left out: numbers of several units, such as",
        ),
        (
            [f"{'$€'[i % 2]}{b}" for i, b in enumerate(B)],
            "c left out: numbers of several units, such as",
        ),
        (
            [f"<{b}" if i % 6 == 0 else b for i, b in enumerate(B)],
            "c left out: 4 cells of 24 are no numbers, such as '<",
        ),
    ],
)
def test_numbers_that_cannot_be_compared_are_left_out_with_the_reason(
    read, cells, note
):
    X, notes, _ = column(read, cells)
    assert X.shape[1] == 0
    assert note in notes


@pytest.mark.parametrize("pair", [("Yes", "no", "YES"), ("TRUE", "false", "True")])
def test_truth_values_in_any_case_are_two(read, pair):
    X, _, categorical = column(read, [*pair] * 8)
    assert categorical.tolist() == [True]
    assert len(np.unique(X)) == 2
    dataset = read(lines(A, [*pair] * 8, header="a,y"))
    assert np.array_equal(dataset.y, [1, 0, 1] * 8)


# -- dates ----------------------------------------------------------------------------


def ordinal(day):
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{'th' if 10 < day < 14 else ends.get(day % 10, 'th')}"


@pytest.mark.parametrize(
    "cells",
    [
        [f"{ordinal(d.day)} {d:%B %Y}" for d in DAYS],
        [f"{d:%b} {ordinal(d.day)}, {d:%Y}" for d in DAYS],
        [f"{d:%Y%m%d}" for d in DAYS],
        [f"{d:%Y-%m-%d} 00:00:00+00" for d in DAYS],
    ],
)
def test_dates(read, cells):
    X, notes, categorical = column(read, cells)
    assert "c read as date" in notes
    assert not categorical.any()
    assert np.array_equal(X[:, 0], [(d - datetime.date(1970, 1, 1)).days for d in DAYS])


def test_months(read):
    months = [f"{1 + i % 12:02d}-{2010 + i // 12}" for i in range(N)]
    for cells in (months, [month.replace("-", "/") for month in months]):
        X, notes, _ = column(read, cells)
        assert "c read as date" in notes
        assert np.array_equal(X[:, 1], 1 + np.arange(N) % 12)


@pytest.mark.parametrize(
    "cells",
    [
        [f"{d.day}. Januar {d.year + i}" for i, d in enumerate(DAYS)],
        [f"{d:%G-W%V-%u}" for d in DAYS],
        [f"{d:%d.%m.%Y} 00:00 Uhr" for d in DAYS],
        [f"{d} 19:00:00 EST" for d in DAYS],
        [f"{20 + i}:{7 * i % 60:02d}:30" for i in range(N)],
        [f"{d}" if i % 2 else f"{d:%d.%m.%Y}" for i, d in enumerate(DAYS)],
    ],
)
def test_other_dates_and_durations_are_left_out_with_a_word(read, cells):
    X, notes, _ = column(read, cells)
    assert X.shape[1] == 0
    assert "c left out" in notes or "free text c left out" in notes


def test_days_that_there_are_not_are_missing(read):
    X, notes, _ = column(read, ["20200231", *[f"{d:%Y%m%d}" for d in DAYS[1:]]])
    assert np.isnan(X[0]).all()
    assert "1 cell counted as missing, such as '20200231'" in notes


def test_a_date_that_is_zero_is_missing(read):
    cells = ["0000-00-00" if i % 5 == 0 else str(d) for i, d in enumerate(DAYS)]
    X, notes, _ = column(read, cells)
    assert "5 cells counted as missing, such as '0000-00-00'" in notes
    assert np.isnan(X[::5]).all()


def test_numbers_of_eight_digits_are_no_days(read):
    cells = [20_000_000 + 37 * i for i in range(N)]  # no month is 00
    X, notes, _ = column(read, cells)
    assert "date" not in notes
    assert np.array_equal(X[:, 0], cells)
