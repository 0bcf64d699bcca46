"""How the estimators fit many rows: which solver, one pass, or batch by batch."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._blocks.sampling import gather, sample_rows
from .._blocks.sources import is_source
from .._utils.compat import FitProgress
from .._utils.progress import Progress
from .._utils.warnings import warn
from ..solvers._streaming import accumulate
from .choose import choose_solver
from .clustered import fit_local
from .exact import Machine, row_weights
from .iterative import fit_conjugate
from .nystrom import DEFAULT_CENTRES, Stream
from .sample import Sample


def whole_or_nothing(method):
    """Make a fit that fails leave the estimator as it was: unfitted, or fitted."""

    @wraps(method)
    def fit(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fit


def can_add_batches(estimator) -> bool:
    """All solvers but one need all rows at once."""
    if estimator.solver not in ("auto", "nystrom"):
        raise AttributeError(
            f"solver={estimator.solver!r} needs all rows at once; call fit, or use "
            'solver="nystrom" for partial_fit.'
        )
    return True


class LargeFit:
    """The part of the shell for more rows than an exact fit can take."""

    # What the rest of the shell provides.
    solver: Any
    n_components: Any
    random_state: Any
    max_iter: Any
    verbose: Any
    _splits: Any
    _n_matrices: Any
    solver_: Any
    members_: list[Machine]
    _settings: Any
    _members: Any
    _describe: Any

    def _forget(self) -> None:
        """Drop what not every fit sets anew."""
        for name in ("_streams", "layer_weights_", "loo_predictions_"):
            self.__dict__.pop(name, None)

    def _choose_solver(self, n: int) -> str:
        if self.solver != "auto":
            return self.solver
        return choose_solver(
            n, n_components=self.n_components, n_matrices=self._n_matrices()
        )

    def _streams_from(self, X) -> bool:
        """Whether rows are read where they lie, each block by whoever works on it."""
        if is_source(X):
            return True
        mapped = isinstance(X, np.memmap) and X.ndim == 2
        return mapped and self._choose_solver(len(X)) == "nystrom"

    def _check_source(self, X, y, sample_weight):
        """Check the columns of a source, and read its targets and weights."""
        if self.solver not in ("auto", "nystrom"):
            raise ValueError(
                f"solver={self.solver!r} needs all rows in memory, but X is a "
                f'{type(X).__name__}; use solver="auto" or "nystrom".'
            )
        _, head = sample_rows(X, 1, np.random.RandomState(0), max_blocks=1)
        validate_data(self, head, dtype=np.float64)
        y = check_array(gather(y), ensure_2d=False, dtype=None, input_name="y")
        weight = gather(sample_weight)
        return y, _check_sample_weight(weight, y, ensure_non_negative=True)

    @property
    def _seed(self):
        return 0 if self.random_state is None else self.random_state

    @property
    def _n_centres(self) -> int:
        return DEFAULT_CENTRES if self.n_components is None else self.n_components

    def _report(self) -> Progress | None:
        """Return what prints how far a pass over the rows is, if that is wanted."""
        return Progress(type(self).__name__) if self.verbose else None

    def _start_streams(self, X, Y, s, progress):
        """Learn kernels and choose centres from a sample of the rows."""
        m = self._n_centres
        sample = Sample(X, Y, row_weights(s), m, self._seed)
        few = sample.few
        splits = self._splits(sample.X[few], np.zeros((len(few), 0)))
        settings = self._settings(splits, progress)
        self._streams = [
            Stream.start(member, sample, settings, m)
            for member in self._members(sample.X, sample.weights.weight)
        ]
        sample.keep_few()

    def _fit_large(self, X, Y, s, y):
        """Fit by `solver_`, any but "cholesky"; as `_fit_machines`."""
        progress = FitProgress(self, X, y, None)
        if self.solver_ == "nystrom":
            self._start_streams(X, Y, s, progress)
            self._add_rows(X, Y, s)
        else:
            self._fit_in_memory(X, Y, s, progress)
        progress.end()

    def _fit_in_memory(self, X, Y, s, progress):
        """Learn from a sample, and solve with all rows of positive weight at hand."""
        positive = s > 0
        X, Y, weights = X[positive], Y[positive], row_weights(s).take(positive)
        m = self._n_centres if self.solver_ == "local" else 0
        sample = Sample(X, Y, weights, m, self._seed)
        splits = self._splits(sample.X[sample.few], np.zeros((1, 0)))
        settings = self._settings(splits, progress)
        self.members_ = []
        machine: Machine
        for member in self._members(sample.X, sample.weights.weight):
            if self.solver_ == "cg":
                machine = fit_conjugate(member, sample, X, Y, weights, settings)
            else:
                report = self._report()
                machine = fit_local(member, sample, X, Y, weights, settings, m, report)
            self.members_.append(machine)
        self._conclude(sample)

    def _add_rows(self, X, Y, s):
        """Add rows to every stream, and solve."""
        weights = None if (s == 1.0).all() else row_weights(s)
        streams = []
        for stream in self._streams:
            report = self._report()
            system = accumulate(stream.system, X, Y, weights, progress=report)
            streams.append(stream.with_system(system))
        self.members_ = [stream.finish() for stream in streams]
        self._streams = streams
        self._conclude(self._streams[0].sample)

    def _conclude(self, sample):
        """Set the fitted attributes; leave-one-out is of the sample's few rows."""
        few = sample.few
        self._describe(sample.X[few], np.arange(len(few)))
        self._sampled = sample.Y[few], sample.weights.weight[few]

    def _partial(self, X, Y, s):
        """Add a batch; the first one decides kernel and centres."""
        if not hasattr(self, "_streams"):
            self._begin(X, Y, s)
        if s.any():
            self._add_rows(X, Y, s)

    def _begin(self, X, Y, s):
        """Start a Nyström model from the first batch."""
        if not s.any():
            raise ValueError(
                "the first batch of partial_fit must hold a row of positive weight, as "
                "the kernel is learned from it."
            )
        if hasattr(self, "members_"):
            warn(
                "partial_fit adds rows to a Nyström model, but this estimator was "
                f"fitted with solver_={self.solver_!r}: a new model starts, without "
                'the rows of that fit. Fit with solver="nystrom" to add to them.',
                UserWarning,
            )
        self._forget()
        self.solver_ = "nystrom"
        self._start_streams(X, Y, s, None)
