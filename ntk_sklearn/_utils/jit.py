"""Decorators that compile functions with numba, cached on disk and without the GIL."""

import warnings

import numba

# "contract" lets a product and a sum become one fused operation. It keeps NaN,
# infinities and signed zeros as they are, and makes the polynomials both faster and
# more exact. No other fast-math rule is in general use.
#
# Inlining is forced so that every process computes the same digits. A call that is left
# goes to whichever machine code of that name is loaded: where functions are compiled,
# their own; where they come from the cache on disk, the copy that was compiled within
# the caller, and in it other operations may be fused.
_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "forceinline": True,
}

# Sums over a row run in several lanes at once only if they may be reordered. NaN and
# infinities pass through as before, and the order is fixed when the code is compiled.
_SUMS = {**_OPTIONS, "fastmath": {"contract", "reassoc"}}

# Roundings as they are written: what finds the error of a rounding needs them so.
_EXACT = {**_OPTIONS, "fastmath": False}


def jit(function):
    """Compile a function on its first call, or load it from the cache on disk."""
    return _compile(function, _OPTIONS)


def jit_sums(function):
    """Compile a function of long sums, whose terms the compiler may reorder."""
    return _compile(function, _SUMS)


def jit_exact(function):
    """Compile a function whose operations round one by one, on every processor."""
    return _compile(function, _EXACT)


def _compile(function, options):
    try:
        return numba.njit(cache=True, **options)(function)
    except (RuntimeError, OSError) as error:  # no writable place, or a full disk
        warnings.warn(
            f"numba finds no directory for its cache, so every process compiles anew "
            f"({error}); set the environment variable NUMBA_CACHE_DIR to a writable "
            "directory.",
            RuntimeWarning,
            stacklevel=3,
        )
        return numba.njit(**options)(function)


@jit_sums
def total(a):
    """Return the sum of an array."""
    s = 0.0
    for k in range(a.size):
        s += a[k]
    return s


@jit_sums
def product_total(a, b):
    """Return the sum of the products of two arrays."""
    s = 0.0
    for k in range(a.size):
        s += a[k] * b[k]
    return s
