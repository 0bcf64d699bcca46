"""WNTKRegressor: kernel ridge regression with a kernel that is learned."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from .._learning.training_set import TrainingSet
from .._utils.arrays import place_of
from .._utils.compat import _fit_context
from .._utils.threads import on_n_jobs
from ._arrays import follow
from ._base import BaseWNTK
from ._batches import can_add_batches
from ._defaults import regression_specs
from ._intervals import IntervalMixin
from ._target_scaler import TargetScaler, flatten_rounding
from ._training_set import numeric_targets


class WNTKRegressor(IntervalMixin, MultiOutputMixin, RegressorMixin, BaseWNTK):
    r"""Kernel ridge regression with a neural tangent kernel that is learned.

    Kernel ridge regression with the kernel of an infinitely wide neural network
    predicts like this network, trained by gradient descent. The kernel is a weighted
    sum of one term for each layer, :math:`\sum_l w_l K_l`; the weight of a layer is its
    learning rate [1]_. This estimator learns the layer weights, the ridge and the other
    free hyperparameters of the kernel by minimising `objective`, whose gradient is
    computed exactly, and then solves the ridge problem.

    With default parameters the inputs need no preparation. A
    :class:`~ntk_sklearn.TableEncoder` writes each column twice: scaled, and as its rank
    among the training values. The kernel is that of a ReLU network with one hidden
    layer. Its two layer weights, its bias variance, the ridge, and a length scale for
    each column and for each rank are learned. The same is done for a network of erf
    units on the scaled columns, which suits smooth targets. The network with the larger
    marginal likelihood is kept. With up to 1000 rows, both are kept and blended by
    their leave-one-out errors if the two likelihoods are close. The targets are
    standardised. If a `kernel` is given, inputs and targets are used as they are.

    Parameters
    ----------
    kernel : Kernel, list of Kernel or "auto", default="auto"
        The kernel. ``"auto"`` is the network described above, or, with
        ``encoding=None``, ``WeightedNTKernel()``. Any kernel that
        :class:`~sklearn.gaussian_process.GaussianProcessRegressor` takes can be given:
        hyperparameters that have bounds are learned, fixed ones are kept. A kernel with
        ``requires_vector_input=False``, such as one on strings or graphs, gets the
        inputs as they are, without conversion to an array of numbers. A list gives a
        model for each kernel; they are blended by their leave-one-out errors.
    encoding : {"auto", "table"}, TableEncoder or None, default="auto"
        The encoding of the inputs before the kernel sees them.

        - ``"auto"`` encodes them for the default kernel, ``kernel="auto"``, and leaves
          them as they are for a given one.
        - ``"table"`` encodes them for a given kernel as well, by a
          :class:`~ntk_sklearn.TableEncoder` that suits it. For a kernel
          of this package, or a sum or product of such kernels, `n_ranks` is set, and
          `length_scale` is multiplied by that of the encoder. For any other kernel,
          ranks have mean 0 and variance 1.
        - A :class:`~ntk_sklearn.TableEncoder` with parameters of your own is cloned,
          fitted and used in the same way.
        - None leaves inputs and targets as they are.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        The columns whose values are levels, in tables that are encoded.

        - ``"from_dtype"``: columns of strings, and columns of a categorical dtype.
        - a mask, or the numbers or names of columns: these as well, even if their
          values are numbers.
        - None: no column; strings and categories raise an error.

        If `encoding` is a :class:`~ntk_sklearn.TableEncoder`, its parameter of this
        name is used instead.
    alpha : float, default=1.0
        The ridge: the penalty that is added to the diagonal of the kernel matrix. If
        the ridge is learned, `alpha` is a value to start from; learning starts at the
        ridge with the smallest leave-one-out error instead if the objective is lower
        there.
    alpha_bounds : pair of floats or "fixed", default=(1e-8, 1e8)
        Bounds of the ridge; ``"fixed"`` keeps it at `alpha`. If layer weights are
        learned too, the bounds apply to the ridge divided by the sum of the layer
        weights, in units of that sum at the start: multiplying the ridge and all layer
        weights by the same number leaves the model unchanged.
    objective : {"evidence", "loo", "gcv", "holdout"}, default="evidence"
        The function that learning minimises.

        - ``"evidence"``: the negative log marginal likelihood of a Gaussian process
          with this kernel, with the most likely scale of each output.
        - ``"loo"``: the exact leave-one-out mean squared error.
        - ``"gcv"``: the generalised cross-validation error.
        - ``"holdout"``: the squared error on the held-out rows of `cv`.
    optimizer : {"bfgs", "lbfgs", "projected-gradient"}, default="bfgs"
        The method that minimises the objective. ``"bfgs"`` and ``"lbfgs"`` are
        quasi-Newton methods; their variables are the logarithms of all free
        hyperparameters. ``"lbfgs"`` is SciPy's L-BFGS-B. ``"bfgs"`` saves time: with
        200 rows or more it starts on a subset of them and doubles the subset until all
        rows are used, or the next one would have more than 5000 rows.
        ``"projected-gradient"`` takes the steps of [1]_, in which a layer weight may
        become exactly zero, so that its layer is switched off.
    learning_rate : float or "backtracking", default="backtracking"
        Step size of ``optimizer="projected-gradient"``; the other optimizers ignore it.
        A number is a fixed step size, as in [1]_. ``"backtracking"`` searches a step
        size in each iteration such that the objective never rises.
    max_iter : int, default=100
        Maximum number of iterations of the optimizer.
    tol : float, default=1e-3
        Tolerance of the optimizer. It stops when an iteration lowers the objective by
        less than `tol` times the objective's value at the start, or, for
        ``objective="evidence"``, by less than `tol` times the number of targets.
    cv : int, splitter or iterable of index pairs, default=None
        Splits into rows to fit and rows to score, used by ``objective="holdout"`` only.
        An integer is the number of shuffled folds; None means 5. A splitter, or an
        iterable of pairs ``(train, test)``, gives splits of your own. They are used
        with every solver; no split may score a row that it fits.
    fit_intercept : bool, default=True
        Whether to fit a constant that the ridge does not penalise.
    n_components : int, default=None
        Number of centres of the Nyström model, which is fitted in one pass over the
        rows. None means that ``solver="auto"`` chooses such a model only for more than
        100,000 rows, and that ``"nystrom"`` and ``"local"`` take 2000 centres.
    solver : {"auto", "cholesky", "cg", "nystrom", "local"}, default="auto"
        The method that solves the ridge problem.

        - ``"cholesky"``: exact, by a Cholesky factorisation of the kernel matrix.
          Hyperparameters are learned on all rows, or by ``optimizer="bfgs"`` on at
          most 5000 of them. The other solvers learn them on a sample of 4000 rows.
        - ``"cg"``: exact for the learned kernel and ridge, by conjugate gradients. It
          holds one kernel matrix instead of five. What needs a factorisation, such as
          standard deviations, factorises that matrix when it is asked for.
        - ``"nystrom"``: a Nyström model with `n_components` centres. It never holds a
          kernel matrix of all rows, reads rows from files, and supports
          `partial_fit`. Its ridge is chosen anew by generalised cross-validation on
          all rows.
        - ``"local"``: a Nyström model that is corrected to be exact within clusters of
          neighbouring rows, with as many rows each, on average, as there are centres,
          but at least 1000. It is closer to the exact fit than ``"nystrom"``, but
          needs all rows in memory. Its ridge is that learned on the sample.
        - ``"auto"``: with `n_components`, ``"nystrom"`` if there are more rows than
          that, else ``"cholesky"``. Without `n_components`, ``"cholesky"`` for up to
          6000 rows, ``"local"`` for up to 100,000, and ``"nystrom"`` for more. Rows
          that are sparse or no vectors have no clusters: ``"cholesky"`` for up to
          20,000 of them, ``"cg"`` for more, and ``"nystrom"`` where the matrix would
          not fit into memory. ``verbose=1`` says which it was.

        Kernels with ``requires_vector_input=False`` can be solved by ``"cholesky"`` and
        ``"cg"`` only.
    n_jobs : int, default=None
        Number of threads of a fit or a prediction; -1 means one for each core. None
        means as many as numba and BLAS may start, and this is never exceeded. The
        values do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of all random choices: the sample on which hyperparameters are learned, the
        centres, the clusters, and the folds of ``objective="holdout"``. None means 0,
        so that repeated fits are equal.
    verbose : int, default=0
        If positive, `fit` prints the chosen solver, the objective after every
        iteration, an estimate of the remaining time of learning, if it is more than
        some seconds, and the progress of a Nyström model.

    Attributes
    ----------
    kernel_ : Kernel
        The kernel with the learned hyperparameters. This attribute, and others that
        belong to one model, are those of the model with the smallest error if there are
        several; all are in `models_`.
    layer_weights_ : ndarray of shape (depth + 1,)
        The layer weights of `kernel_`, the output layer last; only if the kernel has
        layer weights. Multiplying them and the ridge by the same number leaves the
        model unchanged. If both were learned, they are scaled such that the kernel
        matrix has a mean diagonal of one, so that weights of different depths and data
        sets can be compared.
    alpha_ : float
        The ridge of the fitted model.
    dual_coef_ : ndarray of shape (n_rows, n_outputs)
        The coefficients of the rows of `X_fit_`.
    intercept_ : ndarray of shape (n_outputs,)
        The constant of the model, in the units of the targets that it is fitted to:
        with the default kernel they are centred and divided by `target_scale_`.
    target_scale_ : ndarray of shape (n_outputs,)
        The numbers that the targets were divided by: their standard deviations with the
        default kernel, ones with a given kernel or ``encoding=None``.
    feature_importances_ : ndarray of shape (n_features_in_,)
        The share of each input column in the variation of the predictions.
    noise_std_ : ndarray of shape (n_outputs,)
        The standard deviations of the noise of new targets, in units of the targets.
    X_fit_ : ndarray of shape (n_rows, n_inputs)
        The rows that `dual_coef_` belongs to, as the kernel sees them: the training
        rows of positive weight, with repeated rows merged where weights count copies,
        or the centres if ``solver_="nystrom"``.
    objective_path_ : ndarray of shape (n_iter_ + 1,)
        The objective at the start and after each iteration; empty if nothing was
        learned. Values that were computed on a subset of the rows are scaled as if they
        were of all rows.
    objective_rows_ : ndarray of shape (n_iter_ + 1,)
        The number of rows that each value of `objective_path_` was computed on.
    n_iter_ : int
        Number of iterations, those on subsets of the rows included.
    models_ : list of ridge models
        The fitted models: one or two with the default kernel, otherwise one for each
        kernel. Each has the attributes `kernel`, `alpha` and `encoder` and the method
        ``predict(X)``, whose values are in the units of the scaled targets.
    blend_weights_ : ndarray of shape (n_models,)
        The weight of each model in the predictions; they sum to one.
    solver_ : {"cholesky", "cg", "nystrom", "local"}
        The solver that was used.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    WNTKClassifier : The same model for classification.
    sklearn.kernel_ridge.KernelRidge : Kernel ridge regression with a given kernel.
    sklearn.gaussian_process.GaussianProcessRegressor : Learns a kernel by the evidence.

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
        categorical_features="from_dtype",
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
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.kernel = kernel
        self.encoding = encoding
        self.categorical_features = categorical_features
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
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _default_specs(self, rows, encoder):
        return regression_specs(rows, encoder)

    @_fit_context(prefer_skip_nested_validation=True)
    @on_n_jobs
    def fit(self, X, y, sample_weight=None):
        """Fit the model: learn the kernel and the ridge, and solve.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows: numbers or, if inputs are encoded, any table that
            :class:`~ntk_sklearn.TableEncoder` takes. It may also be a list of files or
            a dask array or DataFrame. Sparse rows are not encoded, and the default
            kernel for them has a single length scale.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Integers count copies: a row of weight 2
            counts as two equal rows, and leave-one-out leaves out one of them. Numbers
            of a floating dtype say how much the squared error of each row matters, even
            if all of them are whole: leave-one-out leaves out the row as a whole, and
            if the ridge is learned, only the ratios of the weights matter. None means
            weights of one.

        Returns
        -------
        WNTKRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or a parameter cannot be used; the message says which and
            why. The estimator is then as it was before the call.
        MemoryError
            If the solver needs more memory than the machine has.
        """
        given = self._given(X, y, sample_weight, multi_output=True, y_numeric=True)
        Y = numeric_targets(given.y)
        scaler = self._fit_scaler(Y, given.weights.weight)
        flatten_rounding(Y, given.present)
        fitted = self._fit(given, scaler.apply(Y), np.ones(len(Y)))
        return self._publish_scaled(fitted, given, scaler, given.y.ndim == 1)

    @available_if(can_add_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    @on_n_jobs
    def partial_fit(self, X, y, sample_weight=None):
        """Add a batch of rows to a Nyström model, and solve.

        The first call learns the kernel, chooses the centres and measures the scale of
        the targets, so its batch should be a random sample of at least a few thousand
        rows. Later calls add rows and solve again with the same kernel and centres; the
        ridge is chosen anew. If the model was fitted by `fit` with
        ``solver="nystrom"``, batches are added to the rows of that fit. A batch that
        raises an error leaves the model as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to add.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
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
        Y = numeric_targets(given.y)
        scaler, single = self._fit_scaler(Y, given.weights.weight), given.y.ndim == 1
        if grows:
            scaler, single = self._scaler, self._single_output
        fitted = self._fit_batch(given, scaler.apply(Y), np.ones(len(Y)))
        return self._publish_scaled(fitted, given, scaler, single)

    def _publish_scaled(self, fitted, given, scaler, single):
        """Set every fitted attribute, including the scale of the targets."""
        units = {"_scaler": scaler, "target_scale_": scaler.scale}
        return self._publish(fitted, given, _single_output=single, **units)

    @property
    def loo_predictions_(self):
        """The prediction of each training row by a model fitted without it.

        An array of shape (n_samples,) or (n_samples, n_outputs). The kernels, the
        ridges and the scale of the targets stay as they are, and so do the clusters of
        ``solver_="local"``. With "cholesky" they are known from the fit. With "cg" and
        "local", they are computed when they are asked for, by a factorisation. Not with
        "nystrom", whose models keep no training rows.
        """
        values = self._in_units(self._loo_decisions("loo_predictions_"), shift=True)
        return follow(place_of(self.dual_coef_), values)

    def _training_again(self, X, y, sample_weight=None):
        how = {"multi_output": True, "y_numeric": True, "reset": False}
        given = self._given(X, y, sample_weight, **how)
        Y = numeric_targets(given.y)
        ones, roles = np.ones(len(Y)), np.zeros((len(Y), 0))
        Y = self._scaler.apply(Y)
        return TrainingSet(given.X, Y, given.weights, ones, roles)

    def _in_units(self, values, *, shift=False):
        values = self._scaler.invert(values) if shift else values * self._scaler.scale
        return values[..., 0] if self._single_output else values

    def _squared_units(self):
        return self._scaler.scale**2

    def _fit_scaler(self, Y, weight) -> TargetScaler:
        """Return the scaler of the targets, which the default model's priors need."""
        if not self._uses_defaults:
            return TargetScaler.none(Y.shape[1])
        return TargetScaler.fit(Y, weight, centre=self.fit_intercept)

    @on_n_jobs
    def predict(self, X, return_std=False, include_noise=False):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        return_std : bool, default=False
            Whether to return standard deviations as well: those of the predicted
            function under a Gaussian process with the learned kernel, whose scale is
            estimated from the training targets. With ``solver="cholesky"`` and
            ``"cg"``, each such call factorises the kernel matrix of the training rows.
            If there are several models, they are those of the one with the smallest
            error.
        include_noise : bool, default=False
            Whether the standard deviations are those of new targets: the noise of the
            targets, `noise_std_`, is added to that of the function. If false, they say
            how well the function is known, which tells nothing of how far a new target
            may lie from it; see :meth:`predict_interval` for that.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        y_std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Their standard deviations; only if `return_std` is true.
        """
        X, decisions, place = self._decisions(X, "predict")
        mean = self._scaler.invert(decisions)
        if self._single_output:
            mean = mean.ravel()
        if not return_std:
            return follow(place, mean)
        spread = np.sqrt(self._variance(X, include_noise, place)) * self._scaler.scale
        spread = spread.ravel() if self._single_output else spread
        return follow(place, mean), follow(place, spread)
