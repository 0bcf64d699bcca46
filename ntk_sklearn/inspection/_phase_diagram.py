"""A display of the ordered and the chaotic phase of random networks."""

from __future__ import annotations

import numpy as np

from ..dynamics._phases import edge_of_chaos, growth
from ._fitted import drawing_axes


class PhaseDiagramDisplay:
    r"""Display of the phases of deep random networks, over their variances.

    The colours show :math:`\chi`, the factor by which small differences of inputs grow
    in a layer; the line is the edge of chaos, where it is one.

    Parameters
    ----------
    weight_variances : array-like of shape (n_weights,)
        Variances of the weights.
    bias_variances : array-like of shape (n_biases,)
        Variances of the biases.
    chi : array-like of shape (n_biases, n_weights)
        The factor for each pair of variances.
    edge : array-like of shape (n_points, 2), default=None
        Weight and bias variances along the edge of chaos.
    name : str, default=None
        Label of the edge of chaos in the legend.

    Attributes
    ----------
    mesh_ : matplotlib.collections.QuadMesh
        The colours.
    line_ : matplotlib.lines.Line2D or None
        The edge of chaos.
    ax_ : matplotlib.axes.Axes
        The axes of the variances.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.inspection import PhaseDiagramDisplay
    >>> variances = {"weight_variances": [0.5, 3.0], "bias_variances": [0.0, 0.1]}
    >>> display = PhaseDiagramDisplay.from_activation("erf", **variances)
    >>> np.array(display.chi) > 1.0
    array([[False,  True],
           [False,  True]])
    """

    def __init__(self, weight_variances, bias_variances, chi, *, edge=None, name=None):
        self.weight_variances = weight_variances
        self.bias_variances = bias_variances
        self.chi = chi
        self.edge = edge
        self.name = name

    @classmethod
    def from_activation(
        cls,
        activation,
        *,
        weight_variances=None,
        bias_variances=None,
        ax=None,
        **kwargs,
    ):
        """Compute and draw the phases of networks with an activation.

        Parameters
        ----------
        activation : str, tuple of (str, float), Activation or pair of callables
            The activation: that of a kernel, or a pair of functions of an array, the
            activation and its derivative.
        weight_variances : array-like of shape (n_weights,), default=None
            Variances of the weights. None means 25 numbers from 0.2 to 5.
        bias_variances : array-like of shape (n_biases,), default=None
            Variances of the biases. None means 15 numbers from 0 to 1.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.pcolormesh`.

        Returns
        -------
        PhaseDiagramDisplay
            The display.
        """
        if weight_variances is None:
            weight_variances = np.linspace(0.2, 5.0, 25)
        if bias_variances is None:
            bias_variances = np.linspace(0.0, 1.0, 15)
        chi = [
            [growth(activation, w, b)[1] for w in weight_variances]
            for b in bias_variances
        ]
        edge = [edge_of_chaos(activation, q) for q in np.geomspace(1e-4, 1e2, 60)]
        display = cls(
            np.asarray(weight_variances),
            np.asarray(bias_variances),
            np.array(chi),
            edge=np.array([point for point in edge if point[1] > -1e-9]),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the factor of small differences, and the edge of chaos.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the edge of chaos. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.pcolormesh`.

        Returns
        -------
        PhaseDiagramDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("PhaseDiagramDisplay", ax)
        self.figure_ = self.ax_.figure
        growth = np.log(np.maximum(self.chi, 1e-3))
        options: dict = {
            "cmap": "RdBu_r",
            "vmin": -1.0,
            "vmax": 1.0,
            "shading": "nearest",
        }
        self.mesh_ = self.ax_.pcolormesh(
            self.weight_variances, self.bias_variances, growth, **options | kwargs
        )
        label = "log chi: ordered below 0, chaotic above"
        self.figure_.colorbar(self.mesh_, ax=self.ax_, label=label)
        self.line_, limits = None, (self.ax_.get_xlim(), self.ax_.get_ylim())
        if self.edge is not None and len(self.edge):
            name = self.name if name is None else name
            label = "edge of chaos" if name is None else name
            (self.line_,) = self.ax_.plot(
                *np.transpose(self.edge), color="k", marker=".", label=label
            )
            self.ax_.legend()
        self.ax_.set(xlim=limits[0], ylim=limits[1])
        self.ax_.set(xlabel="weight variance", ylabel="bias variance")
        return self
