"""Diagrams on a full disk."""

import os

import pytest

from ntk_sklearn.comparison import StudyError, load_bundled, with_folds
from ntk_sklearn.comparison.results.plots import write_plots

from ...disk import full_beyond
from ..cases import QUICK, study


def test_half_a_picture_is_removed(tmp_path):
    pytest.importorskip("matplotlib")
    data = [with_folds(d, 2, 0) for d in load_bundled(["iris", "wine"])]
    rows = study(data, ["rbf-svm", "wntk"], QUICK)
    write_plots(tmp_path / "before", rows)  # matplotlib has files of its own to write
    with (
        full_beyond(5000),
        pytest.raises(StudyError, match=r"--plots .*difference.png: cannot be written"),
    ):
        write_plots(tmp_path / "plots", rows)
    assert os.listdir(tmp_path / "plots") == []
