"""Warnings that point to the user's line of code."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

import sklearn

# Files in which the cause of a warning cannot be.
_INSIDE = (
    str(Path(__file__).parent.parent) + os.sep,
    str(Path(sklearn.__file__).parent) + os.sep,
    contextlib.__file__,
)


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning at the nearest caller outside this package and scikit-learn."""
    frame, level = sys._getframe(1), 2  # the caller of this function
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
