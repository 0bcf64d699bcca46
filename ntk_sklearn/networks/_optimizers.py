"""The learning rates that an optimiser's steps amount to, as weights of a kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier

from .._engine.trained import NetworkArrays, layer_inputs, output_signals
from .._utils.validation import check_samples
from ..kernels._network import network_arrays
from ._given import network_outputs

OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop")


class OptimizerWeights(NamedTuple):
    """The learning rates that an optimiser gives the parameters of a network.

    They are scaled to a mean of one over all parameters, as a common factor is the
    learning rate of the optimiser itself.

    Attributes
    ----------
    layer_weights : ndarray of shape (n_layers,)
        The mean rate of the parameters of each layer, the read-out last: the layer
        weights of a kernel.
    parameter_weights : NetworkArrays
        The rate of every parameter, in the shapes of the network: the
        `parameter_weights` of an :class:`~ntk_sklearn.EmpiricalNTKernel`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn.networks import optimizer_weights
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     (20,), solver="lbfgs", max_iter=2000, random_state=0
    ... ).fit(X, y)
    >>> optimizer_weights(network, X, y, "sgd").layer_weights
    array([1., 1.])
    """

    layer_weights: np.ndarray
    parameter_weights: NetworkArrays


def optimizer_weights(
    network: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    optimizer: str = "adam",
    *,
    epsilon: float = 1e-8,
) -> OptimizerWeights:
    r"""Return the learning rates that an optimiser's steps amount to at a network.

    A step that divides the gradient by numbers D of the parameters changes the outputs
    as gradient descent does with the kernel :math:`J D^{-1} J'` in place of
    :math:`J J'`: training with learning rates of its own for each layer, or each
    parameter, is the weighted neural tangent kernel [1]_. Adam and RMSprop divide by
    the root of a moving mean of squared gradients. At a given network this tends to
    :math:`\sqrt{\overline{g^2}} + \epsilon`, with the mean of squares over the
    gradients of the loss at single training rows. These numbers are positive, so that
    the kernel is positive semi-definite, and no test row enters. (The code that was
    published with [1]_ divides by the sum of signed gradients of training and test
    rows, which gives no kernel, and is not followed.)

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        A fitted network.
    X : array-like of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their labels or targets.
    optimizer : {"sgd", "momentum", "adam", "rmsprop"}, default="adam"
        The optimiser. Gradient descent gives all parameters the same rate, and
        momentum multiplies all rates by the same number, :math:`1 / (1 - \mu)`, which
        the scaling to a mean of one takes out. The moving means of Adam and RMSprop
        differ in their start only, and not in what they tend to.
    epsilon : float, default=1e-8
        The number that is added to the root of the mean square.

    Returns
    -------
    OptimizerWeights
        A tuple of `layer_weights` and `parameter_weights`.

    References
    ----------
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn import EmpiricalNTKernel
    >>> from ntk_sklearn.networks import optimizer_weights
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((20,), tol=1e-2, random_state=0).fit(X, y)
    >>> found = optimizer_weights(network, X, y, "adam")
    >>> by_layer = EmpiricalNTKernel(network, layer_weights=found.layer_weights)
    >>> by_parameter = EmpiricalNTKernel(
    ...     network, parameter_weights=found.parameter_weights
    ... )
    >>> by_parameter(X[:3]).shape
    (3, 3)
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {OPTIMIZERS}, got {optimizer!r}.")
    if not np.isfinite(epsilon) or epsilon < 0:
        raise ValueError(f"epsilon must be finite and not negative, got {epsilon!r}.")
    arrays = network_arrays(network)
    if optimizer in ("sgd", "momentum"):
        rates = [np.ones_like(a) for a in (*arrays.coefs, *arrays.intercepts)]
    else:
        squares = mean_squared_gradients(network, check_samples(X), np.asarray(y))
        with np.errstate(divide="ignore"):  # told of below
            rates = [1.0 / (np.sqrt(a) + epsilon) for a in squares]
        if not all(np.isfinite(rate).all() for rate in rates):
            raise ValueError(
                "epsilon must be positive if some gradients are zero at every row, as "
                f"those of dead units are, got {epsilon!r}."
            )
    total = sum(a.sum() for a in rates) / sum(a.size for a in rates)
    rates = [a / total for a in rates]
    coefs, intercepts = rates[: arrays.n_layers], rates[arrays.n_layers :]
    layers = [
        (W.sum() + b.sum()) / (W.size + b.size)
        for W, b in zip(coefs, intercepts, strict=True)
    ]
    return OptimizerWeights(
        np.array(layers),
        NetworkArrays(tuple(coefs), tuple(intercepts), arrays.activation),
    )


def mean_squared_gradients(network: BaseEstimator, X, y) -> list[np.ndarray]:
    """Return the mean over rows of the squared gradients of the loss at each of them.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        A fitted network.
    X : ndarray of shape (n, n_features)
        Training rows.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their labels or targets.

    Returns
    -------
    list of ndarray
        Arrays of the shapes of all weights, then of all biases.
    """
    arrays = network_arrays(network)
    H = layer_inputs(arrays, X)
    residuals = _residuals(network, X, y)
    squares = []
    for B in output_signals(arrays, H):
        delta = np.einsum("nc,ncu->nu", residuals, B)
        squares.append(delta**2)
    n = len(X)
    coefs = [(h**2).T @ s / n for h, s in zip(H, squares, strict=True)]
    return [*coefs, *(s.mean(axis=0) for s in squares)]


def _residuals(network, X, y) -> np.ndarray:
    """Return the derivatives of the loss by the outputs at each row."""
    found = network_outputs(network, X)
    if len(y) != len(X):
        raise ValueError(
            f"y must have an entry for each of the {len(X)} rows of X, got {len(y)}."
        )
    if is_classifier(network):
        if y.ndim != 1:
            raise ValueError("y must hold one label for each row, not several.")
        unknown = np.setdiff1d(y, network.classes_)
        if unknown.size:
            raise ValueError(
                f"y holds {unknown.tolist()}, which are not among the classes of "
                f"network: {network.classes_.tolist()}."
            )
        targets = (y[:, None] == network.classes_).astype(np.float64)
        if found.shape[1] == 1:
            return expit(found) - targets[:, 1:]
        return softmax(found, axis=1) - targets
    mean = np.exp(found) if network.out_activation_ == "exp" else found
    return mean - y.reshape(len(X), -1)
