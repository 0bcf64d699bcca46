"""Columns of text: numbers, dates, categories, and those that are left out."""

import numpy as np
import pytest

from ntk_sklearn.comparison.data.columns import counts_rows, encode


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
