"""Where learning ends, beside where SciPy's L-BFGS-B ends on all rows.

    python benchmarks/ends.py [--problems 16] [--tol 1e-3 1e-7]

For each random problem and objective, the default optimizer learns on growing subsets
of the rows. Its end is compared with the objective at its start on all rows, and with
the ends of L-BFGS-B on all rows, from the same start and from two other ridges, at a
tolerance of 1e-9. An excess is in units of `tol` times the objective at the start, or
times the number of targets for the evidence, as `tol` itself is: more than one is a
failure.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from timing import timed

from ntk_sklearn import WeightedNTKernel, WNTKRegressor

warnings.simplefilter("ignore")


def problem(seed):
    """Return a kernel, inputs and targets."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(60, 800)), int(rng.integers(2, 8))
    X = rng.standard_normal((n, d))
    slopes = rng.standard_normal((d, 2)) * rng.choice([0.3, 1.0, 2.0])
    inner = X @ slopes
    y = np.sin(inner[:, 0]) * np.cos(inner[:, 1]) + X[:, 0]
    y += rng.choice([0.1, 0.3, 0.5]) * rng.standard_normal(n)
    scale = np.ones(d) if seed % 4 == 3 else 1.0
    options = {"length_scale_bounds": (1e-2, 1e3)} if seed % 4 > 1 else {}
    kernel = WeightedNTKernel(
        depth=int(rng.integers(1, 4)),
        activation=str(rng.choice(["relu", "erf"])),
        length_scale=scale,
        **options,
    )
    return kernel, X, y


def excess(kernel, X, y, objective, tol):
    """Return what the end is above the start, and above the best of L-BFGS-B's ends."""

    def fit(**options):
        return WNTKRegressor(kernel, objective=objective, **options).fit(X, y)

    start = fit(max_iter=0).objective_path_[0]
    seconds, end = timed(lambda: fit(tol=tol, max_iter=1000))
    last = end.objective_path_[-1]
    others = [
        fit(optimizer="lbfgs", tol=1e-9, max_iter=1000, alpha=alpha).objective_path_[-1]
        for alpha in (WNTKRegressor().alpha, 1e-4, 1e2)
    ]
    unit = tol * (len(y) if objective == "evidence" else abs(start))
    above = [(last - other) / unit for other in (start, min(others))]
    return above, [last, start, *others], seconds


def main():
    """Print an excess for each problem, objective and tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("--tol", type=float, nargs="*", default=[1e-3, 1e-7])
    options = parser.parse_args()
    counts = {}
    for objective in ("loo", "gcv", "evidence"):
        for tol in options.tol:
            for seed in range(options.problems):
                kernel, X, y = problem(seed)
                above, values, seconds = excess(kernel, X, y, objective, tol)
                key = objective, tol
                counts.setdefault(key, []).append([*(np.array(above) > 1), seconds])
                shown = " ".join(f"{value:.6g}" for value in values)
                print(
                    f"{objective:9}{tol:8.0e}{seed:4}{len(y):5}{X.shape[1]:3}"
                    f"  start {above[0]:10.1f}  L-BFGS-B {above[1]:10.1f}  {shown}",
                    flush=True,
                )
    for (objective, tol), found in counts.items():
        worse = np.sum(found, axis=0)
        print(
            f"{objective:9}{tol:8.0e}  worse than the start {worse[0]:.0f}, than "
            f"L-BFGS-B {worse[1]:.0f} of {len(found)}; {worse[2]:.1f} s"
        )


if __name__ == "__main__":
    main()
