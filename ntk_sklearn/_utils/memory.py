"""Memory of the machine, as far as the system tells."""

from __future__ import annotations

import os


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
