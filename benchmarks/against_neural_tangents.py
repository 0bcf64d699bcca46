"""Convolutional kernels beside those of neural-tangents: time, memory, agreement.

    python benchmarks/against_neural_tangents.py DATA_DIR --peer-python PYTHON

DATA_DIR has the folder ``images`` with ``cifar10_4k1k.npz``. neural-tangents does not
run on current versions of its dependencies, so that PYTHON is an interpreter that has
it; there it runs as a worker, compiled before it is timed, in float64. Both packages
take turns, and the table gives the smallest seconds of several rounds, of the clock and
of the processor. A kernel of average pooling takes neural-tangents minutes for 32
images; ``--average-rows`` asks for fewer.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
from timing import interleaved, timed, wall_and_processor

WEIGHT_VARIANCE, BIAS_VARIANCE = 2.0, 0.01


def images(path, n):
    """Return images, scaled channel by channel."""
    X = np.load(path)["X_train"][:n].astype(float)
    return (X - X.mean(axis=(0, 1, 2))) / X.std(axis=(0, 1, 2))


def theirs(path, readout, depth, n):
    """Return a function that computes the kernel with neural-tangents."""
    import jax
    from neural_tangents import stax

    jax.config.update("jax_enable_x64", True)
    layers = []
    for _ in range(depth):
        root = WEIGHT_VARIANCE**0.5
        layers += [
            stax.Conv(1, (3, 3), padding="SAME", W_std=root, b_std=BIAS_VARIANCE**0.5),
            stax.Relu(),
        ]
    last = stax.Flatten() if readout == "flatten" else stax.GlobalAvgPool()
    kernel = stax.serial(*layers, last, stax.Dense(1, W_std=1.0, b_std=None))[2]
    compiled, X = jax.jit(lambda x: kernel(x, None, "ntk")), images(path, n)
    return lambda: np.asarray(compiled(X))


def ours(path, readout, depth, n):
    """Return a function that computes the same kernel with this package."""
    from ntk_sklearn import ConvolutionalNTKernel

    kernel = ConvolutionalNTKernel(
        depth,
        weight_variance=[WEIGHT_VARIANCE] * depth + [1.0],
        bias_variance=[BIAS_VARIANCE] * depth + [0.0],
        readout=readout,
    )
    X = images(path, n)
    return lambda: kernel(X)


def resident():
    """Return the MiB that this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def work():
    """Serve timings: a JSON job per input line, a JSON answer per output line."""
    job, function = None, None
    for line in sys.stdin:
        new = tuple(json.loads(line))
        answer = {}
        if new != job:
            job, before = new, resident()
            function = theirs(*job)
            answer["kernel"] = function().tolist()
            answer["MiB"] = resident() - before
        answer["seconds"] = timed(function, wall_and_processor)[0].tolist()
        print(json.dumps(answer), flush=True)


class Peer:
    """The other interpreter."""

    def __init__(self, python):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [python, __file__, "--worker", "."]
        self._process = subprocess.Popen(
            command, text=True, stderr=subprocess.DEVNULL, **pipes
        )

    def __call__(self, *job):
        """Return the answer to one job."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        """End the worker."""
        self._process.stdin.close()
        self._process.wait()


def beyond_result(function):
    """Return the MiB of arrays that a call holds at most beside its result."""
    tracemalloc.start()
    found = function()
    peak = tracemalloc.get_traced_memory()[1] - found.nbytes
    tracemalloc.stop()
    return peak / 2**20


def compare(peer, path, readout, depth, n, rounds):
    """Print our numbers on one kernel, theirs, and how many times as large."""
    job, function = (str(path), readout, depth, n), ours(path, readout, depth, n)
    answer, K = peer(*job), function()
    error = np.max(np.abs(np.array(answer["kernel"]) / K - 1))
    times = interleaved(
        {"ours": function},
        rounds,
        clock=wall_and_processor,
        reported={"theirs": lambda: np.array(peer(*job)["seconds"])},
    )
    wall, cpu = np.min(times["ours"], axis=0)
    their_wall, their_cpu = np.min(times["theirs"], axis=0)
    for name, mine, other in (
        ("seconds", wall, their_wall),
        ("seconds of processor time", cpu, their_cpu),
        ("MiB", beyond_result(function), answer["MiB"]),
    ):
        shown = f"{readout}, depth {depth}, n = {n}: {name:26s}"
        print(f"{shown} {mine:9.4f} {other:9.3f} {other / mine:7.1f}")
    print(f"largest relative difference {error:.1e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer-python", help="an interpreter with neural-tangents")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--average-rows", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        sys.exit()
    data, peer = (
        options.folder / "images" / "cifar10_4k1k.npz",
        Peer(options.peer_python),
    )
    for readout, depth, n in (
        ("flatten", 3, options.rows),
        ("flatten", 10, options.rows),
        ("average", 3, options.average_rows),
    ):
        compare(peer, data, readout, depth, n, options.rounds)
    peer.close()
