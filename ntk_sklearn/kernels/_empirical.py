"""The empirical neural tangent kernel of a network that was trained."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from .._engine.trained_terms import full_kernel
from .._utils.validation import check_pair, check_positive, check_samples
from ._layer_weights import LayerWeights
from ._network import (
    checked_rates,
    describe,
    has_features,
    network_arrays,
    same_network,
    snapshot,
)
from ._repr import same, show
from ._terms import (
    ArrayTerms,
    FeatureTerms,
    HiddenTerms,
    KernelTerms,
    PreconditionedTerms,
    direction_of,
)
from ._terms_on_rows import TermsOnRows, normalised
from ._theta import refuse_gradient

KINDS = ("ntk", "pntk", "conjugate", "embedding")

# The parameters that `repr` shows unless they have these values.
_USUAL: dict[str, str | bool | None] = {
    "kind": "ntk",
    "layer_weights": None,
    "output": "sum",
    "normalize": False,
}


class EmpiricalNTKernel(LayerWeights):
    r"""Empirical neural tangent kernel of a network that was trained.

    The kernel says how much a step of gradient descent on one row changes the outputs
    of the network at another row. With :math:`J_c(x)` the derivatives of output c with
    respect to all parameters, it is :math:`\sum_c J_c(x) \cdot J_c(x')`. It is the sum
    of one term for each layer,

    .. math::

        \Theta(x, x') = \sum_l w_l \, (h_l(x) \cdot h_l(x') + 1)
        \sum_c \delta_l^c(x) \cdot \delta_l^c(x') ,

    where :math:`h_l` are the inputs of layer l and :math:`\delta_l^c` the derivatives
    of output c with respect to the layer's pre-activations. The weights :math:`w_l` are
    relative learning rates of the layers [1]_, and an estimator can learn them. For n
    rows, the kernel needs memory for :math:`O(n^2)` numbers, whatever the size of the
    network.

    Parameters
    ----------
    network : MLPClassifier, MLPRegressor, NetworkArrays or object
        The network, which must be fitted.

        - A network of scikit-learn, or a
          :class:`~sklearn.frozen.FrozenEstimator` around one. The kernel is that of
          its present weights; `clone` copies them, so that further training changes
          the kernel given, and not the one of an estimator that was fitted with a
          clone. Its outputs are the predictions of a regressor and the logits of a
          classifier, which has one output for two classes.
        - A :class:`~ntk_sklearn.networks.NetworkArrays`, the arrays of any fully
          connected network.
        - Any object with a method ``layer_features(X)`` and an attribute `n_layers`,
          for networks of other libraries. The method returns an array for each layer,
          the read-out last, of shape (n_samples, n_outputs, n_parameters): the
          derivatives of the outputs by the parameters of the layer, or random
          projections of them.
    kind : {"ntk", "pntk", "conjugate", "embedding"}, default="ntk"
        The kernel.

        - ``"ntk"``: the neural tangent kernel of one output, or the sum over all
          outputs (the "trace NTK").
        - ``"pntk"``: that of the sum of all outputs, divided by their number [2]_.
        - ``"conjugate"``: the term of the read-out alone: the inner product of the
          values of the last hidden layer, plus one for the bias.
        - ``"embedding"``: the sum over hidden layers of the inner products of their
          values [3]_. Each hidden layer has a weight.
    layer_weights : array-like of shape (n_layers,) or (2 * n_layers,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        With two numbers for each layer, its weights have the first and its biases the
        second, as in the empirical code of [1]_, which squares the numbers. ``kind``
        "conjugate" has one weight, and "embedding" one for each hidden layer. None
        means ones for the layers.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights. Hyperparameters are learned as logarithms, so that
        weights of zero need bounds ``"fixed"``.
    parameter_weights : NetworkArrays or None, default=None
        The learning rate of every parameter, non-negative, in arrays of the network's
        shapes, for ``kind`` "ntk" and "pntk":
        ``optimizer_weights(...).parameter_weights``, for instance. The layer weights
        multiply them. None means ones.
    output : int or "sum", default="sum"
        The output whose kernel is wanted, for ``kind="ntk"``; ``"sum"`` adds up the
        kernels of all outputs.
    normalize : bool, default=False
        Whether the kernel is divided by :math:`\sqrt{k(x, x) \, k(x', x')}`. Its
        values are then cosines, and it is no longer linear in the layer weights.

    See Also
    --------
    WeightedNTKernel : The kernel of infinitely wide networks before training.
    KernelSurrogate : A kernel machine with this kernel, in place of the network.

    References
    ----------
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.
    .. [2] Mohamadi, Bae and Sutherland, "A Fast, Well-Founded Approximation to the
       Empirical Neural Tangent Kernel", ICML 2023.
    .. [3] Engel, Wang, Frank, Dumitriu, Choudhury, Sarwate and Chiang, "Faithful and
       Efficient Explanations for Neural Networks via Neural Tangent Kernel Surrogate
       Models", ICLR 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from ntk_sklearn import EmpiricalNTKernel
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((20, 20), solver="lbfgs", max_iter=2000, random_state=0)
    >>> kernel = EmpiricalNTKernel(network.fit(X, y))
    >>> kernel(X[:5], X[50:57]).shape
    (5, 7)
    >>> kernel.components(X[:5]).shape
    (3, 5, 5)
    """

    def __init__(
        self,
        network,
        kind="ntk",
        layer_weights=None,
        layer_weights_bounds=(1e-5, 1e5),
        parameter_weights=None,
        output="sum",
        normalize=False,
    ):
        self.network = network
        self.kind = kind
        self.layer_weights = layer_weights
        self.layer_weights_bounds = layer_weights_bounds
        self.parameter_weights = parameter_weights
        self.output = output
        self.normalize = normalize

    def __sklearn_clone__(self):
        """Return a kernel of the same network, which further training does not change.

        scikit-learn's own way would make a network that is not fitted.
        """
        params = self.get_params()
        return type(self)(**{**params, "network": snapshot(self.network)})

    # -- the terms --------------------------------------------------------------------

    def _n_terms(self) -> int:
        """Return the number of terms if the layers have one each."""
        self._check_parameters()
        if self.kind == "conjugate":
            return 1
        own = has_features(self.network)
        network = self.network if own else network_arrays(self.network)
        return int(network.n_layers) - (self.kind == "embedding")

    def _check_parameters(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}.")
        if self.kind == "embedding" and has_features(self.network):
            raise ValueError(
                'kind="embedding" needs the values of the hidden layers, which a '
                "network with its own layer_features does not tell; use another kind."
            )
        if isinstance(self.output, str) and self.output == "sum":
            return
        if isinstance(self.output, bool) or not isinstance(self.output, Integral):
            raise TypeError(
                f'output must be "sum" or the number of an output, got {self.output!r}.'
            )
        if self.kind != "ntk":
            raise ValueError(
                f'output must be "sum" with kind={self.kind!r}, which is no kernel of '
                f"one output, got {self.output!r}."
            )

    def _weights(self) -> np.ndarray:
        """Return the checked layer weights, one for each term."""
        weights = np.atleast_1d(
            check_positive("layer_weights", self.value("layer_weights"), zero=True)
        )
        n_terms = self._n_terms()
        sizes = [n_terms]
        if self._has_tensors():
            sizes.append(2 * n_terms)
        if weights.size not in sizes:
            raise ValueError(
                f"layer_weights has {weights.size} entries, but kind={self.kind!r} of "
                f"this network needs {' or '.join(map(str, sizes))}; pass None for "
                "equal values."
            )
        if not weights.any():
            raise ValueError(
                "layer_weights must have at least one positive entry, got "
                f"{self.layer_weights!r}: the kernel would be zero."
            )
        return weights

    def _has_tensors(self) -> bool:
        """Return whether weights and biases may have weights of their own."""
        tangent = self.kind in ("ntk", "pntk") and not has_features(self.network)
        return tangent and self.parameter_weights is None

    def _terms(self, n_weights: int) -> KernelTerms:
        """Return the terms of the kernel, as many as there are weights."""
        tangent = self.kind in ("ntk", "pntk")
        if self.parameter_weights is not None and (
            not tangent or has_features(self.network)
        ):
            raise ValueError(
                'parameter_weights must be None unless kind is "ntk" or "pntk" and the '
                f"network is given by its arrays, got kind={self.kind!r}."
            )
        if has_features(self.network):
            return FeatureTerms(self.network, self.kind, self.output)
        network = network_arrays(self.network)
        if self.kind == "embedding":
            return HiddenTerms(network)
        how = direction_of(self.kind, self.output, network.n_outputs)
        if self.kind == "conjugate":
            return ArrayTerms(network, *how, first=network.n_layers - 1)
        if self.parameter_weights is not None:
            rates = checked_rates(self.parameter_weights, network)
            return PreconditionedTerms(network, rates, *how)
        return ArrayTerms(network, *how, per_tensor=n_weights > network.n_layers)

    def _check_features(self, X) -> None:
        if has_features(self.network):
            return
        n_inputs = network_arrays(self.network).coefs[0].shape[0]
        if X.shape[1] != n_inputs:
            raise ValueError(
                f"X has {X.shape[1]} features, but the network of EmpiricalNTKernel "
                f"was trained on {n_inputs}."
            )

    # -- the kernel -------------------------------------------------------------------

    def __call__(self, X, Y=None, eval_gradient=False):
        """Return the kernel matrix, and its gradient if asked for.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            First set of rows, as the network takes them.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`.
        eval_gradient : bool, default=False
            Whether to return the derivatives by ``theta`` as well; `Y` must be None.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            The kernel matrix.
        gradient : ndarray of shape (n_samples_X, n_samples_X, n_dims)
            The derivatives of the kernel matrix; only if `eval_gradient` is true.
        """
        refuse_gradient(eval_gradient, Y)
        if eval_gradient:
            rows = self.on_rows(X)
            return rows.gram(), rows.gradient()
        X, Y = check_pair(X, Y)
        self._check_features(X)
        weights = self._weights()
        K = np.zeros((len(X), len(X if Y is None else Y)))
        for i, term in self._terms(weights.size).matrices(X, Y, weights > 0):
            np.multiply(term, weights[i], out=term)
            K += term
            del term  # before the next one is made
        if not self.normalize:
            return K
        left = np.diag(K) if Y is None else self._diagonal(X)
        return normalised(K, left, left if Y is None else self._diagonal(Y))

    def _diagonal(self, X) -> np.ndarray:
        weights, out = self._weights(), np.zeros(len(X))
        for i, term in self._terms(weights.size).diagonals(X):
            out += weights[i] * term
        return out

    def diag(self, X):
        """Return ``k(x, x)`` of every row, in time linear in the number of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Equal to ``np.diag(self(X))``.
        """
        X = check_samples(X)
        self._check_features(X)
        return self._normalised_diagonal(self._diagonal(X))

    def components(self, X, Y=None):
        """Return the terms of the layers, without layer weights and not normalised.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            First set of rows.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`.

        Returns
        -------
        ndarray of shape (n_terms, n_samples_X, n_samples_Y)
            One term for each entry of the layer weights.
        """
        X, Y = check_pair(X, Y)
        self._check_features(X)
        n_terms = self._weights().size
        out = np.empty((n_terms, len(X), len(X if Y is None else Y)))
        wanted = np.ones(n_terms, dtype=bool)
        for i, term in self._terms(n_terms).matrices(X, Y, wanted):
            out[i] = term
        return out

    def full(self, X, Y=None):
        """Return the kernel between all outputs of all rows, for ``kind="ntk"``.

        The network that is linearised at its weights is a Gaussian process, or ridge
        regression, of several outputs with this kernel.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            First set of rows.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`.

        Returns
        -------
        ndarray of shape (n_samples_X, n_outputs, n_samples_Y, n_outputs)
            Its sum over equal outputs is the kernel matrix.
        """
        X, Y = check_pair(X, Y)
        self._check_features(X)
        weights = self._weights()
        plain = self._has_tensors() and not self.normalize
        if self.kind != "ntk" or self.output != "sum" or not plain:
            raise ValueError(
                'the full kernel needs kind="ntk", output="sum", normalize=False, no '
                f"parameter_weights, and a network given by its arrays, got {self!r}."
            )
        network = network_arrays(self.network)
        per_tensor = weights.size > network.n_layers
        weights = weights.reshape(-1, 2) if per_tensor else np.stack([weights] * 2, 1)
        return full_kernel(network, X, Y, weights)

    @property
    def n_held_matrices(self) -> int:
        """Number of kernel matrices that `on_rows` holds: one for each term."""
        return self._weights().size

    def on_rows(self, X) -> TermsOnRows:
        """Return this kernel on fixed rows, for repeated changes of theta.

        The terms of the layers are computed once, and held. Learning uses this method.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        KernelOnRows
            An object with the methods ``set_theta(theta)``, which changes the
            hyperparameters, ``gram()``, which returns the kernel matrix, and
            ``contract(G)``, which returns ``sum(G * dK / dtheta)`` for a symmetric G.
        """
        X = check_samples(X)
        free = np.flatnonzero(self._free("layer_weights"))
        if not self.positions("layer_weights").size:
            free = free[:0]
        terms = self.components(X)
        return TermsOnRows(terms, self._weights(), free, bool(self.normalize))

    def contract(self, X, G):
        """Return ``sum(G * dK / dtheta)`` without an array of all derivatives.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        G : array-like of shape (n_samples, n_samples)
            A symmetric matrix.

        Returns
        -------
        ndarray of shape (n_dims,)
        """
        rows = self.on_rows(X)
        rows.gram()
        return rows.contract(check_samples(G, "G"))

    # -- manners ----------------------------------------------------------------------

    def is_stationary(self):
        """Return False, as the kernel does not depend on differences of inputs only."""
        return False

    def __eq__(self, other):
        if type(self) is not type(other):
            return False
        mine, theirs = self.get_params(), other.get_params()
        if not same_network(mine.pop("network"), theirs.pop("network")):
            return False
        rates = mine.pop("parameter_weights"), theirs.pop("parameter_weights")
        if (rates[0] is None) != (rates[1] is None):
            return False
        if rates[0] is not None and not same_network(*rates):
            return False
        return all(same(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        parts = [f"<{describe(self.network)}>"]
        for name, usual in _USUAL.items():
            value = getattr(self, name)
            if not same(value, usual):
                parts.append(f"{name}={show(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"
