"""The base class of the two estimators: input checks, the fit, fitted attributes."""

from __future__ import annotations

from copy import copy
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from .._blocks.sampling import sample_rows
from .._blocks.sources import is_source
from .._blocks.tables import is_table_source
from .._learning.spec import ModelSpec
from .._learning.training_set import TrainingSet
from .._models.choose import MATRICES, REASONS, check_memory
from .._models.fit import fit_ensemble
from .._models.options import LEARNS_FROM_ALL, NEEDS_VECTORS
from .._utils.arrays import Place, checked_floats, place_of
from .._utils.compat import CallbackSupportMixin, Interval, StrOptions
from .._utils.progress import FitProgress
from .._utils.sparse import sparse_rows
from .._utils.validation import validate_any
from .._utils.warnings import warn
from ..kernels._weighted import WeightedNTKernel
from ..objectives import OBJECTIVES
from ..optimizers import OPTIMIZERS
from ..preprocessing._table_encoder import TableEncoder
from ..preprocessing._table_reader import TableReader, validated
from ._arrays import Decisions, as_numpy, check_fitted_at, follow
from ._attribution import AttributionMixin, GivenRows
from ._defaults import sparse_specs
from ._encoding import coded_spec, make_encoder
from ._fitted import Fitted
from ._importance import ImportanceMixin
from ._options import (
    check_sparse_solver,
    checked_bounds,
    fit_options,
    given_kernels,
    matrices_of,
    naming_encoding,
    progress_name,
    solver_for,
    takes_sparse,
    takes_tables,
    takes_vectors,
)
from ._table_files import check_in_memory, check_names, open_table
from ._training_set import (
    Given,
    checked_targets,
    checked_weights,
    split_roles,
    training_set,
)


class BaseWNTK(AttributionMixin, ImportanceMixin, CallbackSupportMixin, BaseEstimator):
    """Base class of estimators that fit kernel ridge models with learned kernels."""

    _parameter_constraints: dict = {
        "kernel": [Kernel, StrOptions({"auto"}), list, tuple],
        "encoding": [StrOptions({"auto", "table"}), TableEncoder, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
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
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # -- what to fit ------------------------------------------------------------------

    @property
    def _n_models(self) -> int:
        """Number of models that are fitted."""
        return max(len(given_kernels(self.kernel)), 1)

    def _default_specs(self, rows: TrainingSet, encoder) -> list[ModelSpec]:
        """Return the specifications of the default models, without a given kernel."""
        raise NotImplementedError

    def _specs(self, rows: TrainingSet) -> list[ModelSpec]:
        """Return the specifications of the models: of given kernels, or default."""
        if self._uses_defaults and issparse(rows.X):
            return sparse_specs(rows)
        if self._uses_defaults:
            given = isinstance(self.encoding, TableEncoder)
            return self._default_specs(rows, clone(self.encoding) if given else None)
        return [
            coded_spec(kernel, make_encoder(self.encoding, kernel), rows)
            for kernel in given_kernels(self.kernel) or [WeightedNTKernel()]
        ]

    @property
    def _uses_defaults(self) -> bool:
        return isinstance(self.kernel, str) and self.encoding is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        for kind in ("allow_nan", "categorical", "string"):
            setattr(tags.input_tags, kind, takes_tables(self))
        # Centres and clusters need distances between rows, which sparse ones lack.
        dense = self.solver in NEEDS_VECTORS or self.n_components is not None
        tags.input_tags.sparse = takes_sparse(self) and not dense
        tags.array_api_support = takes_vectors(self.kernel)
        return tags

    # -- what is given ----------------------------------------------------------------

    def _given(self, X, y, sample_weight, reset=True, **how) -> Given:
        """Check inputs, targets and weights without changing the estimator."""
        if takes_vectors(self.kernel):
            check_names(X, y)
        place = place_of(X)
        if place is not None:
            X = checked_floats(X, allow_nan=takes_tables(self))
            if not reset:
                check_fitted_at(self, place, type(self).__name__ + ".partial_fit()")
        X, y = as_numpy(X), as_numpy(y, "y")
        sample_weight = as_numpy(sample_weight, "sample_weight")
        probe = copy(self)  # checks set attributes, to be published at the end
        reader = TableReader() if reset else self._reader
        streamed = reset and self._stays_in_place(X)
        if streamed and is_table_source(X):
            self._refuse_sources(X)
            X, y, reader, head = open_table(X, y, self._categorical_features)
            validated(probe, reader, head, reset=True, **self._vectors)
            y = checked_targets(y)
        elif streamed:
            self._refuse_sources(X)
            rng, missing = np.random.RandomState(0), takes_tables(self)
            _, head = sample_rows(X, 1, rng, max_blocks=1, allow_nan=missing)
            validate_data(probe, head, **self._vectors)
            y = checked_targets(y)
        elif takes_vectors(self.kernel):
            if reset and takes_tables(self):
                reader = TableReader.of(X, self._categorical_features)
            used = reader if takes_tables(self) else None
            with naming_encoding(self):
                X, y = validated(probe, used, X, y, reset=reset, **self._vectors, **how)
            X = sparse_rows(X) if issparse(X) else X
        else:
            X, y = validate_any(probe, X, y, reset=reset, **how)
        names = ("n_features_in_", "feature_names_in_")
        features = {k: getattr(probe, k) for k in names if hasattr(probe, k)}
        weights = checked_weights(sample_weight, y)
        return Given(X, y, weights, streamed, features, reader, place)

    @property
    def _categorical_features(self):
        """The categorical columns, as the encoder says if one is given."""
        given = isinstance(self.encoding, TableEncoder)
        return (self.encoding if given else self).categorical_features

    @property
    def _vectors(self) -> dict:
        """How inputs that are vectors are checked."""
        missing = {"ensure_all_finite": "allow-nan"} if takes_tables(self) else {}
        sparse = {"accept_sparse": "csr"} if takes_sparse(self) else {}
        return {"dtype": np.float64, "order": "C", **missing, **sparse}

    def _stays_in_place(self, X) -> bool:
        """Return whether rows are read in blocks by the tasks that work on them."""
        if not takes_vectors(self.kernel):
            return False  # a list of strings holds inputs then, not names of files
        if is_source(X):
            return True
        mapped = isinstance(X, np.memmap) and X.ndim == 2
        return mapped and solver_for(self, len(X)) == "nystrom"

    def _refuse_sources(self, X) -> None:
        """Raise if the solver needs all rows in memory, as X is a source of blocks."""
        if self.solver not in ("auto", "nystrom"):
            raise ValueError(
                f"solver={self.solver!r} needs all rows in memory, but X is a "
                f'{type(X).__name__}; use solver="auto" or "nystrom".'
            )

    def _training_set(self, given: Given, Y, class_factor, solver):
        """Return the training set, and the training row that each given row became."""
        return training_set(
            given,
            Y,
            class_factor,
            self._roles(given),
            learns_alpha=checked_bounds(self.alpha_bounds) is not None,
            must_merge=solver in LEARNS_FROM_ALL,
        )

    def _roles(self, given: Given) -> np.ndarray:
        """Return the role of each row in each split of the hold-out objective."""
        if self.objective != "holdout":
            return np.zeros((len(given.y), 0))
        # Rows that stay where they are can only be counted by a splitter.
        X = np.empty((len(given.y), 0)) if given.streamed else given.X
        return split_roles(self.cv, X, given.y)

    # -- the fit ----------------------------------------------------------------------

    def _fit(self, given: Given, Y, class_factor) -> Fitted:
        """Fit every model, and return the result without publishing it."""
        is_sparse = issparse(given.X)
        solver = "nystrom"
        if not given.streamed:
            solver = solver_for(self, len(Y), not is_sparse, given.place)
            if self.solver == "auto":
                self._tell(f"solver={solver!r} for {len(Y)} rows: {REASONS[solver]}.")
        if is_sparse:
            check_sparse_solver(solver)
        rows, origin = self._training_set(given, Y, class_factor, solver)
        if solver in MATRICES:
            check_memory(rows.n_rows, matrices_of(self, solver), given.place)
        told = self.max_iter * self._n_models if solver in LEARNS_FROM_ALL else None
        progress = FitProgress(self, given.X, given.y, told)
        options = fit_options(self, solver, progress, given.place)
        ensemble = fit_ensemble(self._specs, rows, options)
        if self.verbose and ensemble.held_out.explains_nothing:
            self._tell(
                "nothing is explained: predictions of rows that are left out are no "
                "better than the mean of the targets, and all predictions are close "
                "to it. The columns say nothing of the targets, or "
                f"{rows.n_rows} rows are too few to see it."
            )
        return Fitted(ensemble, solver, origin, progress)

    def _tell(self, text: str) -> None:
        """Print a sentence, if fits are to tell what they do."""
        if self.verbose:
            print(f"[{type(self).__name__}] {text}")  # noqa: T201

    def _fit_batch(self, given: Given, Y, class_factor) -> Fitted:
        """Add a batch of rows to the fitted models, or fit new models to it."""
        weights, roles = given.weights.scaled(class_factor > 0), self._roles(given)
        if issparse(given.X):
            check_sparse_solver("nystrom")
        levels = given.reader.categorical
        batch = TrainingSet(given.X, Y, weights, class_factor, roles, levels)
        if not self._grows:
            if not weights.weight.any():
                raise ValueError(
                    "the first batch of partial_fit must hold a row of positive "
                    "weight, as the kernel is learned from it."
                )
            if hasattr(self, "models_"):
                warn(
                    "partial_fit adds rows to a Nyström model, but this estimator was "
                    f"fitted with solver_={self.solver_!r}: a new model starts, "
                    'without the rows of that fit. Fit with solver="nystrom" to add to '
                    "them.",
                    UserWarning,
                )
            options = fit_options(self, "nystrom", None, given.place)
            ensemble = fit_ensemble(self._specs, batch, options)
        else:
            ensemble = self._ensemble
            if weights.weight.any():
                ensemble = ensemble.plus(batch, progress_name(self), given.place)
        return Fitted(ensemble, "nystrom", np.arange(len(Y)), None)

    @property
    def _grows(self) -> bool:
        """Return whether rows can be added to the fitted models."""
        return getattr(self, "solver_", None) == "nystrom"

    # -- what has been fitted ---------------------------------------------------------

    def _publish(self, fitted: Fitted, given: Given, labels=None, **others):
        """Set all fitted attributes, after everything that may fail has been done."""
        ensemble = fitted.ensemble
        best = ensemble.best
        rows = GivenRows(fitted.origin, given.weights.multiplicity)
        if fitted.solver != "nystrom":  # whose models keep no rows to leave out
            rows = rows._replace(unseen=fitted.unseen(given.X), labels=labels)
        found = {
            **given.features,
            **others,
            "_ensemble": ensemble,
            "_reader": given.reader,
            "_given_rows": rows,
            "solver_": fitted.solver,
            "models_": ensemble.models,
            "blend_weights_": ensemble.shares,
            "kernel_": best.kernel,
            "alpha_": best.alpha,
            "dual_coef_": best.dual_coef,
            "intercept_": best.intercept,
            "objective_path_": np.array(best.learned.path),
            "objective_rows_": np.array(best.learned.rows, dtype=int),
            "n_iter_": max(len(best.learned.path) - 1, 0),
        }
        if hasattr(best.kernel, "layer_weights"):
            found["layer_weights_"] = best.kernel.value("layer_weights")
        found = {
            k: v if k in _ON_HOST else follow(given.place, v) for k, v in found.items()
        }
        kept = {k: v for k, v in vars(self).items() if not _is_fitted(k)}
        self.__dict__ = kept | found
        if fitted.progress is not None:
            fitted.progress.end()
        return self

    @property
    def X_fit_(self) -> np.ndarray:
        """The rows that `dual_coef_` belongs to, as the kernel sees them."""
        return self._ensemble.best.X

    def _decisions(self, X, method: str) -> Decisions:
        """Return checked rows, their decision values, and the place of the rows."""
        place = self._place(X, method)
        X = self._checked_rows(X)
        return Decisions(X, self._ensemble.predict(X, place), place)

    def _place(self, X, method: str) -> Place | None:
        """Return the place of rows to predict, which is that of the fit."""
        check_is_fitted(self)
        place = place_of(X)
        check_fitted_at(self, place, f"{type(self).__name__}.{method}()")
        return place

    def _checked_rows(self, X) -> np.ndarray:
        """Return checked rows to predict, as an array of NumPy."""
        check_is_fitted(self)
        if place_of(X) is not None:
            X = as_numpy(checked_floats(X, allow_nan=takes_tables(self)))
        if not takes_vectors([model.kernel for model in self.models_]):
            return validate_any(self, X, reset=False)
        check_in_memory(X)
        reader = self._reader if takes_tables(self) else None
        with naming_encoding(self):
            X = validated(self, reader, X, reset=False, **self._vectors)
        return sparse_rows(X) if issparse(X) else X


# Fitted attributes that stay arrays of NumPy: labels may be strings.
_ON_HOST = {"feature_names_in_", "classes_"}
# Private attributes of a fitted estimator; public ones end in an underscore.
_PRIVATE = {"_ensemble", "_given_rows", "_reader", "_scaler", "_single_output"}


def _is_fitted(name: str) -> bool:
    """Return whether an attribute is one that a fit sets."""
    return name in _PRIVATE or (name.endswith("_") and not name.startswith("_"))
