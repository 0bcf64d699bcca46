"""Memory of the machine, as far as the system tells."""

from __future__ import annotations

import os


def available_memory() -> float:
    """Return the bytes of physical memory, or infinity if there is no way to ask."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return float("inf")


def free_memory() -> int | None:
    """Return the bytes of memory that are free, or None if there is no way to ask."""
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
