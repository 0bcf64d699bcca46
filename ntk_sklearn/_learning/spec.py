"""What is to be learned, how, and what has been: plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .prior import Prior

# Bounds of the ridge; None keeps the ridge where it is.
AlphaBounds = tuple[float, float] | None


class Encoder(Protocol):
    """A fitted transformer that writes raw rows as the kernel sees them."""

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Write rows."""


@dataclass(frozen=True)
class ModelSpec:
    """A model to be fitted: a kernel on an encoding of the inputs.

    Attributes
    ----------
    kernel : Kernel
        Where learning starts.
    encoder : Encoder or None
        Fitted; None leaves the inputs as they are.
    prior : callable or None
        ``prior(problem) -> Prior`` on the hyperparameters.
    raise_alpha : bool
        Whether the leave-one-out error may raise the learned ridge.
    on_path : bool
        Whether the ridge is chosen on the leave-one-out path, as nothing else is free.
    """

    kernel: Kernel
    encoder: Encoder | None = None
    prior: Callable[..., Prior] | None = None
    raise_alpha: bool = False
    on_path: bool = False

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Write raw rows as the kernel sees them."""
        return X if self.encoder is None else self.encoder.transform(X)


@dataclass(frozen=True, kw_only=True)
class LearningOptions:
    """The parameters of an estimator that say how it learns, checked.

    Attributes
    ----------
    alpha, alpha_bounds : float and pair of floats or None
        The ridge to start from and its bounds; None keeps it.
    objective, optimizer : str
        Names in `OBJECTIVES` and `OPTIMIZERS`.
    learning_rate : float or "backtracking"
    max_iter : int
    tol : float
    fit_intercept : bool
    n_folds : int or None
        Number of folds of the hold-out objective; None means that the rows have splits.
    seed : int or RandomState
        Decides the folds.
    report : callable
        Called with a number of rows and the objective after every iteration.
    """

    alpha: float
    alpha_bounds: AlphaBounds
    objective: str
    optimizer: str
    learning_rate: float | str
    max_iter: int
    tol: float
    fit_intercept: bool
    n_folds: int | None
    seed: int | np.random.RandomState
    report: Callable[[int, float], None]


class LearnedKernel(NamedTuple):
    """The learned kernel and ridge, and the objective after each iteration.

    Attributes
    ----------
    kernel : Kernel
    alpha : float
    alpha_bounds : pair of floats or None
        Scaled as the ridge is.
    path : list of float
        The objective at the start and after every iteration.
    rows : list of int
        ``rows[i]`` is the number of rows that ``path[i]`` was computed on.
    """

    kernel: Kernel
    alpha: float
    alpha_bounds: AlphaBounds
    path: list[float]
    rows: list[int]
