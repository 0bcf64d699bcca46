"""Networks that were trained, in whatever form a user has them, as checked arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from .._engine.trained import ACTIVATIONS, NetworkArrays
from ._repr import same
from ._terms import LayerFeatures

# What can be given where a trained network is asked for.
Network: TypeAlias = BaseEstimator | NetworkArrays | LayerFeatures

_NEEDED = (
    "network must be a fitted MLPClassifier or MLPRegressor, a NetworkArrays, or an "
    "object with a method layer_features(X) and a number n_layers"
)


def has_features(network: Network) -> bool:
    """Return whether a network computes its own Jacobian features."""
    return isinstance(network, LayerFeatures)


def is_trained(network: Network) -> bool:
    """Return whether a network has weights."""
    return (
        isinstance(network, NetworkArrays)
        or has_features(network)
        or hasattr(network, "coefs_")
    )


def network_arrays(network: Network) -> NetworkArrays:
    """Return a trained network as arrays, checked.

    Parameters
    ----------
    network : MLPClassifier, MLPRegressor or NetworkArrays
        The network. Arrays of an estimator are not copied.

    Returns
    -------
    NetworkArrays

    Raises
    ------
    NotFittedError
        If the network is an estimator that has not been fitted.
    TypeError, ValueError
        If it is no network, or its arrays do not fit together.
    """
    if isinstance(network, NetworkArrays):
        return _checked(network)
    if isinstance(network, Pipeline):
        raise TypeError(
            f"{_NEEDED}, got a Pipeline; give its last step, pipeline[-1], and rows "
            "that its other steps, pipeline[:-1], have transformed."
        )
    if isinstance(network, LayerFeatures) or not hasattr(network, "coefs_"):
        if hasattr(network, "hidden_layer_sizes") and hasattr(network, "activation"):
            raise NotFittedError(
                f"{_NEEDED}, got a {type(network).__name__} that is not fitted yet; "
                "call its fit first. A clone of a fitted network is not fitted either."
            )
        raise TypeError(f"{_NEEDED}, got {type(network).__name__}.")
    return _checked(
        NetworkArrays(network.coefs_, network.intercepts_, network.activation)
    )


def _checked(network: NetworkArrays) -> NetworkArrays:
    coefs = tuple(np.asarray(W, dtype=np.float64) for W in network.coefs)
    intercepts = tuple(np.asarray(b, dtype=np.float64) for b in network.intercepts)
    if not isinstance(network.activation, str) or network.activation not in ACTIVATIONS:
        raise ValueError(
            f"the activation of network must be one of {sorted(ACTIVATIONS)}, got "
            f"{network.activation!r}; a network with another one can be given as an "
            "object with a method layer_features(X)."
        )
    fits = len(coefs) == len(intercepts) > 0 and all(W.ndim == 2 for W in coefs)
    if fits:
        widths = [coefs[0].shape[0], *(W.shape[1] for W in coefs)]
        fits = all(W.shape[0] == n for W, n in zip(coefs, widths[:-1], strict=True))
        fits &= [b.shape for b in intercepts] == [(n,) for n in widths[1:]]
    if not fits:
        raise ValueError(
            "coefs and intercepts of network must have an array for each layer, of "
            "shapes (n_inputs, n_units) and (n_units,) that fit together, got "
            f"{[W.shape for W in coefs]} and {[b.shape for b in intercepts]}."
        )
    if not all(np.isfinite(a).all() for a in (*coefs, *intercepts)):
        raise ValueError(
            "the weights of network must be finite, got NaN or infinity; its training "
            "has probably diverged."
        )
    return NetworkArrays(coefs, intercepts, network.activation)


def checked_rates(rates: NetworkArrays, network: NetworkArrays) -> NetworkArrays:
    """Return the learning rates of parameters, of the shapes of a network, checked."""
    if not isinstance(rates, NetworkArrays):
        raise TypeError(
            "parameter_weights must be a NetworkArrays of the shapes of the network, "
            f"got {type(rates).__name__}."
        )
    rates = _checked(rates._replace(activation=network.activation))
    shapes = [[W.shape for W in n.coefs] for n in (rates, network)]
    if shapes[0] != shapes[1] or min(a.min() for a in (*rates[0], *rates[1])) < 0:
        raise ValueError(
            "parameter_weights must be non-negative arrays of the shapes of the "
            f"network's, {shapes[1]}, got shapes {shapes[0]}."
        )
    return rates


def snapshot(network: Network) -> Network:
    """Return a network that further training does not change.

    Parameters
    ----------
    network : MLPClassifier, MLPRegressor, NetworkArrays or LayerFeatures
        The network.

    Returns
    -------
    NetworkArrays
        A copy of the arrays. A `NetworkArrays` is returned as it is, and so is what
        has no arrays: an estimator that is not fitted, and a network that computes its
        own features.
    """
    if isinstance(network, NetworkArrays) or not hasattr(network, "coefs_"):
        return network
    found = network_arrays(network)
    return NetworkArrays(
        tuple(W.copy() for W in found.coefs),
        tuple(b.copy() for b in found.intercepts),
        found.activation,
    )


def same_network(a: Network, b: Network) -> bool:
    """Return whether two networks compute the same function with the same arrays."""
    if a is b:
        return True
    if has_features(a) or has_features(b) or not (is_trained(a) and is_trained(b)):
        return False
    first, second = network_arrays(a), network_arrays(b)
    left, right = [*first[0], *first[1]], [*second[0], *second[1]]
    if first.activation != second.activation or len(left) != len(right):
        return False
    return all(same(x, y) for x, y in zip(left, right, strict=True))


def describe(network: Network) -> str:
    """Return a network as text: its kind and its widths."""
    name = type(network).__name__
    if has_features(network):
        return name
    if not is_trained(network):
        return f"{name}, not fitted"
    arrays = network_arrays(network)
    widths = [arrays.coefs[0].shape[0], *(W.shape[1] for W in arrays.coefs)]
    return f"{name} {'-'.join(map(str, widths))} {arrays.activation}"
