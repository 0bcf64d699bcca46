"""AfterNTKRegressor: ridge regression on what a network has left over."""

from __future__ import annotations

from copy import copy
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._learning.ridge import PATH_ALPHAS, kernel_unit
from .._utils.compat import Interval, StrOptions, _fit_context
from ..kernels._empirical import EmpiricalNTKernel
from ..kernels._network import snapshot
from ..solvers._cholesky import solve, warn_jitter
from ..solvers._row_weights import RowWeights
from ..solvers._spectrum import ridge_path
from ._given import fitted_network, network_outputs


class AfterNTKRegressor(RegressorMixin, BaseEstimator):
    r"""Ridge regression with a network's empirical kernel on the network's residuals.

    With f the network and J its derivatives with respect to all parameters, it predicts
    :math:`f(x) + J(x) \delta`, the network that is linearised at its weights, with the
    change of weights :math:`\delta` that minimises
    :math:`|y - f(X) - J(X) \delta|^2 + \alpha |\delta|^2`: the weights are trained to
    the end in one solve, without changing the kernel [1]_. Several outputs share the
    change of weights, and are solved together.

    Parameters
    ----------
    network : MLPRegressor
        The network. A fitted one is taken as it is. One that is not fitted is fitted
        to the rows that are given to `fit`, and so is a clone of a fitted one: wrap it
        in a :class:`~sklearn.frozen.FrozenEstimator` to keep it.
    alpha : float or "loo", default="loo"
        The ridge. ``"loo"`` chooses it by the exact leave-one-out error of the
        residuals on a grid. Because the network was trained on these rows,
        a larger ridge may be better for other rows.
    kernel_params : dict, default=None
        Further parameters of :class:`~ntk_sklearn.EmpiricalNTKernel`:
        ``{"layer_weights": ...}``.

    Attributes
    ----------
    network_ : MLPRegressor
        The fitted network.
    kernel_ : EmpiricalNTKernel
        Its kernel at the time of the fit.
    alpha_ : float
        The ridge.
    dual_coef_ : ndarray of shape (n_samples, n_outputs)
        The coefficients of the training rows.
    X_fit_ : ndarray of shape (n_samples, n_features)
        The training rows.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    ntk_sklearn.KernelSurrogate : A kernel machine in place of a network.

    References
    ----------
    .. [1] Schwab, Kelly, Malamud and Xu, "Training NTK to Generalize with KARE", 2025.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.neural_network import MLPRegressor
    >>> from ntk_sklearn.networks import AfterNTKRegressor
    >>> X, y = make_friedman1(300, random_state=0)
    >>> network = MLPRegressor(hidden_layer_sizes=(50,), random_state=0, tol=1.0)
    >>> network = network.fit(X[:200], y[:200])
    >>> after = AfterNTKRegressor(network).fit(X[:200], y[:200])
    >>> bool(after.score(X[200:], y[200:]) > network.score(X[200:], y[200:]))
    True
    """

    _parameter_constraints: dict = {
        "network": [BaseEstimator],
        "alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"})],
        "kernel_params": [dict, None],
    }

    def __init__(self, network, *, alpha="loo", kernel_params=None):
        self.network = network
        self.alpha = alpha
        self.kernel_params = kernel_params

    def __sklearn_tags__(self):
        """Return the tags: targets may have several outputs if the network's may."""
        tags = super().__sklearn_tags__()
        tags.target_tags = get_tags(self.network).target_tags
        return tags

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the change of weights, after the network if that is not fitted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        Returns
        -------
        AfterNTKRegressor
            The fitted estimator.
        """
        fitted = copy(self)  # so that a failure changes nothing
        fitted._fit(X, y)
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X, y) -> None:
        if not is_regressor(self.network):
            raise TypeError(
                "network must be an MLPRegressor, whose residuals are numbers, got "
                f"{type(self.network).__name__}."
            )
        how = {"multi_output": True, "y_numeric": True}
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", **how)
        network = fitted_network(self.network, X, y)
        if network.out_activation_ != "identity":
            raise ValueError(
                "network must have identity as output activation, got "
                f"{network.out_activation_!r}: its residuals are not linear in outputs."
            )
        Y = y.astype(np.float64).reshape(len(y), -1)
        residuals = Y - network_outputs(network, X)
        params = {"layer_weights_bounds": "fixed", **(self.kernel_params or {})}
        kernel = EmpiricalNTKernel(snapshot(network), **params)
        # A row for each row and output.
        flat, K = residuals.reshape(-1, 1), _joint(kernel, X)
        if self.alpha == "loo":
            alphas = PATH_ALPHAS * kernel_unit(K, RowWeights.of(None, len(K)))
            alpha = float(ridge_path(K, flat, alphas, None, False).best_alpha)
        else:
            alpha = float(self.alpha)
        solution = solve(K, flat, alpha, None, False, overwrite_K=True)
        warn_jitter(solution.jitter, alpha)
        self.network_, self.kernel_, self.X_fit_ = network, kernel, X
        self.alpha_, self.dual_coef_ = alpha, solution.dual_coef.reshape(Y.shape)
        self._single_output = y.ndim == 1

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, order="C")
        change = _joint(self.kernel_, X, self.X_fit_) @ self.dual_coef_.reshape(-1, 1)
        found = network_outputs(self.kernel_.network, X)
        found += change.reshape(len(X), -1)
        return found.ravel() if self._single_output else found


def _joint(kernel: EmpiricalNTKernel, X, Y=None) -> np.ndarray:
    """Return the kernel between all outputs of all rows as one matrix."""
    K = kernel.full(X, Y)
    return K.reshape(K.shape[0] * K.shape[1], -1)
