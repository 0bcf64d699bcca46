"""A display of the drift of a network's empirical kernel."""

from __future__ import annotations

import numpy as np

from ..networks._drift import kernel_drift
from ._fitted import drawing_axes


class KernelDriftDisplay:
    r"""Display of the change of a network's empirical kernel during training.

    It draws :math:`|K_t - K_0| / |K_0|` over the passes over the training rows, for the
    kernel and for the term of each layer. The kernel of an infinitely wide network does
    not move.

    Parameters
    ----------
    epochs : array-like of shape (n_stages,)
        The number of passes over the training rows at each stage, 0 at the start.
    change : array-like of shape (n_stages,)
        The relative change of the kernel matrix.
    layers : array-like of shape (n_stages, n_layers), default=None
        The relative change of each layer's term. None draws the kernel alone.
    name : str, default=None
        Label of the line of the kernel.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The line of the kernel.
    layer_lines_ : list of matplotlib.lines.Line2D
        The lines of the layers.
    ax_ : matplotlib.axes.Axes
        The axes with the lines.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    ntk_sklearn.networks.kernel_drift : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn.inspection import KernelDriftDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((50,), random_state=0)
    >>> display = KernelDriftDisplay.from_network(network, X, y, epochs=[1, 2, 4])
    >>> len(display.layer_lines_)
    2
    """

    def __init__(self, epochs, change, *, layers=None, name=None):
        self.epochs = epochs
        self.change = change
        self.layers = layers
        self.name = name

    @classmethod
    def from_network(cls, network, X, y, *, name=None, ax=None, **kwargs):
        """Train a network, and draw the drift of its kernel.

        Parameters
        ----------
        network : MLPClassifier or MLPRegressor
            The network, of which a clone is trained from its start.
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or targets.
        name : str, default=None
            Label of the line of the kernel. None means "kernel".
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Further arguments of :func:`~ntk_sklearn.networks.kernel_drift`.

        Returns
        -------
        KernelDriftDisplay
            The display.
        """
        drift = kernel_drift(network, X, y, **kwargs)
        return cls(drift.epochs, drift.change, layers=drift.layers, name=name).plot(ax)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the lines on logarithmic axes, without the start.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the line of the kernel. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the kernel's line.

        Returns
        -------
        KernelDriftDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("KernelDriftDisplay", ax)
        self.figure_ = self.ax_.figure
        name = name or self.name or "kernel"
        trained = np.asarray(self.epochs) > 0
        epochs = np.asarray(self.epochs)[trained]
        options = {"label": name, "linewidth": 2.5, **kwargs}
        change = np.asarray(self.change)[trained]
        (self.line_,) = self.ax_.plot(epochs, change, **options)
        self.layer_lines_ = []
        layers = np.empty((len(epochs), 0))
        if self.layers is not None:
            layers = np.asarray(self.layers)[trained]
        depth = layers.shape[1] - 1
        for l, values in enumerate(layers.T):
            label = "read-out" if l == depth else f"layer {l + 1}"
            self.layer_lines_ += self.ax_.plot(epochs, values, "--", label=label)
        self.ax_.set(xscale="log", yscale="log")
        self.ax_.set_xlabel("passes over the training rows")
        self.ax_.set_ylabel("relative change of the kernel")
        self.ax_.legend()
        return self
