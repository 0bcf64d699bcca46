"""Coverage and width of intervals and sets on real tables, beside MAPIE's.

    python benchmarks/intervals.py intervals DATA_DIR [--draws 100] [--mapie 0]
    python benchmarks/intervals.py sets DATA_DIR [--draws 100] [--mapie 0]

DATA_DIR holds a ``NAME.npz`` with X and y for each table. In each draw, up to `--rows`
rows are fitted with the default parameters, and up to 500 others are predicted with a
coverage of 0.9. In the first `--mapie` draws MAPIE, which must be installed, wraps the
same estimator and fits it once for each row that it leaves out; widths and seconds are
then compared on these draws. Widths are in standard deviations of y.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, LeaveOneOut
from timing import timed

from ntk_sklearn import WNTKClassifier, WNTKRegressor

TABLES = {
    "intervals": [
        "autompg",
        "breastcancer",
        "concrete",
        "concreteslump",
        "energy",
        "forest",
        "housing",
        "machine",
        "parkinsons",
        "servo",
        "skillcraft",
        "yacht",
    ],
    "sets": [
        "breast-cancer-wisc",
        "breast-tissue",
        "cardiotocography-10clases",
        "contrac",
        "credit-approval",
        "glass",
        "heart-hungarian",
        "ilpd-indian-liver",
        "libras",
        "pima",
        "vertebral-column-3clases",
        "yeast",
    ],
}
MOST_TESTED = 500


def interval_figures(ends, y, scale):
    """Return the coverage and the mean width of intervals."""
    low, high = ends.T
    return np.mean((low <= y) & (y <= high)), np.mean(high - low) / scale


def intervals(train, new, y_new):
    """Return the seconds, and coverage and width by the two methods."""
    model = WNTKRegressor()
    seconds, ends = timed(lambda: model.fit(*train).predict_interval(new))
    scale = train[1].std()
    normal = model.predict_interval(new, method="gaussian")
    figures = interval_figures(ends, y_new, scale)
    return seconds, *figures, *interval_figures(normal, y_new, scale)


def mapie_intervals(train, new, y_new):
    """Return the seconds, coverage and width of MAPIE's jackknife+."""
    from mapie.regression import CrossConformalRegressor

    wrapped = CrossConformalRegressor(
        WNTKRegressor(), confidence_level=0.9, method="plus", cv=LeaveOneOut()
    )
    seconds, (_, ends) = timed(
        lambda: wrapped.fit_conformalize(*train).predict_interval(new)
    )
    return seconds, *interval_figures(ends[:, :, 0], y_new, train[1].std())


def set_figures(member, classes, y):
    """Return the coverage and the mean size of sets."""
    held = np.any(member & (y[:, None] == classes), axis=1)
    return np.mean(held), np.mean(member.sum(axis=1))


def sets(train, new, y_new):
    """Return the seconds, coverage and size of sets, and the share of empty ones."""
    model = WNTKClassifier()
    seconds, member = timed(lambda: model.fit(*train).predict_set(new))
    empty = np.mean(~member.any(axis=1))
    return seconds, *set_figures(member, model.classes_, y_new), empty


def mapie_sets(train, new, y_new):
    """Return the seconds, coverage and size of MAPIE's sets, by twenty folds."""
    from mapie.classification import CrossConformalClassifier

    wrapped = CrossConformalClassifier(
        WNTKClassifier(),
        confidence_level=0.9,
        conformity_score="lac",
        cv=KFold(20, shuffle=True, random_state=0),
    )
    seconds, (_, member) = timed(
        lambda: wrapped.fit_conformalize(*train).predict_set(new)
    )
    return seconds, *set_figures(member[:, :, 0], np.unique(train[1]), y_new)


OURS = {"intervals": intervals, "sets": sets}
MAPIES = {"intervals": mapie_intervals, "sets": mapie_sets}
HEADS = {
    "intervals": ["seconds", "coverage", "width", "gaussian", "width"],
    "sets": ["seconds", "coverage", "size", "empty"],
}


def draw(path, rows, seed):
    """Return rows to fit, their targets, and rows to predict with theirs."""
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"].ravel()
    order = np.random.default_rng(seed).permutation(len(y))
    n = min(rows, 3 * len(y) // 4)
    fitted, new = order[:n], order[n : n + MOST_TESTED]
    return (X[fitted], y[fitted]), X[new], y[new]


def show(name, figures):
    """Print a line of figures."""
    print(f"{name:26}", *(f"{value:9.3f}" for value in figures), flush=True)


def main():
    """Print the means over draws of each table, and over tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=OURS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--rows", type=int, default=375)
    parser.add_argument("--mapie", type=int, default=0)
    parser.add_argument("--tables", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    ours, theirs = [], []
    name = (options.tables or TABLES[options.task])[0]
    OURS[options.task](*draw(options.data / f"{name}.npz", 30, 0))  # compiles
    print(" " * 26, *(f"{head:>9}" for head in HEADS[options.task]))
    for name in options.tables or TABLES[options.task]:
        draws = partial(draw, options.data / f"{name}.npz", options.rows)
        found = [OURS[options.task](*draws(k)) for k in range(options.draws)]
        ours.append(np.mean(found, axis=0))
        show(name, ours[-1])
        if options.mapie:
            found = np.array(found[: options.mapie])[:, :3]
            peer = [MAPIES[options.task](*draws(k)) for k in range(options.mapie)]
            peer = np.mean(peer, axis=0)
            theirs.append([*peer, *peer[::2] / found.mean(axis=0)[::2]])
            show("  MAPIE, and ratios", theirs[-1])
    show("mean", np.mean(ours, axis=0))
    if theirs:
        show("  MAPIE, and ratios", np.mean(theirs, axis=0))


if __name__ == "__main__":
    main()
