"""Running studies: resuming, failures, and results that no longer count."""

from dataclasses import replace

import numpy as np
import pytest

from ntk_sklearn.comparison import (
    MODELS,
    Model,
    StudyError,
    StudySettings,
    read_results,
    report,
)
from ntk_sklearn.comparison.cli import main

from . import cases
from .cases import QUICK, simple, study


@pytest.fixture
def counted():
    return cases.Counted()


@pytest.mark.parametrize("k", [0, 2, 4])
def test_an_interrupted_study_resumes(tmp_path, counted, capsys, k):
    out = tmp_path / "results.csv"
    command = ["compare", "--data", "iris,wine", "--models", "counted", "--folds", "3"]
    command += ["--jobs", "1", "--out", str(out)]
    counted.stop = k
    assert main(command, counted.models) == 130
    assert "interrupted" in capsys.readouterr().err
    assert len(read_results(out)) == k
    # The next row was cut short by the interruption.
    with out.open("a") as file:
        file.write("classification,iris,12")
    counted.stop = None
    assert main(command, counted.models) == 0
    assert counted.fits == 6
    assert len(read_results(out)) == 6
    table = capsys.readouterr().out
    assert main(command, counted.models) == 0
    assert counted.fits == 6
    assert capsys.readouterr().out == table


def test_changed_data_or_settings_are_computed_anew(tmp_path, counted):
    out, iris = tmp_path / "results.csv", cases.iris()

    def fits(dataset, **settings):
        before = counted.fits
        study([dataset], counted.models, StudySettings(**settings), out=out)
        return counted.fits - before

    assert fits(iris) == 3
    assert fits(iris) == 0
    assert fits(iris, seed=1) == 3
    assert fits(replace(iris, X=2 * iris.X)) == 3


def test_results_of_another_number_of_folds_are_computed_anew(tmp_path, counted):
    out = tmp_path / "results.csv"
    study([cases.iris()], counted.models, out=out)
    six = cases.iris(6)
    rows = study([six], counted.models, out=out)
    assert counted.fits == 3 + 6
    assert [row.n_test for row in rows] == [25] * 6
    study([six], counted.models, out=out)
    assert counted.fits == 3 + 6


def test_a_failure_is_recorded_and_not_the_end(tmp_path):
    def tuner(job):
        raise RuntimeError("no\nluck")

    models = {"broken": Model("fails", tuner), "rbf-svm": MODELS["rbf-svm"]}
    out, iris = tmp_path / "results.csv", cases.iris()
    rows = study([iris], models, QUICK, out=out)
    failed = [row for row in rows if not row.ok]
    assert [row.message for row in failed] == ["RuntimeError: no luck"] * 3
    assert np.isnan([row.score for row in failed]).all()
    text = report(rows)
    assert "broken failed on iris (3 folds): RuntimeError: no luck" in text
    assert len(read_results(out)) == 6
    # A failure is kept, unless asked to try again.
    mended = {"broken": Model("mended", simple)}
    kept = study([iris], mended, QUICK, out=out)
    assert not any(row.ok for row in kept)
    tried = study([iris], mended, QUICK, out=out, retry_failed=True)
    assert all(row.ok for row in tried)


def test_models_run_on_the_sets_of_their_tasks_only():
    only = Model("numbers", simple, tasks=("regression",))
    rows = study([cases.iris()], {"only": only, "both": Model("both", simple)})
    assert {row.model for row in rows} == {"both"}
    with pytest.raises(StudyError, match="none of the models is for classification: o"):
        study([cases.iris()], {"only": only})
