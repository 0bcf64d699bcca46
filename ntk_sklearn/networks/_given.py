"""The network that an estimator is given, fitted or to be fitted."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, clone

from .._engine.trained import outputs
from ..kernels._network import network_arrays


def fitted_network(network: BaseEstimator, X, y) -> BaseEstimator:
    """Return a fitted network: the given one, or a clone that is fitted to rows.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The network.
    X : ndarray of shape (n, n_features)
        Training rows.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their targets.

    Returns
    -------
    MLPClassifier or MLPRegressor
    """
    if not hasattr(network, "hidden_layer_sizes"):
        raise TypeError(
            "network must be an MLPClassifier or MLPRegressor, fitted or not, got "
            f"{type(network).__name__}."
        )
    if not hasattr(network, "coefs_"):
        return clone(network).fit(X, y)
    n_inputs = network.coefs_[0].shape[0]
    if n_inputs != X.shape[1]:
        raise ValueError(
            f"X has {X.shape[1]} features, but network was fitted with {n_inputs}; "
            "give a network that is not fitted, which is then fitted to X."
        )
    return network


def network_outputs(network: BaseEstimator, X: np.ndarray) -> np.ndarray:
    """Return the outputs of a fitted network before its output activation."""
    return outputs(network_arrays(network), X)
