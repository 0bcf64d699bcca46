"""Which rows are learned from first: parts of them, each half of the next."""

from __future__ import annotations

import numpy as np

from .problem import Problem

# Learning starts on a part of the rows, if that leaves so many, and one for each
# hyperparameter (fewer rows can be fitted by anything); each part is half of the next,
# and an evaluation on it takes a quarter of the time or less.
_FEWEST_ROWS = 100


def parts(problem: Problem, settings) -> list[Problem]:
    """Return the problem for parts of the rows, and in the end itself.

    Only "bfgs" can take along what it has seen, and splits are of all rows.
    """
    found = [problem]
    if settings.optimizer != "bfgs" or settings.splits is not None:
        return found
    fewest = max(_FEWEST_ROWS, problem.start.size)
    sizes = _sizes(len(problem.Y), fewest)
    order = in_order(problem.X, problem.Y) if sizes else None
    for size in sizes:
        part = problem.part(spread_rows(order, size))
        if np.ptp(part.Y, axis=0).any():  # else there is nothing to learn from it
            found.insert(-1, part)
    return found


def _sizes(n: int, fewest: int) -> list[int]:
    """Return how many rows to learn on before all `n`: halves, down to `fewest`."""
    sizes: list[int] = []
    while n >= 2 * fewest:
        n //= 2
        sizes.insert(0, n)
    return sizes


def in_order(X, Y) -> np.ndarray:
    """Return row numbers in the order of the inputs, columns with few values first.

    The given order of rows and columns does not matter. How large the targets are must
    not, or their likelihood would be another one: among equal inputs, their scrambled
    digits decide.
    """
    values = np.sort(X, axis=0)
    n_values = np.count_nonzero(np.diff(values, axis=0), axis=0)
    columns = np.lexsort((*values[::-1], n_values))
    return np.lexsort((_scrambled(Y), *X.T[columns[::-1]]))


def spread_rows(order, size: int) -> np.ndarray:
    """Return `size` row numbers: neighbours in pairs, spread over the rows in order.

    Rows measured twice are neighbours, and only such pairs tell a part of the rows how
    much is noise.
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
