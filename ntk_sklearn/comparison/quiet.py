"""Collecting the warnings of models instead of showing them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_local = threading.local()
_active = 0
_saved: warnings.catch_warnings | None = None


def _note(message, category, filename, lineno, file=None, line=None):
    if hasattr(_local, "messages"):
        _local.messages.append(f"{category.__name__}: {message}")


@contextmanager
def counted_warnings() -> Iterator[list[str]]:
    """Collect the warnings of this thread in a list, and show none.

    `warnings.catch_warnings` changes the state of the whole process: if two threads
    enter and leave it alternately, one restores the state of the other. Here the first
    thread that enters changes the state, and the last one that leaves restores it.
    """
    global _active, _saved  # noqa: PLW0603
    with _lock:
        if _active == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _note
        _active += 1
    outer = getattr(_local, "messages", None)
    _local.messages = []
    try:
        yield _local.messages
    finally:
        if outer is None:
            del _local.messages
        else:
            _local.messages = outer
        with _lock:
            _active -= 1
            if _active == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None
