"""Progress of a long pass, printed as it happens."""

from __future__ import annotations

import time


class Progress:
    """Prints how far a pass is, and how long it will take.

    Parameters
    ----------
    name : str
        What is running.
    every : float, default=5.0
        Seconds between two lines.
    """

    def __init__(self, name: str, every: float = 5.0):
        self.name = name
        self.every = every
        self._start = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` blocks are finished."""
        now = time.monotonic()
        if done < total and now - self._last < self.every:
            return
        self._last = now
        passed = now - self._start
        left = passed / done * (total - done)
        print(  # noqa: T201
            f"[{self.name}] {done} of {total} blocks in {passed:.0f} s, "
            f"{left:.0f} s left",
            flush=True,
        )
