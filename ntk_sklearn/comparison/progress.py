"""The progress of a study: finished fits, and an estimate of the remaining time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import TextIO

import numpy as np

from .._utils.progress import Progress


class StudyProgress:
    """A display of the progress of a study.

    Parameters
    ----------
    work : sequence of (str, float)
        Model and size of each piece of work. To estimate the remaining time, the time
        of pieces of the same model is assumed to be proportional to their size; a model
        of which none is finished is assumed to be as fast as the others.
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
        self._show(0, len(work))

    def advance(self, at: int, seconds: float, label: str) -> None:
        """Count a finished piece of work, and the seconds that it took."""
        self.seconds[at] = seconds
        done = int((~np.isnan(self.seconds)).sum())
        remaining = self.remaining(perf_counter() - self.start)
        self._show(done, len(self.seconds), remaining, label)

    def remaining(self, elapsed: float) -> float:
        """Return an estimate of the remaining seconds."""
        left = np.isnan(self.seconds)
        spent = np.nansum(self.seconds)
        if not spent:
            return 0.0
        expected = self.sizes * spent / self.sizes[~left].sum()
        for model in set(self.models[~left]):
            own = self.models == model
            rate = self.seconds[own & ~left].sum() / self.sizes[own & ~left].sum()
            expected[own] = self.sizes[own] * rate
        # Several pieces may run at the same time.
        return float(expected[left].sum() * elapsed / spent)
