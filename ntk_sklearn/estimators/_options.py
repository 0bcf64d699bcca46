"""The options of a fit, made from the parameters of an estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, WhiteKernel

from .._learning.spec import AlphaBounds, LearningOptions
from .._models.choose import MATRICES, choose_solver
from .._models.options import NEEDS_VECTORS, FitOptions
from .._utils.arrays import Place
from .._utils.progress import FitProgress, clock
from ..kernels._dense import DenseKernel
from ..kernels._on_rows import gradient_matrices
from ..kernels._theta import parts_of
from ._training_set import counts_folds

# Learning that takes fewer seconds is over before a sentence has been read.
_LONG = 5.0
# Centres of a Nyström model whose number the user has not given.
_DEFAULT_CENTRES = 2000


def checked_bounds(alpha_bounds) -> AlphaBounds:
    """Return the bounds of the ridge as a pair of floats, or None if it is fixed.

    Parameters
    ----------
    alpha_bounds : pair of floats or "fixed"
        The parameter of the estimator.

    Returns
    -------
    pair of floats or None

    Raises
    ------
    ValueError
        If the bounds are not two positive numbers in order.
    """
    if isinstance(alpha_bounds, str):
        return None
    bounds = np.asarray(alpha_bounds, dtype=np.float64)
    if bounds.shape != (2,) or not 0 < bounds[0] <= bounds[1] < np.inf:
        raise ValueError(
            'alpha_bounds must be "fixed" or a pair (lower, upper) of positive '
            f"numbers, got {alpha_bounds!r}."
        )
    return float(bounds[0]), float(bounds[1])


def seed_of(random_state):
    """Return the seed of everything random; None means 0."""
    return 0 if random_state is None else random_state


def given_kernels(kernel: Kernel | Sequence[Kernel] | str) -> list[Kernel]:
    """Return the kernels that the user has given: none, one or several.

    Parameters
    ----------
    kernel : Kernel, list of Kernel or "auto"
        The parameter of the estimator.

    Returns
    -------
    list of Kernel

    Raises
    ------
    ValueError
        If a list is empty, or has an entry that is no kernel.
    """
    if not isinstance(kernel, (list, tuple)):
        return [] if isinstance(kernel, str) else [kernel]
    others = [entry for entry in kernel if not isinstance(entry, Kernel)]
    if others or not kernel:
        found = f"{others[0]!r} among them" if others else f"kernel={kernel!r}"
        raise ValueError(
            "kernel as a list must hold one kernel object or more, and nothing else, "
            f"got {found}."
        )
    return list(kernel)


def takes_vectors(kernel: Kernel | Sequence[Kernel] | str) -> bool:
    """Return whether a kernel, or one of several, takes numbers and nothing else."""
    kernels = given_kernels(kernel)
    return not kernels or any(each.requires_vector_input for each in kernels)


def takes_tables(estimator: BaseEstimator) -> bool:
    """Return whether the inputs are encoded, so that they may be any table."""
    encoding = estimator.encoding
    if isinstance(encoding, str) and encoding == "auto":
        return isinstance(estimator.kernel, str)
    return encoding is not None


@contextmanager
def naming_encoding(estimator: BaseEstimator) -> Iterator[None]:
    """Say how a table is encoded, if strings or missing values in it are refused."""
    try:
        yield
    except ValueError as error:
        what = "could not convert string", "Input X contains NaN"
        if takes_tables(estimator) or not any(words in str(error) for words in what):
            raise
        found = str(error).rstrip(".")
        if what[0] in found:
            found = f"X must be numbers, but {found}"
        raise ValueError(
            f"{found}. Strings and missing values are encoded by "
            'encoding="table", with any kernel.'
        ) from error


def takes_sparse(estimator: BaseEstimator) -> bool:
    """Return whether rows may be sparse: they are not encoded, and the kernel can."""
    if estimator.encoding not in ("auto", None):
        return False
    return all(map(_kernel_takes_sparse, given_kernels(estimator.kernel)))


def _kernel_takes_sparse(kernel: Kernel) -> bool:
    """Return whether a kernel, or all its parts, take sparse rows."""
    parts = parts_of(kernel)
    if parts:
        return all(_kernel_takes_sparse(part) for part in parts)
    return isinstance(kernel, (DenseKernel, ConstantKernel, WhiteKernel))


def check_sparse_solver(solver: str) -> None:
    """Raise if a solver needs dense rows.

    Raises
    ------
    TypeError
        If the solver needs distances between rows, which sparse ones do not have. It is
        what scikit-learn raises for sparse rows.
    """
    if solver in NEEDS_VECTORS:
        raise TypeError(
            f"solver={solver!r} measures distances between rows, but X is sparse; use "
            'solver="cholesky" or "cg", or X.toarray().'
        )


def solver_for(
    estimator: BaseEstimator, n: int, dense: bool = True, place: Place | None = None
) -> str:
    """Return the solver for `n` rows in memory, and check that the kernel suits it.

    Parameters
    ----------
    estimator : WNTKRegressor or WNTKClassifier
    n : int
        Number of rows.
    dense : bool, default=True
        Whether the rows are dense. Only dense ones of NumPy are divided into clusters
        by ``solver="auto"``.
    place : Place, default=None
        Where matrices are held; None means NumPy.

    Returns
    -------
    {"cholesky", "cg", "nystrom", "local"}

    Raises
    ------
    ValueError
        If the solver needs distances between rows, and the rows are not vectors.
    """
    solver, kernel = estimator.solver, estimator.kernel
    if solver == "auto":
        free = None if place is None else place.free_memory()
        solver = choose_solver(
            n,
            memory=None if free is None else 0.75 * free,
            n_components=estimator.n_components,
            n_matrices=matrices_of(estimator),
            has_distances=takes_vectors(kernel) and dense and place is None,
        )
    if solver in NEEDS_VECTORS and not takes_vectors(kernel):
        raise ValueError(
            f"solver={solver!r} measures distances between rows, but the rows of "
            f'kernel={kernel!r} are no vectors; use solver="cholesky" or "cg".'
        )
    return solver


def matrices_of(estimator: BaseEstimator, solver: str = "cholesky") -> float:
    """Return the number of (n, n) matrices that a fit of all rows holds at its peak."""
    n_matrices = MATRICES[solver]
    if solver != "cholesky":
        return n_matrices
    if estimator.objective == "holdout":
        n_matrices += 1  # parts of the kernel matrix, beside it
    kernels = given_kernels(estimator.kernel)
    return n_matrices + max(map(gradient_matrices, kernels), default=0)


def fit_options(
    estimator: BaseEstimator,
    solver: str,
    progress: FitProgress | None,
    place: Place | None = None,
) -> FitOptions:
    """Return the options of a fit, as the parameters of an estimator say.

    Parameters
    ----------
    estimator : WNTKRegressor or WNTKClassifier
    solver : {"cholesky", "cg", "nystrom", "local"}
    progress : FitProgress or None
        Receives a report of every iteration.
    place : Place, default=None
        Where kernel matrices are held; None means NumPy.

    Returns
    -------
    FitOptions
    """
    n_folds, seed = None, seed_of(estimator.random_state)
    if counts_folds(estimator.cv):
        n_folds = 5 if estimator.cv is None else estimator.cv
    learning = LearningOptions(
        alpha=estimator.alpha,
        alpha_bounds=checked_bounds(estimator.alpha_bounds),
        objective=estimator.objective,
        optimizer=estimator.optimizer,
        learning_rate=estimator.learning_rate,
        max_iter=estimator.max_iter,
        tol=estimator.tol,
        fit_intercept=estimator.fit_intercept,
        n_folds=n_folds,
        seed=seed,
        report=_reporter(estimator, progress),
        foretell=partial(_foretell, estimator) if estimator.verbose else None,
        place=place,
    )
    n_centres = estimator.n_components or _DEFAULT_CENTRES
    return FitOptions(
        solver=solver,
        n_centres=n_centres if solver in NEEDS_VECTORS else 0,
        seed=seed,
        learning=learning,
        progress_name=progress_name(estimator),
        allow_nan=takes_tables(estimator),
    )


def progress_name(estimator: BaseEstimator) -> str | None:
    """Return the name under which progress is printed, or None if it is not."""
    return type(estimator).__name__ if estimator.verbose else None


def _foretell(estimator: BaseEstimator, n_rows: int, seconds: float) -> None:
    """Print how long learning may still take, if it is long."""
    if seconds >= _LONG:
        print(  # noqa: T201
            f"[{type(estimator).__name__}] learning on up to {n_rows} rows may take "
            f"about {clock(seconds)} more."
        )


def _reporter(
    estimator: BaseEstimator, progress: FitProgress | None
) -> Callable[[int, float], None]:
    """Return the function that reports every iteration, to callbacks and in print."""
    iteration = count(1)

    def report(n_rows, value):
        if progress is not None:
            progress.step()
        if estimator.verbose:
            print(  # noqa: T201
                f"[{type(estimator).__name__}] iteration {next(iteration)} on {n_rows} "
                f"rows, {estimator.objective} = {value:.6g}"
            )

    return report
