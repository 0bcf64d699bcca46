"""Families of classes: the classifier's accuracy, beside those of its peers.

    python benchmarks/class_families.py [--rows 60 300 1200] [--seeds 3] [--catboost]
        [--families NAME ...]

Each family draws inputs and labels, a twentieth of which are drawn anew at random,
unless classes overlap by themselves. Accuracies are those of 3000 new rows. Last comes
the number of points by which the best peer is ahead, which is negative if none is.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from timing import timed

from ntk_sklearn import WNTKClassifier

N_TEST = 3000


def normal(n_columns):
    """Return a function that draws standard normal columns."""
    return lambda rng, n: rng.standard_normal((n, n_columns))


def uniform(n_columns):
    """Return a function that draws uniform columns, from 0 to 1."""
    return lambda rng, n: rng.uniform(size=(n, n_columns))


def binary(n_columns):
    """Return a function that draws columns of zeros and ones."""
    return lambda rng, n: rng.integers(0, 2, (n, n_columns)).astype(float)


def codes(n_columns, n_levels):
    """Return a function that draws integers."""
    return lambda rng, n: rng.integers(0, n_levels, (n, n_columns)).astype(float)


def spirals(n_noise):
    """Return a function that draws two spirals, their class last, and noise columns."""

    def draw(rng, n):
        arm, turn = rng.integers(0, 2, n), 3 * np.pi * np.sqrt(rng.uniform(size=n))
        angle = turn + np.pi * arm
        X = turn[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        X += 0.5 * rng.standard_normal((n, 2))
        return np.column_stack([X, rng.standard_normal((n, n_noise)), arm])

    return draw


def clusters(rng, n):
    """Draw twelve normal clusters in six columns, their class last."""
    centres = 1.6 * np.random.default_rng(5).standard_normal((12, 6))
    label = rng.integers(0, 12, n)
    return np.column_stack([centres[label] + rng.standard_normal((n, 6)), label])


def hidden(rng, n):
    """Draw twenty columns that mix four hidden ones, and the class of these last."""
    Z, mix = rng.standard_normal((n, 4)), np.random.default_rng(9)
    X = Z @ mix.standard_normal((4, 20)) + 0.3 * rng.standard_normal((n, 20))
    return np.column_stack([X, Z[:, 0] * Z[:, 1] + Z[:, 2] > 0])


def heavy_tails(rng, n):
    """Draw columns of Student's distribution with 1.2 degrees of freedom."""
    return rng.standard_t(1.2, (n, 6))


def skewed(rng, n):
    """Draw columns whose logarithms are normal."""
    return np.exp(1.5 * rng.standard_normal((n, 8)))


def counts(rng, n):
    """Draw counts of very different rates."""
    return rng.poisson(np.exp(rng.standard_normal((n, 6)))).astype(float)


class Family(NamedTuple):
    """Inputs, the labels that they have, and the share of labels drawn at random.

    Where the labels are None, inputs come with them in a last column.
    """

    draw: Callable
    labels: Callable | None
    random: float = 0.05


def tree(X):
    """Return the leaves of a decision tree, of three classes."""
    left = X[:, 1] > 0.5
    right = np.where(X[:, 2] < 0.3, 2, X[:, 3] > 0.6)
    return np.where(X[:, 0] < 0.4, left, right)


def ordered(X):
    """Return five ordered classes of a nearly linear score."""
    score = X[:, :4].sum(1) + 0.5 * X[:, 4] * X[:, 5]
    return np.digitize(score, [-2, -0.5, 0.5, 2])


EFFECTS = np.random.default_rng(7).standard_normal((5, 12))

FAMILIES = {
    "clusters": Family(clusters, None, 0.0),
    "spirals": Family(spirals(0), None, 0.0),
    "spirals, noise": Family(spirals(6), None, 0.0),
    "hidden columns": Family(hidden, None),
    "ordered": Family(normal(10), ordered, 0.1),
    "rings": Family(
        normal(5),
        lambda X: np.digitize(np.linalg.norm(X[:, :3], axis=1), [1.1, 1.6, 2.1]),
    ),
    "tree": Family(uniform(8), tree),
    "codes": Family(
        codes(5, 12),
        lambda X: EFFECTS[np.arange(5), X.astype(int)].sum(1) > 0,
    ),
    "noise columns": Family(
        normal(30), lambda X: X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) > 0
    ),
    "rare": Family(normal(8), lambda X: X[:, 0] + X[:, 1] * X[:, 2] > 1.8, 0.02),
    "checkers": Family(uniform(4), lambda X: np.floor(4 * X[:, :2]).sum(1) % 2),
    "binary": Family(
        binary(15),
        lambda X: X[:, 0] * X[:, 1] + X[:, 2] * (1 - X[:, 3]) + X[:, 4] - X[:, 5] > 0.5,
    ),
    "parity": Family(binary(10), lambda X: X[:, :3].sum(1) % 2),
    "heavy tails": Family(
        heavy_tails,
        lambda X: np.tanh(X[:, 0]) + np.tanh(X[:, 1]) * np.tanh(X[:, 2]) > 0,
    ),
    "skewed": Family(
        skewed, lambda X: np.log(X[:, 0]) / 1.5 + np.log(X[:, 1] / X[:, 2]) > 0
    ),
    "counts": Family(
        counts,
        lambda X: np.log1p(X[:, 0]) - np.log1p(X[:, 1]) + (X[:, 2] > 2) / 2 > 0.2,
    ),
}


def support_vectors():
    """Return a support vector machine that is tuned by cross-validation."""
    grid = {"svc__C": [0.1, 1, 10, 100], "svc__gamma": ["scale", 0.01, 0.1, 1]}
    return GridSearchCV(make_pipeline(StandardScaler(), SVC()), grid, cv=3)


def models(with_catboost):
    """Return functions that make the models, ours first."""
    found = {
        "ours": WNTKClassifier,
        "extra trees": lambda: ExtraTreesClassifier(300, random_state=0),
        "boosting": lambda: HistGradientBoostingClassifier(random_state=0),
        "SVC": support_vectors,
    }
    if with_catboost:
        from catboost import CatBoostClassifier

        quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
        found["CatBoost"] = lambda: CatBoostClassifier(**quiet)
    return found


def draw(family, n_rows, seed):
    """Return inputs and labels of the rows to fit, and of those to predict after."""
    rng = np.random.default_rng(seed)
    X = family.draw(rng, n_rows + N_TEST)
    X, y = (X[:, :-1], X[:, -1]) if family.labels is None else (X, family.labels(X))
    y = y.astype(int)
    anew = rng.uniform(size=len(y)) < family.random
    y[anew] = rng.choice(np.unique(y), anew.sum())
    return X, y


def accuracy(model, X, y):
    """Return the accuracy on the last rows, after a fit to the others."""
    told = model.fit(X[:-N_TEST], y[:-N_TEST]).predict(X[-N_TEST:])
    return float(np.mean(np.ravel(told) == y[-N_TEST:]))


def main():
    """Print the accuracies of each family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[60, 300, 1200])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--catboost", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers' words on small classes
    made = models(options.catboost)
    print(f"{'':16} rows", *(f"{name:>12}" for name in made), "      s    behind")
    behind = []
    for name in options.families:
        for n_rows in options.rows:
            shown, seconds = [], 0.0
            tables = [
                draw(FAMILIES[name], n_rows, seed) for seed in range(options.seeds)
            ]
            for make in made.values():
                runs = [timed(lambda m=make, t=t: accuracy(m(), *t)) for t in tables]
                times, scores = zip(*runs, strict=True)
                shown.append(float(np.mean(scores)))
                seconds = seconds or float(np.mean(times))
            best = int(np.argmax(shown[1:])) + 1
            behind.append(100 * (shown[best] - shown[0]))
            print(
                f"{name:16} {n_rows:4}",
                *(f"{score:12.3f}" for score in shown),
                f"{seconds:7.1f} {behind[-1]:9.1f} {list(made)[best]}",
                flush=True,
            )
    far = np.sum(np.array(behind) > 1.5)
    print(f"of {len(behind)}, behind by more than 1.5 points: {far}")


if __name__ == "__main__":
    main()
