"""GradientDescentClassifier: a network trained on class indicators."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from .._utils.compat import StrOptions, _fit_context
from ..estimators._indicators import (
    Calibration,
    class_factors,
    held_out_losses,
    indicators_of,
    of_rows,
    softmax_factor,
)
from ._base import BaseGradientDescent


class GradientDescentClassifier(ClassifierMixin, BaseGradientDescent):
    """Classification by an infinitely wide network that is trained for a limited time.

    The network has an output for each class and is trained by gradient descent on the
    squared errors of the class indicators, 1 for the rows of the class and 0 for all
    others. The label is the class with the largest output. The time of training is
    chosen by squared errors too, by default those of leave-one-out.

    Parameters
    ----------
    kernel : Kernel, default=None
        The kernel of the network. None means ``NTKernel()``.
    learning_rate : float or "max", default="max"
        The learning rate for half the sum of squared errors.
    n_steps : float, int or None, default=None
        The time of training; None means that `stopping` chooses it.
    flow : bool, default=True
        Whether to train by gradient flow or by discrete steps.
    momentum : float, default=0.0
        The share of the last step that is repeated; only with ``flow=False``.
    weight_decay : float or "evidence", default=0.0
        The factor of half the squared distance of the parameters from their start.
    temperature : float or "evidence", default=0.0
        The temperature of noise that is added to the gradients.
    start : {"random", "zero"} or Kernel, default="random"
        The outputs of the networks at the start of training.
    stopping : {"loo", "gcv", "holdout"} or None, default="loo"
        The squared error of the class indicators that chooses the time.
    times : int or array-like, default=100
        The times that are tried: their number, or the times themselves.
    cv : int, splitter or iterable of index pairs, default=None
        Splits for ``stopping="holdout"``.
    fit_intercept : bool, default=True
        Whether to fit a constant for each class.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which the sample weights are multiplied, in training
        and in the error that chooses the time. ``"balanced"`` gives all classes the
        same total weight. The rows of a class of weight zero are left out. Weights
        matter if training ends early or has weight decay: otherwise all rows are
        fitted, whatever their weights.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffled folds. None means 0.

    All parameters are explained in :class:`GradientDescentRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    temperature_ : float
        The factor by which decision values are multiplied before `predict_proba` takes
        their softmax; see :class:`~ntk_sklearn.WNTKClassifier`. It is not the
        temperature of the noise.
    loo_predictions_ : ndarray of shape (n_samples,)
        The label of each training row as predicted by a network trained without it.
    loo_loss_ : ndarray of shape (n_samples,)
        The log loss of each training row's label: minus the logarithm of its
        probability by a network trained without the row.
    kernel_, n_steps_, learning_rate_, max_learning_rate_, weight_decay_, times_, \
            stopping_errors_, path_, dual_coef_, intercept_, X_fit_
        As in :class:`GradientDescentRegressor`, with one output for each class.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    GradientDescentRegressor : The same for regression.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn.dynamics import GradientDescentClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GradientDescentClassifier())
    >>> bool(model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.95)
    True
    """

    _parameter_constraints: dict = {
        **BaseGradientDescent._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        kernel=None,
        *,
        learning_rate="max",
        n_steps=None,
        flow=True,
        momentum=0.0,
        weight_decay=0.0,
        temperature=0.0,
        start="random",
        stopping="loo",
        times=100,
        cv=None,
        fit_intercept=True,
        class_weight=None,
        random_state=None,
    ):
        super().__init__(
            kernel,
            learning_rate=learning_rate,
            n_steps=n_steps,
            flow=flow,
            momentum=momentum,
            weight_decay=weight_decay,
            temperature=temperature,
            start=start,
            stopping=stopping,
            times=times,
            cv=cv,
            fit_intercept=fit_intercept,
            random_state=random_state,
        )
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network, and choose the time of training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Class labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, as in `GradientDescentRegressor.fit`.

        Returns
        -------
        GradientDescentClassifier
            The fitted estimator.
        """
        given = self._given(X, y, sample_weight)
        check_classification_targets(given.y)
        classes = np.unique(given.y[given.present])
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least 2 classes among rows of positive weight, got "
                f"{len(classes)} class: {classes.tolist()}."
            )
        weight = given.weights.weight
        factor = class_factors(self.class_weight, classes, given.y, weight)
        row_factor = of_rows(factor, classes, given.y)
        found, held_out = self._fit(given, indicators_of(given.y, classes), row_factor)
        found["classes_"] = classes
        temperature = softmax_factor(found.pop("_held_out"))
        found["temperature_"] = temperature
        calibration = Calibration(temperature, np.zeros(len(classes)))
        found["loo_loss_"] = held_out_losses(held_out, calibration, given.y, classes)
        found["loo_predictions_"] = classes[held_out.argmax(axis=1)]
        return self._publish(found)

    def decision_function(self, X, return_std=False):
        """Return the decision values: the outputs of the network for the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        return_std : bool, default=False
            Whether to return the standard deviation, over networks, of each decision
            value.

        Returns
        -------
        decisions : ndarray of shape (n_samples, n_classes) or (n_samples,)
            The mean output for each class. With two classes, a single number for each
            row: the output for the second class minus that for the first.
        std : ndarray of the same shape
            Standard deviations; only if `return_std` is true.
        """
        X, outputs = self._outputs(X)
        decisions = self._decisions(outputs)
        if not return_std:
            return decisions
        spread = np.sqrt(self._covariance(X, full=False))
        if decisions.ndim == 1:  # the difference of two independent outputs
            return decisions, np.sqrt(2.0) * spread
        return decisions, np.repeat(spread[:, None], len(self.classes_), axis=1)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            The label with the largest decision value.
        """
        _, outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict class probabilities: the softmax of decisions times `temperature_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities of the classes in the order of `classes_`.
        """
        _, outputs = self._outputs(X)
        return softmax(self.temperature_ * outputs, axis=1)

    def staged_decision_function(self, X, times=None):
        """Return the decision values at many times of training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        times : array-like of shape (n_times,), default=None
            Times from 0 to infinity, in any order. None means `times_`.

        Yields
        ------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            The decision values at each time.
        """
        for outputs in self._stages(X, times):
            yield self._decisions(outputs)

    def staged_predict(self, X, times=None):
        """Predict class labels at many times of training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        times : array-like of shape (n_times,), default=None
            Times from 0 to infinity, in any order. None means `times_`.

        Yields
        ------
        ndarray of shape (n_samples,)
            The labels at each time.
        """
        for outputs in self._stages(X, times):
            yield self.classes_[outputs.argmax(axis=1)]

    def _decisions(self, outputs):
        """Return the decision values of outputs: a difference for two classes."""
        if len(self.classes_) == 2:
            return outputs[:, 1] - outputs[:, 0]
        return outputs
