"""The estimators' defaults on real sets, beside published columns of other models.

    python benchmarks/accuracy.py classification DATA_DIR BASELINES.csv
    python benchmarks/accuracy.py regression DATA_DIR BASELINES.csv

DATA_DIR holds a ``NAME.npz`` per set: for classification X, y and the four index pairs
``kfold_train_i``, ``kfold_test_i``; for regression X, y and boolean ``test_mask``
columns, of which the first `--masks` are scored. The baselines' column `name` names the
sets, and every column but n, d and c holds a figure per model. Everything about a fold
is learned on its training rows.
"""

from __future__ import annotations

import argparse
import csv
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from timing import timed

from ntk_sklearn import WNTKClassifier, WNTKRegressor

OURS = {"classification": "WNTKClassifier", "regression": "WNTKRegressor"}


def classification(path, _masks):
    """Mean accuracy over the four folds, inputs as they are."""
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"]
    scores = []
    for k in range(4):
        train, test = data[f"kfold_train_{k}"], data[f"kfold_test_{k}"]
        scores.append(WNTKClassifier().fit(X[train], y[train]).score(X[test], y[test]))
    return float(np.mean(scores))


def regression(path, masks):
    """Mean RMSE over the masks, in units of the training rows' standard deviation."""
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"].ravel().astype(float)
    errors = []
    for test in data["test_mask"].T[:masks]:
        train = ~test
        mean, scale = X[train].mean(axis=0), X[train].std(axis=0)
        Z = (X - mean) / np.where(scale > 0, scale, 1.0)
        t = (y - y[train].mean()) / y[train].std()
        predicted = WNTKRegressor().fit(Z[train], t[train]).predict(Z[test])
        errors.append(np.sqrt(np.mean((predicted - t[test]) ** 2)))
    return float(np.mean(errors))


def show(task, names, columns, table, seconds):
    """Print the table, and the two figures that summarise it."""
    sign = -1.0 if task == "classification" else 1.0
    ranks = np.array([rankdata(sign * row) for row in table])
    width = max(len(name) for name in names)
    print(" " * width, *(f"{c[:14]:>14}" for c in columns), f"{'seconds':>9}")
    for name, row, s in zip(names, table, seconds, strict=True):
        print(f"{name:{width}}", *(f"{value:14.4f}" for value in row), f"{s:9.1f}")
    means, mean_ranks = table.mean(axis=0), ranks.mean(axis=0)
    print(f"{'mean':{width}}", *(f"{value:14.4f}" for value in means))
    print(f"{'mean rank':{width}}", *(f"{value:14.2f}" for value in mean_ranks))
    others = means[:-1]
    best = int(np.argmin(sign * others))
    if task == "classification":
        for k, column in enumerate(columns[:-1]):
            gain = table[:, -1] - table[:, k]
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            print(f"points over {column}: {100 * gain.mean():.2f} ± {100 * error:.2f}")
    else:
        below = 1.0 - means[-1] / others[best]
        print(f"mean below the best column ({columns[best]}): {100 * below:.2f} %")
    first = int(np.argmin(mean_ranks))
    print(f"first by mean rank: {columns[first]}")


def main():
    """Score every set of the baselines and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=OURS)
    parser.add_argument("data", type=Path)
    parser.add_argument("baselines", type=Path)
    parser.add_argument("--masks", type=int, default=5)
    options = parser.parse_args()
    with options.baselines.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    skipped = {"name", "n", "d", "c"}
    columns = [c for c in rows[0] if c not in skipped]
    score = {"classification": classification, "regression": regression}[options.task]
    table, seconds = [], []
    for row in rows:
        path = options.data / f"{row['name']}.npz"
        elapsed, ours = timed(partial(score, path, options.masks))
        seconds.append(elapsed)
        table.append([*(float(row[c]) for c in columns), ours])
        print(f"{row['name']}: {ours:.4f} in {seconds[-1]:.1f} s", flush=True)
    names = [row["name"] for row in rows]
    print()
    show(options.task, names, [*columns, OURS[options.task]], np.array(table), seconds)


if __name__ == "__main__":
    main()
