"""The weighted neural tangent kernel."""

from __future__ import annotations

from .._utils.validation import check_depth, per_layer
from ._dense import DenseKernel
from ._layer_weights import LayerWeights


class WeightedNTKernel(LayerWeights, DenseKernel):
    r"""Neural tangent kernel of a network with a learning rate for each layer.

    Gradient descent with learning rate :math:`\eta w_l` on layer l is kernel regression
    with the weighted sum of the layers' own terms [1]_,

    .. math:: \Theta_w(x, x') = \sum_{l=1}^{L+1} w_l K_l(x, x') .

    Weights of one give `NTKernel`, ``[0, ..., 0, 1]`` gives `NNGPKernel`, and a weight
    of zero freezes a layer at its initial values [2]_. The empirical code of [1]_
    squares the weights; here, as in its analytic code, they are not squared.

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
    layer_weights : array-like of shape (depth + 1,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        None means ones. Multiplying them and the ridge ``alpha`` of an estimator by the
        same number leaves predictions unchanged.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights. Hyperparameters are learned as logarithms, so that
        weights of zero need bounds ``"fixed"``.
    bias_weights : array-like of shape (depth + 1,), default=None
        Learning rates of the biases of the layers. None means those of `layer_weights`.
        Given ones are never learned.
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
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.
    .. [2] Arora, Du, Li, Salakhutdinov, Wang and Yu, "Harnessing the Power of
       Infinitely Wide Deep Nets on Small-data Tasks", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel, WeightedNTKernel
    >>> X = np.array([[1.0, 0.5], [-0.5, 2.0]])
    >>> bool(np.allclose(WeightedNTKernel(depth=2)(X), NTKernel(depth=2)(X)))
    True
    >>> WeightedNTKernel(depth=2, layer_weights=[0.1, 1, 1]).components(X).shape
    (3, 2, 2)
    """

    _shown = (*DenseKernel._shown, "layer_weights", "bias_weights")

    def __init__(
        self,
        depth=3,
        activation="relu",
        weight_variance=2.0,
        weight_variance_bounds="fixed",
        bias_variance=0.1,
        bias_variance_bounds=(1e-5, 1e5),
        length_scale=1.0,
        length_scale_bounds="fixed",
        layer_weights=None,
        layer_weights_bounds=(1e-5, 1e5),
        bias_weights=None,
        dtype="float64",
        n_ranks=0,
    ):
        super().__init__(
            depth=depth,
            activation=activation,
            weight_variance=weight_variance,
            weight_variance_bounds=weight_variance_bounds,
            bias_variance=bias_variance,
            bias_variance_bounds=bias_variance_bounds,
            length_scale=length_scale,
            length_scale_bounds=length_scale_bounds,
            dtype=dtype,
            n_ranks=n_ranks,
        )
        self.layer_weights = layer_weights
        self.layer_weights_bounds = layer_weights_bounds
        self.bias_weights = bias_weights

    @property
    def is_homogeneous(self):
        """True if multiplying all layer weights multiplies the kernel as well."""
        return super().is_homogeneous and self.bias_weights is None

    def _n_terms(self):
        return check_depth(self.depth) + 1

    def layer_rates(self, depth):
        """Return the learning rates of the layers, and of their biases if they differ.

        Parameters
        ----------
        depth : int
            Number of hidden layers.

        Returns
        -------
        weights : ndarray of shape (depth + 1,)
        biases : ndarray of shape (depth + 1,) or None
        """
        weights = self.value("layer_weights")
        weights = per_layer("layer_weights", weights, depth, zero=True)
        bias_weights = None
        if self.bias_weights is not None:
            bias_weights = per_layer(
                "bias_weights", self.bias_weights, depth, zero=True
            )
        if not (weights.any() or (bias_weights is not None and bias_weights.any())):
            raise ValueError(
                f"layer_weights must have at least one positive entry, got "
                f"{self.layer_weights!r}: with no layer learning the kernel is zero."
            )
        return weights, bias_weights
