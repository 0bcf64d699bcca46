"""Classes that depend on two of many columns: accuracy, beside CatBoost's.

    python benchmarks/few_columns_classes.py [--seeds 1] [--catboost]

Standard normal columns, of which two tell the class, and 5 % of the labels flipped.
"""

from __future__ import annotations

import argparse

import numpy as np
from timing import timed

from ntk_sklearn import WNTKClassifier

RULES = {
    "x0 x1 > 0": lambda X: X[:, 0] * X[:, 1] > 0,
    "x0^2 + x1^2 > 1.4": lambda X: X[:, 0] ** 2 + X[:, 1] ** 2 > 1.4,
    "sin 3 x0 > 0": lambda X: np.sin(3 * X[:, 0]) > 0,
    "x0 + x1 > 0": lambda X: X[:, 0] + X[:, 1] > 0,
}


def models(with_catboost):
    """Return the models by name."""
    found = {"WNTKClassifier": WNTKClassifier}
    if with_catboost:
        from catboost import CatBoostClassifier

        found["CatBoost"] = lambda: CatBoostClassifier(
            verbose=0, allow_writing_files=False
        )
    return found


def main():
    """Print the mean accuracy over seeds for each rule, number of columns and rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, nargs="*", default=[300, 2000])
    parser.add_argument("--columns", type=int, nargs="*", default=[5, 20, 50])
    parser.add_argument("--catboost", action="store_true")
    options = parser.parse_args()
    for rule in RULES:
        for d in options.columns:
            for n in options.rows:
                found = []
                for Model in models(options.catboost).values():
                    runs = [
                        fit(Model, rule, d, n, seed) for seed in range(options.seeds)
                    ]
                    found.append(np.mean(runs, axis=0))
                shown = (
                    f"{accuracy:8.3f} {seconds:5.1f} s" for accuracy, seconds in found
                )
                print(f"{rule:18} {d:3} {n:5}", *shown, flush=True)


def fit(Model, rule, d, n, seed):
    """Return the accuracy of a fit, and its seconds."""
    rng = np.random.default_rng(1 + seed)
    X = rng.standard_normal((4000, d))
    y = (RULES[rule](X) ^ (rng.random(4000) < 0.05)).astype(int)
    seconds, model = timed(lambda: Model().fit(X[:n], y[:n]))
    return model.score(X[-1500:], y[-1500:]), seconds


if __name__ == "__main__":
    main()
