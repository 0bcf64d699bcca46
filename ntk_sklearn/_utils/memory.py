"""The memory of the machine, as the operating system reports it."""

from __future__ import annotations

import os


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
