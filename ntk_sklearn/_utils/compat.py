"""Private or recent names of other packages, used in this one place."""

from sklearn.base import _fit_context
from sklearn.utils._chunking import get_chunk_n_rows
from sklearn.utils._param_validation import Interval, StrOptions

try:  # the callback protocol, from scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A stand-in where the installed scikit-learn has no callbacks."""

        def _init_callback_context(self, **options) -> None:
            """Return no context: there is nobody to report to."""


__all__ = [
    "CallbackSupportMixin",
    "FitProgress",
    "Interval",
    "StrOptions",
    "_fit_context",
    "get_chunk_n_rows",
    "set_blas_threads",
]


def set_blas_threads(library, count: int) -> None:
    """Set the threads of a library found by threadpoolctl, from whatever thread.

    From threadpoolctl 3.8 on, the public setter does nothing in a thread other than the
    first one to have called it: a limit could then be left by one and never be lifted.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(count)


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
