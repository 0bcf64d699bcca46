"""A table of mixed columns in Parquet files, fitted on two dask workers, one killed.

    python benchmarks/table_files.py [--rows 10000000] [--files 50] [--centres 500]

The same fit runs twice; in the second, a worker gets SIGKILL on the way. Coefficients
must be equal to the last bit. Peaks are the largest resident memory of each process.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import dask
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from dask.distributed import Client, LocalCluster
from timing import timed

from ntk_sklearn import WNTKRegressor


def write(folder, n_rows, n_files):
    """Write files of twelve columns and the target, and return their paths."""
    paths, size = [], n_rows // n_files
    for k in range(n_files):
        rng = np.random.default_rng(k)
        frame = pd.DataFrame({f"x{j}": rng.normal(size=size) for j in range(5)})
        for name, levels in (("shop", 60), ("colour", 5), ("town", 400)):
            frame[name] = pd.Categorical.from_codes(
                rng.integers(0, levels, size), [f"{name} {i}" for i in range(levels)]
            )
        day = rng.integers(0, 2000, size)
        frame["sold"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D")
        frame["new"] = rng.random(size) < 0.5
        frame["count"] = rng.poisson(3.0, size)
        frame["grade"] = rng.choice(["a", "b", "c"], size)
        y = np.sin(2 * frame["x0"]) + frame["x1"] * frame["new"] + day / 1000
        y += 0.1 * frame["colour"].cat.codes + 0.2 * rng.normal(size=size)
        frame = frame.mask(rng.random(frame.shape) < 0.05).assign(price=y)
        paths.append(Path(folder) / f"{k}.parquet")
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), paths[-1])
    return paths


def peak():
    """Return the largest resident memory of this process, in GiB."""
    # Of a process that was started by a large one, getrusage says the size of that one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def kill(client, victim):
    """Kill a worker as soon as it has blocks to work on."""
    while not any(client.processing().values()):
        time.sleep(0.1)
    os.kill(victim, signal.SIGKILL)


def fit(paths, n_centres):
    with joblib.parallel_config(backend="dask"):
        return WNTKRegressor(n_components=n_centres, solver="nystrom").fit(
            paths, "price"
        )


def main():
    """Fit twice, and print times, memory and whether the results are equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--centres", type=int, default=500)
    options = parser.parse_args()
    limit = "1.5GiB"
    # On a busy machine a new worker takes longer to start than a cluster waits for it.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"})
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=limit,
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        seconds, paths = timed(partial(write, folder, options.rows, options.files))
        print(
            f"{options.rows} rows in {options.files} files: {seconds:.0f} s", flush=True
        )
        seconds, model = timed(partial(fit, paths, options.centres))
        print(f"fit: {seconds:.0f} s; this process {peak():.2f} GiB", flush=True)
        peaks = {**client.run(peak)}
        print("workers:", *(f"{value:.2f} GiB" for value in peaks.values()), flush=True)

        victim = next(iter(client.run(os.getpid).values()))
        killer = threading.Thread(target=kill, args=(client, victim), daemon=True)
        killer.start()
        seconds, again = timed(partial(fit, paths, options.centres))
        alive = victim in client.run(os.getpid).values()
        print(f"with a worker killed ({not alive}): {seconds:.0f} s", flush=True)
        print("equal:", np.array_equal(model.dual_coef_, again.dual_coef_), flush=True)
        print("workers:", *(f"{value:.2f} GiB" for value in client.run(peak).values()))
        print(f"this process {peak():.2f} GiB")


if __name__ == "__main__":
    main()
