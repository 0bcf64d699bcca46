"""A display of the learning curve that theory predicts, beside measured errors."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from ..dynamics._generalization import expected_risk, kernel_alignment_risk
from ..solvers._cholesky import solve
from ..solvers._spectrum import Spectrum
from ._fitted import drawing_axes


class ExpectedRiskDisplay:
    """Display of the test error over the number of training rows, by theory and fits.

    Theory predicts the error of kernel ridge regression from the spectrum of the kernel
    and the target along it. It is drawn as a line, beside the errors of fits to random
    subsets of the rows, and beside the estimate that each such fit makes from its own
    training rows, the kernel alignment risk.

    Parameters
    ----------
    sizes : array-like of shape (n_sizes,)
        Numbers of training rows.
    expected : array-like of shape (n_sizes,)
        The error that theory predicts.
    measured : array-like of shape (n_sizes, n_fits), default=None
        The squared error of each fit on the other rows.
    estimated : array-like of shape (n_sizes, n_fits), default=None
        The error that each fit estimates from its training rows.
    name : str, default=None
        Label of the prediction in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The prediction.
    measured_, estimated_ : matplotlib.container.ErrorbarContainer or None
        Means and standard deviations of the fits.
    ax_ : matplotlib.axes.Axes
        The axes with the errors.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Measured scores of any estimator.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.inspection import ExpectedRiskDisplay
    >>> X, y = make_friedman1(300, random_state=0)
    >>> display = ExpectedRiskDisplay.from_kernel(NTKernel(), X, y, sizes=[20, 40])
    >>> bool(display.expected[1] < display.expected[0])
    True
    """

    def __init__(self, sizes, expected, *, measured=None, estimated=None, name=None):
        self.sizes = sizes
        self.expected = expected
        self.measured = measured
        self.estimated = estimated
        self.name = name

    @classmethod
    def from_kernel(
        cls,
        kernel,
        X,
        y,
        *,
        alpha=1.0,
        sizes=None,
        n_fits=20,
        random_state=None,
        ax=None,
    ):
        """Predict and measure the errors of kernel ridge regression without a constant.

        All rows stand for the whole population, so that sizes should be small beside
        their number.

        Parameters
        ----------
        kernel : Kernel
            The kernel, with the hyperparameters that it has.
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets, which are centred.
        alpha : float, default=1.0
            The ridge.
        sizes : array-like of shape (n_sizes,), default=None
            Numbers of training rows. None means 8 numbers up to a third of the rows.
        n_fits : int, default=20
            Number of random subsets of each size.
        random_state : int, RandomState instance or None, default=None
            Seed of the subsets.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.

        Returns
        -------
        ExpectedRiskDisplay
            The display.
        """
        drawing_axes("ExpectedRiskDisplay", ax)  # before the fits, which take longer
        rng = check_random_state(random_state)
        K = kernel(np.asarray(X))
        n = len(K)
        Y = np.asarray(y, dtype=np.float64).reshape(n, -1)
        Y = Y - Y.mean(axis=0)
        if sizes is None:
            sizes = np.unique(np.geomspace(min(10, n // 3), n // 3, 8).astype(int))
        spectrum = Spectrum.of(K, intercept=False)
        values, squares = spectrum.values / n, spectrum.energy(Y) / n
        expected = [expected_risk(values, squares, size, alpha) for size in sizes]
        fits = [
            [
                _fitted_errors(K, Y, alpha, rng.permutation(n), size)
                for _ in range(n_fits)
            ]
            for size in sizes
        ]
        measured, estimated = np.moveaxis(np.array(fits), -1, 0)
        display = cls(
            np.asarray(sizes),
            np.array(expected),
            measured=measured,
            estimated=estimated,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the errors over the number of training rows.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the prediction. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the prediction.

        Returns
        -------
        ExpectedRiskDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("ExpectedRiskDisplay", ax)
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name
        options = {"label": "predicted" if name is None else name, **kwargs}
        (self.line_,) = self.ax_.plot(self.sizes, self.expected, **options)

        def bars(errors, label, marker):
            if errors is None:
                return None
            mean, spread = np.mean(errors, axis=1), np.std(errors, axis=1)
            style = {"linestyle": "none", "marker": marker, "capsize": 2}
            return self.ax_.errorbar(self.sizes, mean, spread, label=label, **style)

        self.measured_ = bars(self.measured, "measured", "o")
        self.estimated_ = bars(self.estimated, "kernel alignment risk", "x")
        self.ax_.set(xscale="log", yscale="log")
        self.ax_.set(xlabel="number of training rows", ylabel="mean squared error")
        self.ax_.legend()
        return self


def _fitted_errors(K, Y, alpha, order, size):
    """Return the test error of a fit to the first rows, and its own estimate of it."""
    train, test = order[:size], order[size:]
    own = K[np.ix_(train, train)]
    fit = solve(own, Y[train], alpha, intercept=False)
    missed = K[np.ix_(test, train)] @ fit.dual_coef - Y[test]
    error = np.square(missed).sum() / len(test)
    return error, kernel_alignment_risk(own, Y[train], alpha)
