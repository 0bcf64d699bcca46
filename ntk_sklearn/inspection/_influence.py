"""A display of the training rows that made a prediction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._fitted import drawing_axes


class Shown(NamedTuple):
    """The training rows that are shown, and their influence.

    Attributes
    ----------
    rows : ndarray of int
        The numbers of the rows, the most helpful first.
    values : ndarray
        Their influence.
    """

    rows: np.ndarray
    values: np.ndarray


class InfluenceDisplay:
    """Display of the training rows that raised and lowered a prediction most.

    The influence of a row is the change of the prediction that it makes: the prediction
    with all rows minus that without it. Rows with a positive influence have raised the
    value, and are drawn first; those with a negative one have lowered it.

    Parameters
    ----------
    influence : array-like of shape (n_rows,)
        The influence of each training row on one output of one prediction.
    labels : array-like of shape (n_rows,), default=None
        The targets or labels of the training rows, to be written beside them.
    images : array-like of shape (n_rows, height, width), default=None
        The training rows as images. None draws bars.
    n_shown : int, default=5
        Number of rows with a positive, and with a negative, influence to show.

    Attributes
    ----------
    shown_ : tuple of ndarrays
        `rows`, the numbers of the training rows shown, and `values`, their influence.
    axes_ : ndarray of matplotlib.axes.Axes
        The axes: one with bars, or one for each image.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    ntk_sklearn.WNTKClassifier.influence : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ntk_sklearn import NTKernel, WNTKClassifier
    >>> from ntk_sklearn.inspection import InfluenceDisplay
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> model = WNTKClassifier(NTKernel(depth=1)).fit(X[:100], y[:100])
    >>> display = InfluenceDisplay.from_estimator(
    ...     model, X[150], labels=y[:100], images=X[:100].reshape(-1, 8, 8)
    ... )
    >>> display.shown_.rows.shape
    (10,)
    """

    def __init__(self, influence, *, labels=None, images=None, n_shown=5):
        self.influence = influence
        self.labels = labels
        self.images = images
        self.n_shown = n_shown

    @classmethod
    def from_estimator(
        cls,
        estimator,
        x,
        *,
        training=None,
        output=None,
        labels=None,
        images=None,
        n_shown=5,
        ax=None,
    ):
        """Compute and draw the influence on one prediction of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with a method `influence`
            A fitted `WNTKRegressor`, `WNTKClassifier`, `KernelLogisticRegression` or
            `KernelSurrogate`.
        x : array-like of shape (n_features,)
            The row that is predicted.
        training : tuple, default=None
            ``(X, y)`` or ``(X, y, sample_weight)``, the rows of the fit, which Nyström
            models need: see :meth:`ntk_sklearn.WNTKRegressor.influence`.
        output : int, default=None
            The output or class. None means the first output of a regressor, and the
            class with the largest influence of all rows together, usually the one that
            is predicted.
        labels : array-like of shape (n_rows,), default=None
            The targets or labels of the training rows.
        images : array-like of shape (n_rows, height, width), default=None
            The training rows as images. None draws bars.
        n_shown : int, default=5
            Number of rows with a positive, and with a negative, influence to show.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw bars on. None makes a new figure.

        Returns
        -------
        InfluenceDisplay
            The display.
        """
        again = {} if training is None else {"training": training}
        found = np.asarray(estimator.influence(np.reshape(x, (1, -1)), **again))[0]
        if found.ndim == 2:
            total = found.sum(axis=0)
            found = found[:, int(total.argmax()) if output is None else output]
        return cls(found, labels=labels, images=images, n_shown=n_shown).plot(ax)

    def plot(self, ax=None):
        """Draw bars, or the images of the rows with their influence above them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw bars on. None makes a new figure; images always do.

        Returns
        -------
        InfluenceDisplay
            The display itself.
        """
        influence = np.asarray(self.influence)
        order = np.argsort(-influence)
        n = min(self.n_shown, len(order) // 2)
        rows = np.concatenate([order[:n], order[len(order) - n :]])
        self.shown_ = Shown(rows, influence[rows])
        if self.images is not None:
            return self._plot_images(n)
        ax = drawing_axes("InfluenceDisplay", ax)
        self.figure_, self.axes_ = ax.figure, np.array([ax])
        places = -np.arange(len(rows))
        colors = np.where(self.shown_.values > 0.0, "C0", "C3")
        ax.barh(places, self.shown_.values, color=colors)
        ax.set_yticks(places, [self._name(row) for row in rows])
        ax.axvline(0.0, color="0.4", linewidth=0.8)
        ax.set_xlabel("influence on the prediction")
        return self

    def _plot_images(self, n):
        first = drawing_axes("InfluenceDisplay")
        self.figure_ = first.figure
        first.remove()
        self.axes_ = self.figure_.subplots(2, n, squeeze=False)
        images = np.asarray(self.images)
        for ax, row, value in zip(self.axes_.flat, *self.shown_, strict=True):
            ax.imshow(images[row], cmap="gray_r")
            ax.set_title(f"{self._name(row)}\n{value:+.2g}", fontsize=8)
            ax.set_axis_off()
        return self

    def _name(self, row) -> str:
        return f"row {row}" if self.labels is None else f"{row}: {self.labels[row]}"
