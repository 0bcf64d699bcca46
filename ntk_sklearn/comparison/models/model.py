"""A model of a study: its description, and the function that tunes it.

This module imports no estimator, so that a study can run any models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.gaussian_process.kernels import Kernel

from ..data.datasets import CLASSIFICATION, TASKS, Rows

# From rows, and whether this is a quick look, to kernels with their matrices ...
Family = Callable[[np.ndarray, bool], Iterator[tuple[Kernel, np.ndarray]]]
# ... or to kernels whose hyperparameters are still to be learned.
LearnedFamily = Callable[[np.ndarray, bool], list[Kernel]]
# Function of training rows, their targets and (train, validation) splits of these rows.
# It returns the chosen estimator, not yet fitted.
Tuner = Callable[[np.ndarray, np.ndarray, Sequence[Rows]], BaseEstimator]


@dataclass(frozen=True)
class Job:
    """The task, the size and the budget, which a model may use before it sees data.

    Attributes
    ----------
    task : {"classification", "regression"}
        The kind of target.
    n_rows : int
        Number of rows of the whole set.
    quick : bool
        Whether this is a quick look, with fewer candidates.
    seed : int
        Seed of random models.
    """

    task: str
    n_rows: int
    quick: bool = False
    seed: int = 0

    @property
    def classifies(self) -> bool:
        """True if the target holds classes."""
        return self.task == CLASSIFICATION


@dataclass(frozen=True)
class Model:
    """A model that a study can run: a description, and the tuner that makes it.

    Attributes
    ----------
    about : str
        A description in a few words.
    tuner : callable
        Function of a `Job` that returns a tuner. ``tuner(job)(X, y, splits)`` returns
        an estimator that is not yet fitted.
    tasks : tuple of str
        The tasks that the model can do.
    default : tuple of str
        The tasks for which a study runs the model if none are named.
    requires : str or None
        The package that the model needs, if it is optional.
    squares : int
        Number of n × n matrices that the model holds, to estimate its memory.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ntk_sklearn.comparison import Model
    >>> model = Model(
    ...     "logistic regression",
    ...     lambda job: lambda X, y, splits: LogisticRegression(),
    ...     tasks=("classification",),
    ... )
    >>> model.available
    True
    """

    about: str
    tuner: Callable[[Job], Tuner]
    tasks: tuple[str, ...] = TASKS
    default: tuple[str, ...] = TASKS
    requires: str | None = None
    squares: int = 0

    @property
    def available(self) -> bool:
        """True if the package it needs is installed."""
        return self.requires is None or find_spec(self.requires) is not None
