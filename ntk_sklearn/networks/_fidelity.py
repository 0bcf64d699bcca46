"""How closely a surrogate follows its network."""

from __future__ import annotations

from typing import NamedTuple

from sklearn.metrics import accuracy_score, r2_score


class Fidelity(NamedTuple):
    """The agreement of a surrogate with its network.

    Attributes
    ----------
    agreement : float
        The share of rows with the same label; of regressors, the coefficient of
        determination of the surrogate's predictions of the network's.
    kendall_tau : float
        The rank correlation of the probabilities that both give to the right label, or
        to the network's label if the right one is not known; of regressors, of their
        predictions. Not a number if either is constant.
    accuracy_difference : float
        The accuracy of the surrogate minus that of the network; of regressors, of
        coefficients of determination. Not a number without targets.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.preprocessing import scale
    >>> from ntk_sklearn import KernelSurrogate
    >>> X, y = load_wine(return_X_y=True)
    >>> network = MLPClassifier((20,), solver="lbfgs", max_iter=2000, random_state=0)
    >>> surrogate = KernelSurrogate(network, method="ridge").fit(scale(X)[::2], y[::2])
    >>> fidelity = surrogate.fidelity(scale(X)[1::2], y[1::2])
    >>> bool(fidelity.agreement > 0.95 and fidelity.kendall_tau > 0.8)
    True
    """

    agreement: float
    kendall_tau: float
    accuracy_difference: float


def fidelity_of(predictions, values, y, classifies: bool) -> Fidelity:
    """Return the agreement of a surrogate with its network.

    Parameters
    ----------
    predictions : tuple of two ndarray of shape (n, ...)
        Labels or predictions of the surrogate and of the network.
    values : tuple of two ndarray of shape (n,)
        What is ranked of both.
    y : array-like of shape (n, ...), or None
        The right labels or targets, if they are known.
    classifies : bool
        Whether the predictions are labels.

    Returns
    -------
    Fidelity
    """
    from scipy.stats import kendalltau  # slow to import, needed only here

    own, theirs = predictions
    metric, difference = (accuracy_score if classifies else r2_score), float("nan")
    if y is not None:
        difference = float(metric(y, own) - metric(y, theirs))
    tau = float(kendalltau(*values).statistic)
    return Fidelity(float(metric(theirs, own)), tau, difference)
