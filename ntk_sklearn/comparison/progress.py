"""A line on stderr that says how far a study is and how long it will take."""

from __future__ import annotations

import shutil
import sys
from time import perf_counter


def clock(seconds: float) -> str:
    """Write a duration as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """Shows finished work, elapsed and remaining time.

    On a terminal one line is rewritten; elsewhere a line is printed now and then.

    Parameters
    ----------
    weights : sequence of float
        What each piece of work is guessed to cost, in any unit.
    stream : text file, default=None
        None means stderr.
    every : float, default=5.0
        Seconds between lines where the output is not a terminal.
    """

    def __init__(self, weights, stream=None, every: float = 5.0):
        self.stream = sys.stderr if stream is None else stream
        self.every = every
        self.count, self.total = 0, len(weights)
        self.work, self.all_work = 0.0, float(sum(weights))
        self.start = perf_counter()
        self.shown = self.start
        self.terminal = bool(getattr(self.stream, "isatty", lambda: False)())
        if self.total:
            self._show("starting")

    def advance(self, weight: float, label: str) -> None:
        """Count a finished piece of work."""
        self.count += 1
        self.work += weight
        now = perf_counter()
        last = self.count == self.total
        if self.terminal or last or now - self.shown >= self.every:
            self.shown = now
            self._show(label)

    def close(self) -> None:
        """Leave the line, so that what follows starts on one of its own."""
        if self.terminal and self.total:
            self.stream.write("\n")
            self.stream.flush()

    def _show(self, label: str) -> None:
        share = self.work / self.all_work if self.all_work else 1.0
        elapsed = perf_counter() - self.start
        left = f"about {clock(elapsed / share - elapsed)} left" if self.work else "..."
        if self.count == self.total:
            left, label = "done", ""
        bar = "#" * round(20 * share)
        line = (
            f"[{bar:.<20}] {self.count}/{self.total}  {clock(elapsed)} elapsed, {left}"
            f"  {label}"
        ).rstrip()
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + line[:width].ljust(width))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()
