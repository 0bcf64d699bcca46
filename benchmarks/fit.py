"""What learning costs: objectives against one factorisation, fits against the authors'.

Run ``python benchmarks/fit.py``. Contenders are timed in turn, and medians and their
ratios are printed, because machines are noisy.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
from scipy.linalg import lapack
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from timing import interleaved

from ntk_sklearn import WeightedNTKernel, WNTKRegressor
from ntk_sklearn.objectives import OBJECTIVES


def data(n, n_features=20, seed=0):
    """Return a standardised regression problem."""
    X, y = make_regression(n, n_features, noise=10.0, random_state=seed)
    return X, (y - y.mean()) / y.std()


def cholesky_and_inverse(K):
    """One factorisation and inverse: the unit of the first table."""
    A = K.copy().T
    factor, _ = lapack.dpotrf(A, lower=1, overwrite_a=1, clean=0)
    return lapack.dpotri(factor, lower=1, overwrite_c=1)[0]


def evaluate(objective, kernel, X, Y, alpha):
    """Return an objective with all its gradients, as learning evaluates it."""
    on_rows = kernel.on_rows(X)
    found = objective(on_rows.gram(), Y, alpha, overwrite_K=True)
    return found.value, on_rows.contract(found.dK), found.dalpha


def objectives(n, depth, rounds):
    """One evaluation with all gradients, Gram and contraction included."""
    X, y = data(n)
    kernel = WeightedNTKernel(depth=depth)
    K = kernel(X)
    K[np.diag_indices(n)] += 1.0
    contenders = {"cholesky + inverse": lambda: cholesky_and_inverse(K)}
    for name in ("loo", "gcv", "evidence"):
        objective = OBJECTIVES[name]
        contenders[f"{name}, whole evaluation"] = partial(
            evaluate, objective, kernel, X, y[:, None], 1.0
        )
        contenders[f"{name}, matrix part"] = partial(objective, K, y[:, None], 1.0)
    contenders["gram"] = lambda: kernel(X)
    contenders["contraction"] = lambda: kernel.contract(X, K)
    return interleaved(contenders, rounds)


def authors_update(components, y, train, valid, alpha, rate, iterations):
    """Run the published update as its authors wrote it: explicit inverses, n^3 chains.

    For every layer, the products K G K_k G y are formed from the left, matrix by
    matrix. Written down from the paper's description; see Tan et al. 2023.
    """
    w = np.ones(len(components))
    K_tt = [K[np.ix_(train, train)] for K in components]
    K_vt = [K[np.ix_(valid, train)] for K in components]
    y_t, y_v = y[train, None], y[valid, None]
    for _ in range(iterations):
        tt = sum(weight * K for weight, K in zip(w, K_tt, strict=True))
        vt = sum(weight * K for weight, K in zip(w, K_vt, strict=True))
        G = np.linalg.inv(tt + alpha * np.eye(len(train)))
        residual = vt @ (G @ y_t) - y_v
        new = w.copy()
        for k in range(len(w)):
            term = w[k] * K_vt[k] @ G @ y_t
            term -= w[k] * vt @ G @ K_tt[k] @ G @ y_t
            new[k] = max(w[k] - 2.0 * rate * (residual.T @ term).item(), 0.0)
        w = new
    return w


def iterations(model):
    """Say how many iterations a fitted model took, by number of rows."""
    sizes, counts = np.unique(model.objective_rows_, return_counts=True)
    pairs = zip(counts, sizes, strict=True)
    parts = ", ".join(f"{count} on {rows} rows" for count, rows in pairs)
    print(f"{model.n_iter_} iterations of {type(model).__name__}; its path: {parts}")


def fits(n, depth, rounds):
    """Fit with defaults against the authors' update, the same number of iterations.

    Theirs are on all rows; ours are on parts of them first, as they come by default.
    """
    X, y = data(n)
    model = WNTKRegressor().fit(X, y)
    iterations(model)
    # A kernel for every tensor of parameters, as their code has: a layer's weights and
    # its biases. What the kernels hold does not matter to the time.
    components = np.repeat(WeightedNTKernel(depth=depth).components(X) / 2, 2, axis=0)
    train, valid = np.arange(int(0.8 * n)), np.arange(int(0.8 * n), n)
    as_many = max(model.n_iter_, 1)
    weighted = WNTKRegressor(
        WeightedNTKernel(depth=depth), objective="loo", max_iter=as_many, tol=0.0
    )
    iterations(weighted.fit(X, y))
    return interleaved(
        {
            "authors' update": lambda: authors_update(
                components, y, train, valid, 1.0, 0.01, as_many
            ),
            "WNTKRegressor()": lambda: WNTKRegressor().fit(X, y),
            f"WNTKRegressor(WeightedNTKernel(depth={depth}))": lambda: weighted.fit(
                X, y
            ),
        },
        rounds,
    )


def small_fits(n, rounds):
    """Return times of a small fit with all threads and with one."""
    X, y = data(n)

    def one_thread():
        with threadpool_limits(1):
            WNTKRegressor().fit(X, y)

    return interleaved(
        {"one thread": one_thread, "as it comes": lambda: WNTKRegressor().fit(X, y)},
        rounds,
    )


def main():
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    options = parser.parse_args()
    n = 500 if options.quick else 2000
    times = objectives(n, 3, options.rounds)
    times.show(f"one evaluation, n = {n}, depth 3, 20 features", "cholesky + inverse")
    warnings.simplefilter("ignore", ConvergenceWarning)  # tol=0 never converges
    n = 300 if options.quick else 1000
    times = fits(n, 3, max(options.rounds // 3, 1))
    times.show(f"a fit, n = {n}", "authors' update")
    for n in (50, 150, 300):
        times = small_fits(n, options.rounds)
        times.show(f"small fits, n = {n}", "one thread")


if __name__ == "__main__":
    main()
