"""Estimators for the comparison that scikit-learn does not have."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import train_test_split


def _indicators(y) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and a centred indicator column for each."""
    classes, codes = np.unique(y, return_inverse=True)
    return classes, np.eye(len(classes))[codes] - 1 / len(classes)


class KernelRidgeClassifier(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on class indicators; the largest output is predicted.

    Parameters
    ----------
    kernel : kernel object or str, default="rbf"
        As in `sklearn.kernel_ridge.KernelRidge`.
    alpha : float, default=1.0
        The ridge.
    """

    def __init__(self, kernel="rbf", alpha=1.0):
        self.kernel = kernel
        self.alpha = alpha

    def fit(self, X, y):
        """Fit the ridge regressions of all classes at once."""
        self.classes_, targets = _indicators(y)
        self.ridge_ = KernelRidge(kernel=self.kernel, alpha=self.alpha).fit(X, targets)
        return self

    def predict(self, X):
        """Return the class with the largest output."""
        return self.classes_[np.argmax(self.ridge_.predict(X), axis=1)]


class _RecursiveFeatureMachine(BaseEstimator):
    """The model of the package xRFM, with a validation set from the training rows."""

    def __init__(self, random_state=0):
        self.random_state = random_state

    def _fit(self, X, targets, metric, strata):
        torch, xrfm = import_module("torch"), import_module("xrfm")
        torch.manual_seed(self.random_state)
        parts = train_test_split(
            np.asarray(X, dtype=np.float32),
            np.asarray(targets, dtype=np.float32),
            test_size=0.2,
            random_state=self.random_state,
            stratify=strata,
        )
        X, X_val, y, y_val = (torch.from_numpy(np.ascontiguousarray(p)) for p in parts)
        self.model_ = xrfm.xRFM(
            device=torch.device("cpu"),
            tuning_metric=metric,
            random_state=self.random_state,
            verbose=False,
        )
        self.model_.fit(X, y, X_val, y_val)
        return self

    def _outputs(self, X) -> np.ndarray:
        torch = import_module("torch")
        inputs = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        return np.asarray(self.model_.predict(inputs))


class XRFMRegressor(RegressorMixin, _RecursiveFeatureMachine):
    """Recursive feature machine for a continuous target."""

    def fit(self, X, y):
        """Fit on four fifths of the rows, tune on the rest."""
        return self._fit(X, np.asarray(y)[:, None], "mse", None)

    def predict(self, X):
        """Predict the target."""
        return self._outputs(X).ravel()


class XRFMClassifier(ClassifierMixin, _RecursiveFeatureMachine):
    """Recursive feature machine on class indicators."""

    def fit(self, X, y):
        """Fit on four fifths of the rows, tune on the rest."""
        self.classes_, counts = np.unique(y, return_counts=True)
        indicators = _indicators(y)[1] + 1 / len(self.classes_)
        return self._fit(X, indicators, "mse", y if counts.min() > 1 else None)

    def predict(self, X):
        """Return the class with the largest output."""
        return self.classes_[np.argmax(self._outputs(X), axis=1)]
