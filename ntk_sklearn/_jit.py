"""The one way this package compiles: module level, cached on disk, without the GIL."""

import warnings

import numba

# "contract" lets a product and a sum become one fused operation. It is the only
# fast-math rule in use: it keeps NaN, infinities and signed zeros as they are, and
# makes the polynomials both faster and more exact.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def jit(function):
    """Compile `function` on its first call; reuse what past processes compiled."""
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError as error:  # no writable place for the cache
        warnings.warn(
            f"numba finds no directory for its cache, so every process compiles anew "
            f"({error}); set the environment variable NUMBA_CACHE_DIR to a writable "
            "directory.",
            RuntimeWarning,
            stacklevel=2,
        )
        return numba.njit(**_OPTIONS)(function)
