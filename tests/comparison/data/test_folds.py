"""Folds and splits: drawn, kept, and fewer than asked for."""

from dataclasses import replace

import numpy as np
import pytest

from ntk_sklearn.comparison import Dataset, load_bundled, with_folds
from ntk_sklearn.comparison.data.folds import draw_splits, thinned

from .. import cases


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


def test_rare_classes_do_not_warn():
    y = np.array([0] * 20 + [1] * 20 + [2] * 3)
    assert len(draw_splits(y, "classification", 5, 0)) == 5
    data = load_bundled(["iris"])[0]
    rare = replace(
        data, X=data.X[np.r_[:40, 50:90, 100:103]], y=np.repeat([0, 1, 2], [40, 40, 3])
    )
    rows = cases.study([with_folds(rare, 2, 0)], cases.Counted().models)
    assert [row.n_warnings for row in rows] == [0, 0]
