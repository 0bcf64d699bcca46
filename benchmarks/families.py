"""Families of signals: the regressor's error, beside those of its peers.

    python benchmarks/families.py [--rows 200 600] [--seeds 1] [--families NAME ...]

Each family draws inputs and a signal; a fifth of the signal's deviation is added as
noise, unless the family has noise of its own. Errors are root mean squared differences
from the signal on 1000 new rows, in units of its deviation: one means that the mean is
predicted. Then follow our error over that of the best peer, the same for errors from
new targets, which have noise, and the name of that peer.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from timing import timed

from ntk_sklearn import WNTKRegressor

N_TEST = 1000


def normal(rng, shape):
    """Draw standard normal columns."""
    return rng.standard_normal(shape)


def uniform(rng, shape):
    """Draw uniform columns, from 0 to 1."""
    return rng.uniform(size=shape)


def log_normal(rng, shape):
    """Draw columns whose logarithms are standard normal."""
    return np.exp(rng.standard_normal(shape))


def binary(rng, shape):
    """Draw columns of zeros and ones."""
    return rng.integers(0, 2, shape).astype(float)


def codes(rng, shape):
    """Draw integers from 0 to 11."""
    return rng.integers(0, 12, shape).astype(float)


def wave(X):
    """Return a wave in the first column, and the second one."""
    return np.sin(2 * X[:, 0]) + X[:, 1]


def gaussian_noise(rng, signal):
    """Draw noise of a fifth of the signal's deviation."""
    return 0.2 * signal.std() * rng.standard_normal(len(signal))


def heavy_noise(rng, signal):
    """Draw noise of Student's distribution with two degrees of freedom."""
    return 0.2 * signal.std() * rng.standard_t(2, len(signal))


def outliers(rng, signal):
    """Draw small noise, and one of twenty rows ten times the signal's deviation off."""
    far = 10 * rng.standard_normal(len(signal)) * (rng.uniform(size=len(signal)) < 0.05)
    return signal.std() * (0.1 * rng.standard_normal(len(signal)) + far)


def poisson(rng, signal):
    """Draw what a count differs from its mean by."""
    return rng.poisson(signal) - signal


def uneven(rng, signal):
    """Draw noise that is large where the signal is."""
    size = np.abs(signal - signal.min())
    return 0.3 * size * rng.standard_normal(len(signal))


class Family(NamedTuple):
    """Inputs, the signal in them, and the noise upon it."""

    n_columns: int
    signal: Callable
    draw: Callable = normal
    noise: Callable = gaussian_noise


def tree(X):
    """Return a decision tree of depth three."""
    left = np.where(X[:, 1] > 0.5, 1.0, np.where(X[:, 3] > 0, -1.0, -2.0))
    right = np.where(X[:, 2] > -0.3, 2.0, np.where(X[:, 0] > 1, 3.0, 0.0))
    return np.where(X[:, 0] > 0, left, right)


def friedman_1(X):
    """Return Friedman's first function of five of the columns."""
    bowl = 20 * (X[:, 2] - 0.5) ** 2
    return 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + bowl + 10 * X[:, 3] + 5 * X[:, 4]


def friedman_3(X):
    """Return Friedman's third function, an arc tangent."""
    w = 2 * np.pi * (20 + 260 * X[:, 1])
    reactance = w * X[:, 2] - 1 / (w * (1 + 10 * X[:, 3]))
    return np.arctan(reactance / (1 + 100 * X[:, 0]))


def waves(X):
    """Return a trend in the first column, with a slow and a fast wave upon it."""
    t = X[:, 0]
    return 2 * t + np.sin(2 * np.pi * 4 * t) + 0.5 * np.sin(2 * np.pi * 11 * t)


LEVELS = np.random.default_rng(7).standard_normal(12)

FAMILIES = {
    "step": Family(10, lambda X: np.sign(X[:, 0])),
    "steps": Family(6, lambda X: np.floor(3 * X[:, 0]) % 2),
    "tree": Family(10, tree),
    "product of two": Family(20, lambda X: X[:, 0] * X[:, 1]),
    "product of three": Family(10, lambda X: X[:, :3].prod(1)),
    "sine of two": Family(20, lambda X: X[:, 0] * np.sin(3 * X[:, 1])),
    "sine of a sum": Family(100, lambda X: np.sin(X[:, :10].sum(1))),
    "k = 20": Family(1, lambda X: np.sin(20 * X[:, 0]), uniform),
    "waves": Family(3, waves, uniform),
    "linear": Family(60, lambda X: X.sum(1)),
    "linear, wide": Family(3000, lambda X: X[:, :5].sum(1)),
    "additive": Family(10, lambda X: (np.sin(2 * X) * np.arange(10)).sum(1)),
    "friedman 1": Family(10, friedman_1, uniform),
    "friedman 3": Family(6, friedman_3, uniform),
    "bump": Family(5, lambda X: np.exp(-((X - 0.5) ** 2).sum(1) * 4), uniform),
    "maximum": Family(10, lambda X: X[:, :3].max(1)),
    "ratio": Family(8, lambda X: np.log1p(X[:, 0] / X[:, 1]), log_normal),
    "codes": Family(6, lambda X: LEVELS[X[:, 0].astype(int)] + X[:, 1] / 4, codes),
    "parity": Family(10, lambda X: X[:, :3].sum(1) % 2, binary),
    "switch": Family(10, lambda X: (X[:, 0] > 0) * X[:, 1] + X[:, 2]),
    "counts": Family(8, lambda X: np.exp(X[:, 0] + X[:, 1] / 2), normal, poisson),
    "heavy tails": Family(8, wave, normal, heavy_noise),
    "outliers": Family(8, wave, normal, outliers),
    "uneven noise": Family(8, lambda X: np.exp(X[:, 0] / 2), normal, uneven),
}  # fmt: skip


def gaussian_process(X):
    """Return a Gaussian process with a length scale for each column."""
    kernel = ConstantKernel() * RBF(np.full(X.shape[1], X.shape[1] ** 0.5))
    kernel += WhiteKernel(0.1)
    return GaussianProcessRegressor(kernel, normalize_y=True)


PEERS = {
    "ridge": lambda X: RidgeCV(np.logspace(-4, 4, 17)),
    "extra trees": lambda X: ExtraTreesRegressor(300, random_state=0),
    "boosting": lambda X: HistGradientBoostingRegressor(random_state=0),
    "GP": gaussian_process,
}


def error(model, X, y, signal):
    """Return the error on the last rows, after a fit to the others."""
    told = model.fit(X[:-N_TEST], y[:-N_TEST]).predict(X[-N_TEST:])
    wrong = told - signal[-N_TEST:]
    return float(np.sqrt(np.mean(wrong**2)) / signal[-N_TEST:].std())


def run(family, n_rows, seed):
    """Return our error and seconds, the size of the noise, and the peers' errors."""
    rng = np.random.default_rng(seed)
    X = family.draw(rng, (n_rows + N_TEST, family.n_columns))
    signal = family.signal(X).astype(float)
    y = signal + family.noise(rng, signal)
    seconds, ours = timed(lambda: error(WNTKRegressor(), X, y, signal))
    peers = {
        name: error(make_pipeline(StandardScaler(), peer(X)), X, y, signal)
        for name, peer in PEERS.items()
        if name != "GP" or X.shape[1] <= 100  # beyond, hours
    }
    return ours, seconds, np.std(y - signal) / signal.std(), peers


def main():
    """Print the errors of each family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[200, 600])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers' words on convergence
    print(
        f"{'':18} rows   ours      s", *(f"{p:>12}" for p in PEERS), "  ratio  targets"
    )
    ratios = []
    for name in options.families:
        for n_rows in options.rows:
            runs = [run(FAMILIES[name], n_rows, seed) for seed in range(options.seeds)]
            ours, seconds, noise = np.mean([one[:3] for one in runs], axis=0)
            peers = {p: np.mean([one[3][p] for one in runs]) for p in runs[0][3]}
            best = min(peers, key=peers.get)
            with_noise = np.hypot(ours, noise) / np.hypot(peers[best], noise)
            ratios.append((ours / peers[best], with_noise))
            shown = (f"{peers.get(p, np.nan):12.3f}" for p in PEERS)
            print(
                f"{name:18} {n_rows:4} {ours:6.3f} {seconds:6.1f}",
                *shown,
                f"{ratios[-1][0]:7.2f} {with_noise:8.2f} {best}",
                flush=True,
            )
    above, median = (np.array(ratios) > 1.3).sum(0), np.median(ratios, axis=0)
    print(
        f"of {len(ratios)} above 1.3: {above[0]} from the signal, {above[1]} from new"
    )
    print(f"targets; medians {median[0]:.2f} and {median[1]:.2f}")


if __name__ == "__main__":
    main()
