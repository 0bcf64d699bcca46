"""Fits beyond memory: time, peak memory and accuracy.

    python benchmarks/scale.py speed DATA.npz --rows 1000000 --centres 2000
    python benchmarks/scale.py accuracy DATA.npz [DATA.npz ...]
    python benchmarks/scale.py sampler

DATA.npz holds `X` of shape (n, n_features) and `y`. For `speed` its rows are repeated,
with noise of a hundredth of a standard deviation, and its columns, as random mixtures
of them, up to the numbers asked for; they lie in memory-mapped files in a temporary
folder. Every measured step runs in a process of its own, whose peak memory is that of
the operating system, less that of a process which has only imported the packages.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import interleaved, timed

# Ridges of the linear models on features.
ALPHAS = np.logspace(-6, 4, 31)
# Bytes of a block of kernel values, about as many as a fit has at a time.
BLOCK = 24 * 2**20


def blocks(n_rows, n_columns):
    """Yield slices of rows whose kernel values with the columns fill a block."""
    size = max(256, BLOCK // (8 * n_columns))
    yield from (slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size))


def peak_mib():
    # The file pages of a memory map count as resident while they are mapped, so that
    # this is an upper bound of what a fit needs beyond its data.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def kernel_of(name, depth=3):
    from ntk_sklearn import NTKernel

    bias = 0.1 if name == "biases" else [0.1] + [0.0] * depth
    return NTKernel(depth=depth, bias_variance=bias)


def tile_data(path, rows, columns, folder):
    """Write a large set: rows of a real one, repeated with noise."""
    data = np.load(path)
    rng = np.random.default_rng(0)
    X = data["X"].astype(np.float64)
    scale = X.std(axis=0)
    X = (X - X.mean(axis=0))[:, scale > 0] / scale[scale > 0]
    if X.shape[1] < columns:
        mixtures = rng.standard_normal((X.shape[1], columns - X.shape[1]))
        X = np.hstack([X, np.tanh(X @ mixtures / np.sqrt(X.shape[1]))])
    X = X[:, :columns]
    y = data["y"].astype(np.float64)
    y = (y - y.mean()) / y.std()
    out = np.lib.format.open_memmap(
        folder / "X.npy", "w+", np.float64, (rows, X.shape[1])
    )
    targets = np.empty(rows)
    order = rng.permutation(len(X))
    for start in range(0, rows, 50_000):
        stop = min(start + 50_000, rows)
        at = order[np.arange(start, stop) % len(X)]
        out[start:stop] = X[at] + 0.01 * rng.standard_normal((stop - start, X.shape[1]))
        targets[start:stop] = y[at]
    out.flush()
    np.save(folder / "y.npy", targets)


def step_import(folder, centres, kernel):
    import ntk_sklearn.solvers  # noqa: F401

    return {}


def step_fit(folder, centres, kernel):
    from ntk_sklearn.solvers import (
        NystromFeatures,
        NystromSystem,
        accumulate,
        select_centres,
    )

    X = np.load(folder / "X.npy", mmap_mode="r")
    y = np.load(folder / "y.npy", mmap_mode="r")
    kernel = kernel_of(kernel)
    kernel(np.asarray(X[:600]), np.asarray(X[:300]))  # compiled or loaded

    def begin():
        chosen = select_centres(X, centres)
        return NystromFeatures.of(kernel, np.asarray(X[chosen]))

    def accumulated():
        return accumulate(NystromSystem.empty(features), X, y)

    def solve():
        return system.solve(system.best_alpha(np.logspace(-6, 6, 49)))

    # The steps of one fit follow each other: once each.
    centres_s, features = timed(begin)
    pass_s, system = timed(accumulated)
    solve_s, solution = timed(solve)
    saved = {"centres": features.centres, "factor": features.factor}
    np.savez(folder / "fit.npz", **saved, **solution._asdict())
    return {
        "centres_s": centres_s,
        "pass_s": pass_s,
        "solve_s": solve_s,
        "total_s": centres_s + pass_s + solve_s,
        "alpha": solution.alpha,
    }


def step_syrk(folder, centres, kernel):
    """The bare product of the same blocks."""
    from scipy.linalg import blas

    n = len(np.load(folder / "X.npy", mmap_mode="r"))
    rows = next(blocks(n, centres)).stop
    Zt = np.asfortranarray(np.random.default_rng(0).standard_normal((centres, rows)))

    def syrk():
        total = np.zeros((centres, centres), order="F")
        for block in blocks(n, centres):
            part = Zt[:, : block.stop - block.start]
            total = blas.dsyrk(1.0, part, beta=1.0, c=total, lower=1, overwrite_c=1)

    return {"total_s": timed(syrk)[0]}


def step_predict(folder, centres, kernel):
    from sklearn.metrics.pairwise import rbf_kernel

    from ntk_sklearn.solvers import NystromFeatures, NystromSolution, predict

    X = np.load(folder / "X.npy", mmap_mode="r")[:200_000]
    y = np.load(folder / "y.npy", mmap_mode="r")[:200_000]
    fit = np.load(folder / "fit.npz")
    solution = NystromSolution(fit["coef"], fit["intercept"], float(fit["alpha"]))
    kernel = kernel_of(kernel)
    chosen = fit["centres"]
    features = NystromFeatures(kernel, chosen, fit["factor"])

    def ours():
        return predict(features, solution, X)

    def gaussian():
        for block in blocks(len(X), len(chosen)):
            rbf_kernel(X[block], chosen)

    times = interleaved({"predict": ours, "rbf_kernel": gaussian}, rounds=3)
    return {
        "rows_per_s": len(X) / times.median("predict"),
        "ratio": times.ratio("predict", "rbf_kernel"),
        "rmse": rmse(ours(), y),
    }


STEPS = {
    "import": step_import,
    "fit": step_fit,
    "syrk": step_syrk,
    "predict": step_predict,
}


def measured(step, folder, centres, kernel):
    """Run a step in a process of its own."""
    command = [sys.executable, __file__, "step", step, str(folder), str(centres)]
    done = subprocess.run(
        [*command, kernel], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def speed(args):
    with tempfile.TemporaryDirectory() as folder:
        tile_data(args.data, args.rows, args.columns, Path(folder))
        size = (Path(folder) / "X.npy").stat().st_size / 2**20
        print(f"{args.rows} rows, {args.columns} columns, {size:.0f} MiB on disk")
        base = measured("import", folder, args.centres, "first")["peak_mib"]
        for kernel in args.kernels:
            syrk = measured("syrk", folder, args.centres, kernel)["total_s"]
            fit = measured("fit", folder, args.centres, kernel)
            predicted = measured("predict", folder, args.centres, kernel)
            print(
                f"kernel with {kernel}: fit {fit['total_s']:.1f} s "
                f"(centres {fit['centres_s']:.1f}, pass {fit['pass_s']:.1f}, "
                f"solve {fit['solve_s']:.1f}), bare syrk {syrk:.1f} s, "
                f"ratio {fit['total_s'] / syrk:.2f} (at most 2.5); peak "
                f"{fit['peak_mib'] - base:.0f} MiB above {base:.0f} (at most 3072); "
                f"prediction {predicted['rows_per_s']:.0f} rows/s, "
                f"{predicted['ratio']:.2f} of rbf_kernel (at most 2); "
                f"rmse {predicted['rmse']:.3f}",
                flush=True,
            )


def standardised(path):
    """Return train and test rows, scaled on the train rows."""
    data = np.load(path)
    X, y = data["X"].astype(np.float64), data["y"].astype(np.float64)
    if "test_mask" in data:
        test = data["test_mask"][:, 0]
    else:
        test = data["fold"] == 0
    scale = X[~test].std(axis=0)
    X = ((X - X[~test].mean(axis=0)) / np.where(scale > 0, scale, 1.0))[:, scale > 0]
    y = (y - y[~test].mean()) / y[~test].std()
    return X[~test], y[~test], X[test], y[test]


def rmse(found, y):
    """Root mean squared error."""
    return float(np.sqrt(np.mean((np.ravel(found) - y) ** 2)))


def accuracy(args):
    """Approximations with m components beside the exact fit of the same kernel."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline

    from ntk_sklearn import WNTKRegressor

    m = args.centres
    for path in args.data:
        X, y, X_test, y_test = standardised(path)
        part = np.random.default_rng(0).permutation(len(X))[: args.rows]
        X, y = X[part], y[part]
        print(f"{Path(path).stem}: n = {len(X)}, {X.shape[1]} columns, m = {m}")
        exact = None
        for solver in ("nystrom", "local"):
            model = WNTKRegressor(n_components=m, solver=solver, random_state=0)
            found = rmse(model.fit(X, y).predict(X_test), y_test)
            if exact is None:  # the kernel is learned on the same sample by both
                exact = exact_errors(model, X, y, X_test, y_test)
                for alpha, error in exact.items():
                    print(f"  exact, alpha={alpha:<19.2g} RMSE {error:.4f}")
            over = 100.0 * (found / min(exact.values()) - 1.0)
            name = f"WNTKRegressor, {solver}"
            print(f"  {name:32s} RMSE {found:.4f}, {over:+.1f} % of exact", flush=True)
        for name, step in peers(X, y, m):
            model = make_pipeline(step, RidgeCV(ALPHAS)).fit(X, y)
            error = rmse(model.predict(X_test), y_test)
            print(f"  {name + ' + Ridge':32s} RMSE {error:.4f}", flush=True)


def exact_errors(model, X, y, X_test, y_test):
    """Return the exact fit's error with a model's kernel, at two ridges."""
    from scipy.linalg import cho_factor, cho_solve

    fitted = model.models_[0]
    kernel, Z, Z_test = fitted.kernel, fitted.encode(X), fitted.encode(X_test)
    errors = {}
    # As learned on the sample, and as the Nyström model chose it on all rows.
    for alpha in sorted({fitted.learned.alpha, fitted.alpha}):
        K = kernel(Z)
        K.flat[:: len(K) + 1] += alpha
        factor = cho_factor(K.T, lower=True, overwrite_a=True, check_finite=False)
        right = np.column_stack([y, np.ones(len(y))])
        dual, ones = cho_solve(factor, right, check_finite=False).T
        intercept = dual.sum() / ones.sum()
        dual -= intercept * ones
        parts = blocks(len(Z_test), len(Z))
        found = [kernel(Z_test[part], Z) @ dual + intercept for part in parts]
        errors[alpha] = rmse(np.concatenate(found), y_test)
    return errors


def peers(X, y, m):
    """Yield features of m components, the Gaussian ones with a tuned width."""
    from sklearn.kernel_approximation import Nystroem, RBFSampler
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline

    from ntk_sklearn.approximation import NTKSampler

    few = np.random.default_rng(0).permutation(len(X))[:5000]
    half = len(few) // 2
    for name, step in (("RBFSampler", RBFSampler()), ("Nystroem(rbf)", Nystroem())):
        scores = {}
        for gamma in np.array([0.03, 0.1, 0.3, 1.0, 3.0]) / X.shape[1]:
            step.set_params(gamma=gamma, n_components=500, random_state=0)
            model = make_pipeline(step, RidgeCV(ALPHAS))
            model.fit(X[few[:half]], y[few[:half]])
            scores[gamma] = model.score(X[few[half:]], y[few[half:]])
        best = max(scores, key=scores.get)
        yield name, step.set_params(gamma=best, n_components=m)
    kernel = kernel_of("biases")
    yield "NTKSampler", NTKSampler(kernel, n_components=m, random_state=0)
    yield "Nystroem(ntk)", Nystroem(kernel, n_components=m, random_state=0)


def sampler(args):
    from sklearn.kernel_approximation import Nystroem

    from ntk_sklearn.approximation import NTKSampler

    X = np.random.default_rng(0).standard_normal((500, 20))
    sizes = [128, 256, 512, 1024, 2048, 4096]
    for depth in (1, 3):
        kernel = kernel_of("biases", depth)
        K = kernel(X)
        errors = []
        for m in sizes:
            squares = []
            for seed in range(5):
                step = NTKSampler(kernel, n_components=m, random_state=seed)
                Z = step.fit_transform(X)
                squares.append(np.linalg.norm(Z @ Z.T - K) ** 2)
            errors.append(np.sqrt(np.mean(squares)) / np.linalg.norm(K))
        slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
        shown = ", ".join(f"{m}: {e:.4f}" for m, e in zip(sizes, errors, strict=True))
        print(f"depth {depth}: relative error {shown}; slope {slope:.3f}")
        Z = Nystroem(kernel, n_components=256, random_state=0).fit_transform(X)
        error = np.linalg.norm(Z @ Z.T - K) / np.linalg.norm(K)
        print(f"  Nystroem with 256 components: {error:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("speed")
    command.add_argument("data")
    command.add_argument("--rows", type=int, default=1_000_000)
    command.add_argument("--columns", type=int, default=30)
    command.add_argument("--centres", type=int, default=2000)
    command.add_argument("--kernels", nargs="+", default=["first", "biases"])
    command.set_defaults(run=speed)
    command = commands.add_parser("accuracy")
    command.add_argument("data", nargs="+")
    command.add_argument("--centres", type=int, default=4000)
    command.add_argument("--rows", type=int, default=14_000)
    command.set_defaults(run=accuracy)
    command = commands.add_parser("sampler")
    command.set_defaults(run=sampler)
    command = commands.add_parser("step")
    command.add_argument("step", choices=STEPS)
    command.add_argument("folder", type=Path)
    command.add_argument("centres", type=int)
    command.add_argument("kernel")
    command.set_defaults(run=None)
    args = parser.parse_args()
    if args.run is not None:
        args.run(args)
        return
    found = STEPS[args.step](args.folder, args.centres, args.kernel)
    print(json.dumps({**found, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
