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

    The network has the NTK parameterisation, and all weights and biases are trained.

    Parameters
    ----------
    depth : int, default=3
        Number of hidden layers, at least 1. It is not part of ``theta``; choose it by
        ``GridSearchCV`` over ``kernel__depth``.
    activation : str, tuple, callable, Activation or sequence of these, default="relu"
        The activation of all hidden layers, or a sequence with one for each.

        - A name. With closed forms: ``"relu"``, ``"leaky_relu"``, ``"abs"``,
          ``"identity"``, ``"erf"``, ``"gelu"``, ``"sin"``, ``"cos"``, ``"gaussian"``,
          ``"rbf"``. Without: ``"tanh"``, ``"sigmoid"``, ``"silu"``, ``"softplus"``,
          ``"mish"``, ``"elu"``, ``"selu"``, ``"softsign"``, ``"hard_tanh"``,
          ``"hard_sigmoid"``, ``"hard_swish"``, ``"relu6"``, ``"relu2"``. The networks
          of ``"sign"`` and ``"step"`` have no useful gradient: their NTK is that of the
          last layer, which is the NNGP kernel.
        - A name and its argument: ``("leaky_relu", 0.2)``, or the coefficients of
          ``("polynomial", (0.0, 1.0, 0.5))``, the constant first.
        - A continuous function of an array, which is pickled with the kernel if it is a
          function of a module, or the record of one; see
          :meth:`~ntk_sklearn.activations.Activation.from_function`.
    weight_variance : float or array-like of shape (depth + 1,), default=2.0
        Variance of the weights at initialisation, times their number of inputs: one
        number for all layers, or one for each layer, the read-out last.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance. An estimator learns a hyperparameter within its
        bounds, and keeps one with bounds "fixed" as it is.
    bias_variance : float or array-like of shape (depth + 1,), default=0.1
        Variance of the biases at initialisation, for all layers or for each layer. A
        variance of 0 is kept, whatever the bounds.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the bias variance.
    length_scale : float or array-like of shape (n_features,), default=1.0
        The number that inputs are divided by: one for all features, or one for each.
    length_scale_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the length scale.
    dtype : "float64" or "float32", default="float64"
        Type of the kernel matrix. Single precision halves its memory. The kernel of a
        ReLU-like network without hidden biases is then also computed in single
        precision, in about two thirds of the time and with errors up to 1e-6 of the
        diagonal; any other kernel is computed in double precision and rounded. Single
        precision is meant for prediction and approximation, and not for training with a
        ridge below 1e-6 of the diagonal. Gradients and `diag` stay in double precision.
    n_ranks : int, default=0
        Number of features, counted from the last, that are ranks: numbers between 0 and
        1. The network sees a rank p as 32 steps ``clip(32 p - k, 0, 1)``, centred, and
        of total variance one if the ranks are uniform, so that a function of it can
        bend at any step. With infinitely many steps their inner product would be
        :math:`6 (1/3 + (p^2 + p'^2) / 2 - \max(p, p'))` [2]_.

    See Also
    --------
    WeightedNTKernel : The kernel if each layer has its own learning rate.
    NNGPKernel : The kernel if only the last layer is trained.

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
        """Return the learning rates of the layers, which are all one.

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
