"""Default fits under other kernels of BLAS, shuffled rows and columns, other units.

    python benchmarks/invariance.py --regression FILE ... --classification FILE ...

The tables of scikit-learn are always fitted; each further file, an npz, holds X and y.
Each table is split in two halves, the defaults are fitted to the first, and predictions
for the second are compared with those of the plain fit in this environment. A row of
the result is a table, a column a variation, and an entry the largest difference, in
standard deviations of the targets (for a classifier: of the probabilities), and after a
stroke the largest difference of the logarithms of the learned hyperparameters.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from sklearn import datasets

from ntk_sklearn import WNTKClassifier, WNTKRegressor

ENVIRONMENTS = {
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "one thread": {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
    "generic": {"NUMBA_CPU_NAME": "generic"},
}
VARIATIONS = ["plain", "rows", "columns", "3 y", "2.54 X"]
MOST_ROWS = 1200


def tables(files):
    """Yield names, estimators, inputs and targets."""
    for name in ("diabetes",):
        yield name, WNTKRegressor, *_loaded(name)
    for name in ("iris", "wine", "breast_cancer"):
        yield name, WNTKClassifier, *_loaded(name)
    for Estimator, paths in files.items():
        for path in paths:
            held = np.load(path)
            yield Path(path).stem, Estimator, held["X"].astype(float), held["y"].ravel()


def _loaded(name):
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def fits(files):
    """Return predictions and hyperparameters by table and variation."""
    found = {}
    for name, Estimator, X, y in tables(files):
        rng = np.random.default_rng(0)
        shuffled = rng.permutation(len(X))[:MOST_ROWS]
        train, test = np.array_split(shuffled, 2)
        rows, columns = rng.permutation(train), rng.permutation(X.shape[1])
        numbers = Estimator is WNTKRegressor
        for variation in VARIATIONS:
            A, b, order, unit = X, y, train, 1.0
            if variation == "rows":
                order = rows
            elif variation == "columns":
                A = X[:, columns]
            elif variation == "2.54 X":
                A = 2.54 * X
            elif variation == "3 y":
                if not numbers:
                    continue
                b, unit = 3.0 * y, 3.0
            model = Estimator().fit(A[order], b[order])
            told = model.predict(A[test]) if numbers else model.predict_proba(A[test])
            spread = y[train].std() if numbers else 1.0
            found[f"{name}/{variation}/told"] = told / (unit * spread)
            found[f"{name}/{variation}/learned"] = _learned(model)
    return found


def _learned(model):
    """Return the logarithms of the learned hyperparameters, each kind sorted."""
    learned = [np.log([member.alpha]) for member in model.models_]
    for member in model.models_:
        kernel = member.kernel
        values = [
            getattr(kernel, p.name) for p in kernel.hyperparameters if not p.fixed
        ]
        learned += [np.sort(np.log(value), axis=None) for value in values]
    return np.concatenate(learned)


def _in_environment(variables, arguments):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "fits.npz"
        environment = {**os.environ, **variables}
        if "NUMBA_CPU_NAME" in variables:
            environment["NUMBA_CACHE_DIR"] = str(Path(folder) / "cache")
        command = [sys.executable, __file__, *arguments, "--out", str(out)]
        subprocess.run(command, env=environment, check=True)
        return dict(np.load(out))


def _difference(base, other, variation, name):
    told = f"{name}/{variation}/told"
    if told not in other:
        return "-"
    plain = f"{name}/plain"
    first = np.abs(other[told] - base[f"{plain}/told"]).max()
    learned = other[f"{name}/{variation}/learned"] - base[f"{plain}/learned"]
    return f"{first:.0e}/{np.abs(learned).max(initial=0.0):.0e}"


def main():
    """Fit everything everywhere, and print the table of differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regression", nargs="*", default=[])
    parser.add_argument("--classification", nargs="*", default=[])
    parser.add_argument("--environments", nargs="*", default=list(ENVIRONMENTS))
    parser.add_argument("--jobs", type=int, default=1, help="environments at a time")
    parser.add_argument("--out", help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = {
        WNTKRegressor: options.regression,
        WNTKClassifier: options.classification,
    }
    if options.out:
        np.savez(options.out, **fits(files))
        return
    arguments = ["--regression", *files[WNTKRegressor]]
    arguments += ["--classification", *files[WNTKClassifier]]
    names = options.environments
    with ThreadPoolExecutor(options.jobs) as pool:
        run = partial(_in_environment, arguments=arguments)
        base, *others = pool.map(run, [{}, *(ENVIRONMENTS[name] for name in names)])
    columns = {variation: (base, variation) for variation in VARIATIONS[1:]}
    columns |= {
        name: (found, "plain") for name, found in zip(names, others, strict=True)
    }
    print(f"{'':24}", *(f"{column:>13}" for column in columns))
    for name, *_ in tables(files):
        entries = [_difference(base, *column, name) for column in columns.values()]
        print(f"{name[:24]:24}", *(f"{entry:>13}" for entry in entries))


if __name__ == "__main__":
    main()
