"""Kernels and fits on a device: python benchmarks/device.py [--device cuda] [--small].

On a GPU: a kernel matrix of 20,000 rows beside the product and a copy of the result;
Cholesky factor and inverse; and a default fit. On the CPU, with ``--device cpu``: the
kernel matrix of 4000 rows beside that of NumPy arrays.
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import sklearn
from timing import interleaved, timed

from ntk_sklearn import NTKernel, WNTKRegressor


def finish(torch, function):
    """Return a function that waits until the device has done its work."""

    def run():
        found = function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return found

    return run


def kernels(torch, device, n, rounds):
    """Time kernel matrices beside the product that each needs, and a copy."""
    X = np.random.default_rng(0).standard_normal((n, 100))
    A = torch.asarray(X, device=device)
    K = A @ A.T
    contenders = {"product": lambda: A @ A.T, "copy": K.clone}
    for depth in (1, 3, 8):
        for activation in ("relu", "erf"):
            kernel = NTKernel(depth, activation)
            contenders[f"{activation}, depth {depth}"] = lambda k=kernel: k(A)
            if device == "cpu":
                name = f"{activation}, depth {depth}, NumPy"
                contenders[name] = lambda k=kernel: k(X)
    contenders = {name: finish(torch, f) for name, f in contenders.items()}
    print(f"\nKernel matrix, {n} x 100, on {device}, milliseconds")
    for name, seconds in interleaved(contenders, rounds).items():
        print(f"  {name:28} {1e3 * np.median(seconds):10.1f}")


def matrices(torch, device, sizes, rounds):
    """Time Cholesky factors and inverses."""
    print(f"\nCholesky factor and inverse, on {device}, milliseconds")
    for n in sizes:
        A = torch.randn(n, 64, dtype=torch.float64, device=device)
        M = A @ A.T + torch.eye(n, dtype=torch.float64, device=device)
        L = torch.linalg.cholesky(M)
        contenders = {
            "factor": finish(torch, lambda M=M: torch.linalg.cholesky(M)),
            "inverse": finish(torch, lambda L=L: torch.cholesky_inverse(L)),
        }
        for name, seconds in interleaved(contenders, rounds).items():
            print(f"  {n:6} {name:8} {1e3 * np.median(seconds):10.1f}")


def fits(torch, device, n):
    """Time a default fit on the device, and on the CPU."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 10))
    y = np.sin(X[:, 0] * X[:, 1]) + 0.1 * rng.standard_normal(n)
    print(f"\nDefault fit of {n} x 10, seconds")
    for name, move in {
        device: lambda a: torch.asarray(a, device=device),
        "NumPy": lambda a: a,
    }.items():
        A, t = move(X), move(y)
        seconds, _ = timed(finish(torch, lambda A=A, t=t: WNTKRegressor().fit(A, t)))
        print(f"  {name:10} {seconds:10.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="fewer rows and rounds")
    arguments = parser.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit("PyTorch is missing; install it with: pip install ntk_sklearn[torch]")
    device = arguments.device
    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU; use --device cpu to measure on the CPU.")
    sklearn.set_config(array_api_dispatch=True)
    small = arguments.small or device == "cpu"
    kernels(torch, device, 4000 if small else 20_000, 3 if small else 10)
    matrices(torch, device, (2000,) if small else (8000, 20_000), 3)
    fits(torch, device, 2000 if small else 20_000)


if __name__ == "__main__":
    main()
