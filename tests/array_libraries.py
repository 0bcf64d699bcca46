"""Libraries of arrays that tests run on, and where they are run.

SciPy reads the variable SCIPY_ARRAY_API once, when it is imported. The tests that need
it are marked by `needs_dispatch`; `test_arrays` runs them in a process of its own.
"""

import importlib
import os

import numpy as np
import pytest

LIBRARIES = ("array_api_strict", "torch")
needs_dispatch = pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") != "1",
    reason="run by tests/test_arrays.py, with SCIPY_ARRAY_API=1",
)
each_library = pytest.mark.parametrize("library", LIBRARIES)


def namespace_of(library):
    """Return a library, or skip the test if it is not installed."""
    return pytest.importorskip(library)


def dispatch():
    """Return a context in which scikit-learn keeps arrays of other libraries."""
    from sklearn import config_context

    return config_context(array_api_dispatch=True)


def host(array):
    """Return an array of any library as one of NumPy, and check that it is not one."""
    assert not isinstance(array, np.ndarray), type(array)
    return np.asarray(array)


def has(library):
    """Return whether a library is installed."""
    return importlib.util.find_spec(library) is not None
