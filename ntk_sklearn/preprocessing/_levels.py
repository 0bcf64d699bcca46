"""Codes of the levels of a column, and of what is missing: indicators."""

from __future__ import annotations

import numpy as np

# Variance of the indicators of a column together, if it has more than two states. The
# levels of a column are then less far apart than the values of a scaled column.
_VARIANCE = 0.5


class Indicators:
    """The states of a column, each a level, missing or a rare level, as indicators.

    An indicator says whether a row is in a state. Each has mean 0 over the training
    rows. A level that is not known is in no state, unless some are rare: its indicators
    are 0, the mean.

    Attributes
    ----------
    suffixes : tuple of str
        The end of the name of each indicator: its state.
    values : ndarray of shape (n_levels + 2, n_indicators)
        The indicators of each level, of what is missing, and of unknown levels.
    length_scale : float
        Always 1.
    """

    length_scale = 1.0

    def __init__(self, states: list[str], values: np.ndarray):
        self.suffixes = tuple(f"_{state}" for state in states)
        self.values = values

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Write the codes of levels, as an array of shape (n, n_indicators)."""
        return self.values[_positions(x, len(self.values) - 2)]


class MissingIndicator(Indicators):
    """Whether a number is missing."""

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Write the numbers of a column, as an array of shape (n, 1)."""
        return self.values[np.isnan(x).astype(np.intp)]


def missing_indicators(x: np.ndarray, s: np.ndarray) -> list[Indicators]:
    """Return the indicator of missing numbers of a column, if it has variance.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Numbers; NaN for what is missing.
    s : ndarray of shape (n,)
        The weights of the rows.

    Returns
    -------
    list of at most one Indicators
    """
    codes = np.where(np.isnan(x), x, 0.0)
    found = level_indicators(codes, s, ("",), max_categories=2)
    return [MissingIndicator(["missing"], code.values) for code in found]


def level_indicators(
    x: np.ndarray, s: np.ndarray, levels: tuple[str, ...], max_categories: int
) -> list[Indicators]:
    """Return the indicators of the states of a column.

    Parameters
    ----------
    x : ndarray of shape (n,)
        The codes of the levels, from 0 on; NaN for what is missing.
    s : ndarray of shape (n,)
        The weights of the rows.
    levels : tuple of str
        The name of each code.
    max_categories : int
        Maximum number of levels with an indicator each. If there are more, all but the
        heaviest share one.

    Returns
    -------
    list of at most one Indicators
        An indicator for each state; a single one of two states, none of a single state.
    """
    positions, missing = _positions(x, len(levels)), len(levels)
    mass = np.bincount(positions, weights=s, minlength=missing + 2)
    state, names = _states(mass[:missing], levels, max_categories)
    if mass[missing] > 0.0:
        state[missing] = len(names)
        names.append(_unlike("missing", levels))
    share = np.bincount(state[positions], weights=s, minlength=len(names)) / s.sum()
    variance = share * (1.0 - share)
    if len(names) < 2:
        return []
    written = np.arange(0 if len(names) > 2 else 1, len(names))
    total = variance.sum() / _VARIANCE if len(names) > 2 else variance[1]
    state = state[:, None]
    centred = np.where(state < 0, 0.0, (state == written) - share[written])
    return [Indicators([names[k] for k in written], centred / np.sqrt(total))]


def _positions(x: np.ndarray, n_levels: int) -> np.ndarray:
    """Return codes as positions; missing ones, and then unknown ones, are the last."""
    known = (x >= 0.0) & (x < n_levels)
    return np.where(known, x, n_levels + ~np.isnan(x)).astype(np.intp)


def _states(mass, levels, max_categories) -> tuple[np.ndarray, list[str]]:
    """Return the state of each position, -1 for none, and the names of the states."""
    state = np.full(len(levels) + 2, -1)
    n_present = np.count_nonzero(mass)
    n_kept = n_present if n_present <= max_categories else max_categories - 1
    kept = np.sort(np.argsort(-mass, kind="stable")[:n_kept])
    state[kept] = np.arange(n_kept)
    names = [levels[k] for k in kept]
    if n_kept < n_present:
        state[state < 0] = n_kept
        state[len(levels)] = -1  # what is missing is not rare
        names.append(_unlike("rare", levels))
    return state, names


def _unlike(name: str, levels: tuple[str, ...]) -> str:
    """Return a name that no level has."""
    while name in levels:
        name += "_"
    return name
