"""Time of kernels with activations that have no closed form, against erf.

    python benchmarks/activations.py

The first call of each function is timed too, which makes the polynomials that stand for
it; compiled functions come from the cache. Times are those of the processor.
"""

import time
from functools import partial

import numpy as np
from timing import interleaved, timed

from ntk_sklearn import NTKernel

ROWS, FEATURES, DEPTH, ROUNDS = 2000, 10, 3, 7


def user(z):
    """Return a smooth function that has no name."""
    return np.arctan(z) + 0.2 * z


def kinked(z):
    """Return a function with two kinks."""
    return np.clip(z, -0.7, 1.3)


ACTIVATIONS = ("erf", "gelu", "tanh", "silu", "softplus", "elu", user, kinked)


def main():
    """Print the first calls, and medians of calls in turn."""
    X = np.random.default_rng(0).standard_normal((ROWS, FEATURES))
    kernels = {getattr(a, "__name__", a): NTKernel(DEPTH, a) for a in ACTIVATIONS}
    for name in ("erf", "tanh"):  # compiles, if need be
        kernels[name](X[:300])
    print("first call on 300 rows")
    for name, kernel in kernels.items():
        seconds, _ = timed(partial(kernel, X[:300]))
        print(f"  {name:44s} {1e3 * seconds:10.2f} ms")
    contenders = {name: partial(kernel, X) for name, kernel in kernels.items()}
    times = interleaved(contenders, ROUNDS, clock=time.process_time)
    times.show(f"{ROWS} rows, {DEPTH} layers, over erf", "erf")


if __name__ == "__main__":
    main()
