"""The command line of the comparison: what it takes, what it says."""

import io
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from ntk_sklearn import __version__
from ntk_sklearn.comparison import MODELS, Model, read_results, structured
from ntk_sklearn.comparison.arguments import parse
from ntk_sklearn.comparison.cli import main

from ..disk import full_stream, needs_full
from . import cases

LOOK = ["compare", "--quick", "--jobs", "1"]


def test_a_messy_table_without_a_flag(tmp_path, capsys):
    path = tmp_path / "houses.csv"
    path.write_text(cases.messy_csv())
    models = ["--models", "wntk,ntk-ridge,forest"]
    assert main([*LOOK, "--csv", str(path), *models]) == 0
    captured = capsys.readouterr()
    assert "Regression: 1 set" in captured.out
    assert "failed" not in captured.out
    assert "3 repeated rows removed" in captured.out
    assert "9 of 9 fits" in captured.err


def test_every_table_is_compared(tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv", "d/c.csv")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(cases.messy_csv())
    first, *others = map(str, paths)
    command = [*LOOK, "--csv", first, "--csv", *others, "--csv", first]
    assert main([*command, "--models", "rbf-ridge", "--target", "price"]) == 0
    out = capsys.readouterr().out
    assert "Regression: 4 sets" in out
    for name in ("a", "b", *others[1:]):
        assert f"* {name}: regression; separated by commas; target price" in out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_that_the_output_cannot_write_cost_no_report(tmp_path, encoding):
    path = tmp_path / "σπίτια 家.csv"
    text = cases.messy_csv().replace("price", "τιμή").replace("colour", "色")
    path.write_text(text, encoding="utf-8")
    out = tmp_path / "r.csv"
    raw, errors = io.BytesIO(), io.BytesIO()
    command = [*LOOK, "--csv", str(path), "--models", "rbf-ridge", "--out", str(out)]
    with (
        redirect_stdout(io.TextIOWrapper(raw, encoding)) as stdout,
        redirect_stderr(io.TextIOWrapper(errors, encoding)) as stderr,
    ):
        assert main(command) == 0
        stdout.flush()
        stderr.flush()
    report = raw.getvalue().decode(encoding)
    assert "* ?????? ?: regression" in report
    assert "target ????" in report
    assert "σπίτια 家" in out.read_text(encoding="utf-8")
    assert {row.set for row in read_results(out)} == {"σπίτια 家"}


def test_plots_and_published_scores(tmp_path, capsys):
    import matplotlib.image

    published = tmp_path / "published.csv"
    published.write_text("name,n,theirs\nblobs,48,\niris,150,0.5\nwine,178,0.99\n")
    command = [*LOOK, "--data", "iris,wine", "--models", "rbf-svm,wntk"]
    command += ["--plots", str(tmp_path / "plots")]
    assert main([*command, "--baselines", str(published)]) == 0
    out = capsys.readouterr().out
    assert "theirs" in out
    names = ["classification_critical_difference.png", "classification_pairs.png"]
    for name in names:
        picture = matplotlib.image.imread(tmp_path / "plots" / name)
        assert min(picture.shape[:2]) > 100
        ink = (picture[..., :3].min(axis=2) < 0.5).mean()
        assert 0.001 < ink < 0.5, name


def test_a_single_table_has_a_picture(tmp_path, capsys):
    path = tmp_path / "houses.csv"
    path.write_text(cases.messy_csv())
    command = [*LOOK, "--csv", str(path), "--models", "rbf-ridge,laplace-ridge"]
    assert main([*command, "--plots", str(tmp_path)]) == 0
    assert "wrote" in capsys.readouterr().out
    assert [p.name for p in tmp_path.glob("*.png")] == ["regression_scores.png"]


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"ntk_sklearn {__version__}\n"


def test_no_plots_of_a_single_model(tmp_path, capsys):
    command = [*LOOK, "--data", "iris", "--models", "rbf-svm"]
    assert main([*command, "--plots", str(tmp_path)]) == 0
    assert "no diagrams" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_quick_look_takes_as_many_folds_as_asked(tmp_path, capsys):
    cases.write_suite(tmp_path / "suite")

    def folds(*options):
        out = tmp_path / "results.csv"
        out.unlink(missing_ok=True)
        assert main([*LOOK, "--models", "rbf-svm", "--out", str(out), *options]) == 0
        return len(read_results(out)), capsys.readouterr().out

    iris = ["--data", "iris"]
    assert folds(*iris)[0] == 3
    count, text = folds(*iris, "--folds", "6")
    assert count == 6
    assert "instead" not in text
    # A suite with fewer folds is worth a word only if more were asked for.
    blobs = ["--suite", str(tmp_path / "suite"), "--data", "blobs"]
    assert folds(*blobs)[0] == 3
    count, text = folds(*blobs, "--folds", "9")
    assert count == 4
    assert "blobs: 4 folds instead of 9, the set comes with no more." in text


def test_without_a_number_a_suite_has_the_folds_it_comes_with(tmp_path, capsys):
    cases.write_suite(tmp_path / "suite")
    blobs = ["--suite", str(tmp_path / "suite"), "--data", "blobs", "--jobs", "1"]
    out = tmp_path / "results.csv"
    command = ["compare", *blobs, "--models", "rbf-svm", "--out", str(out)]
    assert main(command) == 0
    assert len(read_results(out)) == 4
    assert "instead" not in capsys.readouterr().out


def test_a_model_that_was_asked_for_does_not_go_without_a_word(capsys):
    command = [*LOOK, "--models", "rbf-gp,rbf-svm,rbf-gp"]
    assert main([*command, "--data", "iris"]) == 0
    line = "* rbf-gp: left out of classification, it is for regression\n"
    assert capsys.readouterr().out.count(line) == 1
    assert main([*command, "--data", "diabetes"]) == 0
    assert "left out" not in capsys.readouterr().out


def test_help_says_what_each_model_is(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for name, model in MODELS.items():
        assert any(line.startswith(f"{name} {model.about}") for line in lines), name
    assert "rbf-gp Gaussian process, Gaussian kernel, for regression" in lines


@pytest.mark.parametrize("jobs", ["1", "-1", "-2"])
def test_jobs_count_as_in_joblib(jobs):
    assert parse(["compare", "--jobs", jobs], MODELS).jobs == int(jobs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["train"], "invalid choice: 'train'"),
        (["compare", "--nope"], "unrecognized arguments: --nope"),
        (["compare", "--data", "nope"], "unknown data set: nope; known are"),
        (["compare", "--data", ","], "a name is needed"),
        (["compare", "--models", "nope"], "unknown model: nope; known are"),
        (["compare", "--models", "absent"], "pip install surely_not_there"),
        (
            ["compare", "--data", "iris", "--models", "ntk-gp"],
            "none of the models is for classification: ntk-gp",
        ),
        (["compare", "--suite", "{tmp}/nope"], "no such folder"),
        (["compare", "--suite", "{tmp}"], "holds no classification"),
        (["compare", "--csv", "{tmp}/nope.csv"], "nope.csv: No such file"),
        (["compare", "--csv", "{tmp}"], "directory"),
        (["compare", "--csv", "{tmp}/t.csv", "--target", "z"], "no column 'z'"),
        (["compare", "--csv", "x", "--openml", "1"], "not allowed with argument"),
        (["compare", "--csv", "x", "--data", "iris"], "cannot be combined"),
        (["compare", "--target", "x"], "need --csv"),
        (["compare", "--openml", "iris"], "number is needed"),
        (["compare", "--protocol", "arora"], "use --protocol nested"),
        (["compare", "--protocol", "magic"], "invalid choice: 'magic'"),
        (["compare", "--seed", "-1"], "integer of at least 0"),
        (["compare", "--folds", "1"], "integer of at least 2"),
        (["compare", "--jobs", "0"], "-1 for all cores, is needed, got '0'"),
        (["compare", "--jobs", "all"], "-1 for all cores, is needed, got 'all'"),
        (["compare", "--max-rows", "10"], "442 rows are more than --max-rows 10"),
        (["compare", "--out", "{tmp}/no/r.csv"], "r.csv: No such file"),
        (["compare", "--out", "{tmp}/t.csv"], "no results file"),
        (["compare", "--baselines", "{tmp}/t.csv"], "no column 'name'"),
        (["compare", "--baselines", "{tmp}/b.csv"], "cannot be read"),
        (["compare", "--plots", "{tmp}/t.csv"], "--plots"),
    ],
)
def test_mistakes_get_one_line_and_status_2(tmp_path, capsys, arguments, message):
    absent = Model("absent", cases.simple, requires="surely_not_there")
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("name,score\niris,high\n")
    command = [part.replace("{tmp}", str(tmp_path)) for part in arguments]
    assert main(command, {**MODELS, "absent": absent}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("ntk_sklearn: error: ")
    assert message in captured.err


@needs_full
def test_a_report_that_cannot_be_written(capsys):
    with full_stream() as stream, redirect_stdout(stream):
        assert main([*LOOK, "--data", "iris", "--models", "rbf-svm"]) == 2
    assert "report cannot be written: No space left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suite", "models", "name"),
    [
        ("images", "cntk,1-nn", "digits"),
        ("series", "rntk-each,rbf-svm", "digits by rows"),
        ("graphs", "gntk-1,rbf-svm", "digits as graphs"),
    ],
)
def test_suites_of_images_series_and_graphs(
    suite, models, name, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(structured, "_GRAPHS", 60)
    monkeypatch.setattr(structured, "find_spec", lambda _: None)  # not aeon's series
    out = tmp_path / "r.csv"
    assert main([*LOOK, "--suite", suite, "--models", models, "--out", str(out)]) == 0
    assert name in capsys.readouterr().out
    rows = read_results(out)
    assert {row.model for row in rows} == set(models.split(","))
    assert min(row.score for row in rows) > 0.6


def test_a_suite_has_models_and_sets_of_its_own(capsys):
    assert main([*LOOK, "--suite", "images", "--models", "forest"]) == 2
    assert "known are 1-nn, cntk, cntk-average, rbf-svm" in capsys.readouterr().err
    assert main([*LOOK, "--suite", "images", "--data", "wine"]) == 2
    assert "unknown data set: wine; suite images has" in capsys.readouterr().err


def test_series_of_aeon(monkeypatch):
    """Its arrays are (n_channels, n_times), of different lengths."""
    rng = np.random.default_rng(0)
    series = [rng.standard_normal((3, n)) for n in (4, 6)]
    fake = SimpleNamespace(load_japanese_vowels=lambda: (series, np.array(["b", "a"])))
    monkeypatch.setattr(structured, "find_spec", lambda _: True)
    monkeypatch.setattr(structured, "import_module", lambda _: fake)
    (vowels,), _ = structured.load_structured("series")
    assert vowels.name == "JapaneseVowels"
    assert vowels.X.shape == (2, 1 + 6 * 3) and vowels.y.tolist() == [1, 0]
    assert np.array_equal(vowels.X[0, :4], [4.0, *series[0][:, 0]])
