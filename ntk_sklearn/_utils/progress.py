"""Progress of long work: printed as it happens, and told to callbacks."""

from __future__ import annotations

import time

from .compat import CallbackSupportMixin


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


class FitProgress:
    """Reports the iterations of a fit to scikit-learn's callbacks, if there are any."""

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
