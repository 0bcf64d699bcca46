"""Networks that were trained: kernels of theirs as machines, and planted wrong labels.

    python benchmarks/networks.py cost
    python benchmarks/networks.py fidelity
    python benchmarks/networks.py noise DATA_DIR [NAME ...] [--seeds N]
    python benchmarks/networks.py machines DATA_DIR RESULTS.csv [NAME ...]

`cost` times the kernel matrix of 2000 digits against its matrix products. `fidelity`
shows how closely surrogates follow a network on digits. DATA_DIR holds a ``NAME.npz``
per set, with X and y, and for `machines` the four index pairs ``kfold_train_i``,
``kfold_test_i``. `noise` plants 5 % of wrong labels and asks how many of the 5 % of
rows with the largest influence are among them. `machines` compares a network with
machines on its kernel; everything is learned on the training rows of a fold. It adds a
line to RESULTS.csv for each set that is not there yet, and shows the table of all
lines.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, wilcoxon
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from timing import interleaved, timed

from ntk_sklearn import (
    EmpiricalNTKernel,
    KernelLogisticRegression,
    KernelSurrogate,
    NTKernel,
    WNTKClassifier,
)

NETWORK = MLPClassifier((100, 100), random_state=0, max_iter=400)
ANALYTIC = NTKernel(depth=2, bias_variance_bounds="fixed")


def digits():
    """Return rows of digits, from 0 to 1, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


# -- cost -----------------------------------------------------------------------------


def cost(_options):
    """Time the kernel matrix of 2000 rows against the products it consists of."""
    X, y = digits()
    network = clone(NETWORK).set_params(max_iter=30).fit(X, y)
    X = np.concatenate([X, X[:203] + 0.01])
    widths = [64, 100, 100]  # of the inputs, and of their signals from ten outputs
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((len(X), n)) for n in widths]
    signals = [rng.standard_normal((len(X), 10 * n)) for n in (100, 100)]

    def products():
        for A in (*inputs, *signals):
            A @ A.T

    kernel = EmpiricalNTKernel(network)
    contenders = {"products": products, "kernel": partial(kernel, X)}
    interleaved(contenders, 7).show("2000 digits, (100, 100) units", "products")


# -- fidelity -------------------------------------------------------------------------


def fidelity(_options):
    """Show how closely surrogates of a network follow it on digits."""
    X, y = digits()
    X, Z, y, truth = train_test_split(X, y, train_size=800, random_state=0, stratify=y)
    network = clone(NETWORK).fit(X, y)
    print(f"network: accuracy {network.score(Z, truth):.4f}")
    for method in ("ridge", "logistic"):
        surrogate = KernelSurrogate(network, method=method)
        seconds, _ = timed(partial(surrogate.fit, X, y))
        found = surrogate.fidelity(Z, truth)
        print(
            f"{method}: agreement {found.agreement:.4f}, tau {found.kendall_tau:.3f}, "
            f"accuracy difference {found.accuracy_difference:+.4f}, {seconds:.0f} s",
            flush=True,
        )


# -- planted labels -------------------------------------------------------------------


def neighbours(X, y, k=10):
    """Return the share of each row's nearest neighbours that have another label."""
    places = NearestNeighbors(n_neighbors=k + 1).fit(X).kneighbors(X)[1]
    return np.mean(y[places[:, 1:]] != y[:, None], axis=1)


def suspicion(X, y, names):
    """Return a score of each row by each of the named detectors."""
    network = MLPClassifier((100, 100), early_stopping=True, random_state=0)

    model = WNTKClassifier(ANALYTIC).fit(X, y)
    detectors = {
        "10 neighbours": partial(neighbours, X, y),
        "ridge": lambda: model.loo_influence_,
        "ridge, loss": lambda: model.loo_loss_,
        "logistic": lambda: (
            KernelLogisticRegression(ANALYTIC, C="loo").fit(X, y).loo_influence_
        ),
        "surrogate": lambda: (
            (
                KernelSurrogate(network, method="ridge", target="y").fit(X, y)
            ).loo_influence_
        ),
    }
    return {name: detectors[name]() for name in names}


def precision(score, wrong):
    """Return the share of wrong labels among as many rows of the largest score."""
    return wrong[np.argsort(-score, kind="stable")[: wrong.sum()]].mean()


def noise(options):
    """Plant wrong labels in 600 rows of each set, and look for them."""
    names = ["10 neighbours", "ridge", "ridge, loss", "logistic", "surrogate"]
    sets = {}
    for name in options.names or ["digits"]:
        if name == "digits":  # comes with scikit-learn
            sets[name] = digits()
            continue
        data = np.load(options.data / f"{name}.npz")
        sets[name] = data["X"].astype(float), data["y"]
    print(f"{'':16}", *(f"{name:>14}" for name in names))
    for title, (X, y) in sets.items():
        found = []
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            rows = rng.permutation(len(X))[:600]
            labels = np.unique(y[rows], return_inverse=True)[1]
            n, k = len(rows), labels.max() + 1
            wrong = np.zeros(n, dtype=bool)
            wrong[rng.choice(n, n // 20, replace=False)] = True
            moved = labels + wrong * rng.integers(1, k, n)
            scores = suspicion(X[rows], moved % k, names)
            found.append([precision(scores[name], wrong) for name in names])
        print(
            f"{title:16}", *(f"{p:14.2f}" for p in np.mean(found, axis=0)), flush=True
        )


# -- machines -------------------------------------------------------------------------

MACHINES = ["network", "empirical", "weighted", "surrogate", "infinite"]


def accuracies(X, y, train, test):
    """Return the accuracy of the network and of the machines on one fold."""
    network = MLPClassifier((64, 64), random_state=0, max_iter=400).fit(
        X[train], y[train]
    )
    fixed = EmpiricalNTKernel(network, layer_weights_bounds="fixed")
    machines = {
        "network": network,
        "empirical": WNTKClassifier(fixed),
        "weighted": WNTKClassifier(EmpiricalNTKernel(network)),
        "surrogate": KernelSurrogate(network),
        "infinite": WNTKClassifier(ANALYTIC),
    }
    found = []
    for name in MACHINES:
        machine = machines[name]
        if machine is not network:
            machine.fit(X[train], y[train])
        found.append(machine.score(X[test], y[test]))
    return found


def machines(options):
    """Compare the network with the machines on every set, and show the table."""
    if not options.results.exists():
        options.results.write_text(",".join(["name", "n", "d", "c", *MACHINES]) + "\n")
    done = {row["name"] for row in read(options.results)}
    for name in options.names:
        if name in done:
            continue
        data = np.load(options.data / f"{name}.npz")
        X, y = data["X"].astype(float), data["y"]
        folds = [(data[f"kfold_train_{k}"], data[f"kfold_test_{k}"]) for k in range(4)]
        scores = np.mean([accuracies(X, y, *fold) for fold in folds], axis=0)
        facts = [name, *map(str, X.shape), str(len(np.unique(y)))]
        with options.results.open("a") as stream:
            line = [*facts, *(f"{s:.4f}" for s in scores)]
            print(",".join(line), flush=True)
            stream.write(",".join(line) + "\n")
    show(read(options.results))


def read(path):
    """Return the lines of a file of results."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def show(rows):
    """Print means and mean ranks, and each machine against the network."""
    table = np.array([[float(row[name]) for name in MACHINES] for row in rows])
    ranks = np.array([rankdata(-row.round(6)) for row in table]).mean(axis=0)
    print(f"\n{len(rows)} sets")
    for k, name in enumerate(MACHINES):
        line = f"{name:10} mean {table[:, k].mean():.4f} mean rank {ranks[k]:.2f}"
        gain = table[:, k] - table[:, 0]
        if gain.any():
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            p = wilcoxon(gain).pvalue
            better, worse = (gain > 0).sum(), (gain < 0).sum()
            line += (
                f"   points over the network {100 * gain.mean():+.2f} ± "
                f"{100 * error:.2f}, better {better}, worse {worse}, p {p:.3f}"
            )
        print(line)


def main():
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    for part in (cost, fidelity):
        parts.add_parser(part.__name__).set_defaults(run=part)
    for part in (noise, machines):
        its = parts.add_parser(part.__name__)
        its.set_defaults(run=part)
        its.add_argument("data", type=Path)
        if part is machines:
            its.add_argument("results", type=Path)
        else:
            its.add_argument("--seeds", type=int, default=5)
        its.add_argument("names", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    options.run(options)


if __name__ == "__main__":
    main()
