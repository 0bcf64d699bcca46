"""WNTKRegressor: kernel ridge regression whose layer weights are learned."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._models.large import can_add_batches, whole_or_nothing
from .._utils.compat import _fit_context
from .._utils.validation import is_flat, weighted_moments
from . import _defaults
from ._base import BaseWNTK


class WNTKRegressor(MultiOutputMixin, RegressorMixin, BaseWNTK):
    r"""Ridge regression with a weighted neural tangent kernel that is learned.

    The model is that of an infinitely wide network whose layers learn at rates of their
    own [1]_: kernel ridge regression with :math:`\sum_l w_l K_l`. Every iteration
    solves the ridge for the current weights and follows the exact gradient of the
    objective in the weights, the ridge and the kernel's other free hyperparameters.

    With all defaults, the inputs are written as scaled columns and as their ranks, of
    which the kernel sees 32 steps each, and a network with one hidden layer learns its
    layer weights, bias variance, ridge and a length scale per column by the evidence.
    Give a `kernel` to have full control: it then sees the inputs as they are.

    Parameters
    ----------
    kernel : Kernel, default=None
        Any scikit-learn kernel; hyperparameters with bounds are learned, fixed ones are
        kept. None means ``WeightedNTKernel()``, of the depth and on the inputs that
        `encoding` says.
    encoding : {"auto"} or None, default="auto"
        How inputs and targets are prepared when no kernel is given. ``"auto"`` scales
        and ranks them as above; None leaves them as they are. Ignored with a `kernel`.
    alpha : float, default=1.0
        Ridge, added to the diagonal of the kernel matrix: where learning starts (or
        at the best ridge by leave-one-out, if that is a better start), or what is used
        if ``alpha_bounds="fixed"``.
    alpha_bounds : pair of floats or "fixed", default=(1e-8, 1e8)
        Bounds within which the ridge is learned. With layer weights, which grow and
        shrink along with it, bounds of its ratio to their sum, one at the start.
    objective : {"evidence", "loo", "gcv", "holdout"}, default="evidence"
        What is minimised: the negative log marginal likelihood, at the most likely
        scale of each output, the exact leave-one-out error, generalised
        cross-validation, or the error on held-out rows of `cv`.
    optimizer : {"bfgs", "lbfgs", "projected-gradient"}, default="bfgs"
        A quasi-Newton method in all logarithms at once: ``"bfgs"`` learns on parts of
        the rows first, if there are 200 or more, and takes along what it has seen;
        ``"lbfgs"`` is SciPy's L-BFGS-B. Or projected gradient steps in ``w >= 0``
        [1]_, which may switch a layer off.
    learning_rate : float or "backtracking", default="backtracking"
        Step of the projected gradient: fixed as in the paper, or searched so that the
        objective never rises.
    max_iter : int, default=100
        Iterations at most.
    tol : float, default=1e-3
        Learning ends when the objective falls by less, relative to its size at the
        start; that of the evidence is the number of targets.
    cv : int, splitter or iterable of index pairs, default=None
        Splits of ``objective="holdout"``; None means 5 folds.
    fit_intercept : bool, default=True
        Whether to fit a constant that the ridge does not penalise.
    n_components : int, default=None
        Number of centres of a Nyström model, fitted in one pass over the rows; None
        means the exact fit where it is possible. Hyperparameters are then learned on a
        sample of 2000 rows, and the ridge by generalised cross-validation.
    solver : {"auto", "cholesky", "cg", "nystrom", "local"}, default="auto"
        Exact by factorisation or, on more rows than that can take, by conjugate
        gradients, or a Nyström model. ``"local"`` is a Nyström model made exact within
        clusters of rows, as many on average as centres but at least 1000, which is
        nearer to the exact fit and needs all rows in memory; its ridge is that of the
        sample.
        ``"auto"`` goes by `n_components`, the number of rows and the memory of the
        machine, and never chooses ``"local"``: `n_components` alone means the plain
        Nyström model.
    random_state : int, RandomState instance or None, default=None
        Decides the sample, the centres and the clusters of a Nyström model, and the
        folds of ``objective="holdout"`` if `cv` is their number; None means 0.
    verbose : int, default=0
        Whether to print the objective after every iteration.

    Attributes
    ----------
    kernel_ : Kernel
        The kernel with what was learned.
    layer_weights_ : ndarray of shape (depth + 1,)
        Its layer weights, if it has any. ``(w, alpha)`` and ``(t w, t alpha)`` are one
        model; where both were learned they are scaled to a kernel matrix with a mean
        diagonal of one, so that they compare between depths and data sets.
    alpha_ : float
        The ridge.
    dual_coef_ : ndarray of shape (n_samples, n_outputs)
        Coefficients of the kernel on the rows of `X_fit_`. Of a Nyström model, there
        are as many as centres.
    intercept_ : ndarray of shape (n_outputs,)
        The constant, in units of the targets as learned from.
    X_fit_ : ndarray of shape (n_samples, n_inputs)
        Training rows of positive weight, as the kernel sees them; the centres of a
        Nyström model.
    loo_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Prediction of every training row by a model that has not seen it. Only after
        an exact fit, ``solver_="cholesky"``.
    objective_path_ : ndarray of shape (n_iter_ + 1,)
        Objective at the start and after every iteration; empty if nothing was learned.
        Where a part of the rows was learned from, its own objective, as if there were
        all rows.
    objective_rows_ : ndarray of shape (n_iter_ + 1,)
        Of how many rows each value of `objective_path_` is.
    n_iter_ : int
        Number of iterations, those on a part of the rows included.
    members_, blend_weights_ : list and ndarray
        The fitted machines and their weights: one of each for regression.
    solver_ : str
        The solver that was used.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if they were all strings.

    See Also
    --------
    WNTKClassifier : The same for classes.
    sklearn.kernel_ridge.KernelRidge : The same solve, nothing learned.

    References
    ----------
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WNTKRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = WNTKRegressor().fit(X[:300], y[:300])
    >>> model.layer_weights_.shape
    (2,)
    >>> bool(model.score(X[300:], y[300:]) > 0.4)
    True
    """

    def __init__(
        self,
        kernel=None,
        *,
        encoding="auto",
        alpha=1.0,
        alpha_bounds=(1e-8, 1e8),
        objective="evidence",
        optimizer="bfgs",
        learning_rate="backtracking",
        max_iter=100,
        tol=1e-3,
        cv=None,
        fit_intercept=True,
        n_components=None,
        solver="auto",
        random_state=None,
        verbose=0,
    ):
        self.kernel = kernel
        self.encoding = encoding
        self.alpha = alpha
        self.alpha_bounds = alpha_bounds
        self.objective = objective
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.n_components = n_components
        self.solver = solver
        self.random_state = random_state
        self.verbose = verbose

    def _default_members(self, X, sample_weight):
        return _defaults.regression_members(X, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    @whole_or_nothing
    def fit(self, X, y, sample_weight=None):
        """Learn the layer weights and the ridge, and solve.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. If all are whole numbers, they count copies of the
            rows: leave-one-out leaves one copy out. If not, they say how much the error
            of a row matters: only their ratios do (and the ridge, if it is fixed), and
            leave-one-out leaves whole rows out.

        Returns
        -------
        WNTKRegressor
            The fitted estimator.
        """
        if self._streams_from(X):
            y, s = self._check_source(X, y, sample_weight)
        else:
            X, y = self._check_rows(X, y)
            s = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        Y = np.array(y, dtype=np.float64).reshape(len(y), -1)
        self._single_output = y.ndim == 1
        self._set_units(Y, s)
        for column in Y.T:
            if s.any() and is_flat(column[s > 0]):
                column[:] = column[s > 0][0]  # nothing is to be learned from rounding
        scaled = (Y - self._mean) / self._scale
        self._fit_machines(X, scaled, s, y)
        if self.solver_ == "cholesky":
            self.loo_predictions_ = self._in_units(self._loo_decisions)
        return self

    @available_if(can_add_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    @whole_or_nothing
    def partial_fit(self, X, y, sample_weight=None):
        """Add a batch of rows to a Nyström model, and solve.

        The first batch decides the units of the targets, the hyperparameters and the
        centres, so it should be a fair sample of at least some thousand rows. After
        `fit` with a Nyström model, batches add to what it was fitted to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        WNTKRegressor
        """
        first = not hasattr(self, "_streams")
        X, y = self._check_rows(X, y, reset=first)
        s = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        Y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if first:
            self._single_output = y.ndim == 1
            self._set_units(Y, s)
        self._partial(X, (Y - self._mean) / self._scale, s)
        return self

    def _check_rows(self, X, y, reset=True):
        return validate_data(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=True,
            dtype=np.float64,
            order="C",
            reset=reset,
        )

    def _set_units(self, Y, s):
        """Standardise targets for the default model, whose priors have a scale."""
        self._mean, self._scale = np.zeros(Y.shape[1]), np.ones(Y.shape[1])
        if not self._automatic:
            return
        if not s.any():
            return  # refused with a sentence later
        for k, y in enumerate(Y[s > 0].T):
            mean, deviation = weighted_moments(y, s[s > 0])
            if self.fit_intercept:
                self._mean[k] = mean
            if deviation > 0.0 and not is_flat(y):
                self._scale[k] = deviation

    def _in_units(self, values):
        values = values * self._scale + self._mean
        return values.ravel() if self._single_output else values

    def predict(self, X, return_std=False):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviation of the predicted function as well:
            that of a Gaussian process with the learned kernel, scaled to the
            targets. It does not include the noise of new targets. After an exact fit,
            each call factorises the matrix of all training rows; after
            ``solver="cg"`` there is none.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        y_std : ndarray of the same shape
            Only with `return_std`.
        """
        X, decisions = self._decisions(X)
        mean = self._in_units(decisions)
        if not return_std:
            return mean
        spread = np.sqrt(self.members_[0].posterior_variance(X)) * self._scale
        return mean, spread.ravel() if self._single_output else spread
