"""Running studies: protocols, resuming, failures, the command line."""

import io
import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ntk_sklearn import NNGPKernel, NTKernel
from ntk_sklearn.comparison import (
    MODELS,
    Model,
    Row,
    Settings,
    StudyError,
    load_bundled,
    load_suite,
    models,
    read_results,
    report,
    run_study,
    study,
    with_folds,
)
from ntk_sklearn.comparison import kernel_families as families
from ntk_sklearn.comparison.cli import main
from ntk_sklearn.comparison.datasets import TASKS
from ntk_sklearn.comparison.progress import Progress, clock
from ntk_sklearn.comparison.quiet import counted_warnings
from ntk_sklearn.comparison.results import ResultsFile
from ntk_sklearn.comparison.summary import complete_part, score_table

from . import comparison_cases as cases

QUICK = Settings(quick=True)


def _simple(job):
    """A tuner without a choice."""
    return lambda X, y, splits: LogisticRegression() if job.classifies else Ridge()


@pytest.fixture
def iris():
    return with_folds(load_bundled(["iris"])[0], 3, 0)


@pytest.fixture
def suite(tmp_path):
    cases.write_suite(tmp_path / "suite")
    return tmp_path / "suite"


@pytest.fixture
def counted(monkeypatch):
    """A model that counts its fits, and stops the study after some."""
    state = {"fits": 0, "stop": None}

    def tuner(job):
        def tune(X, y, splits):
            if state["fits"] == state["stop"]:
                raise KeyboardInterrupt
            state["fits"] += 1
            return _simple(job)(X, y, splits)

        return tune

    monkeypatch.setitem(MODELS, "counted", Model("counts", tuner, default=()))
    return state


def scores(rows):
    return [row.score for row in rows]


# -- protocols ------------------------------------------------------------------------


def test_nested_scores_are_those_of_a_plain_loop(suite, monkeypatch):
    monkeypatch.setitem(MODELS, "plain", Model("plain", _simple, default=()))
    blobs, line = load_suite(suite)
    rows = run_study([blobs, line], ["plain"], progress=False)
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
    rows = run_study([blobs], ["ntk-svm"], Settings("arora"), progress=False)
    # By brute force: every kernel called as such, the first best point is kept.
    train, val = blobs.tuning_split
    best, best_score = None, -1.0
    for kernel, _ in families.frozen_ntk(blobs.X, False):
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
        run_study(load_bundled(["wine"]), ["ntk-svm"], Settings("arora"))


def test_frozen_family_is_partial_sums_of_layers():
    X = np.random.default_rng(0).normal(size=(6, 3))
    found = [(kernel, gram.copy()) for kernel, gram in families.frozen_ntk(X, False)]
    assert len(found) == 15
    assert np.allclose(found[0][1], X @ X.T)
    for kernel, gram in found:
        assert np.allclose(kernel(X), gram, rtol=1e-12, atol=1e-14)
    # Each layer halves the diagonal of what is below: no layer frozen, depth 2.
    assert np.allclose(np.diag(found[3][1]), 0.75 * (X**2).sum(axis=1))


@pytest.mark.parametrize(("name", "made"), [("ntk", NTKernel), ("nngp", NNGPKernel)])
def test_families_of_networks_hold_the_kernel_of_their_name(name, made):
    X = np.random.default_rng(0).normal(size=(6, 3))
    tuned = list(getattr(families, name)(X, False))
    assert len(tuned) == 8
    assert all(type(kernel) is made for kernel, _ in tuned)
    learned = getattr(families, f"learned_{name}")(X, False)
    assert [type(kernel.k1.k2) for kernel in learned] == [made] * 4


def test_same_seed_same_table(iris):
    names = ["forest", "mlp", "ntk-svm", "wntk"]
    first = run_study([iris], names, QUICK, progress=False)
    again = run_study([iris], names, QUICK, progress=False)
    assert scores(first) == scores(again)
    assert all(row.ok for row in first)


def test_parallel_rows_equal_sequential_ones(iris):
    names = ["rbf-svm", "ntk-ridge"]
    alone = run_study([iris], names, QUICK, progress=False)
    with parallel_config("threading", n_jobs=2):
        threads = run_study([iris], names, QUICK, progress=False)
    assert scores(threads) == scores(alone)
    assert [row.key for row in threads] == [row.key for row in alone]


def test_every_installed_model_runs(suite):
    datasets = load_suite(suite)
    rows = run_study(
        [with_folds(d, 1, 0) for d in datasets], settings=QUICK, progress=False
    )
    assert [row for row in rows if not row.ok] == []
    by_task = {task: {r.model for r in rows if r.task == task} for task in TASKS}
    assert {"wntk", "ntk-svm", "rbf-svm", "forest", "boosting", "mlp"} <= by_task[
        "classification"
    ]
    assert {"wntk", "ntk-ridge", "ntk-gp", "nngp-gp", "rbf-gp"} <= by_task["regression"]
    for row in rows:
        if row.task == "regression":
            assert row.score < 0.8, row


def test_classes_absent_from_training_are_never_right(monkeypatch):
    monkeypatch.setitem(
        MODELS,
        "common",
        Model("most frequent", lambda job: lambda X, y, s: DummyClassifier()),
    )
    data = load_bundled(["iris"])[0]
    folds = ((np.arange(100), np.arange(90, 110)),)
    rows = run_study([replace(data, folds=folds)], ["common"], progress=False)
    # Classes 0 and 1 are equally frequent: 0 is predicted, and rows 90-99 are 1.
    assert scores(rows) == [0.0]


def test_a_constant_target_is_a_recorded_failure(suite):
    line = load_suite(suite, ["line"])[0]
    flat = replace(line, y=np.ones_like(line.y))
    (row, *_) = run_study([flat], ["rbf-ridge"], QUICK, progress=False)
    assert (row.status, row.message) == (
        "failed",
        "ValueError: the target is constant on the training rows",
    )


# -- resuming and failures ------------------------------------------------------------


@pytest.mark.parametrize("k", [0, 2, 4])
def test_an_interrupted_study_resumes(tmp_path, counted, capsys, k):
    out = tmp_path / "results.csv"
    command = ["compare", "--data", "iris,wine", "--models", "counted", "--folds", "3"]
    command += ["--jobs", "1", "--out", str(out)]
    counted["stop"] = k
    assert main(command) == 130
    assert "interrupted" in capsys.readouterr().err
    assert len(read_results(out)) == k
    # The next row was cut short by the interruption.
    with out.open("a") as file:
        file.write("classification,iris,12")
    counted["stop"] = None
    assert main(command) == 0
    assert counted["fits"] == 6
    assert len(read_results(out)) == 6
    table = capsys.readouterr().out
    assert main(command) == 0
    assert counted["fits"] == 6
    assert capsys.readouterr().out == table


def test_changed_data_or_settings_are_computed_anew(tmp_path, counted, iris):
    out = tmp_path / "results.csv"

    def fits(dataset, **settings):
        before = counted["fits"]
        run_study([dataset], ["counted"], Settings(**settings), out=out, progress=False)
        return counted["fits"] - before

    assert fits(iris) == 3
    assert fits(iris) == 0
    assert fits(iris, seed=1) == 3
    assert fits(replace(iris, X=2 * iris.X)) == 3


def test_results_of_another_number_of_folds_are_computed_anew(tmp_path, counted, iris):
    out = tmp_path / "results.csv"
    run_study([iris], ["counted"], out=out, progress=False)
    six = with_folds(load_bundled(["iris"])[0], 6, 0)
    rows = run_study([six], ["counted"], out=out, progress=False)
    assert counted["fits"] == 3 + 6
    assert [row.n_test for row in rows] == [25] * 6
    run_study([six], ["counted"], out=out, progress=False)
    assert counted["fits"] == 3 + 6


def test_a_failure_is_recorded_and_not_the_end(tmp_path, iris, monkeypatch):
    def tuner(job):
        raise RuntimeError("no\nluck")

    monkeypatch.setitem(MODELS, "broken", Model("fails", tuner, default=()))
    out = tmp_path / "results.csv"
    rows = run_study([iris], ["broken", "rbf-svm"], QUICK, out=out, progress=False)
    failed = [row for row in rows if not row.ok]
    assert [row.message for row in failed] == ["RuntimeError: no luck"] * 3
    assert np.isnan([row.score for row in failed]).all()
    text = report(rows)
    assert "broken failed on iris (3 folds): RuntimeError: no luck" in text
    assert len(read_results(out)) == 6
    # A failure is kept, unless asked to try again.
    monkeypatch.setitem(MODELS, "broken", Model("mended", _simple, default=()))
    kept = run_study([iris], ["broken"], QUICK, out=out, progress=False)
    assert not any(row.ok for row in kept)
    tried = run_study(
        [iris], ["broken"], QUICK, out=out, progress=False, retry_failed=True
    )
    assert all(row.ok for row in tried)


def test_a_killed_worker_is_a_recorded_failure(iris, monkeypatch):
    pid = os.getpid()

    def tuner(job):
        def tune(X, y, splits):
            if os.getpid() != pid:
                os._exit(1)
            return LogisticRegression()

        return tune

    monkeypatch.setitem(MODELS, "deadly", Model("dies", tuner, default=()))
    data = with_folds(iris, 1, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib tells of the lost worker
        rows = run_study([data], ["deadly", "rbf-svm"], QUICK, n_jobs=2, progress=False)
    assert [row.ok for row in rows] == [False, True]
    assert "killed its process" in rows[0].message


def test_memory_limits_the_cells_at_a_time(iris, monkeypatch):
    cell = study.Cell(iris, "ntk-svm", MODELS["ntk-svm"], (0,))
    monkeypatch.setattr(study, "_free_memory", lambda: 10 * cell.n_bytes)
    assert study._jobs_that_fit([cell] * 20, 16) == 7
    monkeypatch.setattr(study, "_free_memory", lambda: 1)
    assert study._jobs_that_fit([cell] * 20, 16) == 1
    monkeypatch.setattr(study, "_free_memory", lambda: None)
    assert study._jobs_that_fit([cell] * 20, 16) == 16


def test_warnings_are_counted_and_not_shown(iris, monkeypatch, recwarn):
    def tuner(job):
        warnings.warn("hm", UserWarning, stacklevel=1)
        return _simple(job)

    monkeypatch.setitem(MODELS, "noisy", Model("warns", tuner, default=()))
    rows = run_study([iris], ["noisy"], QUICK, progress=False)
    assert [row.n_warnings for row in rows] == [1, 1, 1]
    assert "not shown: noisy 3." in report(rows)
    assert len(recwarn) == 0
    filters = list(warnings.filters)
    with counted_warnings() as outer, counted_warnings() as inner:
        warnings.warn("inner", UserWarning, stacklevel=1)
    assert (len(outer), inner) == (0, ["UserWarning: inner"])
    assert list(warnings.filters) == filters


# -- tables ---------------------------------------------------------------------------


def test_gaps_leave_out_models_first_and_then_sets(iris):
    def row(name, model, score):
        status = "failed" if np.isnan(score) else "ok"
        key = ("classification", name, "0", model, 0, "nested", 0, False)
        return Row(*key, status, score, 0.0, 0.0, 0.0, 9, 9, 0, "", "")

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
    assert "Without c: no score on most sets." in text
    assert "theirs" in text


# -- results files and progress -------------------------------------------------------


def test_damaged_results_are_named(tmp_path):
    path = tmp_path / "r.csv"
    with ResultsFile(path):
        pass
    assert read_results(path) == []
    with path.open("a") as file:
        file.write("classification,iris\n")
    with pytest.raises(StudyError, match="damaged row"):
        read_results(path)


def test_the_default_models_are_installed():
    chosen = models.choose_models(None, "classification")
    assert all(model.requires is None or model.available for model in chosen.values())
    assert "ntk-gp" not in chosen


def test_progress_guesses_from_what_each_kind_took():
    stream = io.StringIO()
    progress = Progress([("a", 1.0), ("a", 2.0), ("b", 1.0)], stream, every=0.0)
    assert np.isnan(progress.remaining(0.0))
    progress.advance("a", 1.0, 3.0, "one")
    # a: 2 at 3 s; b, unknown: 1 at 3 s. All at the measured pace of one at a time.
    assert progress.remaining(3.0) == pytest.approx(9.0)
    progress.advance("b", 1.0, 1.0, "two")
    assert progress.remaining(4.0) == pytest.approx(6.0)
    # Two at a time: half of the pieces' own seconds have passed.
    assert progress.remaining(2.0) == pytest.approx(3.0)
    progress.advance("a", 2.0, 6.0, "three")
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "1/3" in lines[1]
    assert "left  one" in lines[1]
    assert lines[-1].endswith("done")
    assert [clock(s) for s in (7, 750, 3723)] == ["0:07", "12:30", "1:02:03"]


def test_progress_rewrites_one_line_on_a_terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
    progress = Progress([("a", 1.0)], stream)
    progress.advance("a", 1.0, 0.1, "x")
    progress.close()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 2
