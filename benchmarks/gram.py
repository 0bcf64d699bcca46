"""Time of a Gram matrix: ours in each lane, scikit-learn's, BLAS, and other packages.

    python benchmarks/gram.py --quick
    python benchmarks/gram.py --peer-python /path/to/python --rst results.rst

Contenders are timed in turn, and the tables give medians. neural-tangents and
scikit-ntk do not run on current versions of their dependencies; `--peer-python` names
an interpreter that has them, which then runs as a worker, fed one line per job.

Columns of the roofline: the bytes of the result, the floating-point operations of its
pairs, the time the machine needs at least for either (a thread filling as many new
bytes per core, and operations at the rate of a large matrix product), and how many
times longer we take.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from itertools import product

import numpy as np
from timing import interleaved, timed

# Operations per pair and layer of the recursion, and per pair of the profile, counted
# in the compiled code (a fused operation is two).
RECURSION_FLOPS, PROFILE_FLOPS = 110, 90


def data(n, d):
    return np.random.default_rng(0).standard_normal((n, d))


def numpy_recursion(X, depth, bias):
    """Return the NTK as it is usually written: whole matrices, one layer at a time."""
    q = 2.0 * (X @ X.T) / X.shape[1] + bias
    kernel = q.copy()
    for _ in range(depth):
        norm = np.sqrt(np.outer(np.diag(q), np.diag(q)))
        cosine = np.clip(q / norm, -1, 1)
        angle = np.arccos(cosine)
        slope = (np.pi - angle) / np.pi
        q = norm / np.pi * np.sqrt(1 - cosine**2) + q * slope + bias
        kernel = kernel * slope + q
    return kernel


def contenders(X, depth, bias):
    """Return what to time in this process, by name."""
    from sklearn.metrics.pairwise import rbf_kernel

    from ntk_sklearn import NTKernel

    kernel = NTKernel(depth, bias_variance=bias)
    Z = X.copy()
    return {
        "ntk_sklearn": lambda: kernel(X),
        "rbf_kernel": lambda: rbf_kernel(X),
        "X @ Z.T": lambda: X @ Z.T,
        "X @ X.T": lambda: X @ X.T,
        "fill": lambda: np.full((len(X), len(X)), 1.0),
        "NumPy recursion": lambda: numpy_recursion(X, depth, bias),
    }


# -- other packages, in their own interpreter ------------------------------------------


def work(clock):
    """Serve timings: one JSON job per input line, one JSON answer per output line."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from neural_tangents import stax

    def neural_tangents(X, depth, bias):
        root = bias**0.5
        layers = [stax.Dense(1, 2**0.5, root), stax.Relu()] * depth
        kernel = stax.serial(*layers, stax.Dense(1, 2**0.5, root))[2]
        compiled = jax.jit(lambda x: kernel(x, None, "ntk"))
        X = jax.numpy.asarray(X)
        return lambda: compiled(X).block_until_ready()

    def scikit_ntk(X, depth, bias):
        from skntk import NeuralTangentKernel

        kernel = NeuralTangentKernel(depth=depth + 1, bias=bias**0.5)
        return lambda: kernel(X)

    prepare = {"neural-tangents": neural_tangents, "scikit-ntk": scikit_ntk}
    ready = {}
    for line in sys.stdin:
        name, n, d, depth, bias = job = tuple(json.loads(line))
        try:
            if job not in ready:
                ready = {k: v for k, v in ready.items() if k[1:] == job[1:]}
                ready[job] = prepare[name](data(n, d), depth, bias)
                ready[job]()
            answer = timed(ready[job], clock)[0]
        except Exception as error:
            answer = repr(error)
        print(json.dumps(answer), flush=True)


class Peer:
    """The other interpreter."""

    names = ("neural-tangents", "scikit-ntk")

    def __init__(self, python, options):
        command = [python, os.path.abspath(__file__), "--worker", *options]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(
            command, text=True, stderr=subprocess.DEVNULL, **pipes
        )

    def __call__(self, *job):
        """Return the seconds of one job."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '"worker ended"')
        if isinstance(answer, str):
            raise RuntimeError(f"{job[0]}: {answer}")
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.wait()


# -- measuring ------------------------------------------------------------------------


def measure(setting, options, clock, peer):
    """Return the times of all contenders at one setting: n, d, depth, bias."""
    n, d, depth, bias = setting
    functions = contenders(data(n, d), depth, bias)
    peers = {}
    if n * n * depth > options.slow_pairs:
        functions.pop("NumPy recursion")
    elif peer:
        peers = {name: partial(peer, name, *setting) for name in Peer.names}
    return interleaved(functions, options.repeat, clock=clock, reported=peers)


def peak_over_result(n, d, depth, bias):
    """Return how many MiB a call needs beyond its result."""
    from ntk_sklearn import NTKernel

    X, kernel = data(n, d), NTKernel(depth, bias_variance=bias)
    tracemalloc.start()
    result = kernel(X)
    peak = tracemalloc.get_traced_memory()[1] - result.nbytes
    tracemalloc.stop()
    return peak / 2**20


def row(n, d, depth, bias, times):
    """Return one line of the table: medians in ms, and ratios within repetitions."""
    line = {"n": n, "features": d, "depth": depth, "bias": bias}
    for name in times:
        shown = "ours" if name == "ntk_sklearn" else name
        line[shown] = f"{1e3 * times.median(name):.1f}"
    for name in ("rbf_kernel", *Peer.names):
        if name in times:
            line[f"{name} / ours"] = f"{times.ratio(name, 'ntk_sklearn'):.2f}"
    pairs = n * n / 2
    per_pair = PROFILE_FLOPS if bias == 0 else RECURSION_FLOPS * depth
    flops = pairs * (2 * d + per_pair)
    rate = 2 * n * n * d / min(times["X @ Z.T"])
    floor = max(flops / rate, min(times["fill"]) / (os.cpu_count() or 1))
    line["MB written"] = f"{8e-6 * n * n:.0f}"
    line["Gflop"] = f"{flops / 1e9:.2f}"
    line["ours / limit"] = f"{times.median('ntk_sklearn') / floor:.1f}"
    line["MiB beyond result"] = f"{peak_over_result(n, d, depth, bias):.1f}"
    return line


def table(lines):
    """Return lines as a reStructuredText list-table."""
    heads = list(dict.fromkeys(key for line in lines for key in line))
    out = [".. list-table::", "   :header-rows: 1", ""]
    for cells in (heads, *([line.get(head, "") for head in heads] for line in lines)):
        out += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(cells)]
    return "\n".join(out) + "\n"


def machine():
    """Return what the numbers depend on."""
    import numba
    import scipy
    import sklearn

    try:
        with open("/proc/cpuinfo") as file:
            model = next(x.split(":")[1] for x in file if x.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor()
    versions = {m.__name__: m.__version__ for m in (np, scipy, sklearn, numba)}
    versions["Python"] = platform.python_version()
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{model.strip()}, {os.cpu_count()} cores; {listed}; {datetime.date.today()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[500, 2000, 4000, 8000])
    parser.add_argument("--features", type=int, nargs="+", default=[10, 100, 784])
    parser.add_argument("--depth", type=int, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--bias", type=float, nargs="+", default=[0.0, 0.1])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--slow-pairs", type=float, default=2e8)
    parser.add_argument("--peer-python", help="interpreter that has the peers")
    parser.add_argument("--rst", help="file to write the table to")
    parser.add_argument("--quick", action="store_true", help="one small setting each")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--cpu", action="store_true", help="count processor time of all threads"
    )
    options = parser.parse_args()
    # Processor time is for machines that have other things to do.
    clock = time.process_time if options.cpu else time.perf_counter
    if options.worker:
        work(clock)
        return
    if options.quick:
        options.n, options.features, options.depth = [1000], [20], [1, 10]
        options.repeat = 3
    flags = ["--cpu"] if options.cpu else []
    peer = Peer(options.peer_python, flags) if options.peer_python else None
    print(machine())
    lines = []
    for setting in product(options.n, options.features, options.depth, options.bias):
        lines.append(row(*setting, measure(setting, options, clock, peer)))
        print("  ".join(f"{k} {v}" for k, v in lines[-1].items()))
    if peer:
        peer.close()
    if options.rst:
        with open(options.rst, "w") as file:
            file.write(f"{machine()}\n\n{table(lines)}")


if __name__ == "__main__":
    main()
