"""Warnings that point at the line of the user."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

import sklearn

# Whoever calls through these has not written the line that the warning is about.
_INSIDE = (
    str(Path(__file__).parent.parent) + os.sep,
    str(Path(sklearn.__file__).parent) + os.sep,
    contextlib.__file__,
)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the nearest caller outside this package and scikit-learn."""
    frame, level = sys._getframe(1), 2  # of whoever calls this function
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
