"""A display of the spectrum of a kernel matrix, and of the target along it."""

from __future__ import annotations

import numpy as np

from ..solvers._spectrum import Spectrum
from ._fitted import drawing_axes, final_estimator, model_of, ridge_problem


class KernelSpectrumDisplay:
    r"""Display of the eigenvalues of the kernel matrix and the energy of the target.

    With :math:`K = U \Lambda U'`, the energy of the target in the k leading
    eigenvectors is :math:`\sum_{i \le k} (u_i' y)^2 / |y|^2`. The alignment of kernel
    and target is :math:`y' K y / (\|K\|_F |y|^2)`. The effective dimension of the ridge
    is :math:`\sum_i \lambda_i / (\lambda_i + \alpha)`, about the number of eigenvectors
    along which the target is fitted [1]_ [2]_. If the kernel suits the target, most of
    the energy is in these leading eigenvectors.

    If the estimator has an intercept, matrix and target are centred. If there are
    sample weights, both are multiplied by the roots of the weights.

    Parameters
    ----------
    eigenvalues : array-like of shape (n,)
        The eigenvalues, largest first.
    energy : array-like of shape (n,), default=None
        The share of the target in the leading eigenvectors, up to each one.
    alignment : float, default=None
        The alignment of kernel and target, between 0 and 1.
    alpha : float, default=None
        The ridge.
    effective_dimension : float, default=None
        The effective dimension of the ridge.
    name : str, default=None
        Label of the eigenvalues in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The eigenvalues.
    energy_line_ : matplotlib.lines.Line2D or None
        The energy of the target.
    ax_ : matplotlib.axes.Axes
        The axes of the eigenvalues.
    energy_ax_ : matplotlib.axes.Axes or None
        The axes of the energy, with the same horizontal axis.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.

    References
    ----------
    .. [1] Kopitkov and Indelman, "Neural Spectrum Alignment: Empirical Study", ICANN
       2020.
    .. [2] Ortiz-Jimenez, Moosavi-Dezfooli and Frossard, "What can linearized neural
       networks actually say about generalization?", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from ntk_sklearn import WNTKRegressor
    >>> from ntk_sklearn.inspection import KernelSpectrumDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = WNTKRegressor().fit(X[:150], y[:150])
    >>> display = KernelSpectrumDisplay.from_estimator(model)
    >>> bool(0 < display.effective_dimension < 150)
    True
    >>> bool(display.energy[20] > 0.4)
    True
    """

    def __init__(
        self,
        eigenvalues,
        *,
        energy=None,
        alignment=None,
        alpha=None,
        effective_dimension=None,
        name=None,
    ):
        self.eigenvalues = eigenvalues
        self.energy = energy
        self.alignment = alignment
        self.alpha = alpha
        self.effective_dimension = effective_dimension
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, model=None, name=None, ax=None, **kwargs):
        """Compute and draw the spectrum of a fitted estimator's kernel matrix.

        Parameters
        ----------
        estimator : WNTKRegressor or WNTKClassifier
            The fitted estimator, or a fitted pipeline or search that ends in one.
        model : int, default=None
            Index of a model in the estimator's `models_`. None means the one with the
            smallest leave-one-out error.
        name : str, default=None
            Label of the eigenvalues. None means "eigenvalues".
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the eigenvalues.

        Returns
        -------
        KernelSpectrumDisplay
            The display.
        """
        estimator = final_estimator(estimator)
        problem = ridge_problem(estimator, model_of(estimator, model))
        spectrum = Spectrum.of(problem.K, problem.weights, problem.intercept)
        values, along = spectrum.values, spectrum.energy(problem.Y)
        if problem.intercept:  # along the constant, eigenvalue and energy are zero
            values, along = np.append(values, 0.0), np.append(along, 0.0)
        total = max(along.sum(), np.finfo(float).tiny)
        size = max(float(np.linalg.norm(values)), np.finfo(float).tiny)
        display = cls(
            values,
            energy=np.cumsum(along) / total,
            alignment=float(values @ along / (size * total)),
            alpha=problem.alpha,
            effective_dimension=spectrum.effective_dimension(problem.alpha),
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw eigenvalues, ridge, effective dimension and energy.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None makes a new figure.
        name : str, default=None
            Label of the eigenvalues. None means that of the display.
        **kwargs : dict
            Keyword arguments of `matplotlib.axes.Axes.plot` for the eigenvalues.

        Returns
        -------
        KernelSpectrumDisplay
            The display itself.
        """
        self.ax_ = drawing_axes("KernelSpectrumDisplay", ax)
        self.figure_ = self.ax_.figure
        values = np.asarray(self.eigenvalues, dtype=np.float64)
        shown = values > np.finfo(float).eps * values.max(initial=0.0)
        number = np.arange(1, len(values) + 1)
        name = self.name if name is None else name
        options = {"label": "eigenvalues" if name is None else name, **kwargs}
        (self.line_,) = self.ax_.plot(number[shown], values[shown], **options)
        self.ax_.set(xscale="log", yscale="log")
        self.ax_.set(xlabel="number of the direction", ylabel="eigenvalue")
        if self.alpha is not None:
            label = f"alpha_ = {self.alpha:.2g}"
            self.ax_.axhline(self.alpha, color="0.5", linestyle="--", label=label)
        if self.effective_dimension is not None:
            label = f"effective dimension {self.effective_dimension:.1f}"
            self.ax_.axvline(
                self.effective_dimension, color="0.5", linestyle=":", label=label
            )
        self._plot_energy(number)
        return self

    def _plot_energy(self, number):
        """Draw the energy on a second vertical axis, and one legend for all lines."""
        self.energy_ax_ = self.energy_line_ = None
        lines, labels = self.ax_.get_legend_handles_labels()
        if self.energy is not None:
            self.energy_ax_ = self.ax_.twinx()
            label = "energy of the target"
            if self.alignment is not None:
                label += f" (alignment {self.alignment:.2f})"
            (self.energy_line_,) = self.energy_ax_.plot(
                number, self.energy, color="C1", label=label
            )
            self.energy_ax_.set(ylim=(0.0, 1.02), ylabel="energy of the target")
            lines, labels = [*lines, self.energy_line_], [*labels, label]
        (self.energy_ax_ or self.ax_).legend(
            lines, labels, loc="lower left", fontsize="small", framealpha=0.9
        )
