"""Signals in few of many columns: the regressor's error, by kind of column and rows.

    python benchmarks/few_columns.py [--rows 500 1000 2000]

y = x0 sin(k x1) + 0.2 noise, the other columns irrelevant. Errors are in units of the
signal's deviation, on 1000 new rows: one means that the mean is predicted.
"""

from __future__ import annotations

import argparse

import numpy as np
from timing import timed

from ntk_sklearn import WNTKRegressor


def main():
    """Print the error of each fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[500, 1000, 2000])
    parser.add_argument("--columns", type=int, nargs="*", default=[10, 20, 32])
    options = parser.parse_args()
    print(f"{'columns from':12} k columns", *(f"{n:>16}" for n in options.rows))
    errors = []
    for kind in ("normal", "uniform"):
        for k in (2, 3, 4):
            for d in options.columns:
                found = [fit(kind, k, d, n) for n in options.rows]
                errors += [error for error, _ in found]
                shown = (f"{error:8.3f} {seconds:5.1f} s" for error, seconds in found)
                print(f"{kind:12} {k} {d:7}", *shown, flush=True)
    errors = np.array(errors)
    print(
        f"{(errors > 0.45).sum()} of {errors.size} above 0.45; mean {errors.mean():.3f}"
    )


def fit(kind, k, d, n):
    """Return the error of a fit, and its seconds."""
    rng = np.random.default_rng(1)
    shape = 5000, d
    X = (
        rng.standard_normal(shape)
        if kind == "normal"
        else rng.uniform(-1.7, 1.7, shape)
    )
    signal = X[:, 0] * np.sin(k * X[:, 1])
    y = signal + 0.2 * rng.standard_normal(5000)
    seconds, model = timed(lambda: WNTKRegressor().fit(X[:n], y[:n]))
    residuals = model.predict(X[-1000:]) - signal[-1000:]
    return float(np.sqrt(np.mean(residuals**2)) / signal.std()), seconds


if __name__ == "__main__":
    main()
