"""Tables as people write them: each read right, or refused with the cure."""

import datetime
import gzip

import numpy as np
import pytest

from ntk_sklearn.comparison import StudyError

from .written import lines, reader

N = 24
rng = np.random.default_rng(0)
A = np.round(rng.normal(size=N), 4)
B = np.round(rng.uniform(1, 900, size=N), 2)
Y = np.round(rng.normal(size=N), 3)
RED = np.array(["red", "green", "blue"])[np.arange(N) % 3]
DAYS = [datetime.date(2019, 12, 28) + datetime.timedelta(days=3 * i) for i in range(N)]
COUNTS = [950, 1050, 12400, 999, 120, 87000, 3, 45600] * 3  # thousands without doubt


def comma(values):
    return [f"{value}".replace(".", ",") for value in values]


@pytest.fixture
def read(tmp_path):
    return reader(tmp_path)


AGES = [str(20 + i % 60) for i in range(119)]
AGES_Y = [f"{i / 7:.3f}" for i in range(120)]
THOUSANDS = [f"{value:,}" for value in COUNTS]
WAVES = np.round(rng.uniform(0.1, 1.2, size=(N, 12)), 3)
KIND = ["dry", "wet"] * (N // 2)


def same(values):
    return np.asarray(values, dtype=float)


# Each: the text, the expected columns (None is a categorical one), the expected target
# and words of the notes.
TABLES = {
    "thousands": (
        lines([f'"{t}"' for t in THOUSANDS], Y, header="pop,y"),
        [same(COUNTS)],
        ["pop: 1,050 read as 1050", "separated by commas"],
    ),
    "thousands as the issue has them": (
        lines(['"950"', '"1,050"', '"12,400"'] * 8, Y, header="pop,y"),
        [same([950, 1050, 12400] * 8)],
        ["read as 1050"],
    ),
    "thousands and decimals": (
        lines([f'"{v + 0.25:,}"' for v in COUNTS], Y, header="pop,y"),
        [same(COUNTS) + 0.25],
        ["read as"],
    ),
    "thousands with points beside decimal commas": (
        lines(
            [t.replace(",", ".") for t in THOUSANDS],
            comma(A),
            comma(Y),
            header="Einwohner;a;y",
            sep=";",
        ),
        [same(COUNTS), A],
        ["separated by semicolons, decimal commas", "Einwohner: 1.050 read as 1050"],
    ),
    "thousands with spaces": (
        lines(
            [t.replace(",", "\u00a0") for t in THOUSANDS], Y, header="pop;y", sep=";"
        ),
        [same(COUNTS)],
        ["read as"],
    ),
    "thousands of Switzerland": (
        lines([t.replace(",", "'") for t in THOUSANDS], Y, header="pop;y", sep=";"),
        [same(COUNTS)],
        ["read as"],
    ),
    "millions with points": (
        lines(["3.677.472", "1.945.532", "950"] * 8, Y, header="pop;y", sep=";"),
        [same([3677472, 1945532, 950] * 8)],
        ["pop: 1.945.532 read as 1945532"],
    ),
    "three decimals stay decimals": (
        lines([f"{v:.3f}" for v in B], Y, header="b,y"),
        [np.round(B, 3)],
        [],
    ),
    "a cell that may be either": (
        lines(["950", "1,234", "2,357"] * 8, KIND, header="b;y", sep=";"),
        [same([950, 1.234, 2.357] * 8)],
        ["b: 1,234 read as 1.234, which cannot be told from 1234"],
    ),
    "points and commas in one column": (
        lines(
            [f"{b}".replace(".", ".,"[i % 3 == 0]) for i, b in enumerate(B)],
            comma(Y),
            header="b;y",
            sep=";",
        ),
        [B],
        ["b: ", "read as"],
    ),
    "European": (
        lines(comma(A), comma(B), comma(Y), header="a;b;y", sep=";"),
        [A, B],
        ["separated by semicolons, decimal commas"],
    ),
    "European without a header": (
        lines(comma(A), comma(B), comma(Y), sep=";"),
        [A, B],
        ["separated by semicolons, decimal commas", "no header line"],
    ),
    "European without a header, with a word": (
        lines(comma(A), comma(B), RED, comma(Y), sep=";"),
        [A, B, None],
        ["separated by semicolons"],
    ),
    "European with two columns of one comma each": (
        lines(comma(B), comma(Y), sep=";"),
        [B],
        ["separated by semicolons"],
    ),
    "European with units": (
        lines([f"{t} kg" for t in comma(B)], comma(Y), header="m;y", sep=";"),
        [B],
        ["m: read without kg"],
    ),
    "European with units, without a header": (
        lines([f"{t} m" for t in comma(B)], [f"{t} kg" for t in comma(Y)], sep=";"),
        [B],
        ["separated by semicolons"],
    ),
    "European, commas in names": (
        lines(comma(B), comma(Y), header="Länge, außen (m);Masse, trocken", sep=";"),
        [B],
        ["target Masse, trocken"],
    ),
    "European tabs": (
        lines(comma(A), comma(Y), header="a\ty", sep="\t"),
        [A],
        ["separated by tabs, decimal commas"],
    ),
    "European spaces": (
        lines(comma(A), comma(Y), header="a y", sep=" "),
        [A],
        ["separated by spaces, decimal commas"],
    ),
    "decimal commas in quotes": (
        lines([f'"{t}"' for t in comma(A)], [f'"{t}"' for t in comma(Y)], header="a,y"),
        [A],
        ["separated by commas, decimal commas"],
    ),
    "units below the names": (
        lines(["mm", *A], ["kg", *B], ["-", *Y], header="a,b,y"),
        [A, B],
        ["1 row without target removed"],
    ),
    "commas and spaces": (lines(A, B, Y, header="a, b, y", sep=", "), [A, B], []),
    "tabs": (lines(A, Y, header="a\ty", sep="\t"), [A], ["separated by tabs"]),
    "bars": (lines(A, Y, header="a|y", sep="|"), [A], ["separated by bars"]),
    "columns of spaces": (
        lines(
            [f"{a:10}" for a in A], [f"{y:>9}" for y in Y], header="  a   y", sep=" "
        ),
        [A],
        ["separated by spaces"],
    ),
    "quotes around everything": (
        lines([f'"{a}"' for a in A], [f'"{y}"' for y in Y], header='"a","y"'),
        [A],
        [],
    ),
    "semicolons within cells": (
        lines(A, [f"{r};{r}" for r in RED], Y, header="a,c,y"),
        [A, None],
        ["separated by commas"],
    ),
    "lines within cells": (
        lines(A, [f'"{r},\nor not"' for r in RED], Y, header="a,c,y"),
        [A, None],
        [],
    ),
    "quotes within cells": (
        lines(A, [f'"the ""{r}"" one"' for r in RED], Y, header="a,c,y"),
        [A, None],
        [],
    ),
    "percent": (lines([f"{b}%" for b in B], Y, header="b,y"), [B], ["read without %"]),
    "dollars": (
        lines([f'"${v:,}.50"' for v in COUNTS], Y, header="b,y"),
        [same(COUNTS) + 0.5],
        ["read as"],
    ),
    "euros behind": (
        lines([f"{t} €" for t in comma(B)], comma(Y), header="b;y", sep=";"),
        [B],
        ["read without €"],
    ),
    "negative in parentheses": (
        lines([f"({b})" if i % 2 else b for i, b in enumerate(B)], Y, header="b,y"),
        [np.where(np.arange(N) % 2, -B, B)],
        ["read as -"],
    ),
    "minus as it is printed": (
        lines([f"{a}".replace("-", "−") for a in A], Y, header="a,y"),
        [A],
        [],
    ),
    "leading apostrophes": (lines([f"'{b}" for b in B], Y, header="b,y"), [B], []),
    "exponents": (lines([f"{b:.6e}" for b in B], Y, header="b,y"), [B], []),
    "truth values": (
        lines(["TRUE", "FALSE", "FALSE"] * 8, Y, header="b,y"),
        [None],
        [],
    ),
    "one dash among ages": (
        lines([*AGES, "-"], AGES_Y, header="age,y"),
        [same([*AGES, "nan"])],
        ["age: 1 cell counted as missing, such as '-'"],
    ),
    "one unknown among ages": (
        lines(["unknown", *AGES], AGES_Y, header="age,y"),
        [same(["nan", *AGES])],
        ["age: 1 cell counted as missing, such as 'unknown'"],
    ),
    "a third of the ages unknown": (
        lines([a if i % 3 else "-" for i, a in enumerate(A)], Y, header="a,y"),
        [np.where(np.arange(N) % 3, A, np.nan)],
        ["a: 8 cells counted as missing, such as '-'"],
    ),
    "one foreign word among ages": (
        lines(["about 40", *AGES], AGES_Y, header="age,y"),
        [same(["nan", *AGES])],
        ["age: 1 cell counted as missing, such as 'about 40'"],
    ),
    "numbers and a word that are codes": (
        lines(["0", "1", "2", *["0", "1", "2", "3+"] * 5, "0"], Y, header="n,y"),
        [None],
        [],
    ),
    "spectra": (
        lines(*WAVES.T, KIND, header=",".join([*map(str, range(400, 448, 4)), "kind"])),
        list(WAVES.T),
        ["first line read as names, though 400 is a number", "target kind"],
    ),
    "spectra of uneven wavelengths": (
        lines(
            *WAVES.T,
            KIND,
            header=",".join([*(f"{400 * 1.03**j:.1f}" for j in range(12)), "kind"]),
        ),
        list(WAVES.T),
        ["first line read as names, though 400.0 is a number"],
    ),
    "spectra with numbers only": (
        lines(*WAVES.T, Y, header=",".join(map(str, range(1000, 480, -40)))),
        list(WAVES.T),
        ["first line read as names, though 1000 is a number"],
    ),
    "rows that rise are no header": (
        lines(*np.cumsum(WAVES, axis=1).round(3).T, Y),
        list(np.cumsum(WAVES, axis=1).round(3).T),
        ["no header line"],
    ),
    "comments": (
        "# measured by us,\n# in May\n" + lines(A, Y, header="a,y") + "# end\n",
        [A],
        ["3 comments left out", "separated by commas"],
    ),
    "names in a comment": (
        lines(A, B, Y, header="# a b y", sep=" "),
        [A, B],
        ["names taken from the comment above", "target y"],
    ),
    "cells that begin with a hash": (
        lines([f"#{i % 3}00" for i in range(N)], A, Y, header="c,a,y"),
        [None, A],
        [],
    ),
    "Excel's sep": (
        "sep=;\n" + lines(comma(A), comma(Y), header="a;y", sep=";"),
        [A],
        ["separated by semicolons"],
    ),
    "Excel's sep, tabs": (
        "sep=\t\n" + lines(A, Y, header="a\ty", sep="\t"),
        [A],
        ["separated by tabs"],
    ),
    "empty columns at the end": (
        lines(A, Y, header="a,y", end=",,"),
        [A],
        ["target y"],
    ),
    "empty columns at the end of rows": (
        "a,y\n" + lines(A, Y, end=","),
        [A],
        ["target y"],
    ),
    "names without one for the rows": (
        lines(range(1, N + 1), A, Y, header="").replace("1,", "a,y\n1,", 1),
        [A],
        ["row number without name left out"],
    ),
    "blank lines": (
        "\n\n" + lines(A, Y, header="a,y").replace("\n", "\n\n,\n"),
        [A],
        [],
    ),
    "ends of lines of Windows": (
        lines(A, Y, header="a,y").replace("\n", "\r\n"),
        [A],
        ["target y"],
    ),
    "ends of lines of old Macs": (
        lines(A, Y, header="a,y").replace("\n", "\r"),
        [A],
        ["target y"],
    ),
    "gz": (gzip.compress(lines(A, Y, header="a,y").encode()), [A], []),
    "a mark of UTF-8": (lines(A, Y, header="a,y").encode("utf-8-sig"), [A], []),
    "UTF-16": (
        lines(A, Y, header="α,y").encode("utf-16"),
        [A],
        ["read as UTF-16"],
    ),
    "Windows-1252": (
        lines(A, ["10 €", "20 €"] * 12, Y, header="größe,b,y").encode("cp1252"),
        [A, same([10, 20] * 12)],
        ["not UTF-8", "b: read without €"],
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_is_read_right(read, case):
    content, columns, said = TABLES[case]
    dataset = read(content)
    notes = "; ".join(dataset.notes)
    assert dataset.X.shape[1] == len(columns), notes
    for j, expected in enumerate(columns):
        categorical = dataset.categorical is not None and dataset.categorical[j]
        assert categorical == (expected is None), (j, notes)
        if expected is not None:
            assert np.array_equal(dataset.X[:, j], expected, equal_nan=True), notes
    n_rows = len(next((c for c in columns if c is not None), Y))
    assert len(dataset.y) == n_rows, notes
    if dataset.task == "regression" and n_rows == N:
        assert np.array_equal(dataset.y, Y), notes
    for words in said:
        assert words in notes


def test_every_delimiter_is_named(read):
    for mark, name in {",": "commas", ";": "semicolons", "|": "bars"}.items():
        notes = read(lines(A, Y, header=f"a{mark}y", sep=mark)).notes
        assert f"separated by {name}" in notes


@pytest.mark.parametrize(
    "pattern",
    [
        "%b %-d %Y",  # Jan 1 2000
        "%-m/%-d/%y",  # 1/31/20
        "%d-%b-%y",  # 31-Jan-20
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%d.%m.%Y",
        "%-d.%-m.%y",
        "%d/%m/%Y",
        "%m-%d-%Y",
        "%d %B %Y",
        "%B %-d, %Y",
        "%a, %d %b %Y",
        "%Y-%m-%dT%H:%M:%SZ",
        "%m/%d/%Y 12:00 AM",
        "%d.%m.%Y 00:00",
        "%Y-%m-%d 00:00:00.000",
    ],
)
def test_dates(read, pattern):
    dataset = read(
        lines([f'"{day.strftime(pattern)}"' for day in DAYS], Y, header="when,y")
    )
    epoch = [(day - datetime.date(1970, 1, 1)).days for day in DAYS]
    assert dataset.X.shape[1] == 3, dataset.notes  # days, month, weekday
    assert not dataset.categorical.any()
    assert np.array_equal(dataset.X[:, 0], epoch), dataset.notes
    assert any(note.startswith("when read as date") for note in dataset.notes)
    assert "cannot be told" not in " ".join(dataset.notes)


def test_a_time_of_day(read):
    times = [f"{1 + i % 12}:05 {'AP'[i % 2]}M" for i in range(N)]
    dataset = read(lines(times, Y, header="at,y"))
    hours = [(1 + i % 12) % 12 + 12 * (i % 2) + 5 / 60 for i in range(N)]
    assert np.allclose(dataset.X, np.transpose([hours]), rtol=0, atol=1e-12)
    assert "at read as time of day" in dataset.notes
    clock = [f"{i}:30" for i in range(N)]
    assert np.array_equal(
        read(lines(clock, Y, header="at,y")).X[:, 0], np.arange(N) + 0.5
    )


def test_whether_day_or_month_comes_first_is_told_or_noted(read):
    days = [f"{1 + i % 12:02d}/{1 + i % 5:02d}/2020" for i in range(N)]
    notes = " ".join(read(lines(days, Y, header="when,y")).notes)
    assert "day before month, which cannot be told" in notes
    brief = [f"{1 + i:02d}/01/{70 + i}" for i in range(N)]
    assert "years 1970 to 1993" in " ".join(
        read(lines(brief, Y, header="when,y")).notes
    )


def test_a_date_that_is_missing(read):
    days = [*map(str, DAYS[:-2]), "unknown", ""]
    dataset = read(lines(days, Y, header="when,y"))
    assert np.isnan(dataset.X[-2:]).all()
    assert not np.isnan(dataset.X[:-2]).any()
    assert "when: 1 cell counted as missing, such as 'unknown'" in dataset.notes


def test_numbers_and_words_with_digits_are_no_dates(read):
    for cells in (["1.2.10", "1.3.5", "2.0"] * 8, ["A1", "10A", "B 12"] * 8):
        assert read(lines(cells, Y, header="v,y")).categorical.tolist() == [True]


# -- targets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["none", "mild", "severe"], 3),
        (["NA", "b", "c"], 3),
        (["?", "x", "y"], 3),
        (["unknown", "0", "1"], 3),
        (["+", "-", "+"], 2),
        (["0", "1", "0.0", "1.0"], 2),
        (["TRUE", "FALSE"], 2),
    ],
)
def test_words_of_a_target_are_classes(read, cells, classes):
    cells = np.resize(cells, N)
    dataset = read(lines(A, cells, header="a,y"))
    assert dataset.task == "classification"
    assert len(dataset.y) == N
    assert len(np.unique(dataset.y)) == classes
    assert (dataset.y[0] == dataset.y[cells == cells[0]]).all()


def test_a_class_called_none_is_told_of(read):
    assert (
        "'none' taken for a class of the target"
        in read(lines(A, ["none", "some"] * 12, header="a,y")).notes
    )


def test_an_empty_target_is_missing_and_so_is_a_word_among_numbers(read):
    dataset = read(lines(A, ["", *KIND[1:]], header="a,y"))
    assert len(dataset.y) == N - 1
    dataset = read(lines(A, ["NA", "unknown", *Y[2:]], header="a,y"))
    assert np.array_equal(dataset.y, Y[2:])
    notes = "; ".join(dataset.notes)
    assert "2 cells of the target counted as missing, 'NA', 'unknown'" in notes
    assert "2 rows without target removed" in notes


def test_thousands_in_a_target(read):
    dataset = read(lines(A, [f'"{t}"' for t in THOUSANDS], header="a,y"))
    assert np.array_equal(dataset.y, COUNTS)
    assert "target y: 1,050 read as 1050" in dataset.notes


# -- what is refused ------------------------------------------------------------------

PLAIN = lines(A, Y, header="a,y")


def broken(at, text):
    """Replace a line of a good table."""
    rows = PLAIN.splitlines()
    rows[at - 1] = text
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken(5, '"1.5,2'), r"line 5 cannot be read .*: close or delete its quote"),
        (
            broken(5, '"1.5,2').replace(f"\n{A[15]},", f'\n"{A[15]}",'),
            r"line 5 cannot be read .*: close or delete its quote",
        ),
        (
            broken(5, '1.5,"2').replace(f"{Y[15]}\n", f'{Y[15]}"\n'),
            r"a quote in line 5 is closed \d+ lines below: close or delete it",
        ),
        (broken(7, "1,2,3"), "line 7 has 3 cells, the first line has 2; mend or"),
        (broken(7, "1"), "line 7 has 1 cell, the first line has 2; mend or delete"),
        (
            "Report of May\n" + PLAIN,
            "the first line has 1; mend or delete the first line",
        ),
        (PLAIN + "Source: us\n", "line 26 has 1 cell"),
        (PLAIN.replace(".", ","), "hold ','"),
        (
            b"PK\x03\x04\x14\0....",
            "not a text file; unpack it, or save the table as CSV",
        ),
        (
            b"\xd0\xcf\x11\xe0\0\0\0",
            "not a text file; unpack it, or save the table as CSV",
        ),
        (gzip.compress(PLAIN.encode(), mtime=0)[:60], "cannot be unpacked"),
        (
            b"a,y\n1,2\n\0\1\2\3\n",
            "not a text file; unpack it, or save the table as CSV",
        ),
        (
            PLAIN.encode("utf-16-le"),  # without its mark
            "not a text file; unpack it, or save the table as CSV",
        ),
        (PLAIN.replace("a,y", "a,a"), "two columns named 'a', rename one"),
    ],
)
def test_a_broken_table_is_refused_with_the_cure(read, content, message):
    with pytest.raises(StudyError, match=message):
        read(content)


def test_a_misspelt_target_gets_the_nearest_and_not_all_names(read):
    long = "a name of many words, "
    names = ["price", "PRICE2", *(f"{long * 9}x{j}" for j in range(199))]
    quoted = ",".join(f'"{name}"' for name in names)
    text = lines(*np.round(rng.normal(size=(201, N)), 3), header=quoted)
    with pytest.raises(StudyError) as caught:
        read(text, target="Prise")
    said = str(caught.value).partition("has ")[2]
    assert said.startswith(
        "no column 'Prise', did you mean 'price' or 'PRICE2'? columns are price, "
        "PRICE2, a name of many words, a name of many ..., "
    )
    assert said.endswith(" and 191 others")
    assert len(said) < 500


def test_dates_without_pandas_are_refused_with_the_cure(read, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    assert read(PLAIN).X.shape == (N, 1)
    with pytest.raises(StudyError, match=r"needs pandas: pip install .*\[bench\]"):
        read(lines(DAYS, Y, header="when,y"))


def test_a_packed_table_is_named_without_its_endings(read):
    assert (
        read(gzip.compress(PLAIN.encode(), mtime=0), name="houses.csv.gz").name
        == "houses"
    )
