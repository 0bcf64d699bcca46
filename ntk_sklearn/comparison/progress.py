"""A line on stderr with the progress of a study and the remaining time."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter


def clock(seconds: float) -> str:
    """Return a duration as text: 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """A display of finished work, elapsed time and remaining time.

    On a terminal, one line is rewritten. Other outputs get a new line every few
    seconds.

    Parameters
    ----------
    work : sequence of (str, float)
        Kind and size of each piece of work. To estimate the remaining time, the time of
        pieces of the same kind is assumed to be proportional to their size; a kind of
        which none is finished is assumed to be as fast as the others.
    stream : text file, default=None
        The output. None means stderr.
    every : float, default=5.0
        Seconds between two lines if the output is not a terminal.
    """

    def __init__(
        self, work: Sequence[tuple[str, float]], stream=None, every: float = 5.0
    ):
        self.stream = sys.stderr if stream is None else stream
        self.every = every
        self.count, self.total = 0, len(work)
        self.left: dict[str, float] = defaultdict(float)
        self.done: dict[str, float] = defaultdict(float)
        self.seconds: dict[str, float] = defaultdict(float)
        for kind, size in work:
            self.left[kind] += size
        self.start = perf_counter()
        self.shown = self.start
        self.terminal = bool(getattr(self.stream, "isatty", lambda: False)())
        if self.total:
            self._show("starting")

    def advance(self, kind: str, size: float, seconds: float, label: str) -> None:
        """Count a finished piece of work, and the seconds that it took."""
        self.count += 1
        self.left[kind] -= size
        self.done[kind] += size
        self.seconds[kind] += seconds
        now = perf_counter()
        last = self.count == self.total
        if self.terminal or last or now - self.shown >= self.every:
            self.shown = now
            self._show(label)

    def close(self) -> None:
        """End the line, so that the next output starts on a new one."""
        if self.terminal and self.total:
            self._write("\n")

    def remaining(self, elapsed: float) -> float:
        """Return an estimate of the remaining seconds."""
        spent = sum(self.seconds.values())
        if not spent:
            return float("nan")
        mean = spent / sum(self.done.values())
        rates = {kind: self.seconds[kind] / size for kind, size in self.done.items()}
        work = sum(size * rates.get(kind, mean) for kind, size in self.left.items())
        # Several pieces may run at the same time.
        return max(0.0, work * elapsed / spent)

    def _show(self, label: str) -> None:
        elapsed = perf_counter() - self.start
        remaining = self.remaining(elapsed)
        left = f"about {clock(remaining)} left" if remaining >= 0 else "..."
        share = elapsed / (elapsed + remaining) if remaining >= 0 else 0.0
        if self.count == self.total:
            left, label, share = "done", "", 1.0
        bar = "#" * round(20 * share)
        line = (
            f"[{bar:.<20}] {self.count}/{self.total}  {clock(elapsed)} elapsed, {left}"
            f"  {label}"
        ).rstrip()
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write("\r" + line[:width].ljust(width))
        else:
            self._write(line + "\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a full log does not stop the study
            self.stream.write(text)
            self.stream.flush()
