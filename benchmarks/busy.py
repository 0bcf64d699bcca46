"""Default fits on a quiet machine, and beside processes that keep all cores busy.

    python benchmarks/busy.py [--rows 300 1353 4000] [--rounds 5] [--processes 2]

Each round fits once alone and once beside other processes, in turn: half of them run a
loop of Python, the others multiply matrices on one thread. If they are as many as the
cores, half of a core is a fair share, so that a fit cannot take less than twice its
quiet time if it uses all cores, and 1.5 times is what one thread can hope for.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
from timing import interleaved, timed

from ntk_sklearn import WNTKClassifier, WNTKRegressor

LOOP = "print(flush=True)\nwhile True: pass"
PRODUCTS = """
import numpy as np
from threadpoolctl import threadpool_limits
A = np.ones((1000, 1000))
with threadpool_limits(1):
    A @ A
    print(flush=True)
    while True: A @ A
"""


@contextmanager
def busy(processes):
    """Run other processes meanwhile."""
    codes = [(LOOP, PRODUCTS)[k % 2] for k in range(processes)]
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for code in codes
    ]
    try:
        for process in started:
            process.stdout.readline()  # it is busy from now on
        yield
    finally:
        for process in started:
            process.kill()
            process.communicate()


def fits(estimator, n, rounds, processes):
    """Time a fit of `n` rows and five columns, alone and beside others."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 5))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.standard_normal(n)
    fit = partial(estimator.fit, X, y if "Regressor" in repr(estimator) else y > 0.0)

    def beside():
        with busy(processes):
            return timed(fit)[0]

    return interleaved({"alone": fit}, rounds, reported={"beside others": beside})


def main():
    """Print the median of each and the median ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 1353, 4000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for estimator in (WNTKRegressor(), WNTKClassifier()):
        for n in options.rows:
            times = fits(estimator, n, options.rounds, options.processes)
            times.show(f"{estimator!r}, {n} rows", "alone")


if __name__ == "__main__":
    main()
