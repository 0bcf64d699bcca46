"""WNTKRegressor: kernel ridge regression whose layer weights are learned."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from .._utils.compat import _fit_context
from .._utils.validation import is_flat
from ._base import BaseWNTK
from ._batches import can_add_batches
from ._defaults import regression_specs
from ._target_scaler import TargetScaler


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
    kernel : Kernel or "auto", default="auto"
        Any scikit-learn kernel; hyperparameters with bounds are learned, fixed ones are
        kept. A kernel that takes other inputs than vectors
        (``requires_vector_input=False``) gets them as they are. ``"auto"`` is the
        network above, or ``WeightedNTKernel()`` if ``encoding=None``.
    encoding : {"auto", "table"}, TableEncoder or None, default="auto"
        How inputs are written for the kernel. ``"auto"`` codes them for the default
        kernel, and leaves them as they are for a given one. ``"table"`` codes them for
        any kernel, by a :class:`~ntk_sklearn.TableEncoder` that suits it: a kernel with
        `n_ranks` is told which inputs are ranks, and gets a length scale for each. An
        encoder is cloned and used. None leaves inputs and targets as they are.
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
    target_scale_ : ndarray of shape (n_outputs,)
        What targets were divided by before anything was learned: their standard
        deviations with the default kernel, ones with a given one.
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
    models_, blend_weights_ : list and ndarray
        The fitted models and their shares: one of each for regression.
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
        kernel="auto",
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

    def _default_specs(self, rows, encoder):
        return regression_specs(rows, encoder)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn the layer weights and the ridge, and solve.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Integers count copies of the rows: leave-one-out
            leaves one copy out. Numbers of floating type say how much the error of a
            row matters, also if they are whole: only their ratios do (and the ridge, if
            it is fixed), and leave-one-out leaves whole rows out.

        Returns
        -------
        WNTKRegressor
            The fitted estimator.
        """
        given = self._given(X, y, sample_weight, multi_output=True, y_numeric=True)
        Y = np.array(given.y, dtype=np.float64).reshape(len(given.y), -1)
        scaler = self._fit_scaler(Y, given.weights.weight)
        present = given.present
        for column in Y.T:
            if present.any() and is_flat(column[present]):
                column[:] = column[present][0]  # nothing is to be learned from rounding
        fitted = self._fit(given, scaler.apply(Y), np.ones(len(Y)))
        single, others = given.y.ndim == 1, {}
        if fitted.is_exact:
            values = scaler.invert(fitted.held_out(given.X))
            others["loo_predictions_"] = values.ravel() if single else values
        return self._publish_scaled(fitted, given, scaler, single, **others)

    @available_if(can_add_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Add a batch of rows to a Nyström model, and solve.

        The first batch decides the units of the targets, the hyperparameters and the
        centres, so it should be a fair sample of at least some thousand rows. After
        `fit` with a Nyström model, batches add to what it was fitted to. A batch that
        fails leaves the model as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        WNTKRegressor
            The fitted estimator.
        """
        grows = self._grows
        how = {"multi_output": True, "y_numeric": True, "reset": not grows}
        given = self._given(X, y, sample_weight, **how)
        Y = np.asarray(given.y, dtype=np.float64).reshape(len(given.y), -1)
        scaler, single = self._fit_scaler(Y, given.weights.weight), given.y.ndim == 1
        if grows:
            scaler, single = self._scaler, self._single_output
        fitted = self._fit_batch(given, scaler.apply(Y), np.ones(len(Y)))
        return self._publish_scaled(fitted, given, scaler, single)

    def _publish_scaled(self, fitted, given, scaler, single, **others):
        """Set every fitted attribute, those of the targets included."""
        units = {"_scaler": scaler, "target_scale_": scaler.scale}
        return self._publish(fitted, given, _single_output=single, **units, **others)

    def _fit_scaler(self, Y, weight) -> TargetScaler:
        """Standardise targets for the default model, whose priors have a scale."""
        if not self._uses_defaults:
            return TargetScaler.none(Y.shape[1])
        return TargetScaler.fit(Y, weight, centre=self.fit_intercept)

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
        mean = self._scaler.invert(decisions)
        if self._single_output:
            mean = mean.ravel()
        if not return_std:
            return mean
        variance = self._ensemble.best.posterior_variance(X)
        spread = np.sqrt(variance) * self._scaler.scale
        return mean, spread.ravel() if self._single_output else spread
