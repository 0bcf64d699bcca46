"""KernelSurrogate: a kernel machine in place of a network."""

from __future__ import annotations

from copy import copy
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.compat import Interval, StrOptions, _fit_context
from ..estimators._logistic import KernelLogisticRegression
from ..estimators._regressor import WNTKRegressor
from ..kernels._empirical import EmpiricalNTKernel
from ._fidelity import fidelity_of
from ._given import fitted_network, network_outputs


def _classifies(surrogate: KernelSurrogate) -> bool:
    return is_classifier(surrogate.network)


def _labels(network, X) -> np.ndarray:
    """Return the labels that a network gives to rows, at least two of them."""
    labels = network.predict(X)
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"network gives every row of X the label {labels.tolist()[0]!r}: 1 class, "
            "where a logistic regression needs two; use another network, "
            'method="ridge" or target="y".'
        )
    return labels


class KernelSurrogate(BaseEstimator):
    """A kernel machine with the empirical kernel of a network, in place of the network.

    A network near its trained weights behaves much like a kernel machine with its
    empirical neural tangent kernel. The predictions of the machine are sums over
    training rows, and so say on which of them a prediction rests [1]_. `fidelity`
    measures how closely the machine follows the network.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The network. A fitted one is taken as it is. One that is not fitted is fitted
        to the rows that are given to `fit`, and so is a clone of a fitted one: wrap it
        in a :class:`~sklearn.frozen.FrozenEstimator` to keep it.
    method : {"auto", "logistic", "ridge"}, default="auto"
        The kernel machine.

        - ``"logistic"``: `KernelLogisticRegression` on the labels.
        - ``"ridge"``: kernel ridge regression on the outputs of the network before the
          output activation (the logits of a classifier, and the logarithms of what a
          regressor with Poisson loss predicts). It follows the probabilities of a
          classifier more closely.
        - ``"auto"``: ``"logistic"`` for classifiers, ``"ridge"`` for regressors.
    target : {"network", "y"}, default="network"
        The targets of the machine: the labels or outputs that the network predicts for
        the training rows, or the `y` that is given to `fit`.
    alpha : float or "loo", default="loo"
        The penalty: the ridge, or ``1 / C`` of the logistic regression. ``"loo"``
        chooses it by leave-one-out, exact for the ridge and approximate otherwise.
    kernel_params : dict, default=None
        Further parameters of :class:`~ntk_sklearn.EmpiricalNTKernel`, such as
        ``{"normalize": True}``. Layer weights that have bounds are learned with
        ``method="ridge"``; by default they are ones.

    Attributes
    ----------
    network_ : MLPClassifier or MLPRegressor
        The fitted network.
    machine_ : KernelLogisticRegression or WNTKRegressor
        The fitted kernel machine.
    kernel_ : EmpiricalNTKernel
        Its kernel.
    classes_ : ndarray of shape (n_classes,)
        The class labels of the network, if it is a classifier.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    ntk_sklearn.networks.AfterNTKRegressor : Ridge regression on a network's residuals.

    References
    ----------
    .. [1] Engel, Wang, Frank, Dumitriu, Choudhury, Sarwate and Chiang, "Faithful and
       Efficient Explanations for Neural Networks via Neural Tangent Kernel Surrogate
       Models", ICLR 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn import KernelSurrogate
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     (20, 20), solver="lbfgs", max_iter=2000, random_state=0
    ... ).fit(X, y)
    >>> surrogate = KernelSurrogate(network).fit(X, y)
    >>> bool(surrogate.fidelity(X, y).agreement > 0.97)
    True
    >>> surrogate.contributions(X[:4]).shape
    (4, 150, 3)
    """

    _parameter_constraints: dict = {
        "network": [BaseEstimator],
        "method": [StrOptions({"auto", "logistic", "ridge"})],
        "target": [StrOptions({"network", "y"})],
        "alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"})],
        "kernel_params": [dict, None],
    }

    def __init__(
        self,
        network,
        *,
        method="auto",
        target="network",
        alpha="loo",
        kernel_params=None,
    ):
        self.network = network
        self.method = method
        self.target = target
        self.alpha = alpha
        self.kernel_params = kernel_params

    def __sklearn_tags__(self):
        """Return the tags: the kind of estimator is that of the network."""
        tags, network = super().__sklearn_tags__(), get_tags(self.network)
        tags.estimator_type = network.estimator_type
        tags.classifier_tags = network.classifier_tags
        tags.regressor_tags = network.regressor_tags
        tags.target_tags = network.target_tags
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
            tags.target_tags.multi_output = False
        return tags

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the kernel machine, after the network if that is not fitted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, best those of the network.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or targets. A fitted network needs them only with ``target="y"``.

        Returns
        -------
        KernelSurrogate
            The fitted estimator.
        """
        fitted = copy(self)  # so that a failure changes nothing
        fitted._fit(X, y)
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X, y) -> None:
        classifies = _classifies(self)
        if self.method == "logistic" and not classifies:
            raise ValueError(
                'method must be "auto" or "ridge" for a network that is a regressor, '
                f"got {self.method!r}."
            )
        how = {"multi_output": not classifies, "y_numeric": not classifies}
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", **how)
        if classifies:
            check_classification_targets(y)
        network = fitted_network(self.network, X, y)
        if classifies:
            self._check_classes(network, y)
        kernel = EmpiricalNTKernel(
            network,
            **{"layer_weights_bounds": "fixed", **(self.kernel_params or {})},
        )
        own = self.target == "network"
        if classifies and self.method != "ridge":
            C = "loo" if self.alpha == "loo" else 1.0 / self.alpha
            machine = KernelLogisticRegression(kernel, C=C)
            machine.fit(X, _labels(network, X) if own else y)
        else:
            Y = network_outputs(network, X) if own else y
            if classifies and not own:
                Y = (y[:, None] == network.classes_).astype(np.float64)
                Y = Y[:, 1] - 0.5 if Y.shape[1] == 2 else Y
            learns = self.alpha == "loo"
            machine = WNTKRegressor(
                kernel,
                objective="loo",
                alpha=1.0 if learns else self.alpha,
                alpha_bounds=(1e-10, 1e10) if learns else "fixed",
                solver="cholesky",
            ).fit(X, Y.ravel() if np.ndim(Y) == 2 and Y.shape[1] == 1 else Y)
        self.network_, self.machine_, self.kernel_ = network, machine, machine.kernel_
        if classifies:
            self.classes_ = network.classes_

    def _check_classes(self, network, y) -> None:
        if y.ndim != 1 or network.out_activation_ not in ("logistic", "softmax"):
            raise ValueError("y must hold one label for each row, not several.")
        if network.out_activation_ == "logistic" and network.n_outputs_ != 1:
            raise ValueError(
                "network must give one label to each row, but it was fitted to "
                f"{network.n_outputs_} labels."
            )
        if len(network.classes_) < 2:
            raise ValueError("network must have at least 2 classes, but has 1 class.")
        unknown = np.setdiff1d(y, network.classes_)
        if unknown.size:
            raise ValueError(
                f"y holds {unknown.tolist()}, which are not among the classes of "
                f"network: {network.classes_.tolist()}."
            )

    def _rows(self, X) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float64, order="C")

    def _proba(self, X) -> np.ndarray:
        """Return the probabilities of the network's classes at checked rows."""
        if isinstance(self.machine_, KernelLogisticRegression):
            found = np.zeros((len(X), len(self.classes_)))
            columns = np.searchsorted(self.classes_, self.machine_.classes_)
            found[:, columns] = self.machine_.predict_proba(X)
            return found
        logits = self.machine_.predict(X)
        if logits.ndim == 1:
            logits = np.column_stack([np.zeros(len(X)), logits])
        proba = np.exp(logits - logits.max(axis=1, keepdims=True))
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict as the surrogate does.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels of a classifier, or predictions of a regressor.
        """
        X = self._rows(X)
        if _classifies(self):
            return self.classes_[self._proba(X).argmax(axis=1)]
        found = self.machine_.predict(X)
        return np.exp(found) if self._predicts_logarithms else found

    @property
    def _predicts_logarithms(self) -> bool:
        """Whether the machine follows the logarithms of predicted means."""
        return self.target == "network" and self.network_.out_activation_ == "exp"

    @available_if(_classifies)
    def predict_proba(self, X):
        """Predict class probabilities, if the network is a classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities of the classes in the order of `classes_`.
        """
        return self._proba(self._rows(X))

    def score(self, X, y, sample_weight=None):
        """Return the accuracy, or the coefficient of determination.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Test rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        metric = accuracy_score if _classifies(self) else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def fidelity(self, X, y=None):
        """Return how closely the surrogate follows the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, best those that neither was fitted to.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their labels or targets, if they are known.

        Returns
        -------
        Fidelity
            A tuple of `agreement`, `kendall_tau` and `accuracy_difference`.
        """
        X, classifies = self._rows(X), _classifies(self)
        both = self.predict(X), self.network_.predict(X)
        values = np.ravel(both[0]), np.ravel(both[1])
        if classifies:
            labels = both[1] if y is None else np.asarray(y)
            which = np.arange(len(X)), np.searchsorted(self.classes_, labels)
            values = self._proba(X)[which], self.network_.predict_proba(X)[which]
        return fidelity_of(both, values, y, classifies)

    # -- attribution ------------------------------------------------------------------

    def contributions(self, X):
        """Return the part of each training row in the outputs of the surrogate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)
            Over training rows they sum to the logits of a classifier (of the labels in
            ``machine_.classes_``, or the log-odds of two classes), or to the
            predictions of a regressor, their logarithms with Poisson loss.
        """
        return self.machine_.contributions(self._rows(X))

    def influence(self, X):
        """Return how the surrogate's outputs would change without a training row.

        Exact with ``method="ridge"``, and by one Newton step with ``"logistic"``. The
        network and its kernel stay as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)
            The outputs with all rows minus those without each of them, as in
            `contributions`.
        """
        return self.machine_.influence(self._rows(X))

    @property
    def loo_influence_(self) -> np.ndarray:
        """By how much the surrogate's loss of each training row grows without the row.

        The logistic loss, or with ``method="ridge"`` the squared error of the outputs:
        an array of shape (n_rows,).
        """
        return self.machine_.loo_influence_
