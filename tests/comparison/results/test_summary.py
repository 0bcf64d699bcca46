"""Rows of results as tables of sets by models."""

import numpy as np
import pytest

from ntk_sklearn.comparison import Row, report
from ntk_sklearn.comparison.results.summary import complete_part, score_table


def test_gaps_leave_out_models_first_and_then_sets():
    def row(name, model, score):
        status = "failed" if np.isnan(score) else "ok"
        key = ("classification", name, "0", model, 0, "nested", 0, False)
        return Row(*key, status, score, 0.0, 0.0, 0.0, 7.0, 9, 9, 0, "", "")

    nan = np.nan
    table = {"a": [0.9, 0.8, 0.7], "b": [0.5, nan, 0.9], "c": [nan, nan, 0.1]}
    rows = [
        row(f"set{i}", model, score)
        for model, column in table.items()
        for i, score in enumerate(column)
    ]
    part, left_out = complete_part(score_table(rows))
    assert left_out == ["c"]
    assert part.sets == ["set0", "set2"]
    assert part.mean.tolist() == [[0.9, 0.5], [0.7, 0.9]]
    published = {"theirs": {"set0": 0.95, "set1": 0.85, "set2": 0.75}, "x": {"s": 1.0}}
    table = score_table(rows, published)
    assert table.models == ["a", "b", "c", "theirs"]
    assert table.mean[:, 3].tolist() == [0.95, 0.85, 0.75]
    text = report(rows, published=published)
    assert table.costs[:3, 3].tolist()[0] == 7.0
    assert np.isnan(table.costs[3]).all()
    assert "MB" in text
    assert "Without c: no score on most sets." in text
    assert "theirs" in text


def test_costs_are_medians_as_the_first_fit_also_compiles():
    def row(fold, fit_seconds):
        key = ("regression", "s", "0", "m", fold, "nested", 0, False)
        return Row(*key, "ok", 0.5, 0.1, fit_seconds, 0.2, 3.0)

    rows = [row(fold, seconds) for fold, seconds in enumerate([60.0, 1.0, 2.0])]
    failed = Row("regression", "s", "0", "m", 3, "nested", 0, False)
    assert score_table(rows).costs.tolist() == [[0.1, 2.0, 0.2, 3.0]]
    assert score_table([*rows, failed]).costs.tolist() == [[0.1, 2.0, 0.2, 3.0]]


def test_ranks_that_no_difference_could_make_significant():
    def rows(n_sets):
        return [
            Row(
                "regression",
                f"s{i}",
                "0",
                f"m{j}",
                0,
                "nested",
                0,
                False,
                "ok",
                1.0 + j,
            )
            for i in range(n_sets)
            for j in range(3)
        ]

    assert "With so few sets, no mean ranks differ significantly" in report(rows(2))
    # Demsar 2006, Table 5: q = 2.343 for 3 models at 5 %.
    assert "Mean ranks that differ by 1.66 or more differ sig" in report(rows(4))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_columns_are_explained_where_they_are_printed(task):
    def text(*sets):
        keys = [(task, name, "0", "m", 0, "nested", 0, False) for name in sets]
        return report([Row(*key, "ok", 0.5, 0.1, 0.2, 0.3, 3.0) for key in keys])

    assert "\n* tune s, fit s, predict s: seconds for" in text("a")
    assert "* rank: " not in text("a")
    assert "\n* rank: the mean over the sets" in text("a", "b")
    assert ("\n* P90, P95: " in text("a", "b")) == (task == "classification")
