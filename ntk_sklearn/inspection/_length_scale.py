"""A display of length scales."""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .._models.base import RidgeModel
from ..estimators._base import BaseWNTK
from ._fitted import drawing_axes, final_estimator, model_of


class LengthScaleDisplay:
    """Display of the learned length scales of a kernel's inputs.

    Each bar is the inverse of a length scale: the higher the bar, the more the kernel
    changes with the input. If the inputs are encoded, bars are relative to the start of
    learning: 1 means an unchanged length scale, and a number near 0 an input that the
    kernel ignores. See ``feature_importances_`` for how much predictions depend on a
    column.

    Parameters
    ----------
    length_scale : array-like of shape (n_inputs,)
        The length scales, relative to those that learning started from.
    names : sequence of str, default=None
        Names of the inputs. None means "x0", "x1" and so on.
    name : str, default=None
        Label of the bars in the legend.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        The bars, the largest first.
    ax_ : matplotlib.axes.Axes
        The axes with the bars.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    See Also
    --------
    LayerWeightsDisplay : The weights of the layers of a kernel.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WNTKRegressor
    >>> from ntk_sklearn.inspection import LengthScaleDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = WNTKRegressor().fit(X[:150], y[:150])
    >>> display = LengthScaleDisplay.from_estimator(model)
    >>> display.names[:2], display.names[-1]
    (['age', 'sex'], 's6')
    """

    def __init__(self, length_scale, *, names=None, name=None):
        self.length_scale = length_scale
        self.names = names
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, *, model=None, n_inputs=20, name=None, ax=None, **kwargs
    ):
        """Draw the length scales of a fitted estimator.

        Parameters
        ----------
        estimator : WNTKRegressor or WNTKClassifier
            The fitted estimator, whose kernel must have a length scale for each input,
            or a fitted pipeline or search that ends in one.
        model : int, default=None
            Index of a model in the estimator's `models_`. None means the one with the
            smallest leave-one-out error among those that have learned length scales,
            or among all if there are none.
        n_inputs : int, default=20
            The largest number of inputs that are drawn, those with the longest bars.
        name : str, default=None
            Label of the bars. None means no label.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.barh`.

        Returns
        -------
        LengthScaleDisplay
            The display.
        """
        estimator = final_estimator(estimator)
        if model is None:
            model = _learned_model(estimator)
        fitted = model_of(estimator, model)
        scale = np.asarray(getattr(fitted.kernel, "length_scale", 1.0), dtype=float)
        if scale.ndim != 1:
            raise ValueError(
                "estimator must have a kernel with a length scale for each input, got "
                f"kernel_={fitted.kernel!r}."
            )
        names = _names(estimator, fitted)
        display = cls(scale / _start(fitted), names=names, name=name)
        return display.plot(ax=ax, n_inputs=n_inputs, **kwargs)

    def plot(self, ax=None, *, n_inputs=20, name=None, **kwargs):
        """Draw a bar for each input, the longest on top.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        n_inputs : int, default=20
            The largest number of inputs that are drawn, those with the longest bars.
        name : str, default=None
            Label of the bars. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.barh`.

        Returns
        -------
        LengthScaleDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("LengthScaleDisplay", ax)
        self.figure_ = self.ax_.figure
        seen = 1.0 / np.asarray(self.length_scale, dtype=np.float64)
        names = self.names
        if names is None:
            names = [f"x{j}" for j in range(len(seen))]
        shown = np.argsort(-seen, kind="stable")[:n_inputs]
        ticks = np.arange(len(shown))
        label = self.name if name is None else name
        options = {"label": label, "height": 0.7, **kwargs}
        self.bars_ = self.ax_.barh(ticks, seen[shown], **options)
        self.ax_.set_yticks(ticks, [names[j] for j in shown])
        self.ax_.invert_yaxis()
        self.ax_.set_xlabel("start / length scale")
        if options["label"] is not None:
            self.ax_.legend()
        return self


def _learned_model(estimator: BaseWNTK) -> int | None:
    """Return the index of the best model with learned length scales, if there is one.

    The kernel of a model whose scales were fixed tells nothing of the data.
    """
    learned = [_learns_scales(model.kernel) for model in estimator.models_]
    if not any(learned):
        return None
    return int(np.argmax(np.where(learned, estimator.blend_weights_, -1.0)))


def _learns_scales(kernel: Kernel) -> bool:
    """Return whether the length scales of a kernel were free."""
    return any(h.name == "length_scale" and not h.fixed for h in kernel.hyperparameters)


def _start(model: RidgeModel):
    """Return the length scales of the encoded inputs, before any were learned."""
    return getattr(model.encoder, "length_scale_", 1.0)


def _names(estimator: BaseWNTK, model: RidgeModel) -> list[str]:
    """Return the names of the inputs as the kernel of a model sees them."""
    given = getattr(estimator, "feature_names_in_", None)
    if model.encoder is not None:
        return list(model.encoder.get_feature_names_out(given))
    if given is None:
        return [f"x{j}" for j in range(estimator.n_features_in_)]
    return list(given)
