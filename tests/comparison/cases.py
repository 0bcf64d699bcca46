"""Small data sets, models and studies for the tests of the comparison."""

import datetime

import numpy as np
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression, Ridge

from ntk_sklearn.comparison import (
    Model,
    StudySettings,
    choose_models,
    load_bundled,
    run_study,
    with_folds,
)

QUICK = StudySettings(quick=True)


def messy_csv() -> str:
    """A table with strings, gaps, a constant, dates and three repeated rows."""
    rng = np.random.default_rng(0)
    start = datetime.date(2020, 1, 1)
    lines = []
    for i in range(40):
        day = start + datetime.timedelta(days=7 * i)
        colour = ["red", "green", "blue", ""][i % 4]
        gap = "NA" if i % 5 == 0 else f"{rng.normal():.3f}"
        size = rng.normal()
        target = 3 * size + (i % 4) + 0.1 * rng.normal()
        lines.append(f"{size:.4f},{gap},{colour},{day},north,{target:.4f}")
    lines += lines[3:6]
    return "\n".join(["size,gap,colour,when,site,price", *lines]) + "\n"


def write_suite(folder) -> None:
    """A folder with one set of each kind."""
    rng = np.random.default_rng(0)
    X, y = make_blobs(48, centers=3, n_features=2, cluster_std=1.5, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = rng.permutation(48)
    arrays = {"X": X, "y": y, "train_idx": rows[:24], "val_idx": rows[24:]}
    for i in range(4):
        rows = rng.permutation(48)
        arrays |= {f"kfold_train_{i}": rows[:36], f"kfold_test_{i}": rows[36:]}
    (folder / "classification").mkdir(parents=True)
    np.savez(folder / "classification" / "blobs.npz", **arrays)
    X = rng.normal(size=(40, 3)) * [1, 10, 100]
    y = X @ [1, 0.1, 0.01] + 0.1 * rng.normal(size=40)
    mask = np.arange(10) == (np.arange(40) % 10)[:, None]
    (folder / "regression").mkdir()
    np.savez(folder / "regression" / "line.npz", X=X, y=y, test_mask=mask)


def simple(job):
    """A tuner without a choice."""
    estimator = LogisticRegression(max_iter=1000) if job.classifies else Ridge()
    return lambda X, y, splits: estimator


class Counted:
    """A model that counts its fits, and stops the study after some."""

    def __init__(self):
        self.fits, self.stop = 0, None
        self.models = {"counted": Model("counts", self.tuner, default=())}

    def tuner(self, job):
        """Return a tuner that counts."""

        def tune(X, y, splits):
            if self.fits == self.stop:
                raise KeyboardInterrupt
            self.fits += 1
            return simple(job)(X, y, splits)

        return tune


def study(datasets, models, settings=None, **options):
    """Run a study without a line on stderr; models by name, or a table of them."""
    if not isinstance(models, dict):
        models = choose_models(models)
    return run_study(datasets, models, settings, progress=False, **options)


def iris(n_folds=3):
    """Return a small set with folds."""
    return with_folds(load_bundled(["iris"])[0], n_folds, 0)


def scores(rows):
    """Return the scores of rows."""
    return [row.score for row in rows]
