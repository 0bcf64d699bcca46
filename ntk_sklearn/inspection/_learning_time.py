"""A display of the time in which each eigenvector of the kernel is learned."""

from __future__ import annotations

import numpy as np

from ..dynamics._generalization import learning_times
from ._fitted import drawing_axes, trained_estimator


class LearningTimeDisplay:
    r"""Display of the time in which each eigenvector of the kernel matrix is learned.

    The residuals along an eigenvector with eigenvalue :math:`\lambda` fall by a factor
    of e in the time :math:`1 / \eta \lambda`. Eigenvectors below the line of the chosen
    time are learned, those above it are not. If the kernel suits the target, most of
    its energy is in the leading eigenvectors.

    Parameters
    ----------
    learning_times : array-like of shape (r,)
        The time of each eigenvector, the fastest first.
    energy : array-like of shape (r,), default=None
        The share of the target in the leading eigenvectors, up to each one.
    stopped : float, default=None
        The time of training.
    name : str, default=None
        Label of the times in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The times.
    stop_ : matplotlib.lines.Line2D or None
        The line of the time of training.
    energy_line_ : matplotlib.lines.Line2D or None
        The energy of the target.
    ax_ : matplotlib.axes.Axes
        The axes of the times.
    energy_ax_ : matplotlib.axes.Axes or None
        The axes of the energy, with the same horizontal axis.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    KernelSpectrumDisplay : The eigenvalues themselves, beside a ridge.
    TrainingTimeDisplay : The errors during training.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn.dynamics import GradientDescentRegressor
    >>> from ntk_sklearn.inspection import LearningTimeDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientDescentRegressor().fit(X[:150], y[:150])
    >>> display = LearningTimeDisplay.from_estimator(model)
    >>> bool(display.learning_times[0] < display.stopped < display.learning_times[-1])
    True
    """

    def __init__(self, learning_times, *, energy=None, stopped=None, name=None):
        self.learning_times = learning_times
        self.energy = energy
        self.stopped = stopped
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **kwargs):
        """Draw the learning times of a fitted estimator.

        Parameters
        ----------
        estimator : GradientDescentRegressor or GradientDescentClassifier
            The fitted estimator, or a fitted pipeline or search that ends in one.
        name : str, default=None
            Label of the times. None means "time to learn".
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the times.

        Returns
        -------
        LearningTimeDisplay
            The display.
        """
        estimator = trained_estimator(estimator)
        path = estimator.path_
        along = path.spectrum.energy(path.Y)
        display = cls(
            learning_times(path.spectrum.values, estimator.learning_rate_),
            energy=np.cumsum(along) / max(along.sum(), np.finfo(float).tiny),
            stopped=estimator.n_steps_,
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the learning times, the time of training and the energy.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the times. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the times.

        Returns
        -------
        LearningTimeDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("LearningTimeDisplay", ax)
        self.figure_ = self.ax_.figure
        times = np.asarray(self.learning_times, dtype=np.float64)
        number, shown = np.arange(1, len(times) + 1), np.isfinite(times)
        name = self.name if name is None else name
        options = {"label": "time to learn" if name is None else name, **kwargs}
        (self.line_,) = self.ax_.plot(number[shown], times[shown], **options)
        self.ax_.set(xscale="log", yscale="log")
        self.ax_.set(xlabel="number of the direction", ylabel="time of training")
        self.stop_ = self.energy_ax_ = self.energy_line_ = None
        if self.stopped is not None and 0.0 < self.stopped < np.inf:
            label = f"stopped at {self.stopped:.3g}"
            self.stop_ = self.ax_.axhline(
                self.stopped, color="0.5", linestyle="--", label=label
            )
        lines, labels = self.ax_.get_legend_handles_labels()
        if self.energy is not None:
            self.energy_ax_ = self.ax_.twinx()
            label = "energy of the target"
            (self.energy_line_,) = self.energy_ax_.plot(
                number, self.energy, color="C1", label=label
            )
            self.energy_ax_.set(ylim=(0.0, 1.02), ylabel=label)
            lines, labels = [*lines, self.energy_line_], [*labels, label]
        (self.energy_ax_ or self.ax_).legend(
            lines, labels, loc="lower right", fontsize="small", framealpha=0.9
        )
        return self
