"""The drift of a network's empirical kernel while the network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils import check_random_state

from .._utils.validation import check_samples
from ..kernels._empirical import EmpiricalNTKernel

# A learning rate that changes no weight: only the start of the training is wanted.
_STANDSTILL = 1e-300


class KernelChange(NamedTuple):
    """The change from one kernel matrix to another.

    Attributes
    ----------
    change : float
        The norm of the difference, divided by that of the first matrix.
    distance : float
        One minus the cosine of the angle between the matrices, which does not depend
        on their scale.
    alignment : float
        The cosine of the angle between the centred matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.networks import kernel_change
    >>> kernel_change(np.eye(3), 2.0 * np.eye(3)).change
    1.0
    """

    change: float
    distance: float
    alignment: float


def kernel_change(first: np.ndarray, second: np.ndarray) -> KernelChange:
    """Return the change from one kernel matrix to another.

    Parameters
    ----------
    first, second : ndarray of shape (n, n)
        The kernel matrix before and after.

    Returns
    -------
    KernelChange
        A tuple of `change`, `distance` and `alignment`.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.networks import kernel_change
    >>> change, distance, alignment = kernel_change(np.eye(3), np.diag([1.0, 1.0, 2.0]))
    >>> round(change, 3)
    0.577
    """
    change = np.linalg.norm(second - first) / np.linalg.norm(first)
    centred = [_centred(K) for K in (first, second)]
    return KernelChange(float(change), 1.0 - _cosine(first, second), _cosine(*centred))


def _centred(K):
    means = K.mean(axis=0)
    return K - means - means[:, None] + means.mean()


def _cosine(A, B) -> float:
    return float(np.sum(A * B) / (np.linalg.norm(A) * np.linalg.norm(B)))


class KernelDrift(NamedTuple):
    """The drift of a network's empirical kernel during training.

    Attributes
    ----------
    epochs : ndarray of int, shape (n_stages,)
        The number of passes over the training rows at each stage; the first is 0.
    change : ndarray of shape (n_stages,)
        The change of the kernel matrix since the start, relative to its norm.
    layers : ndarray of shape (n_stages, n_layers)
        The same of the term of each layer, the read-out last.
    distance, alignment : ndarray of shape (n_stages,)
        As in `kernel_change`.
    loss : ndarray of shape (n_stages,)
        The training loss; not a number at the start.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn.networks import kernel_drift
    >>> X, y = load_iris(return_X_y=True)
    >>> drift = kernel_drift(MLPClassifier((30,), random_state=0), X, y, epochs=[1, 5])
    >>> drift.epochs
    array([0, 1, 5])
    >>> drift.layers.shape
    (3, 2)
    """

    epochs: np.ndarray
    change: np.ndarray
    layers: np.ndarray
    distance: np.ndarray
    alignment: np.ndarray
    loss: np.ndarray


def kernel_drift(
    network: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    *,
    epochs: Sequence[int] = (1, 2, 5, 10, 20, 50, 100),
    rows: np.ndarray | None = None,
    kernel_params: dict | None = None,
) -> KernelDrift:
    """Train a network, and return the change of its empirical kernel.

    Networks of infinite width do not change their kernel while they are trained, and
    are kernel machines; the kernel of a network of finite width moves the less the
    wider it is [1]_. That holds if all layers start with weights of a variance of one
    over their number of inputs, and with learning rates to match. The first layer of
    scikit-learn's networks starts smaller, the wider it is, and their kernels may
    move at any width. A small drift says that the kernel at the start explains the
    trained network, and a large one that it has learned features of its own.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The network, with ``solver`` "sgd" or "adam". A copy of it is trained by
        `partial_fit`, one pass over the rows at a time, without early stopping: a
        network that is not fitted from its random start, and a fitted one from its
        present weights.
    X : array-like of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels or targets.
    epochs : sequence of int, default=(1, 2, 5, 10, 20, 50, 100)
        The numbers of passes over the rows after which the kernel is compared with
        that at the start; positive and increasing.
    rows : array-like of shape (n_rows, n_features), default=None
        The rows that the kernel is computed on. None means the first 500 of `X`.
    kernel_params : dict, default=None
        Parameters of :class:`~ntk_sklearn.EmpiricalNTKernel`, such as
        ``{"kind": "conjugate"}``.

    Returns
    -------
    KernelDrift
        A tuple of arrays with an entry for each stage, the start included.

    References
    ----------
    .. [1] Huang and Yau, "Dynamics of Deep Neural Networks and Neural Tangent
       Hierarchy", ICML 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn.networks import kernel_drift
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((100,), random_state=0)
    >>> drift = kernel_drift(network, X, y, epochs=[1, 10])
    >>> bool(drift.change[0] == 0.0 < drift.change[1] < drift.change[2])
    True
    """
    if not hasattr(network, "hidden_layer_sizes") or network.solver == "lbfgs":
        solver = getattr(network, "solver", None)
        raise ValueError(
            'network must be an MLPClassifier or MLPRegressor with solver="adam" or '
            f'"sgd", which train in steps, got {type(network).__name__} with '
            f"solver={solver!r}."
        )
    stages = np.asarray(epochs)
    counts = stages.dtype.kind in "iu" and stages.ndim == 1 and stages.size > 0
    if not counts or stages[0] < 1 or (np.diff(stages) < 1).any():
        raise ValueError(
            f"epochs must be positive and increasing integers, got {epochs!r}."
        )
    rows = check_samples(X)[:500] if rows is None else check_samples(rows, "rows")
    known = {"classes": np.unique(y)} if is_classifier(network) else {}
    start, network = _start(network, X, y, known)
    params = {"layer_weights_bounds": "fixed", **(kernel_params or {})}

    def terms(trained) -> np.ndarray:
        kernel = EmpiricalNTKernel(trained, **params)
        weights = np.array(kernel.value("layer_weights"))
        return weights[:, None, None] * kernel.components(rows)

    before, losses = terms(start), [np.nan]
    found = [_compared(before, before)]
    for done in range(1, int(stages[-1]) + 1):
        network.partial_fit(X, y, **known)
        if done in stages:
            found.append(_compared(before, terms(network)))
            losses.append(network.loss_)
    change, distance, alignment, layers = zip(*found, strict=True)
    return KernelDrift(
        np.append(0, stages),
        np.array(change),
        np.array(layers),
        np.array(distance),
        np.array(alignment),
        np.array(losses),
    )


def _start(network, X, y, known):
    """Return a network with the weights at the start, and one to be trained."""
    if hasattr(network, "coefs_"):
        return network, deepcopy(network).set_params(early_stopping=False)
    # One number, so that both draw the same weights.
    seed = check_random_state(network.random_state).randint(np.iinfo(np.int32).max)
    network = clone(network).set_params(random_state=seed, early_stopping=False)
    start = clone(network).set_params(learning_rate_init=_STANDSTILL)
    return start.partial_fit(X, y, **known), network


def _compared(before, after):
    """Return the change of the sum of terms, and of each of them."""
    layers = [
        np.linalg.norm(b - a) / max(np.linalg.norm(a), np.finfo(float).tiny)
        for a, b in zip(before, after, strict=True)
    ]
    return *kernel_change(before.sum(axis=0), after.sum(axis=0)), layers
