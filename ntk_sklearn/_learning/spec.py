"""Values that describe a model before and after learning, and how it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .._utils.arrays import Place
from .prior import Prior

# Bounds of the ridge; None keeps the ridge where it is.
AlphaBounds = tuple[float, float] | None


class Encoder(Protocol):
    """A fitted transformer that encodes raw rows for a kernel."""

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return encoded rows."""

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the encoded columns."""


@dataclass(frozen=True)
class ModelSpec:
    """A model that is to be fitted: a kernel, and an encoder of its inputs.

    Attributes
    ----------
    kernel : Kernel
        The kernel that learning starts from.
    encoder : Encoder or None
        The fitted encoder of the inputs; None leaves them as they are.
    prior : callable or None
        ``prior(problem) -> Prior``, the prior of the hyperparameters.
    raise_alpha : bool
        Whether the ridge is raised after learning if that lowers the leave-one-out
        error.
    on_path : bool
        Whether the ridge is chosen on a grid by leave-one-out, which takes one
        eigendecomposition. The kernel must have no free hyperparameters then.
    objective : str or None
        The name of an objective in place of that of the options; None takes theirs.
    rival : ModelSpec or None
        A model that takes the place of this one if its evidence is better by far.
    """

    kernel: Kernel
    encoder: Encoder | None = None
    prior: Callable[..., Prior] | None = None
    raise_alpha: bool = False
    on_path: bool = False
    objective: str | None = None
    rival: ModelSpec | None = None

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Return raw rows as the kernel sees them."""
        return X if self.encoder is None else self.encoder.transform(X)


@dataclass(frozen=True, kw_only=True)
class LearningOptions:
    """The checked parameters of an estimator that concern learning.

    Attributes
    ----------
    alpha, alpha_bounds : float and pair of floats or None
        The ridge to start from, and its bounds. None keeps the ridge fixed.
    objective, optimizer : str
        Names in `OBJECTIVES` and `OPTIMIZERS`.
    learning_rate : float or "backtracking"
        Step size of the projected gradient.
    max_iter : int
        Maximum number of iterations.
    tol : float
        Tolerance of the optimizer.
    fit_intercept : bool
        Whether a constant that the ridge does not penalise is fitted.
    n_folds : int or None
        Number of folds of the hold-out objective; None means that the splits are in
        `TrainingSet.roles`.
    seed : int or RandomState
        Seed of the folds.
    report : callable
        Called with the number of rows and the objective after every iteration.
    foretell : callable or None
        Called once, after learning on a subset, with the number of rows of the last
        subset and the seconds that learning may still take.
    place : Place or None
        The library and the device of kernel matrices and of what is computed from
        them; None means NumPy. Inputs, targets and results are arrays of NumPy.
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
    foretell: Callable[[int, float], None] | None = None
    place: Place | None = None


class LearnedKernel(NamedTuple):
    """The learned kernel and ridge, and the objective after each iteration.

    Attributes
    ----------
    kernel : Kernel
        The kernel with the learned hyperparameters.
    alpha : float
        The learned ridge.
    alpha_bounds : pair of floats or None
        The bounds of the ridge, scaled as the kernel and the ridge were after learning.
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

    @property
    def n_learned(self) -> int:
        """Number of hyperparameters of the kernel that were learned."""
        return self.kernel.n_dims if self.path else 0
