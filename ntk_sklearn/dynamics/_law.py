r"""The law of the outputs of trained networks: over random starts, and over noise.

Training is linear in the targets and in the outputs at the start. With B the matrix
that maps residuals at the start to changes of the outputs, a network ends at
:math:`f_0(x) + B (y - f_0(X))`. Starts are independent Gaussian processes, and so is
the noise that is added to the gradients.
"""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from ._trained import TrainedNetwork


def start_covariance(network: TrainedNetwork, start: Kernel, X, time, full: bool):
    """Return the covariance over random starts of the outputs after training.

    Parameters
    ----------
    network : TrainedNetwork
        The network.
    start : Kernel
        The covariance of the outputs at the start.
    X : ndarray of shape (m, n_features) or sequence
        The rows to predict.
    time : float
        The time of training.
    full : bool
        Whether to return the whole matrix, or only its diagonal.

    Returns
    -------
    ndarray of shape (m, m) or (m,)
    """
    hat = network.hat(network.kernel(X, network.X), time)
    cross = start(X, network.X)
    # B N B' - N B' - B N', in one product if only the diagonal is needed
    moved = hat @ start(network.X)
    if not full:
        return start.diag(X) + np.sum((moved - 2.0 * cross) * hat, axis=1)
    mixed = cross @ hat.T
    return start(X) + moved @ hat.T - mixed - mixed.T


def noise_covariance(network: TrainedNetwork, temperature, X, time, full: bool):
    r"""Return the covariance of the outputs that noise in the gradients gives.

    The parameters follow :math:`d\theta = -\nabla L dt + \sqrt{2 T} dW`. A constant
    is in equilibrium at all times, with the temperature divided by the total weight of
    the rows as its variance. After long training the law is that of a Gaussian process
    with the temperature as variance of its noise.

    Parameters
    ----------
    network : TrainedNetwork
        The network, trained by gradient flow.
    temperature : float
        The temperature T.
    X : ndarray of shape (m, n_features) or sequence
        The rows to predict.
    time : float
        The time of training.
    full : bool
        Whether to return the whole matrix, or only its diagonal.

    Returns
    -------
    ndarray of shape (m, m) or (m,)
    """
    rule, spectrum = network.path.rule, network.spectrum
    decay, moved = rule.weight_decay, rule.learning_rate * time
    values = spectrum.values
    # The variance grows along free directions as `spread`, and less along eigenvectors.
    kept = 0.0 if np.isinf(time) else np.exp(-2.0 * decay * moved)
    spread = _grown(np.array([decay]), moved)[0]
    less = (kept * _grown(values, moved) if kept else 0.0) - spread
    less = less / np.where(values + decay > 0.0, values + decay, 1.0)
    K = network.kernel(X, network.X)
    along = network.along(K)
    shift = K @ network.shares
    centre = network.mean @ network.shares
    constant = float(spectrum.intercept) / spectrum.weights.total
    if not full:
        prior = network.kernel.diag(X) - 2.0 * shift + centre
        found = spread * prior + along**2 @ less + constant
    else:
        prior = network.kernel(X) - shift[:, None] - shift + centre
        found = spread * prior + (along * less) @ along.T + constant
    return temperature * found


def _grown(rates, moved):
    """Return ``(1 - exp(-2 rate time)) / rate`` and its limits."""
    positive = np.where(rates > 0.0, rates, 1.0)
    grown = -np.expm1(-2.0 * rates * moved) / positive
    return np.where(rates > 0.0, grown, 2.0 * moved)
