"""The table of models: what is chosen from it, and that all of it runs."""

import pytest
from sklearn.tree import DecisionTreeClassifier

from ntk_sklearn.comparison import (
    MODELS,
    Model,
    StudyError,
    choose_models,
    load_suite,
    with_folds,
)
from ntk_sklearn.comparison.data.datasets import CLASSIFICATION, TASKS
from ntk_sklearn.comparison.models.registry import not_installed
from ntk_sklearn.comparison.models.tuning import by_grid

from .. import cases
from ..cases import QUICK, scores, study


def test_the_default_models_are_installed():
    chosen = choose_models()
    assert all(model.requires is None or model.available for model in chosen.values())
    for name, model in chosen.items():
        assert model.tasks == tuple(t for t in MODELS[name].tasks if t in model.default)
    assert CLASSIFICATION not in chosen["ntk-gp"].tasks
    assert chosen["ntk-svm"].tasks == (CLASSIFICATION,)


def test_models_by_name_do_all_their_tasks():
    chosen = choose_models(["rbf-svm", "wntk", "rbf-svm"])
    assert list(chosen) == ["rbf-svm", "wntk"]
    assert chosen["rbf-svm"].tasks == TASKS


def test_models_that_cannot_be_chosen_say_why():
    with pytest.raises(StudyError, match="unknown model: nope; known are boosting"):
        choose_models(["nope"])
    absent = Model("absent", cases.simple, requires="surely_not_there")
    with pytest.raises(StudyError, match="pip install surely_not_there"):
        choose_models(["absent"], {"absent": absent})
    assert choose_models(None, {"absent": absent}) == {}
    assert choose_models(None, {"never": Model("n", cases.simple, default=())}) == {}


def test_models_that_are_not_installed_are_named():
    absent = Model("absent", cases.simple, requires="surely_not_there")
    here = Model("here", cases.simple)
    (note,) = not_installed({"absent": absent, "here": here})
    assert note.startswith("Not installed, and left out: absent. pip install")
    assert not_installed({"here": here}) == []


def test_a_single_candidate_is_not_tuned():
    forest = DecisionTreeClassifier()
    tuned = by_grid(forest, {"max_depth": [3]})(None, None, None)  # no row is looked at
    assert tuned.max_depth == 3 and not hasattr(tuned, "tree_")


def test_same_seed_same_table():
    names = ["forest", "mlp", "ntk-svm", "wntk"]
    first = study([cases.iris()], names, QUICK)
    again = study([cases.iris()], names, QUICK)
    assert scores(first) == scores(again)
    assert all(row.ok for row in first)


def test_every_installed_model_runs(tmp_path):
    cases.write_suite(tmp_path)
    datasets = load_suite(tmp_path)
    rows = study([with_folds(d, 1, 0) for d in datasets], choose_models(), QUICK)
    assert [row for row in rows if not row.ok] == []
    by_task = {task: {r.model for r in rows if r.task == task} for task in TASKS}
    assert {"wntk", "ntk-svm", "rbf-svm", "forest", "boosting", "mlp"} <= by_task[
        "classification"
    ]
    assert {"wntk", "ntk-ridge", "ntk-gp", "nngp-gp", "rbf-gp"} <= by_task["regression"]
    for row in rows:
        if row.task == "regression":
            assert row.score < 0.8, row
