"""A display of the leave-one-out error for many ridges."""

from __future__ import annotations

import numpy as np

from ..solvers._spectrum import ridge_path
from ._fitted import drawing_axes, final_estimator, model_of, ridge_problem


class AlphaPathDisplay:
    """Display of the exact leave-one-out error for many ridges, with a fixed kernel.

    The kernel is the learned one. All ridges together take one eigendecomposition of
    the kernel matrix. If the minimum is at an end of the path, or the path is flat, the
    kernel does not suit the data.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        The ridges, in increasing order.
    errors : array-like of shape (n_alphas,)
        The mean squared leave-one-out error at each ridge, summed over outputs.
    alpha : float, default=None
        The ridge that the estimator uses.
    error : float, default=None
        The leave-one-out error of the estimator.
    name : str, default=None
        Label of the line in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The path.
    chosen_ : matplotlib.lines.Line2D or None
        The mark of the estimator's own ridge.
    ax_ : matplotlib.axes.Axes
        The axes with the path.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Cross-validation scores for any
        parameter of any estimator, which take many fits.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WNTKRegressor
    >>> from ntk_sklearn.inspection import AlphaPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = WNTKRegressor().fit(X[:150], y[:150])
    >>> display = AlphaPathDisplay.from_estimator(model)
    >>> bool(display.error <= 1.2 * display.errors.min())
    True
    """

    def __init__(self, alphas, errors, *, alpha=None, error=None, name=None):
        self.alphas = alphas
        self.errors = errors
        self.alpha = alpha
        self.error = error
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, *, alphas=None, model=None, name=None, ax=None, **kwargs
    ):
        """Compute and draw the path of a fitted estimator.

        Parameters
        ----------
        estimator : WNTKRegressor or WNTKClassifier
            The fitted estimator, or a fitted pipeline or search that ends in one.
        alphas : array-like of shape (n_alphas,), default=None
            Positive ridges. None means 65 ridges from 1e-6 to 100 times the mean
            diagonal of the kernel matrix.
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
        AlphaPathDisplay
            The display. Its errors are in squared units of the targets of a regressor,
            or of the class indicators of a classifier.
        """
        estimator = final_estimator(estimator)
        fitted = model_of(estimator, model)
        problem = ridge_problem(estimator, fitted)
        if alphas is None:
            alphas = np.mean(np.diag(problem.K)) * np.geomspace(1e-6, 1e2, 65)
        scale = getattr(
            estimator, "target_scale_", 1.0
        )  # back to the units of the targets
        path = ridge_path(
            problem.K,
            problem.Y * scale,
            np.sort(_checked(alphas)),
            problem.weights,
            problem.intercept,
        )
        squares = np.sum(
            ((problem.Y - fitted.held_out.predictions) * scale) ** 2, axis=1
        )
        display = cls(
            path.alphas,
            path.errors,
            alpha=problem.alpha,
            error=float(np.average(squares, weights=problem.weights.weight)),
            name=type(estimator).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the path on a logarithmic axis, and mark the estimator's ridge.

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
        AlphaPathDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("AlphaPathDisplay", ax)
        self.figure_ = self.ax_.figure
        options = {"label": self.name if name is None else name, **kwargs}
        (self.line_,) = self.ax_.plot(self.alphas, self.errors, **options)
        self.chosen_ = None
        if self.alpha is not None and self.error is not None:
            (self.chosen_,) = self.ax_.plot(
                [self.alpha],
                [self.error],
                "o",
                color=self.line_.get_color(),
                label=f"alpha_ = {self.alpha:.2g}",
            )
        self.ax_.set_xscale("log")
        self.ax_.set_xlabel("alpha")
        self.ax_.set_ylabel("leave-one-out mean squared error")
        if options["label"] is not None or self.chosen_ is not None:
            self.ax_.legend()
        return self


def _checked(alphas):
    alphas = np.asarray(alphas, dtype=np.float64)
    if alphas.ndim != 1 or not alphas.size or not np.all(alphas > 0):
        raise ValueError(
            f"alphas must be one or more positive numbers, got {alphas.tolist()!r}."
        )
    return alphas
