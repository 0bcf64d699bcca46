"""Training in time: real networks beside theory, stopping beside ridges, and the cost.

    python benchmarks/dynamics.py finite
    python benchmarks/dynamics.py stopping DATA_DIR [--task classification] [--sets ...]
    python benchmarks/dynamics.py speed

``finite`` trains ensembles of random networks by gradient descent in NumPy, each layer
with a learning rate of its own, and compares their means and spreads with
``GradientDescentRegressor``. ``stopping`` compares early stopping with ridge
regression, both chosen by leave-one-out, on the tables of a folder; DATA_DIR is as in
``accuracy.py``. ``speed`` times a path of errors beside one eigendecomposition.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.base import clone
from timing import interleaved

from ntk_sklearn import NTKernel, WeightedNTKernel
from ntk_sklearn.dynamics import (
    GradientDescent,
    GradientDescentClassifier,
    GradientDescentRegressor,
    GradientFlow,
    TrainingPath,
    max_learning_rate,
)
from ntk_sklearn.solvers import Spectrum

# -- finite networks ------------------------------------------------------------------

RATES = np.array([0.5, 1.0, 2.0])  # of the three layers of weights
SW, SB = np.sqrt(2.0), np.sqrt(0.1)  # the kernel's defaults
STAGES = [1, 4, 16, 64, 128]


def train(X, y, Z, width, networks, rate, rng):
    """Outputs at the rows Z of each network at the start and at each of the stages.

    ReLU networks with two hidden layers in the parameterisation of the NTK, many at a
    time. The second half has the read-out of the first half, negated, so that the mean
    of the starts is exactly zero.
    """
    sizes = [X.shape[1], width, width, 1]
    half = networks // 2
    layers = [
        [normal(rng, (half, a, b)), normal(rng, (half, 1, b))]
        for a, b in pairwise(sizes)
    ]
    signs = [1, 1, -1]
    layers = [
        [np.concatenate([part, sign * part]) for part in layer]
        for layer, sign in zip(layers, signs, strict=True)
    ]
    scales = (SW / np.sqrt(sizes[:-1])).astype(np.float32)
    rates, bias = (rate * RATES).astype(np.float32), np.float32(SB)
    X, y, Z = (rows.astype(np.float32) for rows in (X, y, Z))

    def forward(rows):
        h, inputs, active = np.broadcast_to(rows, (networks, *rows.shape)), [], []
        for k, (W, b) in enumerate(layers):
            inputs.append(h)
            h = scales[k] * (h @ W) + bias * b
            if k < 2:
                active.append(h > 0)
                h = h * active[-1]
        return h[:, :, 0], inputs, active

    stages = [forward(Z)[0]]
    for step in range(1, STAGES[-1] + 1):
        outputs, inputs, active = forward(X)
        back = (outputs - y)[:, :, None]
        for k in (2, 1, 0):
            W, b = layers[k]
            slope = scales[k] * (inputs[k].transpose(0, 2, 1) @ back)
            bias_slope = bias * back.sum(axis=1, keepdims=True)
            if k:
                back = scales[k] * (back @ W.transpose(0, 2, 1)) * active[k - 1]
            layers[k] = [
                W - rates[k] * slope,
                b - rates[k] * bias_slope,
            ]
        if step in STAGES:
            stages.append(forward(Z)[0])
    return np.array(stages)


def normal(rng, shape):
    """Single precision is enough beside the randomness of the networks."""
    return rng.standard_normal(shape, dtype=np.float32)


def finite(networks, widths):
    """Errors of the mean and of the spread of ensembles, by width."""
    rng = np.random.default_rng(0)
    X, Z = rng.standard_normal((15, 3)), rng.standard_normal((12, 3))
    y = np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1]
    kernel = WeightedNTKernel(depth=2, layer_weights=RATES)
    rate = 0.25 * max_learning_rate(np.linalg.eigvalsh(kernel(X))[-1])
    model = GradientDescentRegressor(
        kernel, flow=False, learning_rate=rate, n_steps=STAGES[-1], fit_intercept=False
    ).fit(X, y)
    times = [0, *STAGES]
    means = np.array(list(model.staged_predict(Z, times)))
    spreads = []
    for time in times:
        one = clone(model).set_params(n_steps=time)
        spreads.append(one.fit(X, y).predict(Z, return_std=True)[1])
    print("steps " + "".join(f"{time:>16}" for time in times))
    print("theory: root mean square of the mean, and of the spread")
    print(
        "      "
        + "".join(
            f"{root(m):8.3f}{root(s):8.3f}" for m, s in zip(means, spreads, strict=True)
        )
    )
    print("networks: error of the mean, and of the spread, over rows")
    for width in widths:
        parts = [
            train(X, y, Z, width, min(20, networks), rate, rng)
            for _ in range(max(networks // 20, 1))
        ]
        outputs = np.concatenate(parts, axis=1)
        found = outputs.mean(axis=1), outputs.std(axis=1)
        line = "".join(
            f"{root(a - m):8.3f}{root(b - s):8.3f}"
            for a, b, m, s in zip(*found, means, spreads, strict=True)
        )
        print(f"{width:>6}{line}")
    # Half the networks are copies with the sign of the start turned.
    noise = "".join(f"{'':8}{root(s) / np.sqrt(networks):8.3f}" for s in spreads)
    print(f" noise{noise}")


def root(numbers):
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(numbers))))


# -- early stopping and ridges --------------------------------------------------------


def tuned_ridges(estimator, X, y):
    """The converged network with the weight decays that two errors choose."""
    path = estimator(KERNEL, stopping=None).fit(X, y).path_
    spectrum, Y = path.spectrum, path.Y
    alphas = spectrum.values[0] * np.geomspace(1e-8, 10.0, 100)
    for errors in (spectrum.loo_path(Y, alphas), spectrum.gcv_path(Y, alphas)):
        decayed = estimator(KERNEL, weight_decay=errors.best_alpha, stopping=None)
        yield decayed.fit(X, y)


KERNEL = NTKernel(depth=2)
STOPPED = {
    "flow, loo": {"stopping": "loo"},
    "flow, gcv": {"stopping": "gcv"},
    "steps, loo": {"stopping": "loo", "flow": False},
}


def regression(data, masks):
    """RMSE in units of the training targets' deviation: (splits, methods)."""
    X, y = data["X"].astype(float), data["y"].ravel().astype(float)
    for test in data["test_mask"].T[:masks]:
        Z, t = standardised(X, ~test), (y - y[~test].mean()) / y[~test].std()
        Z, T, Z_new, t_new = Z[~test], t[~test], Z[test], t[test]
        ridges = tuned_ridges(GradientDescentRegressor, Z, T)
        fits = [*ridges] + [
            GradientDescentRegressor(KERNEL, **how).fit(Z, T)
            for how in STOPPED.values()
        ]
        yield [root(fit.predict(Z_new) - t_new) for fit in fits]


def classification(data, masks):
    """Error rates: (folds, methods)."""
    X, y = data["X"].astype(float), data["y"]
    for k in range(min(masks, 4)):
        train, test = data[f"kfold_train_{k}"], data[f"kfold_test_{k}"]
        Z = standardised(X, train)
        ridges = tuned_ridges(GradientDescentClassifier, Z[train], y[train])
        fits = [*ridges] + [
            GradientDescentClassifier(KERNEL, **how).fit(Z[train], y[train])
            for how in STOPPED.values()
        ]
        yield [1.0 - fit.score(Z[test], y[test]) for fit in fits]


def standardised(X, train):
    """Columns with the mean and deviation of the training rows."""
    scale = X[train].std(axis=0)
    return (X - X[train].mean(axis=0)) / np.where(scale > 0, scale, 1.0)


def stopping(folder, task, sets, masks, most):
    """Print a line for each set: the ridge's error, and the others' excess over it."""
    print(
        f"{task}: {'n':>20}{'ridge':>10}"
        + "".join(f"{k:>22}" for k in ("ridge, gcv", *STOPPED))
    )
    score = {"regression": regression, "classification": classification}[task]
    ratios = []
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            if (sets and path.stem not in sets) or not 60 <= len(data["y"]) <= most:
                continue
            errors = np.array(list(score(data, masks)))
            n = len(data["y"])
        differences = errors[:, 1:] - errors[:, :1]
        mean = differences.mean(axis=0)
        noise = differences.std(axis=0, ddof=1) / np.sqrt(len(errors))
        ratios.append(errors.mean(axis=0))
        line = "".join(
            f"{a:>+13.4f} ± {b:.4f}" for a, b in zip(mean, noise, strict=True)
        )
        print(f"{path.stem:<23}{n:>7}{errors[:, 0].mean():>10.4f}{line}", flush=True)
    total = np.mean(ratios, axis=0)
    print(
        f"{'mean':<30}{total[0]:>10.4f}"
        + "".join(f"{t - total[0]:>+22.4f}" for t in total[1:])
    )


# -- cost -----------------------------------------------------------------------------


def steps(momentum, largest):
    """Return gradient descent at nine tenths of the largest learning rate."""
    return GradientDescent(0.9 * max_learning_rate(largest, momentum), momentum)


RULES = {
    "flow": lambda _: GradientFlow(),
    "steps": partial(steps, 0.0),
    "momentum 0.9": partial(steps, 0.9),
}


def speed(rounds):
    """A path of 100 times beside one eigendecomposition."""
    for n in (200, 500, 1000, 2000):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, 8))
        Y = np.sin(2.0 * X[:, :1]) + 0.3 * rng.standard_normal((n, 1))
        K = NTKernel()(X)
        spectrum = Spectrum.of(K)
        contenders = {"eigendecomposition": lambda K=K: Spectrum.of(K)}
        largest = spectrum.values.max()
        for name, make in RULES.items():
            rule = make(largest)
            path = TrainingPath(spectrum, rule, Y)
            times = np.geomspace(0.1, 1e8, 100) / (rule.learning_rate * largest)
            if rule.discrete:
                times = np.unique(np.ceil(times))
            contenders[f"{name}, leave-one-out"] = partial(path.loo, times)
            contenders[f"{name}, cross-validation"] = partial(path.gcv, times)
        # Noise adds: the fastest of many short calls is their cost.
        found = interleaved(contenders, max(rounds, 4000 // n))
        least = min(found["eigendecomposition"])
        print(f"\n{n} rows: milliseconds, and with the eigendecomposition, over it")
        for name, seconds in found.items():
            total = min(seconds) / least + (name != "eigendecomposition")
            print(f"  {name:44s} {1e3 * min(seconds):10.2f} {total:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("finite")
    one.add_argument("--networks", type=int, default=200)
    one.add_argument("--widths", type=int, nargs="*", default=[16, 64, 256])
    two = commands.add_parser("stopping")
    two.add_argument("folder")
    two.add_argument(
        "--task", choices=["regression", "classification"], default="regression"
    )
    two.add_argument("--sets", nargs="*")
    two.add_argument("--masks", type=int, default=5)
    two.add_argument("--most", type=int, default=1100)
    three = commands.add_parser("speed")
    three.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.command == "finite":
        finite(given.networks, given.widths)
    elif given.command == "stopping":
        stopping(given.folder, given.task, given.sets, given.masks, given.most)
    else:
        speed(given.rounds)


if __name__ == "__main__":
    main()
