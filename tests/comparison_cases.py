"""Small data sets for the tests of the comparison."""

import datetime

import numpy as np
from sklearn.datasets import make_blobs


def messy_csv() -> str:
    """A table with strings, gaps, a constant, dates and three repeated rows."""
    rng = np.random.default_rng(0)
    start = datetime.date(2020, 1, 1)
    lines = []
    for i in range(40):
        day = start + datetime.timedelta(days=7 * i)
        colour = ["red", "green", "blue", ""][i % 4]
        gap = "NA" if i % 5 == 0 else f"{rng.normal():.3f}"
        size = rng.normal()
        target = 3 * size + (i % 4) + 0.1 * rng.normal()
        lines.append(f"{size:.4f},{gap},{colour},{day},north,{target:.4f}")
    lines += lines[3:6]
    return "\n".join(["size,gap,colour,when,site,price", *lines]) + "\n"


def write_suite(folder) -> None:
    """A folder with one set of each kind."""
    rng = np.random.default_rng(0)
    X, y = make_blobs(48, centers=3, n_features=2, cluster_std=1.5, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = rng.permutation(48)
    arrays = {"X": X, "y": y, "train_idx": rows[:24], "val_idx": rows[24:]}
    for i in range(4):
        rows = rng.permutation(48)
        arrays |= {f"kfold_train_{i}": rows[:36], f"kfold_test_{i}": rows[36:]}
    (folder / "classification").mkdir(parents=True)
    np.savez(folder / "classification" / "blobs.npz", **arrays)
    X = rng.normal(size=(40, 3)) * [1, 10, 100]
    y = X @ [1, 0.1, 0.01] + 0.1 * rng.normal(size=40)
    mask = np.arange(10) == (np.arange(40) % 10)[:, None]
    (folder / "regression").mkdir()
    np.savez(folder / "regression" / "line.npz", X=X, y=y, test_mask=mask)
