"""Objects that are never copied, and what is computed of them once."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable
from weakref import WeakValueDictionary

import numpy as np

# Kernel matrices, with their derivatives, that a graph keeps.
_KEPT = 2
_ALIVE: WeakValueDictionary[str, Kept] = WeakValueDictionary()


class Kept:
    """Base class of data that are never copied, and keep what was computed of them.

    A copy or a clone is the object itself, and so is what a pickle gives in the process
    that it came from. What is kept is no part of a pickle.
    """

    def __init__(self):
        self._key = uuid.uuid4().hex
        self._prepare()

    def _prepare(self):
        self._found: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._lock = threading.RLock()
        _ALIVE[self._key] = self

    def kept(self, key: Hashable, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what was computed for a key, and compute it the first time.

        Parameters
        ----------
        key : hashable
            What the result depends on.
        compute : callable
            Function without arguments.

        Returns
        -------
        ndarray
            Not to be changed.
        """
        with self._lock:
            if key not in self._found:
                self._found[key] = compute()
                while len(self._found) > _KEPT:
                    self._found.popitem(last=False)
            self._found.move_to_end(key)
            return self._found[key]

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __sklearn_clone__(self):
        return self

    def __reduce__(self):
        state = {k: v for k, v in vars(self).items() if k not in ("_found", "_lock")}
        return _revive, (type(self), self._key, state)


def _revive(kind, key, state):
    """Return the object of a pickle: the one that lives here already, if it does."""
    found = _ALIVE.get(key)
    if found is None:
        found = kind.__new__(kind)
        vars(found).update(state)
        found._prepare()
    return found
