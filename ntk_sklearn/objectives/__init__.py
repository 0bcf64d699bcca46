"""What the hyperparameters are learned by."""

from ._objectives import (
    OBJECTIVES,
    Evaluation,
    evidence,
    gcv,
    holdout,
    loo,
    loo_along_alpha,
)

__all__ = [
    "OBJECTIVES",
    "Evaluation",
    "evidence",
    "gcv",
    "holdout",
    "loo",
    "loo_along_alpha",
]
