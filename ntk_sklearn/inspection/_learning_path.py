"""A display of the objective after each iteration of learning."""

from __future__ import annotations

import numpy as np

from ._fitted import drawing_axes, final_estimator, model_of


class LearningPathDisplay:
    """Display of the objective at the start of learning and after every iteration.

    Parameters
    ----------
    objective_path : array-like of shape (n_iter + 1,)
        Values of the objective.
    rows : array-like of shape (n_iter + 1,), default=None
        The number of rows that each value was computed on. None means all rows.
    objective : str, default=None
        Name of the objective, the label of the axis.
    name : str, default=None
        Label of the line in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The path on all rows.
    part_lines_ : list of matplotlib.lines.Line2D
        The paths on subsets of the rows, as dotted lines. Their values cannot be
        compared with those on all rows.
    ax_ : matplotlib.axes.Axes
        The axes with the lines.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    LayerWeightsDisplay : The layer weights that were learned.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WeightedNTKernel, WNTKRegressor
    >>> from ntk_sklearn.inspection import LearningPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = WNTKRegressor(WeightedNTKernel(depth=2), objective="loo")
    >>> display = LearningPathDisplay.from_estimator(model.fit(X[:150], y[:150]))
    >>> bool(display.objective_path[-1] < display.objective_path[0])
    True
    """

    def __init__(self, objective_path, *, rows=None, objective=None, name=None):
        self.objective_path = objective_path
        self.rows = rows
        self.objective = objective
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, model=None, name=None, ax=None, **kwargs):
        """Draw the objective during the fit of an estimator.

        Parameters
        ----------
        estimator : WNTKRegressor or WNTKClassifier
            The fitted estimator, or a fitted pipeline or search that ends in one.
        model : int, default=None
            Index of a model in the estimator's `models_`. None means the one with the
            smallest leave-one-out error.
        name : str, default=None
            Label of the line. None means the name of the estimator.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        LearningPathDisplay
            The display.
        """
        estimator = final_estimator(estimator)
        fitted = model_of(estimator, model)
        path, rows = np.array(fitted.learned.path), np.array(fitted.learned.rows)
        if not path.size:
            raise ValueError(
                "estimator has no learning path: nothing was learned. Either nothing "
                'is free (give it a kernel with bounds that are not "fixed", or '
                "alpha_bounds), or there is nothing to learn from: fewer than 3 "
                "distinct rows, or constant targets."
            )
        name = type(estimator).__name__ if name is None else name
        display = cls(path, rows=rows, objective=estimator.objective, name=name)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the objective after each iteration.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the line. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        LearningPathDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("LearningPathDisplay", ax)
        self.figure_ = self.ax_.figure
        options = {
            "label": self.name if name is None else name,
            "marker": ".",
            **kwargs,
        }
        path = np.asarray(self.objective_path)
        rows = np.zeros(len(path)) if self.rows is None else np.asarray(self.rows)
        iterations = np.arange(len(path))
        whole = rows == rows[-1]
        (self.line_,) = self.ax_.plot(iterations[whole], path[whole], **options)
        options |= {"color": self.line_.get_color(), "linestyle": ":"}
        self.part_lines_ = []
        for size in np.unique(rows[~whole]).astype(int):
            options["label"] = f"on {size} of {int(rows[-1])} rows"
            part = rows == size
            self.part_lines_ += self.ax_.plot(iterations[part], path[part], **options)
        self.ax_.locator_params(axis="x", integer=True)
        self.ax_.set_xlabel("iteration")
        self.ax_.set_ylabel(self.objective or "objective")
        if self.ax_.get_legend_handles_labels()[1]:
            self.ax_.legend()
        return self
