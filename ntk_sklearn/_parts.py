"""Which rows are learned from first: parts of them, each half of the next."""

from __future__ import annotations

import numpy as np

from ._problem import Problem

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
    for size in _sizes(len(problem.Y), fewest):
        part = problem.part(spread_rows(problem.X, problem.Y, size))
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


def spread_rows(X, Y, size: int) -> np.ndarray:
    """Return `size` row numbers: neighbours in pairs, spread over the rows in order.

    The order is that of the inputs, so that rows measured twice are neighbours: only
    such pairs tell a part of the rows how much is noise. How large the targets are must
    not count, or their likelihood would be another one: among equal inputs, their
    scrambled digits decide.
    """
    order = np.lexsort((_scrambled(Y), *X.T[::-1]))
    firsts = np.linspace(0, len(X) - 2, size // 2).astype(int)
    return np.sort(order[np.union1d(firsts, firsts + 1)])


def _scrambled(Y) -> np.ndarray:
    """Return a number for each row that depends on its digits, but not in order."""
    bits = np.ascontiguousarray(Y, dtype=np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
            bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(factor)
        return bits.sum(axis=1, dtype=np.uint64)
