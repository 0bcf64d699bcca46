"""Progress of long computations, printed or reported to scikit-learn's callbacks."""

from __future__ import annotations

import math
import shutil
import sys
import time
from contextlib import suppress
from typing import TextIO

from .compat import CallbackSupportMixin


def clock(seconds: float) -> str:
    """Return a duration as text: 7 s, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


class Progress:
    """A printer of the progress of a long computation and of the remaining time.

    On a terminal, one line is rewritten. Other outputs get a new line every few
    seconds.

    Parameters
    ----------
    name : str
        The name at the beginning of each line.
    every : float, default=5.0
        Smallest number of seconds between two lines.
    unit : str, default="blocks"
        The noun for what is counted.
    stream : text file, default=None
        The output. None means stdout.
    """

    def __init__(
        self,
        name: str,
        every: float = 5.0,
        unit: str = "blocks",
        stream: TextIO | None = None,
    ):
        self.name, self.every, self.unit = name, every, unit
        self._stream = sys.stdout if stream is None else stream
        self._start, self._last = time.monotonic(), -math.inf

    def __call__(
        self, done: int, total: int, remaining: float | None = None, label: str = ""
    ) -> None:
        """Print that `done` of `total` pieces are finished, unless it is too early.

        Parameters
        ----------
        done, total : int
            Numbers of pieces.
        remaining : float, default=None
            Estimate of the remaining seconds; NaN if there is none. None means that
            all pieces take the same time.
        label : str, default=""
            Words about the last piece, at the end of the line.
        """
        now = time.monotonic()
        terminal = self._stream.isatty()
        if done < total and now - self._last < self.every and not terminal:
            return
        self._last = now
        passed = now - self._start
        if remaining is None:
            remaining = passed / max(done, 1) * (total - done)
        times = f" in {clock(passed)}" if done else ""
        if done and math.isfinite(remaining):
            times += f", about {clock(remaining)} left"
        line = f"[{self.name}] {done} of {total} {self.unit}{times}  {label}".rstrip()
        if terminal:  # what is printed next, an error for instance, replaces the line
            width = shutil.get_terminal_size().columns - 1
            line = line[:width].ljust(width) + "\r"
        with suppress(OSError):  # a full log does not stop the computation
            self._stream.write(line + "\n" * (done == total or not terminal))
            self._stream.flush()


class FitProgress:
    """A reporter of the iterations of a fit to scikit-learn's callbacks, if any."""

    def __init__(self, estimator: CallbackSupportMixin, X, y, max_iter: int | None):
        self._estimator, self._data = estimator, {"X": X, "y": y}
        self._root = estimator._init_callback_context(max_subtasks=max_iter)
        if self._root is not None:
            self._root.call_on_fit_task_begin(estimator=estimator, **self._data)

    def step(self) -> None:
        """Report one finished iteration."""
        if self._root is not None:
            task = self._root.subcontext(task_name="iteration")
            task.call_on_fit_task_begin(estimator=self._estimator, **self._data)
            task.call_on_fit_task_end(estimator=self._estimator, **self._data)

    def end(self) -> None:
        """Report the end of the fit."""
        if self._root is not None:
            self._root.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes={}, **self._data
            )
