"""Growing subsets of the rows, on which learning starts to save time."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse
from scipy.stats import rankdata

from .problem import HyperparameterProblem

# A subset has at least this many rows, and one for each hyperparameter: fewer rows
# would be fitted by almost any values. Each subset is half of the next, and an
# evaluation on it takes a quarter of the time or less.
_FEWEST_ROWS = 100
# Of more rows than this, half or less are enough to learn from: on tables of 6000 rows,
# learning on all of them changed errors by less than 0.1 %, and took half of the time.
_MOST_ROWS = 5000


def growing_subsets(problem: HyperparameterProblem) -> list[HyperparameterProblem]:
    """Return the problem on growing subsets of the rows, and last on all rows.

    Of more than 5000 rows, the last and largest subset has between 2500 and 5000.

    There is no subset for optimizers other than "bfgs", which alone can hand on the
    curvature; for the hold-out objective, whose folds are of all rows; and for inputs
    that are not dense vectors, because rows are sorted to choose a subset.

    Parameters
    ----------
    problem : HyperparameterProblem
        The problem on all rows.

    Returns
    -------
    list of HyperparameterProblem
        The last one is `problem`, or the largest subset.
    """
    found, rows, options = [problem], problem.rows, problem.options
    if options.optimizer != "bfgs" or options.objective == "holdout":
        return found
    if (
        np.ndim(rows.X) != 2
        or issparse(rows.X)
        or not problem.kernel.requires_vector_input
    ):
        return found
    sizes = subset_sizes(problem.n_rows, max(_FEWEST_ROWS, problem.start.size))
    order = in_order(rows.X, rows.Y) if sizes else np.empty(0, dtype=int)
    for size in sizes:
        subset = problem.subset(spread_rows(order, size))
        if np.ptp(subset.rows.Y, axis=0).any():  # else nothing is learned from it
            found.insert(-1, subset)
    return [some for some in found if some.n_rows <= _MOST_ROWS] or found


def subset_sizes(n: int, fewest: int) -> list[int]:
    """Return the sizes of the subsets before all `n` rows: halves, down to `fewest`."""
    sizes: list[int] = []
    while n >= 2 * fewest:
        n //= 2
        sizes.insert(0, n)
    return sizes


def in_order(X, Y) -> np.ndarray:
    """Return row numbers in the order of the inputs, columns with few values first.

    The result depends neither on the order in which rows and columns are given nor on
    units, because it is found from ranks, which are whole numbers. Among rows with
    equal inputs, and among columns with as many values, a hash of the targets' ranks
    decides: sorting by the size of the targets would bias the subsets.
    """
    ranks = rankdata(X, method="dense", axis=0).astype(np.uint64)
    scrambled = _hashes(rankdata(Y, method="dense", axis=0).astype(np.uint64))
    with np.errstate(over="ignore"):
        marks = scrambled @ ranks
    columns = np.lexsort((marks, ranks.max(axis=0)))
    return np.lexsort((scrambled, *ranks.T[columns[::-1]]))


def spread_rows(order, size: int) -> np.ndarray:
    """Return `size` row numbers: neighbours in pairs, spread over the rows in order.

    Rows that were measured twice are neighbours, and a subset needs such pairs to tell
    how large the noise is.
    """
    firsts = np.linspace(0, len(order) - 2, size // 2).astype(int)
    return np.sort(order[np.union1d(firsts, firsts + 1)])


def _hashes(numbers) -> np.ndarray:
    """Return a hash of each row of unsigned integers."""
    with np.errstate(over="ignore"):
        for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
            numbers = (numbers ^ (numbers >> np.uint64(32))) * np.uint64(factor)
        return numbers.sum(axis=1, dtype=np.uint64)
