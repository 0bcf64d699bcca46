"""Attribution: which training rows made a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._learning.training_set import TrainingSet
from .._models.attribution import (
    blended_intercept,
    ensemble_contributions,
    ensemble_influence,
    ensemble_loo,
    own_influence,
)
from .._models.ensemble import Ensemble
from .._models.nystrom import NystromModel
from .._utils.threads import on_n_jobs

# Sums of targets that differ by less, relative to their size, differ by rounding.
_SAME = 1e-6


class GivenRows(NamedTuple):
    """The rows as they were given to a fit, whose repeated rows are merged.

    Attributes
    ----------
    origin : ndarray of int, shape (n,)
        The number of the training row that each given row became; -1 for a row of
        weight zero.
    copies : ndarray of shape (n,)
        The number of copies that each given row counts for.
    unseen : ndarray of shape (n_unseen, k) or None
        The decision values of the rows of weight zero, where the others are kept.
    labels : ndarray of shape (n,) or None
        The labels of the rows, where they are classified and kept.
    """

    origin: np.ndarray
    copies: np.ndarray
    unseen: np.ndarray | None = None
    labels: np.ndarray | None = None

    def spread(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Share the values of training rows among the given rows that became them."""
        share = np.where(self.origin < 0, 0.0, self.copies)
        total = np.bincount(self.origin[self.origin >= 0], share[self.origin >= 0])
        share /= np.where(self.origin < 0, 1.0, total[self.origin])
        shape = [1] * values.ndim
        shape[axis] = len(share)
        return np.take(values, self.origin, axis=axis) * share.reshape(shape)

    def each(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Return the values of the training row that each given row became, or zero."""
        found = np.take(values, self.origin, axis=axis)
        np.moveaxis(found, axis, 0)[self.origin < 0] = 0.0
        return found

    def decisions(self, values: np.ndarray) -> np.ndarray:
        """Return a decision of each given row from one of each training row."""
        found = values[self.origin]
        found[self.origin < 0] = self.unseen
        return found

    def group(self, rows: Sequence[int]) -> np.ndarray:
        """Return the numbers of training rows, each as often as copies of it are."""
        found, n = np.asarray(rows), len(self.origin)
        good = found.ndim == 1 and found.size > 0 and found.dtype.kind in "iu"
        if not good or found.min() < 0 or found.max() >= n:
            raise ValueError(
                "groups must be sequences of one or more numbers of training rows, "
                f"from 0 to {n - 1}, got {found.tolist()!r}."
            )
        found = np.unique(found)
        found = found[self.origin[found] >= 0]
        copies = np.maximum(self.copies[found], 1.0).astype(int)
        return np.repeat(self.origin[found], copies)


class AttributionMixin:
    """Methods that say which training rows made a prediction."""

    _ensemble: Ensemble
    _given_rows: GivenRows
    solver_: str

    def _checked_rows(self, X) -> np.ndarray:
        raise NotImplementedError

    def _in_units(self, values: np.ndarray, *, shift: bool = False) -> np.ndarray:
        """Return values of the models in units and shape of predictions."""
        raise NotImplementedError

    def _squared_units(self) -> np.ndarray | float:
        """Return the factors of squared errors in units of the targets."""
        return 1.0

    def _training_again(self, X, y, sample_weight=None) -> TrainingSet:
        """Return the rows of a fit, which are given again, with all their weights."""
        raise NotImplementedError

    def _known_rows(self, training) -> tuple[GivenRows, TrainingSet | None]:
        """Return the given rows, and the training rows of models that keep none."""
        if self.solver_ != "nystrom":
            if training is not None:
                raise ValueError(
                    "training must be None after a fit with "
                    f"solver_={self.solver_!r}, whose models keep their training rows."
                )
            return self._given_rows, None
        if not isinstance(training, tuple) or len(training) not in (2, 3):
            raise ValueError(
                "a Nyström model keeps no training rows: pass those of the fit as "
                "training=(X, y) or training=(X, y, sample_weight), got "
                f"{type(training).__name__}."
            )
        rows, model = self._training_again(*training), self._ensemble.best
        assert isinstance(model, NystromModel)
        sums, present = model.system.equations, rows.weights.weight > 0
        if not np.isclose(rows.weights.n_rows, sums.n_rows, rtol=1e-9):
            raise ValueError(
                "training must hold all rows that the model was fitted to, "
                f"{sums.n_rows:.0f} of them, got {rows.weights.n_rows:.0f}."
            )
        origin = np.where(present, np.cumsum(present) - 1, -1)
        given = GivenRows(origin, rows.weights.multiplicity)
        rows = rows.take(np.flatnonzero(present))
        # A fit that learns the ridge scales weights.
        factor = sums.weight / rows.solve_weights.total
        rows = rows._replace(weights=rows.weights.scaled(factor))
        sizes, totals = np.sqrt(sums.yy * sums.weight), rows.weights.weight @ rows.Y
        same = totals.shape == sums.y.shape
        if not (same and (np.abs(totals - sums.y) <= _SAME * sizes).all()):
            raise ValueError(
                "training must hold the targets, or labels, and the weights that the "
                "model was fitted to: their sums are others."
            )
        return given, rows

    @on_n_jobs
    def contributions(self, X, training=None):
        """Return the part of each training row in each prediction.

        Over training rows, the parts sum to the predictions of a regressor, or to the
        decision values of a classifier: each row has its kernel times its coefficient,
        and an equal part of the constant [1]_. The kernel is that of the model: with
        ``solver_="nystrom"`` the product of the features of two rows, and with "local"
        that too between rows of different clusters. If the ridge is small beside what
        the centres leave out, such parts are large, and cancel.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        training : tuple, default=None
            ``(X, y)`` or ``(X, y, sample_weight)`` with all rows of the fit, in memory.
            Needed with ``solver_="nystrom"``, whose models keep no training rows, and
            only then.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)
            One column for each row that was given to `fit`; rows of weight zero have
            zeros, and equal rows equal parts.

        References
        ----------
        .. [1] Engel, Wang, Frank, Dumitriu, Choudhury, Sarwate and Chiang, "Faithful
           and Efficient Explanations for Neural Networks via Neural Tangent Kernel
           Surrogate Models", ICLR 2024.
        """
        X = self._checked_rows(X)
        rows, again = self._known_rows(training)
        parts = ensemble_contributions(self._ensemble, X, again)
        parts = rows.spread(parts, axis=1)
        constant = self._in_units(blended_intercept(self._ensemble), shift=True)
        parts, present = self._in_units(parts), rows.origin >= 0
        parts[:, present] += np.asarray(constant) / present.sum()
        return parts

    @on_n_jobs
    def influence(self, X, groups=None, training=None):
        """Return how each prediction would change if training rows were left out.

        The change is exact, and nothing is fitted again: the kernels, the ridges, the
        scale of the targets and the shares of the models stay as they are, and so do
        the centres and clusters of the solvers "nystrom" and "local". Each call takes
        one factorisation of the matrix that the solver factorises; with
        ``solver_="cg"``, which factorises none, that of the kernel matrix.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        groups : sequence of sequences of int, default=None
            Sets of training rows that are left out together, by their numbers in the
            rows that were given to `fit`. None means each row for itself, or one copy
            of it if weights count copies.
        training : tuple, default=None
            As in `contributions`.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)
            The prediction of a regressor, or the decision values of a classifier, with
            all rows minus that without each row or group: a positive number means that
            the row has raised the value. With `groups`, one column for each group.
        """
        X = self._checked_rows(X)
        rows, again = self._known_rows(training)
        if groups is None:
            found = ensemble_influence(self._ensemble, X, None, again)
            found = rows.each(found, axis=1)
        else:
            together = [rows.group(group) for group in groups]
            found = ensemble_influence(self._ensemble, X, together, again)
        return self._in_units(found)

    @property
    def loo_influence_(self) -> np.ndarray:
        """The influence of each training row on its own error, (n_samples,).

        By how much the squared error of the row, summed over the outputs of a regressor
        or over the class indicators of a classifier, would grow if the row were left
        out. A large number means that the other rows predict something else: a reason
        to look at the target. Not with ``solver_="nystrom"``. With "cg" and "local", it
        is computed when it is asked for, by a factorisation.
        """
        self._need_rows("loo_influence_")
        values = own_influence(self._ensemble) * self._squared_units()
        return self._given_rows.each(values.sum(axis=1), axis=0)

    def _loo_decisions(self, name: str) -> np.ndarray:
        """Return the leave-one-out decision values of the given rows, for an attribute.

        Rows of weight zero were not fitted, so that theirs are ordinary predictions.
        """
        self._need_rows(name)
        return self._given_rows.decisions(ensemble_loo(self._ensemble))

    def _need_rows(self, name: str) -> None:
        """Raise an error if the models that an attribute is about keep no rows."""
        if getattr(self, "solver_", "nystrom") == "nystrom":
            raise AttributeError(
                f"this {type(self).__name__} has no {name}, which needs a fit that "
                'keeps its training rows: with another solver than "nystrom". See '
                "influence, which takes rows."
            )
