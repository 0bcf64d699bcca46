"""Regression by a network of jumping units that is trained with a surrogate."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.compat import Interval, _fit_context
from ..kernels._surrogate import SurrogateNTKernel
from ._asymmetric import integrated
from ._rules import GradientFlow


class SurrogateNTKRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Regression by an infinitely wide network of signs or steps.

    The network is trained by gradient flow on squared errors, with a surrogate in place
    of the derivative of its units [1]_. Its mean output after the time t is

    .. math:: f_t(x) = I(x, X) \int_0^t e^{-(I(X, X) + \alpha) s} ds \; y,

    with the kernel I of :class:`~ntk_sklearn.SurrogateNTKernel`, which is not
    symmetric. After infinite time this is ridge regression by a general linear solver.

    :class:`~ntk_sklearn.GradientDescentRegressor` takes the kernel too, for
    steps of gradient descent, weights of rows, a constant, and a choice of the time.

    Parameters
    ----------
    kernel : SurrogateNTKernel, default=None
        The kernel; None means ``SurrogateNTKernel()``.
    alpha : float, default=1.0
        The ridge, or decay of the weights to their start.
    training_time : float, default=inf
        The time of training, for half the sum of squared errors.

    Attributes
    ----------
    kernel_ : SurrogateNTKernel
        The kernel.
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The coefficients of the kernel values of the training rows.
    X_fit_ : ndarray of shape (n_samples, n_features)
        The training rows.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    References
    ----------
    .. [1] Eilers, Memmesheimer and Goedeke, "A generalized neural tangent kernel for
       surrogate gradient learning", NeurIPS 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn import SurrogateNTKRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SurrogateNTKRegressor(alpha=5.0))
    >>> round(model.fit(X[:300], y[:300]).score(X[300:], y[300:]), 2)
    0.46
    """

    _parameter_constraints: dict = {
        "kernel": [SurrogateNTKernel, None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "training_time": [Interval(Real, 0, None, closed="both")],
    }

    def __init__(self, kernel=None, alpha=1.0, training_time=np.inf):
        self.kernel = kernel
        self.alpha = alpha
        self.training_time = training_time

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, numbers.

        Returns
        -------
        SurrogateNTKRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If training does not converge: the kernel matrix, with the ridge, has an
            eigenvalue without positive real part. Or if it is singular.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        kernel = SurrogateNTKernel() if self.kernel is None else clone(self.kernel)
        K = kernel(X)
        K[np.diag_indices_from(K)] += self.alpha
        y = np.asarray(y, dtype=np.float64)
        Y, time = y.reshape(len(y), -1), float(self.training_time)
        coefficients = integrated(K, Y, GradientFlow(), time)
        self.kernel_, self.X_fit_ = kernel, X
        self.dual_coef_ = coefficients.reshape(y.shape)
        return self

    def predict(self, X):
        """Predict targets by the mean output of trained networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.kernel_(X, self.X_fit_) @ self.dual_coef_
