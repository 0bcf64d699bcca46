"""Whether the first line of a table names its columns or is a row of it."""

import numpy as np
import pytest

from ntk_sklearn.comparison.data.tables import read_csv

rng = np.random.default_rng(0)
NUMBERS = [f"{a:.4f},{b:.4f},{80 + a:.4f}" for a, b in rng.normal(size=(20, 2))]
COLOURS = [f"{['red', 'blue'][i % 2]},{line}" for i, line in enumerate(NUMBERS)]
GAP = ["NA" + NUMBERS[0][NUMBERS[0].index(",") :], *NUMBERS[1:]]
LETTERS = [f"{'xo'[i % 2]},{'xob'[i % 3]},{'yn'[i // 2 % 2]}" for i in range(20)]
DATES = [f"2020-01-{i + 1:02d},{'ab'[i % 2]},{'yn'[i // 2 % 2]}" for i in range(20)]
LIKERT = [f"{1 + i % 3},{2 + i % 2},{3 + i % 5}" for i in range(30)]
RARE = [f"{line},{'xy'[i % 2] if i else 'once'}" for i, line in enumerate(NUMBERS)]


@pytest.fixture
def read(tmp_path):
    def read(*lines):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines))
        return read_csv(path)

    return read


@pytest.mark.parametrize("lines", [NUMBERS, COLOURS, GAP, LETTERS, DATES, LIKERT, RARE])
def test_no_row_is_lost_without_a_header(read, lines):
    dataset = read(*lines)
    width = len(lines[0].split(","))
    said = f"no header line, columns are column_1 to column_{width}"
    assert said in dataset.notes, dataset.notes
    assert f"target column_{width}" in dataset.notes
    assert len(dataset.y) == len(lines)


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("a,b,c", NUMBERS),
        ("a,b,c", LETTERS),
        ("a,b,c", DATES),
        (",colour,b,c", [f"{i},{line}" for i, line in enumerate(LETTERS)]),
        ("day,2020-01-01,c", NUMBERS),
    ],
)
def test_words_are_names(read, header, lines):
    dataset = read(header, *lines)
    assert f"target {header[-1]}" in dataset.notes
    assert "first line" not in " ".join(dataset.notes)


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("0,1,2", NUMBERS),
        ("2019,2020,2021", NUMBERS),
        ("1.5,b,7", NUMBERS),
        (",0,1,2", [f"{i},{line}" for i, line in enumerate(NUMBERS)]),
        ("0,1,2,3", COLOURS),
    ],
)
def test_numbers_that_are_names_are_told_of(read, header, lines):
    dataset = read(header, *lines)
    number = next(name for name in header.split(",") if name)
    assert f"first line read as names, though {number} is a number" in dataset.notes
    assert f"target {header.split(',')[-1]}" in dataset.notes
    assert len(dataset.y) == len(lines)
