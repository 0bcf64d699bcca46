"""A display of the errors during training, and of the time at which it stops."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier

from ._fitted import drawing_axes, trained_estimator


class TrainingTimeDisplay:
    """Display of the training, stopping and test errors over the time of training.

    The training error falls all the time. The error that chooses the time, such as that
    of leave-one-out, falls and then rises if training too long fits noise.

    Parameters
    ----------
    times : array-like of shape (n_times,)
        Positive times in rising order.
    training_errors : array-like of shape (n_times,)
        The mean squared training error at each time, summed over outputs.
    stopping_errors : array-like of shape (n_times,), default=None
        The error that chose the time.
    test_errors : array-like of shape (n_times,), default=None
        The mean squared error on other rows, or the error rate of a classifier.
    stopped : float, default=None
        The time that was chosen.
    stopping : str, default=None
        The name of the error that chose the time.
    name : str, default=None
        Label of the training errors in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The training errors.
    stopping_line_, test_line_ : matplotlib.lines.Line2D or None
        The other errors.
    stop_ : matplotlib.lines.Line2D or None
        The mark of the chosen time.
    ax_ : matplotlib.axes.Axes
        The axes with the errors.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    LearningTimeDisplay : The time in which each eigenvector is learned.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn.dynamics import GradientDescentRegressor
    >>> from ntk_sklearn.inspection import TrainingTimeDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientDescentRegressor().fit(X[:150], y[:150])
    >>> display = TrainingTimeDisplay.from_estimator(model, X[150:], y[150:])
    >>> bool(display.training_errors[-1] < display.stopping_errors.min())
    True
    """

    def __init__(
        self,
        times,
        training_errors,
        *,
        stopping_errors=None,
        test_errors=None,
        stopped=None,
        stopping=None,
        name=None,
    ):
        self.times = times
        self.training_errors = training_errors
        self.stopping_errors = stopping_errors
        self.test_errors = test_errors
        self.stopped = stopped
        self.stopping = stopping
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X=None, y=None, *, name=None, ax=None, **kwargs):
        """Draw the errors of a fitted estimator over the times that it has tried.

        Parameters
        ----------
        estimator : GradientDescentRegressor or GradientDescentClassifier
            The fitted estimator, or a fitted pipeline or search that ends in one.
        X : array-like of shape (n_samples, n_features), default=None
            Other rows, as the estimator at the end of a pipeline sees them, to show
            their errors as well.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their targets or labels.
        name : str, default=None
            Label of the training errors. None means "training".
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingTimeDisplay
            The display.
        """
        estimator = trained_estimator(estimator)
        finite = (estimator.times_ > 0.0) & np.isfinite(estimator.times_)
        times = estimator.times_[finite]
        stopping = getattr(estimator, "stopping_errors_", None)
        tested = None
        if X is not None:
            stages = estimator.staged_predict(X, times)
            tested = np.array([_error(estimator, y, stage) for stage in stages])
        display = cls(
            times,
            estimator.path_.training_error(times),
            stopping_errors=None if stopping is None else stopping[finite],
            test_errors=tested,
            stopped=estimator.n_steps_,
            stopping=estimator.stopping,
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the errors over the time of training.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the training errors. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingTimeDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("TrainingTimeDisplay", ax)
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name

        def line(errors, label):
            if errors is None:
                return None
            return self.ax_.plot(self.times, errors, **{"label": label, **kwargs})[0]

        self.line_ = line(self.training_errors, "training" if name is None else name)
        self.stopping_line_ = line(self.stopping_errors, self.stopping or "stopping")
        self.test_line_ = line(self.test_errors, "test")
        self.stop_ = None
        if self.stopped is not None and 0.0 < self.stopped < np.inf:
            label = f"stopped at {self.stopped:.3g}"
            self.stop_ = self.ax_.axvline(
                self.stopped, color="0.5", linestyle="--", label=label
            )
        self.ax_.set(xscale="log", xlabel="time of training", ylabel="error")
        self.ax_.legend()
        return self


def _error(estimator, y, predicted) -> float:
    """Return the mean squared error summed over outputs, or the error rate."""
    if is_classifier(estimator):
        return float(np.mean(predicted != np.asarray(y)))
    squares = np.square(predicted - np.asarray(y))
    return float(squares.sum() / len(squares))
