"""Warnings of models: counted and named instead of shown."""

import warnings

from sklearn.linear_model import LogisticRegression

from ntk_sklearn.comparison import MODELS, Model, report
from ntk_sklearn.comparison.quiet import counted_warnings

from . import cases
from .cases import QUICK, simple, study


def test_warnings_are_counted_and_not_shown(recwarn):
    def tuner(job):
        warnings.warn("hm", UserWarning, stacklevel=1)
        return simple(job)

    rows = study([cases.iris()], {"noisy": Model("warns", tuner)}, QUICK)
    assert [row.n_warnings for row in rows] == [1, 1, 1]
    assert "not shown: noisy 3." in report(rows)
    assert len(recwarn) == 0
    filters = list(warnings.filters)
    with counted_warnings() as outer, counted_warnings() as inner:
        warnings.warn("inner", UserWarning, stacklevel=1)
    assert (len(outer), inner) == (0, ["UserWarning: inner"])
    assert list(warnings.filters) == filters


def test_warnings_of_models_are_named(tmp_path):
    def tuner(job):
        # Stopped before it has converged.
        return lambda X, y, splits: LogisticRegression(max_iter=1)

    models = {"hasty": Model("warns", tuner), "wntk": MODELS["wntk"]}
    for _ in range(2):  # computed, and read again
        rows = study([cases.iris()], models, out=tmp_path / "r.csv")
        assert all(row.ok for row in rows)
        text = report(rows)
        assert "not shown: hasty 3." in text
        assert "hasty warned on iris (3 folds): ConvergenceWarning: lbfgs" in text
        assert "wntk warned" not in text
