"""Decorators that compile functions with numba, cached on disk and without the GIL.

What is stored on disk is used only as long as all sources of compiled functions are the
same, in whichever files: an upgrade of the package, in place, compiles anew.
"""

import hashlib
import warnings
from pathlib import Path

import numba

# The parts of the package with compiled functions, which call each other.
ROOMS = ("_utils", "activations", "_engine")

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

# Each view of an array counts references with an atomic operation. In loops over short
# rows that takes longer than the row, and without it there is less to compile. Such
# functions make no arrays: whoever calls them holds all there are.
_VIEWS = {**_OPTIONS, "_nrt": False}

# What is called by such a function is compiled like it, unless it says otherwise.
_ARRAYS = {**_OPTIONS, "_nrt": True}


def fingerprint(root: Path) -> str:
    """Return a hash of the names and contents of all sources of compiled functions.

    Parameters
    ----------
    root : Path
        The folder of the package.

    Returns
    -------
    str
    """
    found = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (root / room).glob("*.py")):
        found.update(f"{path.relative_to(root).as_posix()}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


SOURCES = fingerprint(Path(__file__).parents[1])


def _distinguish_cache(dispatcher, sources: str) -> None:
    """Make a function compiled by numba ignore what was stored for other sources.

    Numba compares the file of the function alone. But its machine code holds copies of
    the functions that it calls, and its index names classes, which may be gone: numba
    reads the index before it compares, and fails. It compares its own version first.
    """
    file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if file is not None:
        name = "_version"  # an attribute of numba's, not of ours
        setattr(file, name, f"{getattr(file, name)}, {sources}")


def jit(function):
    """Compile a function on its first call, or load it from the cache on disk."""
    return _compile(function, _OPTIONS)


def jit_sums(function):
    """Compile a function of long sums, whose terms the compiler may reorder."""
    return _compile(function, _SUMS)


def jit_exact(function):
    """Compile a function whose operations round one by one, on every processor."""
    return _compile(function, _EXACT)


def jit_views(function):
    """Compile a function that makes views of arrays, but no arrays."""
    return _compile(function, _VIEWS)


def jit_arrays(function):
    """Compile a function that makes arrays, though its callers may make none."""
    return _compile(function, _ARRAYS)


def jit_part(function):
    """Compile a function like that of `jit_views` as a part of its callers only."""
    options = {**_VIEWS, "forceinline": False}
    return numba.njit(inline="always", **options)(function)


def _compile(function, options):
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
    except (RuntimeError, OSError) as error:  # no writable place, or a full disk
        warnings.warn(
            f"numba finds no directory for its cache, so every process compiles anew "
            f"({error}); set the environment variable NUMBA_CACHE_DIR to a writable "
            "directory.",
            RuntimeWarning,
            stacklevel=3,
        )
        return numba.njit(**options)(function)
    _distinguish_cache(dispatcher, SOURCES)
    return dispatcher


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
