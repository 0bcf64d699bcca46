"""Objectives by which hyperparameters are learned, as functions of a kernel matrix.

Each objective is a function of a kernel matrix K, targets, the ridge and weights of
the rows. It returns its value, its derivative with respect to K as one symmetric
matrix, and its derivative with respect to the ridge, all from one factorisation. The
matrix K is overwritten only if `overwrite_K` is true. The dictionary `OBJECTIVES` holds
the objectives by the names that the estimators use.

Examples
--------
>>> import numpy as np
>>> from ntk_sklearn import NTKernel
>>> from ntk_sklearn.objectives import OBJECTIVES
>>> X = np.linspace(-1.0, 1.0, 20)[:, None]
>>> OBJECTIVES["gcv"](NTKernel()(X), np.sin(3.0 * X), alpha=0.1).dK.shape
(20, 20)
"""

from __future__ import annotations

from collections.abc import Callable

from ._base import Evaluation
from ._evidence import evidence
from ._gcv import gcv
from ._holdout import holdout
from ._loo import loo

OBJECTIVES: dict[str, Callable[..., Evaluation]] = {
    "loo": loo,
    "gcv": gcv,
    "evidence": evidence,
    "holdout": holdout,
}

__all__ = ["OBJECTIVES", "Evaluation", "evidence", "gcv", "holdout", "loo"]
