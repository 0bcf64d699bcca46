"""WNTKClassifier: kernel ridge regression on class indicators."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from .._learning.training_set import TrainingSet
from .._utils.arrays import place_of
from .._utils.compat import StrOptions, _fit_context
from .._utils.threads import on_n_jobs
from ..preprocessing._table_encoder import TableEncoder
from ._arrays import follow
from ._base import BaseWNTK
from ._batches import can_add_batches
from ._defaults import classification_specs
from ._indicators import (
    calibrate,
    class_factors,
    held_out_losses,
    indicators_of,
    of_rows,
)
from ._intervals import SetMixin
from ._mixing import mixing_of
from ._options import checked_bounds
from ._training_set import check_labels


class WNTKClassifier(SetMixin, ClassifierMixin, BaseWNTK):
    r"""Classification by kernel ridge regression with neural tangent kernels.

    Each class has an indicator, 1 for its rows and 0 for all others. The indicators are
    predicted by kernel ridge regression, and the label is the class with the largest
    prediction. The kernel is that of an infinitely wide neural network,
    :math:`\sum_l w_l K_l`, in which the weight of a layer is its learning rate [1]_.
    With three classes or more, the predictions are first multiplied by a matrix that is
    learned from the leave-one-out predictions: a class between two others, whose
    prediction is largest nowhere, would never win otherwise.

    With default parameters the inputs need no preparation. Four models are fitted, all
    with the kernel of a network with one hidden layer: one on the scaled columns; one
    on their mid-ranks, which are the share of training rows below a value plus half of
    those at it; one on the scaled columns without biases, which learns its two layer
    weights; and, for up to 500 columns, one like that of `WNTKRegressor`, with a length
    scale for each column. Of the first two, only the ridge is chosen, by the smallest
    leave-one-out error on a grid. The last is learned by the evidence, whatever the
    `objective`. The predictions of the models are averaged with weights that are larger
    for models with smaller leave-one-out errors.

    If a `kernel` is given, a single model is fitted. The inputs are used as they are,
    and the kernel's free hyperparameters, such as the layer weights, are learned.

    Parameters
    ----------
    kernel : Kernel, list of Kernel or "auto", default="auto"
        The kernel. ``"auto"`` are the networks described above, or, with
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
          fitted and used in the same way. With ``kernel="auto"`` a single model is
          then fitted instead of four.
        - None leaves inputs as they are.
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
    objective : {"loo", "gcv", "evidence", "holdout"}, default="loo"
        The function that learning minimises, computed on the class indicators.

        - ``"loo"``: the exact leave-one-out mean squared error.
        - ``"gcv"``: the generalised cross-validation error.
        - ``"evidence"``: the negative log marginal likelihood of a Gaussian process
          with this kernel, with the most likely scale of each indicator.
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
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which every solver multiplies the sample weights in
        the final solve. The kernel is learned without them, and so is the ridge, except
        with ``solver="nystrom"``, which chooses it anew with them. ``"balanced"`` gives
        all classes the same total weight. If the ridge is learned, `fit` scales the
        class weights such that the total weight of the rows stays the same. The rows of
        a class of weight zero are left out. Class weights change decision values and
        predicted labels, but not what probabilities mean: see :meth:`predict_proba`.
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
          holds one kernel matrix instead of five.
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
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    models_ : list of ridge models
        The fitted models: four with default parameters, three of them if the table has
        more than 500 columns, and otherwise one for each given kernel.
        Each has the attributes `kernel`, `alpha` and `encoder` and the method
        ``predict(X)``, which returns an array of shape (n_samples, n_classes).
    blend_weights_ : ndarray of shape (n_models,)
        The weights of the models in the decision values; they sum to one.
    kernel_, layer_weights_, alpha_, dual_coef_, intercept_, X_fit_, objective_path_, \
            objective_rows_, n_iter_
        As in :class:`~ntk_sklearn.WNTKRegressor`, with one output for each class. If
        there are several models, the attributes are those of the model with the
        smallest leave-one-out error.
    feature_importances_ : ndarray of shape (n_features_in_,)
        The share of each input column in the variation of the decision values.
    class_mixing_ : ndarray of shape (n_classes, n_classes)
        The matrix by which the blended predictions of the indicators are multiplied: a
        row for the decision value of each class. It is the most likely one, given the
        training labels and the leave-one-out predictions, under normal priors around
        the identity, between which the evidence decides. It is the identity for two
        classes.
    temperature_ : float
        The factor by which decision values are multiplied before `predict_proba` takes
        their softmax. It maximises the likelihood of the training labels, given the
        leave-one-out decision values.
    class_bias_ : ndarray of shape (n_classes,)
        The numbers that are added to these products; zeros without `class_weight`.
        They remove the effect of the class weights from the probabilities.
    solver_ : {"cholesky", "cg", "nystrom", "local"}
        The solver that was used.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    WNTKRegressor : The same model for regression.
    sklearn.linear_model.RidgeClassifier : Ridge regression on class indicators, linear
        in the inputs.

    References
    ----------
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from ntk_sklearn import WNTKClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = WNTKClassifier().fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **BaseWNTK._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        kernel="auto",
        *,
        encoding="auto",
        categorical_features="from_dtype",
        alpha=1.0,
        alpha_bounds=(1e-8, 1e8),
        objective="loo",
        optimizer="bfgs",
        learning_rate="backtracking",
        max_iter=100,
        tol=1e-3,
        cv=None,
        fit_intercept=True,
        class_weight=None,
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
        self.class_weight = class_weight
        self.n_components = n_components
        self.solver = solver
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _default_specs(self, rows, encoder):
        return classification_specs(rows, encoder)

    @property
    def _n_models(self):
        given = isinstance(self.encoding, TableEncoder)
        return 4 if self._uses_defaults and not given else super()._n_models

    @_fit_context(prefer_skip_nested_validation=True)
    @on_n_jobs
    def fit(self, X, y, sample_weight=None):
        """Fit the models: learn kernels and ridges, and solve.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows: numbers or, if inputs are encoded, any table that
            :class:`~ntk_sklearn.TableEncoder` takes. It may also be a list of files or
            a dask array or DataFrame. Sparse rows are not encoded, and the default
            kernel for them has a single length scale.
        y : array-like of shape (n_samples,)
            Class labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Integers count copies: a row of weight 2
            counts as two equal rows, and leave-one-out leaves out one of them. Numbers
            of a floating dtype say how much the squared error of each row matters, even
            if all of them are whole: leave-one-out leaves out the row as a whole, and
            if the ridge is learned, only the ratios of the weights matter. None means
            weights of one.

        Returns
        -------
        WNTKClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or a parameter cannot be used; the message says which and
            why. The estimator is then as it was before the call.
        MemoryError
            If the solver needs more memory than the machine has.
        """
        given = self._given(X, y, sample_weight)
        check_labels(given.y)
        classes = np.unique(given.y[given.present])
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least 2 classes among rows of positive weight, got "
                f"{len(classes)} class: {classes.tolist()}."
            )
        factor = self._class_factor(given.y, given.weights.weight, classes)
        row_factor = of_rows(factor, classes, given.y)
        fitted = self._fit(given, indicators_of(given.y, classes), row_factor)
        return self._publish_classes(fitted, given, classes, factor)

    def _publish_classes(self, fitted, given, classes, factor):
        """Learn how to tell the classes, and set every fitted attribute."""
        mixing = mixing_of(fitted.ensemble.held_out)
        ensemble = fitted.ensemble._replace(mixing=mixing)
        found = calibrate(ensemble.held_out, factor)
        return self._publish(
            fitted._replace(ensemble=ensemble),
            given,
            given.y,
            classes_=classes,
            class_mixing_=np.eye(len(classes)) if mixing is None else mixing,
            temperature_=found.temperature,
            class_bias_=found.bias,
        )

    @property
    def loo_predictions_(self):
        """The label of each training row as predicted by a model fitted without it.

        An array of shape (n_samples,). As for :class:`~ntk_sklearn.WNTKRegressor`: not
        with ``solver_="nystrom"``, and computed when it is asked for with "cg" and
        "local".
        """
        decisions = self._loo_decisions("loo_predictions_")
        return self.classes_[decisions.argmax(axis=1)]

    @property
    def loo_loss_(self):
        """The log loss of each training row's label, an array of shape (n_samples,).

        Minus the logarithm of its probability by a model fitted without the row. It is
        large where all other rows predict another label, and finds wrong labels. Not
        with ``solver_="nystrom"``, and computed when it is asked for with "cg" and
        "local".
        """
        decisions = self._loo_decisions("loo_loss_")
        known = self._calibration, self._given_rows.labels, self.classes_
        losses = held_out_losses(decisions, *known)
        return follow(place_of(self.dual_coef_), losses)

    def _class_factor(self, y, weight, classes):
        """Return the factor of the weights of each class in the last solve."""
        factor = class_factors(self.class_weight, classes, y, weight)
        if self.class_weight is None or checked_bounds(self.alpha_bounds) is None:
            return factor
        # A learned ridge keeps its meaning.
        return factor * (weight.sum() / (weight @ of_rows(factor, classes, y)))

    @available_if(can_add_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    @on_n_jobs
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Add a batch of rows to a Nyström model, and solve.

        The first call learns the kernel and chooses the centres, so its batch should be
        a random sample of at least a few thousand rows. Later calls add rows and solve
        again with the same kernel and centres; the ridge is chosen anew. If the models
        were fitted by `fit` with ``solver="nystrom"``, batches are added to the rows of
        that fit. A batch that raises an error leaves the models as they were.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to add.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that any batch will hold. Needed in the first call, and ignored
            in later ones.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        WNTKClassifier
            The fitted estimator.
        """
        grows = self._grows
        if grows:
            classes = self.classes_
        elif classes is None:
            classes = getattr(self, "classes_", None)
            if classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
        given = self._given(X, y, sample_weight, reset=not grows)
        check_labels(given.y)
        classes = np.unique(classes)
        _refuse_unknown(given.y, classes, "the first call")
        factor = class_factors(self.class_weight, classes)
        row_factor = of_rows(factor, classes, given.y)
        fitted = self._fit_batch(given, indicators_of(given.y, classes), row_factor)
        return self._publish_classes(fitted, given, classes, factor)

    def _training_again(self, X, y, sample_weight=None):
        given = self._given(X, y, sample_weight, reset=False)
        _refuse_unknown(given.y, self.classes_, "the fit")
        weight, roles = given.weights.weight, np.zeros((len(given.y), 0))
        factor = class_factors(self.class_weight, self.classes_, given.y, weight)
        factor = of_rows(factor, self.classes_, given.y)
        weights, Y = given.weights.scaled(factor), indicators_of(given.y, self.classes_)
        return TrainingSet(given.X, Y, weights, np.ones(len(Y)), roles)

    def _in_units(self, values, *, shift=False):
        return values[..., 1] - values[..., 0] if len(self.classes_) == 2 else values

    @on_n_jobs
    def decision_function(self, X):
        """Return the decision values: one for each class, the largest of which wins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            The predicted indicators of the classes times `class_mixing_`. With two
            classes, a single number for each row: the predicted indicator of the second
            class minus that of the first.
        """
        _, decisions, place = self._decisions(X, "decision_function")
        if len(self.classes_) == 2:
            decisions = decisions[:, 1] - decisions[:, 0]
        return follow(place, decisions)

    @on_n_jobs
    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            The label with the largest decision value. Without `class_weight` it is that
            with the largest probability.
        """
        _, decisions, place = self._decisions(X, "predict")
        return follow(place, self.classes_[decisions.argmax(axis=1)])

    @on_n_jobs
    def predict_proba(self, X):
        """Predict class probabilities.

        They are the softmax of the decision values times `temperature_`, a factor that
        was calibrated on leave-one-out decision values. With `class_weight`, the
        numbers `class_bias_` are added first, which remove the effect of the class
        weights. The predicted label then need not be the most probable class: a rare
        class may be predicted where its probability is small.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities of the classes in the order of `classes_`; each row sums to
            one.
        """
        _, decisions, place = self._decisions(X, "predict_proba")
        return follow(place, self._calibration.probabilities(decisions))

    def predict_log_proba(self, X):
        """Predict the logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of the values of `predict_proba`.
        """
        _, decisions, place = self._decisions(X, "predict_log_proba")
        return follow(place, self._calibration.log_probabilities(decisions))


def _refuse_unknown(y, classes, whose: str) -> None:
    """Raise if there are labels that are not among the classes."""
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"y holds {unknown.tolist()}, which are not among the classes of {whose}: "
            f"{classes.tolist()}."
        )
