r"""The test error that theory expects of kernel ridge regression.

Throughout, `alpha` is the ridge that is added to the diagonal of the kernel matrix of n
rows. Gradient flow that stops at the time t has about the errors of the ridge
:math:`1 / \eta t`.

References
----------
Jacot, Simsek, Spadaro, Hongler and Gabriel, "Kernel Alignment Risk Estimator: Risk
Prediction from Training Data", NeurIPS 2020. Bordelon, Canatar and Pehlevan, "Spectrum
Dependent Learning Curves in Kernel Regression and Wide Neural Networks", ICML 2020.
Canatar, Bordelon and Pehlevan, "Spectral bias and task-model alignment explain
generalization in kernel regression and infinitely wide neural networks", Nature
Communications 12, 2021.
"""

from __future__ import annotations

import numpy as np

from ..solvers._row_weights import RowWeights
from ._checked import checked_matrix, checked_number, checked_targets, checked_values
from ._path import resolved_spectrum

# One minus a number that is one but for rounding errors is smaller.
_ROUNDING = 1e-12


def kernel_alignment_risk(K, y, alpha):
    r"""Estimate the test error of ridge regression from the training rows alone.

    The kernel alignment risk estimator is the mean squared training error, divided by
    the square of the mean share of the targets that a ridge leaves in the residuals.
    It equals generalised cross-validation.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    y : ndarray of shape (n,) or (n, k)
        Targets.
    alpha : float
        The ridge, positive.

    Returns
    -------
    float
        The expected squared error at a new row, noise of its targets included, summed
        over outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.dynamics import kernel_alignment_risk
    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> y = np.sin(3.0 * X[:, 0]) + 0.5 * np.random.default_rng(0).standard_normal(50)
    >>> round(kernel_alignment_risk(NTKernel()(X), y, 1.0), 1)
    0.2
    """
    spectrum, Y = _decomposed(K, y)
    alpha = checked_number("alpha", alpha, zero=False)
    left = alpha / (spectrum.values + alpha)
    return float(left**2 @ spectrum.energy(Y) * len(Y) / left.sum() ** 2)


def estimated_threshold(K, alpha):
    r"""Estimate the signal capture threshold from the training rows.

    It is one over the mean of :math:`1 / (\lambda_i / n + \alpha / n)`, and tends to
    the threshold of `signal_capture_threshold` with more rows.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    alpha : float
        The ridge, positive.

    Returns
    -------
    float
        Directions of the kernel whose eigenvalue is larger are learned.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.dynamics import estimated_threshold
    >>> estimated_threshold(np.diag([4.0, 4.0]), 2.0)
    3.0
    """
    K, alpha = checked_matrix(K), checked_number("alpha", alpha, zero=False)
    n = len(K)
    values = np.maximum(np.linalg.eigvalsh(K), 0.0)
    return float(1.0 / np.mean(n / (values + alpha)))


def signal_capture_threshold(eigenvalues, n, alpha):
    r"""Return the eigenvalue above which directions of a kernel are learned.

    It solves :math:`\vartheta = \frac{\alpha}{n} + \frac{\vartheta}{n} \sum_k
    \frac{e_k}{e_k + \vartheta}`: the ridge that n rows have in effect, divided by n.

    Parameters
    ----------
    eigenvalues : array-like of shape (r,)
        Eigenvalues of the kernel as an operator: those of a large kernel matrix divided
        by its number of rows.
    n : float
        Number of training rows.
    alpha : float
        The ridge, not negative.

    Returns
    -------
    float
        Zero if there is no ridge and there are at least as many rows as directions.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import signal_capture_threshold
    >>> round(signal_capture_threshold([1.0, 0.5, 0.25, 0.125], n=2, alpha=0.0), 3)
    0.354
    """
    from scipy.optimize import brentq  # slow to import, needed only here

    e = checked_values("eigenvalues", eigenvalues)
    n = checked_number("n", n, zero=False)
    ridge = checked_number("alpha", alpha, zero=True) / n
    e = e[e > 0.0]
    highest = ridge + e.sum() / n
    if highest == 0.0 or (ridge == 0.0 and n >= e.size):
        return 0.0

    def excess(log):
        threshold = np.exp(log)
        return 1.0 - ridge / threshold - np.mean(e / (e + threshold)) * (e.size / n)

    if not e.size:
        return ridge
    # Without a ridge: all terms of the sum are as large as that of the last eigenvalue.
    lowest = ridge or e.min() * (e.size - n) / n
    logs = np.log(lowest) - 1e-12, np.log(highest) + 1e-12
    return float(np.exp(brentq(excess, *logs, xtol=1e-15, rtol=9e-16, maxiter=500)))


def expected_risk(eigenvalues, squares, n, alpha, noise=0.0):
    r"""Return the expected test error of ridge regression on n random rows.

    With the effective ridge :math:`\kappa = n \vartheta` of `signal_capture_threshold`,

    .. math:: \frac{\sum_k a_k^2 \, (\kappa / (n e_k + \kappa))^2 + \sigma^2}
              {1 - n \sum_k e_k^2 / (n e_k + \kappa)^2} .

    Parameters
    ----------
    eigenvalues : array-like of shape (r,)
        Eigenvalues :math:`e_k` of the kernel as an operator: those of a large kernel
        matrix divided by its number of rows.
    squares : array-like of shape (r,)
        Squared coefficients :math:`a_k^2` of the target along the eigenfunctions: those
        along the eigenvectors of the matrix, divided by its number of rows.
    n : float
        Number of training rows.
    alpha : float
        The ridge, not negative.
    noise : float, default=0.0
        Variance of the noise of the targets, and the mean square of the part of the
        target that has no direction in the kernel.

    Returns
    -------
    float
        The expected squared error at a new row, noise of its target included; infinite
        for as many rows as directions without a ridge, if there is noise. It is exact
        in the limit of many rows and directions with random, independent coefficients;
        on tables, expect deviations of up to a quarter.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import expected_risk
    >>> eigenvalues, squares = [1.0, 0.1, 0.01], [1.0, 0.5, 0.2]
    >>> [round(expected_risk(eigenvalues, squares, n, 0.1), 3) for n in (1, 10, 100)]
    [1.21, 0.088, 0.002]
    """
    e = checked_values("eigenvalues", eigenvalues)
    squares = checked_values("squares", squares)
    if squares.shape != e.shape:
        raise ValueError(
            f"squares must have one entry for each of {e.size} eigenvalues, got "
            f"{squares.size}."
        )
    noise = checked_number("noise", noise, zero=True)
    kappa = n * signal_capture_threshold(e, n, alpha)
    total = n * e + kappa
    positive = np.where(total > 0.0, total, 1.0)
    missed = np.where(total > 0.0, kappa / positive, 1.0)
    variance = n * np.sum((e / positive) ** 2)
    error, left = float(squares @ missed**2 + noise), float(1.0 - variance)
    if left < _ROUNDING:  # as many rows as directions, and no ridge
        return np.inf if error > 0.0 else 0.0
    return error / left


def effective_dimension(K, alpha):
    r"""Return the effective dimension: the sum of :math:`\lambda / (\lambda + \alpha)`.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    alpha : float
        The ridge, positive.

    Returns
    -------
    float
        About the number of directions along which targets are fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.dynamics import effective_dimension
    >>> effective_dimension(np.diag([9.0, 1.0]), 1.0)
    1.4
    """
    K, alpha = checked_matrix(K), checked_number("alpha", alpha, zero=False)
    values = np.maximum(np.linalg.eigvalsh(K), 0.0)
    return float(np.sum(values / (values + alpha)))


def complexity(K, y, alpha=0.0):
    r"""Return the complexity measure :math:`\sqrt{2 y' (K + \alpha)^{-1} y / n}`.

    Without a ridge, and with the kernel of the first layer of a network with one hidden
    layer, it bounds the test error of the trained network, up to a term that does not
    depend on the targets (Arora, Du, Hu, Li and Wang, "Fine-Grained Analysis of
    Optimization and Generalization for Overparameterized Two-Layer Neural Networks",
    ICML 2019).

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    y : ndarray of shape (n,) or (n, k)
        Targets, of which several outputs are summed.
    alpha : float, default=0.0
        The ridge.

    Returns
    -------
    float
        Infinite if there is no ridge and the targets are not in the range of `K`.

    Examples
    --------
    Random targets are more complex than smooth ones:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.dynamics import complexity
    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> K, noise = NTKernel()(X), np.random.default_rng(0).standard_normal(50)
    >>> bool(complexity(K, X[:, 0]) < 0.1 * complexity(K, noise))
    True
    """
    spectrum, Y = _decomposed(K, y)
    alpha = checked_number("alpha", alpha, zero=True)
    energy, decayed = spectrum.energy(Y), spectrum.values + alpha
    seen = decayed > 0.0
    if energy[~seen].sum() > 1e-20 * energy.sum():
        return np.inf
    return float(np.sqrt(2.0 * np.sum(energy[seen] / decayed[seen]) / len(Y)))


def alignment(K, y, centred=False):
    r"""Return the alignment of kernel and target, :math:`y' K y / (\|K\|_F |y|^2)`.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix of the training rows.
    y : ndarray of shape (n,) or (n, k)
        Targets.
    centred : bool, default=False
        Whether to centre the matrix and the targets first (Cortes, Mohri and
        Rostamizadeh, "Algorithms for Learning Kernels Based on Centered Alignment",
        JMLR 13, 2012).

    Returns
    -------
    float
        Between 0 and 1; 0 if the matrix or the targets are zero. For several outputs
        the kernel matrix of the targets is :math:`Y Y'`, and the denominator has the
        norm of that matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.dynamics import alignment
    >>> y = np.array([1.0, -1.0, 2.0])
    >>> round(alignment(np.outer(y, y), y), 12)
    1.0
    """
    K = checked_matrix(K)
    Y = checked_targets(y, len(K))
    if centred:
        mean = K.mean(axis=0)
        K = K - mean[:, None] - mean + mean.mean()
        Y = Y - Y.mean(axis=0)
    size = float(np.linalg.norm(K) * np.linalg.norm(Y.T @ Y))
    return float(np.sum(Y * (K @ Y)) / size) if size > 0.0 else 0.0


def learning_times(eigenvalues, learning_rate=1.0):
    r"""Return the time in which each eigenvector is learned, :math:`1 / \eta \lambda`.

    Parameters
    ----------
    eigenvalues : array-like of shape (r,)
        Eigenvalues of the kernel matrix.
    learning_rate : float, default=1.0
        The learning rate for half the sum of squared errors; for half their mean over n
        rows, divide it by n.

    Returns
    -------
    ndarray of shape (r,)
        The time in which the residuals along the eigenvector fall by a factor of e;
        infinite for an eigenvalue of zero.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import learning_times
    >>> learning_times([4.0, 0.5, 0.0])
    array([0.25, 2.  ,  inf])
    """
    rate = checked_number("learning_rate", learning_rate, zero=False)
    rates = rate * checked_values("eigenvalues", eigenvalues)
    found = np.full(rates.shape, np.inf)
    return np.divide(1.0, rates, out=found, where=rates > 0.0)


def _decomposed(K, y):
    """Return the spectrum of a kernel matrix, and targets as columns."""
    K = checked_matrix(K)
    Y = checked_targets(y, len(K))
    return resolved_spectrum(K, RowWeights.of(None, len(K)), False), Y
