"""The neural network Gaussian process kernel."""

from __future__ import annotations

import numpy as np

from ._dense import DenseKernel


class NNGPKernel(DenseKernel):
    r"""Kernel of a network of which only the last layer is trained.

    It is also the covariance of the outputs of an infinitely wide network at
    initialisation, called neural network Gaussian process or conjugate kernel
    [1]_ [2]_,

    .. math:: q^{L+1}(x, x') = \sigma_{w,L+1}^2 \, E[\phi(u) \phi(v)]
              + \sigma_{b,L+1}^2 .

    It equals `WeightedNTKernel` with ``layer_weights=[0, ..., 0, 1]``.

    Parameters
    ----------
    depth : int, default=3
        Number of hidden layers, at least 1.
    activation : str, tuple, callable, Activation or sequence of these, default="relu"
        As in `NTKernel`.
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
        Number of features, counted from the last, that are ranks between 0 and 1, as in
        `NTKernel`.

    References
    ----------
    .. [1] Lee, Bahri, Novak, Schoenholz, Pennington and Sohl-Dickstein, "Deep Neural
       Networks as Gaussian Processes", ICLR 2018.
    .. [2] Qadeer et al., "Efficient kernel surrogates for neural network-based
       regression", 2023.

    Examples
    --------
    >>> from ntk_sklearn import NNGPKernel
    >>> kernel = NNGPKernel(depth=1, bias_variance=0.0)
    >>> kernel([[1.0, 0.0], [0.0, 1.0]]).round(3)
    array([[1.   , 0.318],
           [0.318, 1.   ]])
    """

    def layer_rates(self, depth):
        """Return the learning rates of the layers: zeros, and one for the read-out.

        Parameters
        ----------
        depth : int
            Number of hidden layers.

        Returns
        -------
        weights : ndarray of shape (depth + 1,)
        biases : None
        """
        last = np.zeros(depth + 1)
        last[-1] = 1.0
        return last, None
