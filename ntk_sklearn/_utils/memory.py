"""The memory of the machine: how much there is, and how arrays lie in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import prod

import numpy as np

# Bytes that a processor fetches from memory at once.
_LINE = 64


def available_memory() -> float:
    """Return the bytes of physical memory, or infinity if they are not known."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return float("inf")


def free_memory() -> int | None:
    """Return the bytes of free memory, or None if they are not known."""
    try:
        with open("/proc/meminfo") as lines:
            entries = dict(line.split(":", 1) for line in lines)
        return 1024 * int(entries["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def watch_peak() -> Callable[[], float]:
    """Return a function of the bytes by which resident memory has risen at most.

    The rise counts from this call on, and for the whole process. Memory that the
    process held already and uses again is not part of it. Where the system cannot tell,
    as outside Linux, the rise is NaN.
    """
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # forget the peak so far
        start = _status("VmRSS")
    except (OSError, KeyError, ValueError):
        return lambda: float("nan")
    return lambda: max(0.0, _status("VmHWM") - start)


def _status(entry: str) -> float:
    """Return the bytes in an entry of the process's status."""
    with open("/proc/self/status") as lines:
        entries = dict(line.split(":", 1) for line in lines)
    return 1024.0 * int(entries[entry].split()[0])


def aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array that begins where a line of the processor's cache does.

    A vector of eight floats is then within one line. Vectors that cross from one line
    to the next take twice as long to read.
    """
    size = prod(shape)
    room = np.empty(8 * size + _LINE, np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + 8 * size].view(np.float64).reshape(shape)


def aligned_zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros that begin where a line of the processor's cache does."""
    found = aligned_empty(shape)
    found.fill(0.0)
    return found
