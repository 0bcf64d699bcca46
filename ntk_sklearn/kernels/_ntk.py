"""The neural tangent kernel."""

from __future__ import annotations

import numpy as np

from ._dense import DenseKernel


class NTKernel(DenseKernel):
    r"""Neural tangent kernel of an infinitely wide fully connected network.

    Gradient descent on such a network is kernel regression with this kernel [1]_. With
    :math:`q^l` the covariance of the pre-activations of layer l and :math:`D^l` the
    expected product of the activation's derivatives,

    .. math::

        \Theta(x, x') = \sum_{l=1}^{L+1} q^l(x, x') \prod_{m=l}^{L}
        \sigma_{w,m+1}^2 D^m(x, x'), \qquad
        q^1(x, x') = \sigma_{w,1}^2 \langle x, x' \rangle / d + \sigma_{b,1}^2 .

    Values are those of the NTK parameterisation, weights and biases all trained.

    Parameters
    ----------
    depth : int, default=3
        Number of hidden layers, at least 1. It is no part of ``theta``; choose it by
        ``GridSearchCV`` over ``kernel__depth``.
    activation : str or tuple of (str, float), default="relu"
        ``"relu"``, ``"leaky_relu"``, ``"abs"``, ``"identity"``, ``"erf"``, ``"gelu"``,
        ``"sin"``, ``"cos"``, ``"gaussian"`` or ``"rbf"``; with an argument, for
        instance ``("leaky_relu", 0.2)``.
    weight_variance : float or array-like of shape (depth + 1,), default=2.0
        Variance of the weights, times their number of inputs; the read-out last.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds within which whoever holds the kernel may learn the variance.
    bias_variance : float or array-like of shape (depth + 1,), default=0.1
        Variance of the biases. A value of 0 is always fixed.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the bias variance.
    length_scale : float or array-like of shape (n_features,), default=1.0
        What each input is divided by: one number, or one per feature.
    length_scale_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the length scale.
    dtype : "float64" or "float32", default="float64"
        Type of the kernel matrix. Single precision halves its memory. Networks of
        the ReLU family without hidden biases are then computed in it, in about two
        thirds of the time and to 1e-6 of the diagonal; of others the entries are
        rounded. Meant for prediction and approximation, not for training with a ridge
        below 1e-6 of the diagonal. Gradients and `diag` stay in double precision.
    n_ranks : int, default=0
        How many of the last features are ranks: numbers between 0 and 1 that the
        network sees as 32 steps, each as far as the rank has come on it, centred and
        of variance one for uniform ranks. A column may then bend anywhere. With
        infinitely many steps, what enters the first covariance would be
        :math:`6 (1/3 + (p^2 + p'^2) / 2 - \max(p, p'))` [2]_.

    See Also
    --------
    WeightedNTKernel : Layers that learn at rates of their own.
    NNGPKernel : Only the last layer learns.

    References
    ----------
    .. [1] Jacot, Gabriel and Hongler, "Neural Tangent Kernel: Convergence and
       Generalization in Neural Networks", NeurIPS 2018.
    .. [2] Wahba, "Spline Models for Observational Data", SIAM 1990, chapter 2.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn import NTKernel
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ridge = KernelRidge(kernel=NTKernel(depth=2), alpha=10.0)
    >>> model = make_pipeline(StandardScaler(), ridge).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.61
    """

    def layer_rates(self, depth):
        """Return ones: all layers learn alike.

        Parameters
        ----------
        depth : int
            Number of hidden layers.

        Returns
        -------
        weights : ndarray of shape (depth + 1,)
        biases : None
        """
        return np.ones(depth + 1), None
