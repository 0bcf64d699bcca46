"""The shell that the two estimators share."""

from __future__ import annotations

from itertools import count
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from .._learning.learn import Member, Settings
from .._models.choose import MATRICES, available_memory
from .._models.exact import fit_machine
from .._models.large import LargeFit
from .._utils.compat import CallbackSupportMixin, FitProgress, Interval, StrOptions
from .._utils.validation import are_counts
from ..kernels._on_rows import gradient_matrices
from ..kernels._weighted import WeightedNTKernel
from ..objectives._objectives import OBJECTIVES
from ..optimizers import OPTIMIZERS
from . import _defaults

# Size of a table up to which a Nyström fit merges repeated rows before it samples.
_MERGED_SIZE = 20_000_000


class BaseWNTK(LargeFit, CallbackSupportMixin, BaseEstimator):
    """Weighted-NTK ridge machines: validation, learning, decision values."""

    _parameter_constraints: dict = {
        "kernel": [Kernel, None],
        "encoding": [StrOptions({"auto"}), None],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "alpha_bounds": ["array-like", StrOptions({"fixed"})],
        "objective": [StrOptions(set(OBJECTIVES))],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"backtracking"}),
        ],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "cv": ["cv_object"],
        "fit_intercept": ["boolean"],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "solver": [StrOptions({"auto", "cholesky", "cg", "nystrom", "local"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _members(self, X, sample_weight) -> list[Member]:
        """Return the machines to fit: the given kernel, or the defaults."""
        if self.kernel is not None or self.encoding is None:
            kernel = WeightedNTKernel() if self.kernel is None else self.kernel
            return [Member(kernel)]
        return self._default_members(X, sample_weight)

    def _default_members(self, X, sample_weight) -> list[Member]:
        raise NotImplementedError

    @property
    def _automatic(self) -> bool:
        return self.kernel is None and self.encoding is not None

    def _settings(self, splits, sample_weight, progress) -> Settings:
        bounds = self.alpha_bounds
        if not isinstance(bounds, str):
            bounds = np.asarray(bounds, dtype=np.float64)
            if bounds.shape != (2,) or not 0 < bounds[0] <= bounds[1] < np.inf:
                raise ValueError(
                    'alpha_bounds must be "fixed" or a pair (lower, upper) of positive '
                    f"numbers, got {self.alpha_bounds!r}."
                )
        iteration = count(1)

        def report(n_rows, value):
            if progress is not None:
                progress.step()
            if self.verbose:
                print(  # noqa: T201
                    f"[{type(self).__name__}] iteration {next(iteration)} on {n_rows} "
                    f"rows, {self.objective} = {value:.6g}"
                )

        return Settings(
            alpha=self.alpha,
            alpha_bounds=bounds,
            objective=self.objective,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            tol=self.tol,
            intercept=self.fit_intercept,
            copies=None if are_counts(sample_weight) else 1.0,
            splits=splits,
            report=report,
        )

    @property
    def _counts_folds(self) -> bool:
        return self.cv is None or isinstance(self.cv, Integral)

    def _roles(self, X, y) -> np.ndarray:
        """Which rows the user's own splits of the hold-out objective train and score.

        A column per split: 1 trains, 2 scores. None if the splits are only counted:
        those are made of the distinct rows.
        """
        if self.objective != "holdout" or self._counts_folds:
            return np.zeros((len(X), 0))
        from sklearn.model_selection import check_cv  # slow to import

        splits = list(check_cv(self.cv, y).split(X, y)) if self.cv else []
        if not splits or not all(len(train) and len(test) for train, test in splits):
            raise ValueError(
                'cv must give at least one split for objective="holdout", each with '
                f"rows to fit and rows to score, got {self.cv!r}."
            )
        roles = np.zeros((len(X), len(splits)))
        for k, (train, test) in enumerate(splits):
            roles[train, k] = 1
            roles[test, k] += 2
        if (roles == 3).any():
            raise ValueError(
                'cv must not score rows that it fits, for objective="holdout", got '
                f"{(roles == 3).any(axis=1).sum()} such rows from {self.cv!r}."
            )
        return roles

    def _splits(self, rows, roles) -> list | None:
        """Return the splits of the hold-out objective; counted ones are shuffled."""
        if self.objective != "holdout":
            return None
        if roles.shape[1]:
            splits = [
                (np.flatnonzero(role == 1), np.flatnonzero(role == 2))
                for role in roles.T
            ]
            if not all(len(train) and len(test) for train, test in splits):
                raise ValueError(
                    "cv must leave rows of positive weight to fit and to score in each "
                    f"split, got {self.cv!r}."
                )
            return splits
        if not self._counts_folds:
            raise ValueError(
                f"cv must be a number of folds where learning is on a sample of the "
                f"rows, with solver={self.solver_!r}, got {self.cv!r}."
            )
        n_splits = min(5 if self.cv is None else self.cv, len(rows))
        if n_splits < 2:
            return []
        from sklearn.model_selection import KFold  # slow to import

        folds = KFold(n_splits, shuffle=True, random_state=self._seed)
        return list(folds.split(rows))

    def _n_matrices(self) -> float:
        """How many matrices of n by n an exact fit holds, at most."""
        n_matrices = MATRICES["cholesky"]
        if self.objective == "holdout":
            n_matrices += 1  # parts of the kernel matrix, beside it
        if self.kernel is not None:
            n_matrices += gradient_matrices(self.kernel)
        return n_matrices

    def _check_memory(self, n: int) -> None:
        """Raise before allocating what the machine does not have."""
        n_matrices, total = self._n_matrices(), available_memory()
        needed = n_matrices * 8.0 * n * n
        if needed > total:
            raise MemoryError(
                f"fitting {n} rows exactly needs about {needed / 2**30:.1f} GiB for "
                f"{n_matrices:g} kernel matrices of shape ({n}, {n}), but "
                f"this machine has {total / 2**30:.1f} GiB; use "
                'solver="nystrom" with n_components centres, or fit a sample of the '
                "rows."
            )

    def _fit_machines(self, X, Y, s, y, emphasis=None):
        """Fit every member; sets the attributes that both estimators have.

        `Y` are the numeric targets, `y` what the user gave, `s` the checked weights.
        `emphasis` multiplies them in the solve, after everything has been learned
        without it.
        """
        emphasis = np.ones(len(s)) if emphasis is None else emphasis
        s = np.where(emphasis > 0, s, 0.0)
        if not s.any():
            raise ValueError(
                "sample_weight is zero for every row; none is left to fit."
            )
        if not (are_counts(s) or isinstance(self.alpha_bounds, str)):
            s = s * (np.count_nonzero(s) / s.sum())  # only their ratios matter
        self._forget()
        streams = self._streams_from(X)
        self.solver_ = "nystrom" if streams else self._choose_solver(len(X))
        if self.solver_ != "cholesky":
            if not streams and X.size <= _MERGED_SIZE and are_counts(s):
                kept, s, _ = _distinct(np.column_stack([X, Y]), s)
                X, Y, emphasis = X[kept], Y[kept], emphasis[kept]
            self._fit_large(X, Y, s * emphasis, y)
            return
        roles = self._roles(X, y)
        kept, weight, origin = _distinct(np.column_stack([X, Y, roles]), s)
        rows, targets = X[kept], Y[kept]
        self._check_memory(len(rows))
        members = self._members(rows, weight)
        progress = FitProgress(self, X, y, self.max_iter * len(members))
        splits = self._splits(rows, roles[kept])
        settings = self._settings(splits, weight, progress)
        emphasised = weight * emphasis[kept]
        self.members_ = [
            fit_machine(member, rows, targets, weight, settings, emphasised)
            for member in members
        ]
        self._describe(X, origin)
        progress.end()

    def _describe(self, X, origin):
        """Set the fitted attributes, those of one machine from the best member."""
        errors = [machine.loo_error for machine in self.members_]
        self.blend_weights_ = _defaults.blend(errors)
        machine = self.members_[int(np.argmin(errors))]
        self.kernel_ = machine.kernel
        if hasattr(machine.kernel, "layer_weights"):
            self.layer_weights_ = machine.kernel.value("layer_weights")
        self.alpha_ = machine.alpha
        self.X_fit_ = machine.X
        self.dual_coef_ = machine.dual_coef
        self.intercept_ = machine.intercept
        self.objective_path_ = np.array(machine.path)
        self.objective_rows_ = np.array(machine.path_rows, dtype=int)
        self.n_iter_ = max(len(machine.path) - 1, 0)
        parts = zip(self.blend_weights_, self.members_, strict=True)
        loo = sum(b * m.loo for b, m in parts)
        self._loo_decisions = loo[origin]
        unseen = origin < 0
        if unseen.any():  # of weight zero: any prediction of theirs is out of sample
            self._loo_decisions[unseen] = self._blended(X[unseen])

    def _blended(self, X):
        """Return the blended decision values of checked rows."""
        parts = zip(self.blend_weights_, self.members_, strict=True)
        return sum(b * machine.predict(X) for b, machine in parts)

    def _decisions(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return X, self._blended(X)


def _distinct(table, sample_weight):
    """Drop rows of weight zero, and merge those that are repeated, if weights count.

    A row of weight 2 and the row twice then are the same problem, to the last digit,
    and repeats cost nothing. Rows all distinct and of weight one stay in their order.

    Returns
    -------
    kept : ndarray of int
        Rows to fit.
    weight : ndarray
        Their weights.
    origin : ndarray of int
        Which of them each given row became, or -1.
    """
    positive = np.flatnonzero(sample_weight > 0)
    weight = sample_weight[positive]
    origin = np.full(len(table), -1)
    if not are_counts(weight):
        origin[positive] = np.arange(len(positive))
        return positive, weight, origin
    first, inverse = np.unique(
        table[positive], axis=0, return_index=True, return_inverse=True
    )[1:]
    inverse = inverse.ravel()
    if len(first) == len(positive) and (weight == 1.0).all():
        first = inverse = np.arange(len(positive))
    origin[positive] = inverse
    return positive[first], np.bincount(inverse, weights=weight), origin
