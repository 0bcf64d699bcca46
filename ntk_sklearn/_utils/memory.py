"""The memory of the machine."""

from __future__ import annotations

import os


def available_memory() -> float:
    """Return the bytes of physical memory, or infinity if there is no way to ask."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return float("inf")
