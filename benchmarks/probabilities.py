"""Class probabilities on real sets, beside a calibrated forest's and SVC's.

    python benchmarks/probabilities.py DATA_DIR NAME NAME ... [--balanced]

DATA_DIR holds a ``NAME.npz`` for each set with X, y and four index pairs
``kfold_train_i``, ``kfold_test_i``. Printed are mean log losses and accuracies over the
folds. The forest and the SVC are calibrated by scikit-learn's `CalibratedClassifierCV`,
in five folds or as many as the rarest class has rows. With `--balanced`,
`WNTKClassifier` is compared with itself with ``class_weight="balanced"``. The expected
calibration error of the largest probability is that of the rows of all sets together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ntk_sklearn import WNTKClassifier


def calibrated(estimator, y):
    """Return an estimator with calibration, if each class has at least two rows."""
    rarest = np.unique(y, return_counts=True)[1].min()
    if rarest < 2:
        return RandomForestClassifier(200, random_state=0)
    return CalibratedClassifierCV(estimator, cv=int(min(5, rarest)))


PEERS = {
    "WNTK": lambda y: WNTKClassifier(),
    "forest": lambda y: calibrated(RandomForestClassifier(200, random_state=0), y),
    "SVC": lambda y: calibrated(make_pipeline(StandardScaler(), SVC()), y),
}
BALANCED = {
    "WNTK": lambda y: WNTKClassifier(),
    "balanced": lambda y: WNTKClassifier(class_weight="balanced"),
}


def folds(path):
    """Yield the rows and labels to fit, and those to score, of each fold."""
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"]
    for k in range(4):
        train, test = data[f"kfold_train_{k}"], data[f"kfold_test_{k}"]
        yield X[train], y[train], X[test], y[test]


def scores(model, X, y):
    """Return the log loss, the accuracy, and the largest probability of each row."""
    proba = model.predict_proba(X)
    own = np.where(y[:, None] == model.classes_, proba, 0.0).sum(axis=1)
    loss = -np.log(np.maximum(own, 1e-15)).mean()
    right = model.classes_[proba.argmax(axis=1)] == y
    return loss, model.score(X, y), proba.max(axis=1), right


def calibration_error(proba, right, bins=10):
    """Return the mean distance of probabilities and frequencies in bins."""
    place = np.minimum((proba * bins).astype(int), bins - 1)
    gaps = np.bincount(place, proba - right, minlength=bins)
    return np.abs(gaps).sum() / len(proba)


def main():
    """Print the scores of each set, and their means and mean ranks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--balanced", action="store_true")
    options = parser.parse_args()
    makers = BALANCED if options.balanced else PEERS
    print(" " * 30, *(f"{name:>8}" for name in makers), " (log loss, then accuracy)")
    table, pooled = [], {name: [] for name in makers}
    for name in options.names:
        found = {peer: [] for peer in makers}
        for X, y, X_new, y_new in folds(options.data / f"{name}.npz"):
            for peer, make in makers.items():
                loss, accuracy, *rows = scores(make(y).fit(X, y), X_new, y_new)
                found[peer].append((loss, accuracy))
                pooled[peer].append(np.array(rows, dtype=float))
        table.append(np.array([np.mean(each, axis=0) for each in found.values()]).T)
        show(name, table[-1])
    show("mean", np.mean(table, axis=0))
    ranks = [rankdata(sign * rows, axis=0) for sign, rows in signed(np.array(table))]
    show("mean rank", np.mean(ranks, axis=2))
    for peer, rows in pooled.items():
        error = calibration_error(*np.hstack(rows))
        print(f"calibration error of {peer}: {error:.4f}")


def signed(table):
    """Yield losses, and accuracies with a minus: each with one row for each peer."""
    yield 1.0, table[:, 0].T
    yield -1.0, table[:, 1].T


def show(name, rows):
    """Print a line of losses and accuracies."""
    print(f"{name:30}", *(f"{value:8.4f}" for value in np.ravel(rows)), flush=True)


if __name__ == "__main__":
    main()
