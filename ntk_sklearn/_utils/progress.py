"""Progress of long computations, printed or reported to scikit-learn's callbacks."""

from __future__ import annotations

import time

from .compat import CallbackSupportMixin


class Progress:
    """A printer of the progress of a pass and of the remaining time.

    Parameters
    ----------
    name : str
        The name at the beginning of each line.
    every : float, default=5.0
        Smallest number of seconds between two lines.
    """

    def __init__(self, name: str, every: float = 5.0):
        self.name = name
        self.every = every
        self._start = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Print that `done` of `total` blocks are finished, unless it is too early."""
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
