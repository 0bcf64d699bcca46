"""The progress of a study: finished fits, and an estimate of the remaining time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import TextIO

import numpy as np

from .._utils.progress import Progress

# Finished pieces from which the remaining time is told.
FEWEST = 3


class StudyProgress:
    """A display of the progress of a study.

    Parameters
    ----------
    work : sequence of (str, float)
        Model and size of each piece of work. To estimate the remaining time, the time
        of pieces of the same model is assumed to be proportional to their size, at the
        median rate of those that are finished; a model of which none is finished is
        assumed to be as fast as the others.
    stream : text file, default=None
        The output. None means stderr.
    every : float, default=5.0
        Seconds between two lines if the output is not a terminal.
    """

    def __init__(
        self,
        work: Sequence[tuple[str, float]],
        stream: TextIO | None = None,
        every: float = 5.0,
    ):
        self.models = np.array([model for model, _ in work])
        self.sizes = np.array([size for _, size in work])
        self.seconds = np.full(len(work), np.nan)
        self.start = perf_counter()
        self._show = Progress("compare", every, "fits", stream or sys.stderr)
        self._show(0, len(work), label="the first fit on a machine also compiles")

    def advance(self, at: int, seconds: float, label: str) -> None:
        """Count a finished piece of work, and the seconds that it took."""
        self.seconds[at] = seconds
        done = int((~np.isnan(self.seconds)).sum())
        remaining = self.remaining(perf_counter() - self.start)
        # The first fit on a machine also compiles, and says nothing of the others.
        remaining = remaining if done >= FEWEST else np.nan
        self._show(done, len(self.seconds), remaining, label)

    def remaining(self, elapsed: float) -> float:
        """Return an estimate of the remaining seconds; NaN if nothing is known."""
        left = np.isnan(self.seconds)
        spent = np.nansum(self.seconds)
        if not spent:
            return np.nan
        rates = self.seconds / self.sizes
        known = {m: np.nanmedian(rates[self.models == m]) for m in self.models[~left]}
        usual = np.median(list(known.values()))
        expected = self.sizes * [known.get(model, usual) for model in self.models]
        # Several pieces may run at the same time.
        return float(expected[left].sum() * elapsed / spent)
