"""The base of the kernels of fully connected networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.gaussian_process.kernels import Kernel

from .._engine.array_api import array_components, array_diagonal, array_gram
from .._engine.array_contraction import array_contract
from .._engine.contraction import contract
from .._engine.forward import diagonal
from .._engine.full_gradient import full_gradient
from .._engine.network import Network
from .._engine.tiles import components, gram
from .._utils.arrays import check_here, is_elsewhere, place_of
from .._utils.validation import (
    check_depth,
    check_pair,
    check_ranks,
    check_samples,
    per_feature,
    per_layer,
)
from ..activations._registry import get_activations
from ._parameters import HYPERPARAMETERS, NetworkOnRows, NetworkParameters
from ._theta import ThetaKernel, refuse_gradient


class Engine(NamedTuple):
    """The operations of an engine on a network and checked rows.

    Attributes
    ----------
    gram, diagonal, components, contract : callable
        As `tiles.gram`, `forward.diagonal`, `tiles.components` and
        `contraction.contract`.
    """

    gram: Callable
    diagonal: Callable
    components: Callable
    contract: Callable


COMPILED = Engine(gram, diagonal, components, contract)
ARRAYS = Engine(array_gram, array_diagonal, array_components, array_contract)


def engine_of(X) -> Engine:
    """Return the engine for checked rows: that of arrays for other libraries' arrays.

    Rows of NumPy, and sparse ones, never take it.
    """
    return ARRAYS if is_elsewhere(X) else COMPILED


class DenseKernel(ThetaKernel):
    """Base class of the kernels of infinitely wide fully connected networks.

    A subclass implements `layer_rates`, which returns the learning rates of the layers.
    The parameters are described in `NTKernel`.
    """

    # Names of the parameters that `repr` shows, in this order.
    _shown: tuple[str, ...] = (
        "depth",
        "activation",
        "weight_variance",
        "bias_variance",
        "length_scale",
    )

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
        dtype="float64",
        n_ranks=0,
    ):
        self.depth = depth
        self.activation = activation
        self.weight_variance = weight_variance
        self.weight_variance_bounds = weight_variance_bounds
        self.bias_variance = bias_variance
        self.bias_variance_bounds = bias_variance_bounds
        self.length_scale = length_scale
        self.length_scale_bounds = length_scale_bounds
        self.dtype = dtype
        self.n_ranks = n_ranks

    takes_arrays = True  # of any library

    def layer_rates(self, depth: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the learning rates of the layers, the read-out last.

        A subclass overrides this method to give the layers rates of its own.

        Parameters
        ----------
        depth : int
            Number of hidden layers.

        Returns
        -------
        weights : ndarray of shape (depth + 1,)
            Non-negative rates of the layers' weights.
        biases : ndarray of shape (depth + 1,) or None
            Rates of their biases; None means those of the weights.
        """
        raise NotImplementedError

    @property
    def hyperparameter_weight_variance(self):
        """The weight variance, as scikit-learn describes it."""
        return self._hyperparameter("weight_variance")

    @property
    def hyperparameter_bias_variance(self):
        """The bias variance, as scikit-learn describes it."""
        return self._hyperparameter("bias_variance")

    @property
    def hyperparameter_length_scale(self):
        """The length scale, as scikit-learn describes it."""
        return self._hyperparameter("length_scale")

    # -- the engine -----------------------------------------------------------------

    def _parameters(self, X, Y=None) -> NetworkParameters:
        """Return the checked parameters, with one number for each layer or feature."""
        depth = check_depth(self.depth)
        weights, bias_weights = self.layer_rates(depth)
        return NetworkParameters(
            weights,
            per_layer("weight_variance", self.weight_variance, depth, zero=False),
            per_layer("bias_variance", self.bias_variance, depth, zero=True),
            per_feature("length_scale", self.length_scale, X.shape[1]),
            bias_weights,
            get_activations(self.activation, depth),
            check_ranks(self.n_ranks, X, Y),
        )

    def network(self, X, Y=None) -> Network:
        """Return the network, with checked parameters, in the engine's form.

        Parameters
        ----------
        X : ndarray of shape (n_samples_X, n_features)
            Rows, which tell the number of features.
        Y : ndarray of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`.

        Returns
        -------
        Network
        """
        return self._parameters(X, Y).network()

    def on_rows(self, X) -> NetworkOnRows:
        """Return this kernel on fixed rows, for repeated changes of theta.

        The rows and all parameters are checked once. Learning uses this method.

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
        X = check_samples(X, accept_sparse=True)
        parameters = self._parameters(X)  # checks the parameters first
        columns = self._columns(X.shape[1])
        if issparse(X) and len(set(columns[-1])) > 1:
            raise TypeError(
                "X must be dense to learn a length_scale for each feature; with sparse "
                'rows, pass one number, or length_scale_bounds="fixed".'
            )
        dtype, engine = self._dtype(), engine_of(X)
        return NetworkOnRows(parameters, columns, self.n_dims, X, dtype, engine)

    def __call__(self, X, Y=None, eval_gradient=False):
        """Return the kernel between the rows of X and Y, and optionally its gradient.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples_X, n_features)
            Finite real numbers; scale the columns to about unit variance. Inner
            products of sparse rows are sparse products, and rows never become dense.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`. If scikit-learn's option
            ``array_api_dispatch`` is set, both may be arrays of another library, such
            as PyTorch or CuPy, on the same device; the kernel matrix is computed there.
        eval_gradient : bool, default=False
            Whether to return the gradient with respect to ``theta``, the logarithms of
            the free hyperparameters, as well. Only possible if `Y` is None.

        Returns
        -------
        K : ndarray of shape (n_samples_X, n_samples_Y)
            The kernel matrix: a new, writable array, of the library of `X`.
        K_gradient : ndarray of shape (n_samples_X, n_samples_X, n_dims)
            The gradient; only if `eval_gradient` is true.

        Raises
        ------
        ValueError
            If the data or a parameter is not as described, or `eval_gradient` is
            true although `Y` is given.
        TypeError
            If a parameter has the wrong type, or the data are sparse and
            `eval_gradient` is true.
        """
        refuse_gradient(eval_gradient, Y)
        X, Y = check_pair(X, Y, accept_sparse=True)
        network, dtype = self.network(X, Y), self._dtype()
        if not eval_gradient:
            return engine_of(X).gram(network, X, Y, dtype)
        if is_elsewhere(X):
            raise TypeError(
                f"X must be an array of NumPy for eval_gradient=True, got {type(X)}; "
                "use contract(X, G), which takes arrays of any library."
            )
        if issparse(X):
            raise TypeError(
                "X must be dense for eval_gradient=True; use contract(X, G), which "
                "takes sparse rows."
            )
        columns = self._columns(X.shape[1])
        gradient = full_gradient(network, X, columns, self.n_dims)
        return gram(network, X, dtype=dtype), gradient

    def _dtype(self) -> np.dtype:
        """Check and return the type of the kernel matrix."""
        if not isinstance(self.dtype, str) or self.dtype not in {"float64", "float32"}:
            raise ValueError(
                f'dtype must be "float64" or "float32", got {self.dtype!r}.'
            )
        return np.dtype(self.dtype)

    def _columns(self, n_features: int) -> list[np.ndarray]:
        """Return the entry of theta for each layer and feature, -1 where it is fixed.

        There is an array for each hyperparameter, in the order of `HYPERPARAMETERS`.
        """
        positions = {}
        for name, places in self._places().items():
            if name not in HYPERPARAMETERS and places.size:
                raise NotImplementedError(
                    f"{type(self).__name__} has the free hyperparameter {name}, in "
                    "which the engine has no gradient; fix it by its bounds, or "
                    "override __call__ and contract."
                )
            free = self._free(name)
            positions[name] = np.full(free.size, -1)
            if places.size:
                positions[name][free] = places
        sizes = [self.depth + 1] * 3 + [n_features]
        nowhere = np.array([-1])
        return [
            np.broadcast_to(positions.get(name, nowhere), size)
            for name, size in zip(HYPERPARAMETERS, sizes, strict=True)
        ]

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
        X = check_samples(X, accept_sparse=True)
        return engine_of(X).diagonal(self.network(X), X)

    def components(self, X, Y=None):
        """Return the unweighted terms of the neural tangent kernel, one for each layer.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            First set of rows.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            Second set of rows; None means `X`.

        Returns
        -------
        ndarray of shape (depth + 1, n_samples_X, n_samples_Y)
            The term of the first layer comes first, that of the read-out last. The sum
            of all terms is the NTK, and the last term is the NNGP kernel.
        """
        X, Y = check_pair(X, Y, accept_sparse=True)
        return engine_of(X).components(self.network(X, Y), X, Y)

    def contract(self, X, G):
        """Return ``sum(G * dK / dtheta)`` without an array of all derivatives.

        If G is the derivative of an objective with respect to the kernel matrix, the
        result is the gradient of the objective with respect to ``theta``.

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
        place = place_of(X)
        if place is not None:
            check_here(place, [("G", G)])
        X = check_samples(X, accept_sparse=True)
        G = check_samples(G, "G")
        n = X.shape[0]
        if G.shape != (n, n):
            raise ValueError(
                f"G must have shape ({n}, {n}), a row and a column per row "
                f"of X, got {G.shape}."
            )
        return self.on_rows(X).contract(G)

    # -- manners --------------------------------------------------------------------

    def is_stationary(self):
        """Return False, as the kernel does not depend on differences of inputs only."""
        return False

    def __repr__(self):
        extra = f", n_ranks={self.n_ranks}" if self.n_ranks else ""
        if self.dtype != "float64":
            extra += f", dtype={self.dtype!r}"
        return f"{super().__repr__()[:-1]}{extra})"


def check_fully_connected(kernel: Kernel) -> None:
    """Raise an error if a kernel is not that of a fully connected network."""
    if not isinstance(kernel, DenseKernel):
        raise TypeError(
            "kernel must be an NTKernel, WeightedNTKernel or NNGPKernel, got "
            f"{kernel!r}."
        )
