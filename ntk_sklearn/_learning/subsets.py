"""Growing subsets of the rows: learning starts on few, each half of the next."""

from __future__ import annotations

import numpy as np

from .problem import HyperparameterProblem

# Learning starts on a subset of the rows, if that leaves so many, and one for each
# hyperparameter (fewer rows can be fitted by anything); each is half of the next, and
# an evaluation on it takes a quarter of the time or less.
_FEWEST_ROWS = 100


def growing_subsets(problem: HyperparameterProblem) -> list[HyperparameterProblem]:
    """Return the problem for growing subsets of the rows, and in the end itself.

    Only "bfgs" can take along what it has seen, the folds of the hold-out objective are
    of all rows, and rows that are no vectors have no order to draw from.

    Parameters
    ----------
    problem : HyperparameterProblem

    Returns
    -------
    list of HyperparameterProblem
    """
    found, rows, options = [problem], problem.rows, problem.options
    if options.optimizer != "bfgs" or options.objective == "holdout":
        return found
    if np.ndim(rows.X) != 2 or not problem.kernel.requires_vector_input:
        return found
    sizes = subset_sizes(problem.n_rows, max(_FEWEST_ROWS, problem.start.size))
    order = in_order(rows.X, rows.Y) if sizes else np.empty(0, dtype=int)
    for size in sizes:
        subset = problem.subset(spread_rows(order, size))
        if np.ptp(subset.rows.Y, axis=0).any():  # else nothing is learned from it
            found.insert(-1, subset)
    return found


def subset_sizes(n: int, fewest: int) -> list[int]:
    """Return the sizes of the subsets before all `n` rows: halves, down to `fewest`."""
    sizes: list[int] = []
    while n >= 2 * fewest:
        n //= 2
        sizes.insert(0, n)
    return sizes


def in_order(X, Y) -> np.ndarray:
    """Return row numbers in the order of the inputs, columns with few values first.

    The given order of rows and columns does not matter. The size of the targets must
    not, or their likelihood would be another one: among equal inputs, their scrambled
    digits decide.
    """
    values = np.sort(X, axis=0)
    n_values = np.count_nonzero(np.diff(values, axis=0), axis=0)
    columns = np.lexsort((*values[::-1], n_values))
    return np.lexsort((_scrambled(Y), *X.T[columns[::-1]]))


def spread_rows(order, size: int) -> np.ndarray:
    """Return `size` row numbers: neighbours in pairs, spread over the rows in order.

    Rows measured twice are neighbours, and only such pairs tell a subset of the rows
    how much is noise.
    """
    firsts = np.linspace(0, len(order) - 2, size // 2).astype(int)
    return np.sort(order[np.union1d(firsts, firsts + 1)])


def _scrambled(Y) -> np.ndarray:
    """Return a number for each row that depends on its digits, but not in order."""
    bits = np.ascontiguousarray(Y, dtype=np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
            bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(factor)
        return bits.sum(axis=1, dtype=np.uint64)
