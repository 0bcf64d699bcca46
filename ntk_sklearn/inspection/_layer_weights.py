"""A display of layer weights."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from ._fitted import drawing_axes, final_estimator, model_of


class LayerWeightsDisplay:
    r"""Display of the layer weights and of the share of each layer in the kernel.

    The share of layer l is :math:`w_l \operatorname{tr} K_l / \sum_m w_m
    \operatorname{tr} K_m` on the training rows. The terms of the layers differ in size,
    so that layers with equal weights have different shares.

    Parameters
    ----------
    layer_weights : array-like of shape (n_layers,)
        The weights, from the first layer to the read-out.
    shares : array-like of shape (n_layers,), default=None
        The share of each layer in the trace of the kernel matrix.
    name : str, default=None
        Label of the bars in the legend.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        The bars.
    ax_ : matplotlib.axes.Axes
        The axes with the bars.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    LearningPathDisplay : The objective while the weights were learned.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WNTKRegressor
    >>> from ntk_sklearn.inspection import LayerWeightsDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = WNTKRegressor().fit(X[:150], y[:150])
    >>> display = LayerWeightsDisplay.from_estimator(model)
    >>> display.shares.shape
    (2,)
    >>> round(float(display.shares.sum()), 6)
    1.0
    """

    def __init__(self, layer_weights, *, shares=None, name=None):
        self.layer_weights = layer_weights
        self.shares = shares
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, model=None, name=None, ax=None, **kwargs):
        """Draw the layer weights of a fitted estimator.

        Parameters
        ----------
        estimator : WNTKRegressor or WNTKClassifier
            The fitted estimator, whose kernel must have layer weights, or a fitted
            pipeline or search that ends in one.
        model : int, default=None
            Index of a model in the estimator's `models_`. None means the one with the
            smallest leave-one-out error.
        name : str, default=None
            Label of the bars. None means no label.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.bar`.

        Returns
        -------
        LayerWeightsDisplay
            The display.
        """
        estimator = final_estimator(estimator)
        fitted = model_of(estimator, model)
        if not hasattr(fitted.kernel, "layer_weights"):
            raise ValueError(
                "estimator must have learned with a WeightedNTKernel, the kernel with "
                f"layer weights, got kernel_={fitted.kernel!r}."
            )
        weights = np.array(fitted.kernel.value("layer_weights"), dtype=np.float64)
        display = cls(weights, shares=_shares(fitted.kernel, fitted.X), name=name)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw a bar for each layer, with its share above it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the bars. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.bar`.

        Returns
        -------
        LayerWeightsDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("LayerWeightsDisplay", ax)
        self.figure_ = self.ax_.figure
        depth = len(self.layer_weights) - 1
        ticks = [*(f"layer {l}" for l in range(1, depth + 1)), "read-out"]
        options = {"label": self.name if name is None else name, "width": 0.6, **kwargs}
        self.bars_ = self.ax_.bar(ticks, self.layer_weights, **options)
        if self.shares is not None:
            labels = [f"{100 * share:.0f} %" for share in self.shares]
            self.ax_.bar_label(self.bars_, labels, padding=2)
            self.ax_.margins(y=0.15)
            self.ax_.set_title("above each bar: its share in the kernel's trace")
        self.ax_.set_ylabel("layer weight")
        if options["label"] is not None:
            self.ax_.legend()
        return self


def _shares(kernel, X):
    """Return the shares of the layers in the trace, from their diagonals."""
    weights = np.array(kernel.value("layer_weights"), dtype=np.float64)
    biases = weights if kernel.bias_weights is None else np.array(kernel.bias_weights)
    traces = np.zeros(len(weights))
    for l, one in enumerate(np.eye(len(weights))):
        if weights[l] or biases[l]:
            alone = clone(kernel).set_params(
                layer_weights=one * weights,
                layer_weights_bounds="fixed",
                bias_weights=one * biases,
            )
            traces[l] = alone.diag(X).sum()
    total = traces.sum()
    return traces / total if total > 0 else traces
