"""Arrays of other libraries than NumPy, and the devices that they lie on.

Libraries that follow the array API standard, such as PyTorch and CuPy, have the same
functions by the same names. scikit-learn tells their namespace from an array, if its
option ``array_api_dispatch`` is set; without it, arrays are converted to NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn import get_config

from .compat import _convert_to_numpy, _max_precision_float_dtype, array_device
from .compat import get_namespace as _get_namespace

# Bytes of temporary arrays on a device; the working memory of scikit-learn is the other
# limit. On the CPU, what is worked on should stay in the cache of a core, and have so
# few entries, below 2^15, that PyTorch starts no threads in each operation.
_SHARE_OF_FREE, _IN_CACHE = 0.25, 3 * 2**20


# An array of any library. The type checker is told of NumPy's, which has all methods.
Array = np.ndarray


class Place(NamedTuple):
    """A library of arrays, and one of its devices.

    Attributes
    ----------
    xp : module
        The namespace of the library.
    device : object
        The device, as the library writes it.
    """

    xp: ModuleType
    device: object

    @property
    def name(self) -> str:
        """The name of the library, as users know it."""
        parts = self.xp.__name__.split(".")
        known = [part for part in parts if part in ("torch", "cupy", "jax", "dask")]
        return known[0] if known else parts[-1]

    @property
    def dtype(self) -> object:
        """The most exact floating type of the device."""
        return _max_precision_float_dtype(self.xp, self.device)

    @property
    def digits(self) -> float:
        """The spacing of its numbers at one, in units of that of float64."""
        eps = float(self.xp.finfo(self.dtype).eps)
        return eps / float(np.finfo(np.float64).eps)

    def of(self, dtype: np.dtype | type | str) -> object:
        """Return the type that is called as a type of NumPy, or the most exact one."""
        name = np.dtype(dtype).name
        return self.dtype if name == "float64" else getattr(self.xp, name)

    def move(self, array):
        """Return a copy of an array of NumPy, or of this place, at this place."""
        if not isinstance(array, (np.ndarray, np.generic)):
            return array
        array = np.asarray(array)
        if array.dtype.kind not in "fiub":
            return array  # strings have no other place
        floats = array.dtype.kind == "f"
        dtype = self.dtype if floats else self.of(array.dtype)
        if floats and self.digits > 1.0:
            array = array.astype(np.float32)
        contiguous = np.array(array, order="C")  # writable, and its own memory
        return self.xp.asarray(contiguous, dtype=dtype, device=self.device)

    def free_memory(self) -> float | None:
        """Return the free bytes of the device; None if it is the CPU or unknown."""
        if self.name == "torch" and getattr(self.device, "type", "") == "cuda":
            from importlib import import_module

            torch = import_module("torch")  # whose array has been given
            free, _ = torch.cuda.mem_get_info(self.device)
            held = torch.cuda.memory_reserved(self.device)
            return float(free + held - torch.cuda.memory_allocated(self.device))
        if self.name == "cupy":
            from importlib import import_module

            cupy = import_module("cupy")
            with self.device:  # type: ignore[attr-defined]
                free, _ = cupy.cuda.runtime.memGetInfo()
            return float(free + cupy.get_default_memory_pool().free_bytes())
        return None

    def budget(self) -> float:
        """Return the bytes that temporary arrays may take."""
        free = self.free_memory()
        if free is None:
            return _IN_CACHE
        return min(2.0**20 * get_config()["working_memory"], _SHARE_OF_FREE * free)


def is_elsewhere(X) -> bool:
    """Return whether an array that has been checked is one of another library."""
    return (
        not isinstance(X, np.ndarray) and not issparse(X) and hasattr(X, "__dlpack__")
    )


def place_of(X, name: str = "X") -> Place | None:
    """Return the place of an array; None if NumPy is to be used.

    It is the one function that decides between NumPy and another library.

    Parameters
    ----------
    X : array-like
        The input.
    name : str, default="X"
        Its name in messages.

    Returns
    -------
    Place or None
        None for arrays of NumPy and all that is no array, and if the option
        ``array_api_dispatch`` of scikit-learn is not set.

    Raises
    ------
    TypeError
        If the option is not set, and NumPy cannot read the array.
    """
    if not is_elsewhere(X):
        return None
    if not get_config()["array_api_dispatch"]:
        _check_readable(X, name)
        return None
    xp, is_array = _get_namespace(X)
    return Place(xp, array_device(X)) if is_array else None


def place_at(X) -> Place:
    """Return the place of an array that has been checked, one of NumPy included."""
    return Place(_get_namespace(X)[0], array_device(X))


def _check_readable(X, name):
    """Raise if NumPy cannot read an array, as it lies on another device."""
    try:
        np.asarray(X)
    except (TypeError, RuntimeError, ValueError) as error:
        library = type(X).__module__.split(".")[0]
        raise TypeError(
            f"{name} is an array of {library} on the device {X.device}, which NumPy "
            f"cannot read ({error}); to compute there, set the environment variable "
            "SCIPY_ARRAY_API=1 before Python starts and call "
            "sklearn.set_config(array_api_dispatch=True); or pass a copy that NumPy "
            "can read."
        ) from error


def to_numpy(X) -> np.ndarray:
    """Return an array of any library, or an array-like, as an array of NumPy."""
    if not is_elsewhere(X):
        return X
    xp = X.__array_namespace__() if hasattr(X, "__array_namespace__") else None
    if xp is None:
        xp, _ = _get_namespace(X)
    try:
        return _convert_to_numpy(X, xp)
    except (TypeError, RuntimeError):  # only a copy on the CPU can be read
        return X.detach().cpu().numpy()


def namespace(X) -> ModuleType:
    """Return the namespace of an array that has been checked."""
    return np if isinstance(X, np.ndarray) else _get_namespace(X)[0]


def check_here(
    place: Place, others: Sequence[tuple[str, object]], whose: str = "X"
) -> None:
    """Raise if arrays do not lie where another one does.

    Parameters
    ----------
    place : Place
        The place of that one.
    others : list of pairs
        The names of other arrays, and the arrays.
    whose : str, default="X"
        The name of the one at the place.

    Raises
    ------
    ValueError
        If one of them is of another library, or on another device.
    """
    here = f"{whose} is an array of {place.name} on the device {place.device}"
    advice = "move one of them to the other."
    for name, array in others:
        found = place_of(array, name)
        if found is None:
            what = "NumPy" if isinstance(array, np.ndarray) else "no library"
            raise ValueError(f"{here}, but {name} is one of {what}; {advice}")
        if (found.xp, found.device) != (place.xp, place.device):
            raise ValueError(
                f"{here}, but {name} is one of {found.name} on the device "
                f"{found.device}; {advice}"
            )


# Types whose numbers are floats with enough digits.
_FLOATS = ("float64", "float32")
_WHOLE = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")


def checked_floats(X, name: str = "X", allow_nan: bool = False):
    """Return an array of another library as finite floats of full precision.

    Parameters
    ----------
    X : array
        An array of real numbers.
    name : str, default="X"
        Its name in messages.
    allow_nan : bool, default=False
        Whether it may hold NaN, for what is missing.

    Returns
    -------
    array

    Raises
    ------
    TypeError
        If it is not dense.
    ValueError
        If it is of a type with less digits than float32, or complex, or not finite.
    """
    place = place_of(X, name)
    if place is None:
        raise TypeError(f"{name} must be an array of a library, got {type(X)}.")
    xp = place.xp
    layout = str(getattr(X, "layout", "strided")).removeprefix("torch.")
    if layout != "strided":
        raise TypeError(
            f"{name} must be dense, got a tensor with the layout {layout}; use "
            f"{name}.to_dense()."
        )
    types = [getattr(xp, known, None) for known in (*_FLOATS, *_WHOLE, "bool")]
    if not any(X.dtype == kind for kind in types if kind is not None):
        reason = "its numbers have too few digits for a kernel"
        if "complex" in str(X.dtype):
            reason = "there are no kernels of complex numbers"
        raise ValueError(
            f"{name} must have the type float64 or float32, or integers, got "
            f"{X.dtype}: {reason}; use {place.name}.asarray({name}, "
            f"dtype={place.name}.float32)."
        )
    floats = xp.astype(X, place.dtype)
    good = xp.isfinite(floats)
    if allow_nan:
        good = good | xp.isnan(floats)
    if not bool(xp.all(good)):
        raise ValueError(
            f"{name} must hold finite real numbers, got "
            f"{'infinity' if allow_nan else 'NaN or infinity'} on the device "
            f"{place.device}."
        )
    return floats
