"""KernelLogisticRegression: logistic regression with any kernel."""

from __future__ import annotations

from copy import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._learning.ridge import kernel_unit
from .._utils.compat import Interval, StrOptions, _fit_context
from .._utils.validation import validate_any
from ..kernels._ntk import NTKernel
from ..solvers._attribution import contributions
from ..solvers._logistic import (
    LogisticSolution,
    logistic_influence,
    logistic_leave_one_out,
    logistic_solve,
    probabilities,
    row_losses,
)
from ..solvers._row_weights import RowWeights
from ._options import takes_vectors
from ._training_set import checked_weights

# The penalties that C="loo" chooses from, in units of the kernel, strongest first.
_PENALTIES = np.geomspace(10.0, 1e-4, 6)
# Violation of the optimum up to which each of them is solved.
_PATH_TOL = 1e-4


class KernelLogisticRegression(ClassifierMixin, BaseEstimator):
    r"""Logistic regression with a kernel, multinomial for more than two classes.

    It minimises :math:`C \sum_i s_i \, \ell(y_i, f(x_i) + b) + \frac12 |f|_K^2`, where
    :math:`\ell` is the cross-entropy and :math:`|f|_K` the norm of the kernel's space,
    by Newton's method to the exact optimum. Each step takes a Cholesky factorisation
    for each class, so that some thousand rows are a limit.

    With a neural tangent kernel this is a classifier of its own. It is *not* the limit
    of a wide network that is trained on the cross-entropy for ever: the weights of such
    a network do not stop moving, and its empirical kernel diverges [1]_. Networks
    trained on squared errors have such a limit, which `WNTKClassifier` computes.

    Parameters
    ----------
    kernel : Kernel or "auto", default="auto"
        The kernel, any that Gaussian processes of scikit-learn take; its
        hyperparameters are kept as they are. ``"auto"`` is ``NTKernel()``.
    C : float or "loo", default=1.0
        Inverse strength of the penalty, as in
        :class:`~sklearn.linear_model.LogisticRegression`. ``"loo"`` chooses it from
        six values over five decades, in units of the kernel, by the logistic loss of
        approximate leave-one-out.
    fit_intercept : bool, default=True
        Whether to fit a constant for each function that is not penalised.
    max_iter : int, default=100
        Largest number of Newton steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    kernel_ : Kernel
        The kernel.
    C_ : float
        The inverse strength of the penalty.
    X_fit_ : ndarray of shape (n_rows, n_features)
        The training rows of positive weight.
    dual_coef_ : ndarray of shape (n_rows, n_functions)
        The coefficients of the training rows: one function for two classes, else one
        for each class. They are C times the targets minus the probabilities.
    intercept_ : ndarray of shape (n_functions,)
        The constants.
    loo_decision_ : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Approximate leave-one-out decision values of the training rows: by one Newton
        step towards the model without each of them.
    loo_influence_ : ndarray of shape (n_rows,)
        By how much the logistic loss of each training row would grow if the row were
        left out. A large number means that the other rows predict another label: a
        reason to look at it.
    n_iter_ : int
        Number of Newton steps.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    WNTKClassifier : Ridge regression on class indicators, with a kernel that is
        learned.

    References
    ----------
    .. [1] Yu, Tian and Chen, "Divergence of Empirical Neural Tangent Kernel in
       Classification Problems", ICLR 2025.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ntk_sklearn import KernelLogisticRegression, NTKernel
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KernelLogisticRegression(NTKernel(depth=1), C=10.0).fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.95)
    True
    """

    _parameter_constraints: dict = {
        "kernel": [Kernel, StrOptions({"auto"})],
        "C": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"})],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, kernel="auto", C=1.0, *, fit_intercept=True, max_iter=100):
        self.kernel = kernel
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model by Newton's method.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Class labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. An array of integers counts copies, of
            which leave-one-out leaves one out. None means ones.

        Returns
        -------
        KernelLogisticRegression
            The fitted estimator.
        """
        fitted = copy(self)  # so that a failure changes nothing
        fitted._fit(X, y, sample_weight)
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X, y, sample_weight) -> None:
        X, y = self._validated(X, y)
        check_classification_targets(y)
        weights = checked_weights(sample_weight, y)
        present = np.flatnonzero(weights.weight)
        classes = np.unique(y[present])
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least 2 classes among rows of positive weight, got "
                f"{len(classes)} class: {classes.tolist()}."
            )
        Y = (y[present, None] == classes).astype(np.float64)
        kernel = NTKernel() if self.kernel == "auto" else clone(self.kernel)
        Y = Y[:, 1:] if len(classes) == 2 else Y
        rows = X if len(present) == len(y) else X[present]
        self._solve(kernel, rows, Y, weights.take(present))
        self.classes_ = classes

    def _solve(self, kernel, X, Y, weights: RowWeights) -> None:
        """Solve for targets that are probabilities, and set the attributes."""
        K = kernel(X)
        how = {"intercept": self.fit_intercept, "max_iter": self.max_iter}
        if self.C == "loo":
            alpha, solution = _choose(K, Y, weights, how)
        else:
            alpha = 1.0 / self.C
            solution = logistic_solve(K, Y, alpha, weights, **how)
        self.kernel_, self.X_fit_, self.C_ = kernel, X, 1.0 / alpha
        self.dual_coef_, self.intercept_ = solution.dual_coef, solution.intercept
        self.n_iter_ = solution.n_iter
        held_out = logistic_leave_one_out(
            K, Y, alpha, solution, weights, self.fit_intercept
        ).decision
        self.loo_decision_ = held_out.ravel() if Y.shape[1] == 1 else held_out
        self.loo_influence_ = row_losses(held_out, Y) - row_losses(solution.decision, Y)
        self._targets, self._weights, self._solution = Y, weights, solution

    def _validated(self, *inputs, **how):
        if takes_vectors(self.kernel):
            return validate_data(self, *inputs, dtype=np.float64, order="C", **how)
        return validate_any(self, *inputs, **how)

    def _cross(self, X) -> np.ndarray:
        """Return the kernel of checked rows with the training rows."""
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        return self.kernel_(X, self.X_fit_)

    def decision_function(self, X):
        """Return the decision values: log-odds of two classes, or logits of more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, the log-odds of the second one.
        """
        decision = self._cross(X) @ self.dual_coef_ + self.intercept_
        return decision.ravel() if decision.shape[1] == 1 else decision

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable labels.
        """
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities of the classes in the order of `classes_`.
        """
        return probabilities(self._cross(X) @ self.dual_coef_ + self.intercept_)

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
        return np.log(np.maximum(self.predict_proba(X), np.finfo(float).tiny))

    # -- attribution ------------------------------------------------------------------

    def contributions(self, X):
        """Return the part of each training row in the decision values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_classes)
            Over the rows of `X_fit_` they sum to the decision values: each row has its
            kernel times its coefficient, and an equal part of the constant.
        """
        found = contributions(self._cross(X), self.dual_coef_)
        found += self.intercept_ / len(self.X_fit_)
        return found[:, :, 0] if found.shape[2] == 1 else found

    def influence(self, X):
        """Return how decision values would change if a training row had been left out.

        Approximately, by one Newton step from the optimum of all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_classes)
            The decision values with all rows minus those without each of them: a
            positive number means that the row has raised the value.
        """
        cross = self._cross(X)
        found = logistic_influence(
            self.kernel_(self.X_fit_),
            self._targets,
            1.0 / self.C_,
            self._solution,
            cross,
            self._weights,
            self.fit_intercept,
        )
        return found[:, :, 0] if found.shape[2] == 1 else found


def _choose(K, Y, weights: RowWeights, how) -> tuple[float, LogisticSolution]:
    """Return the penalty with the smallest leave-one-out loss, and its solution."""
    solution, found, intercept = None, [], how["intercept"]
    for alpha in kernel_unit(K, weights) * _PENALTIES:
        solution = logistic_solve(
            K, Y, alpha, weights, start=solution, tol=_PATH_TOL, **how
        )
        held_out = logistic_leave_one_out(K, Y, alpha, solution, weights, intercept)
        # Rows that no other row tells anything of may give no finite value.
        loss = held_out.loss if np.isfinite(held_out.loss) else np.inf
        found.append((loss, float(alpha), solution))
    _, alpha, solution = min(found, key=lambda each: each[0])
    return alpha, logistic_solve(K, Y, alpha, weights, start=solution, **how)
