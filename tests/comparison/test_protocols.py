"""Protocols: scores against plain loops, and rows that tuning must not see."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ntk_sklearn.comparison import (
    Model,
    StudyError,
    StudySettings,
    load_bundled,
    load_suite,
)
from ntk_sklearn.comparison.models.kernel_families import frozen_ntk

from . import cases
from .cases import QUICK, scores, simple, study


@pytest.fixture
def suite(tmp_path):
    cases.write_suite(tmp_path / "suite")
    return tmp_path / "suite"


def test_nested_scores_are_those_of_a_plain_loop(suite):
    blobs, line = load_suite(suite)
    rows = study([blobs, line], {"plain": Model("plain", simple)})
    expected = [
        LogisticRegression().fit(blobs.X[a], blobs.y[a]).score(blobs.X[b], blobs.y[b])
        for a, b in blobs.folds
    ]
    for a, b in line.folds:
        scaler = StandardScaler().fit(line.X[a])
        mean, scale = line.y[a].mean(), line.y[a].std()
        model = Ridge().fit(scaler.transform(line.X[a]), (line.y[a] - mean) / scale)
        error = model.predict(scaler.transform(line.X[b])) - (line.y[b] - mean) / scale
        expected.append(np.sqrt(np.mean(error**2)))
    assert scores(rows) == pytest.approx(expected)


def test_arora_protocol_is_the_grid_on_the_split(suite):
    (blobs, *_) = load_suite(suite)
    rows = study([blobs], ["ntk-svm"], StudySettings("arora"))
    # By brute force: every kernel called as such, the first best point is kept.
    train, val = blobs.tuning_split
    best, best_score = None, -1.0
    for kernel, _ in frozen_ntk(blobs.X, False):
        for power in range(-2, 5):
            machine = SVC(C=10.0**power, kernel=kernel)
            score = machine.fit(blobs.X[train], blobs.y[train]).score(
                blobs.X[val], blobs.y[val]
            )
            if score > best_score:
                best, best_score = machine, score
    expected = [
        best.fit(blobs.X[a], blobs.y[a]).score(blobs.X[b], blobs.y[b])
        for a, b in blobs.folds
    ]
    assert scores(rows) == pytest.approx(expected)
    assert len({row.chosen for row in rows}) == 1
    with pytest.raises(StudyError, match="needs sets with a tuning split"):
        study(load_bundled(["wine"]), ["ntk-svm"], StudySettings("arora"))


def test_classes_absent_from_training_are_never_right():
    common = Model("most frequent", lambda job: lambda X, y, s: DummyClassifier())
    data = load_bundled(["iris"])[0]
    folds = ((np.arange(100), np.arange(90, 110)),)
    rows = study([replace(data, folds=folds)], {"common": common})
    # Classes 0 and 1 are equally frequent: 0 is predicted, and rows 90-99 are 1.
    assert scores(rows) == [0.0]


def test_a_constant_target_is_a_recorded_failure(suite):
    line = load_suite(suite, ["line"])[0]
    flat = replace(line, y=np.ones_like(line.y))
    (row, *_) = study([flat], ["rbf-ridge"], QUICK)
    assert (row.status, row.message) == (
        "failed",
        "ValueError: the target is constant on the training rows",
    )


def test_a_message_is_the_first_paragraph_of_a_warning():
    def warns(job):
        text = "stopped\nafter 9 steps.\n\nRaise the limit, see\n  https://example.org"
        warnings.warn(text, stacklevel=2)
        return lambda X, y, splits: LogisticRegression()

    row, *_ = study([cases.iris()], {"warns": Model("warns", warns)})
    assert (row.status, row.n_warnings) == ("ok", 1)
    assert row.message == "UserWarning: stopped after 9 steps."
