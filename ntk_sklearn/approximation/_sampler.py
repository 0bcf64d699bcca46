"""A transformer to random features of the neural tangent kernel."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.compat import Interval, _fit_context, get_chunk_n_rows
from .._utils.validation import check_depth
from ..activations._registry import get_activations
from ..kernels._dense import check_fully_connected
from ..kernels._weighted import WeightedNTKernel
from ._layers import draw_layers, features

__all__ = ["NTKSampler"]


class NTKSampler(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Random features of the (weighted) neural tangent kernel.

    The inner product of two transformed rows estimates `kernel`, with an error that
    falls as ``n_components ** -0.5``. A linear model fitted to the features therefore
    approximates kernel regression, in time linear in the number of rows. The features
    are computed layer by layer [1]_: with :math:`n` the features of the layer's
    covariance and :math:`t` those of the kernel of the layers so far, starting from
    :math:`n = x` and :math:`t = \sqrt{w_1} x`,

    .. math::

        p = \sqrt{\sigma_w^2 / m} \, \phi(W n), \qquad
        s = \sqrt{\sigma_w^2 / m} \, \phi'(V n) \odot G t, \qquad
        t \leftarrow (s, \sqrt{w_{l+1}} \, p), \quad n \leftarrow p,

    and the standard deviation of the bias is appended to both. The rows of W, V and G
    are random orthogonal directions, drawn in pairs of opposite sign for W and V; from
    the second layer on they are randomised cosine transforms, which need no memory.

    Parameters
    ----------
    kernel : NTKernel, WeightedNTKernel or NNGPKernel, default=None
        The kernel to approximate. Its activation must be ``"relu"``,
        ``"leaky_relu"``, ``"abs"`` or ``"identity"``, and it must have no ranks. None
        means ``WeightedNTKernel()``.
    n_components : int, default=1024
        Number of features.
    random_state : int, RandomState instance or None, default=None
        Seed of the random directions.

    Attributes
    ----------
    kernel_ : NTKernel
        The kernel that is approximated.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    sklearn.kernel_approximation.Nystroem : Features from a sample of the rows. At
        equal `n_components` they are more accurate where the spectrum of the kernel
        decays fast; they cost a kernel and a matrix product per row.
    sklearn.kernel_approximation.RBFSampler : Random features of the RBF kernel.

    Notes
    -----
    With one hidden layer the estimate is unbiased. With more, its bias is of the order
    of ``1 / n_components``, below the random error.

    References
    ----------
    .. [1] Zandieh, Han, Avron, Shoham, Kim and Shin, "Scaling Neural Tangent Kernels
       via Sketching and Random Features", NeurIPS 2021. Their tensor sketch of
       :math:`t \otimes \phi'(V n)` is replaced by one random projection of t and one
       fresh direction of V per component, which has the same expectation.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn.approximation import NTKSampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> sampler = NTKSampler(n_components=500, random_state=0)
    >>> model = make_pipeline(StandardScaler(), sampler, Ridge(alpha=30.0))
    >>> model.fit(X, y).score(X, y) > 0.55
    True
    """

    _parameter_constraints: dict = {
        "kernel": [Kernel, None],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, kernel=None, *, n_components=1024, random_state=None):
        self.kernel = kernel
        self.n_components = n_components
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Draw the random directions for the number of features of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, of which only the number of columns is used.
        y : None
            Ignored.

        Returns
        -------
        NTKSampler
            The fitted transformer.

        Raises
        ------
        TypeError
            If the kernel is not that of a fully connected network.
        ValueError
            If the activation is not of the rectified family, or the kernel has ranks.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        kernel = WeightedNTKernel() if self.kernel is None else self.kernel
        check_fully_connected(kernel)
        self.kernel_ = clone(kernel)
        units = get_activations(
            self.kernel_.activation, check_depth(self.kernel_.depth)
        )
        activation = units[0]
        if not activation.homogeneous or any(unit != activation for unit in units):
            raise ValueError(
                "NTKSampler needs a positively homogeneous activation (relu, "
                "leaky_relu, abs or identity), the same in all layers, got "
                f"{self.kernel_.activation!r}; use "
                "sklearn.kernel_approximation.Nystroem for others."
            )
        slope = -float(activation.phi(np.array(-1.0), *activation.arguments))
        if self.kernel_.n_ranks:
            raise ValueError(
                f"NTKSampler needs a kernel without ranks, got n_ranks="
                f"{self.kernel_.n_ranks!r}; use sklearn.kernel_approximation.Nystroem."
            )
        network = self.kernel_.network(X)
        rng = check_random_state(self.random_state)
        self._layers = draw_layers(network, slope, self.n_components, rng)
        self._network = network
        self._n_features_out = self.n_components
        return self

    def transform(self, X):
        """Return the random features of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows. An array of float32 gives features of float32, any other array
            features of float64.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The features Z, for which ``Z @ Z.T`` estimates ``kernel(X)``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        Z = np.empty((X.shape[0], self.n_components), dtype=X.dtype)
        # The features of all layers, and temporaries, are in memory at the same time.
        rows = get_chunk_n_rows(row_bytes=8 * X.itemsize * self.n_components)
        for batch in gen_batches(X.shape[0], max(1, min(rows, 4096))):
            Z[batch] = features(
                self._network, self._layers, X[batch], self.n_components
            )
        return Z

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
