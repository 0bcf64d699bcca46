"""Sets that scikit-learn ships, and folders of files."""

import numpy as np
import pytest

from ntk_sklearn.comparison import StudyError, load_bundled, load_suite, with_folds
from ntk_sklearn.comparison.data.datasets import BUNDLED
from ntk_sklearn.comparison.models.preprocessing import make_preprocessor

from .. import cases


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
