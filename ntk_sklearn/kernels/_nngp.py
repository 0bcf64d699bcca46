"""The neural network Gaussian process kernel."""

from __future__ import annotations

import numpy as np

from ._dense import DenseKernel


class NNGPKernel(DenseKernel):
    r"""Kernel of a network of which only the last layer is trained.

    The covariance of the outputs of an infinitely wide network at initialisation: the
    neural network Gaussian process, or conjugate kernel [1]_ [2]_,

    .. math:: q^{L+1}(x, x') = \sigma_{w,L+1}^2 \, E[\phi(u) \phi(v)]
              + \sigma_{b,L+1}^2 .

    It is `WeightedNTKernel` with ``layer_weights=[0, ..., 0, 1]``.

    Parameters
    ----------
    depth : int, default=3
        Number of hidden layers, at least 1.
    activation : str or tuple of (str, float), default="relu"
        As in `NTKernel`.
    weight_variance : float or array-like of shape (depth + 1,), default=2.0
        Variance of the weights, times their number of inputs; the read-out last.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
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
        How many of the last features are ranks between 0 and 1, as in `NTKernel`.

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
        """Return zeros and a last one: only the read-out learns.

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
