"""Data sets of OpenML, without a network."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from ntk_sklearn.comparison import StudyError
from ntk_sklearn.comparison.data.openml import load_openml


def test_openml_without_network():
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

    (dataset,) = load_openml(["31"], fetch)
    assert (dataset.name, dataset.task) == ("toy-31", "classification")
    assert dataset.categorical.tolist() == [False, True]
    with pytest.raises(StudyError, match="--openml 404: cannot be fetched"):
        load_openml(["404"], fetch)
    with pytest.raises(StudyError, match="number is needed"):
        load_openml(["iris"], fetch)
    assert asked == [31, 404]


def test_a_class_called_none_stays():
    def fetch(*, data_id, as_frame, parser):
        return Bunch(
            data=np.arange(20.0)[:, None],
            target=np.array([*["none", "some"] * 9, None, "some"], dtype=object),
            feature_names=["size"],
            target_names=["class"],
            categories={},
            details={"name": "toy"},
        )

    (dataset,) = load_openml(["31"], fetch)
    assert np.bincount(dataset.y).tolist() == [9, 10]
    assert "1 row without target removed" in dataset.notes
