"""The kernel of recurrent networks, on sequences of any lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from .._engine.linear_steps import Layer
from .._engine.sequences import Recurrence, Sequences, own_kernels, sequences
from .._utils.validation import (
    check_depth,
    check_list,
    check_positive,
    check_samples,
    check_squares,
    is_positive_integer,
    per_layer,
)
from ..activations._registry import get_activations
from ._structured import Architecture, BiasedKernel

READOUTS = ("last", "average", "each")
INITIAL_STATES = ("shared", "independent")


@dataclass(eq=False, repr=False)
class RecurrentNTKernel(BiasedKernel[Sequences]):
    r"""Neural tangent kernel of an infinitely wide recurrent network.

    The kernel compares sequences of vectors, such as sensor readings, which may differ
    in length. It is that of an Elman network of `depth` layers [1]_,

    .. math::

        g_t^l = \frac{\sigma_w}{\sqrt n} W^l h_{t-1}^l
        + \frac{\sigma_u}{\sqrt n} U^l h_t^{l-1} + \sigma_b b^l ,
        \qquad h_t^l = \phi(g_t^l), \qquad h_t^0 = x_t ,

    with the same W, U and b at all times. The kernel is the sum of one term for each
    layer, or for each of its tensors, with a weight each; with a weight for the
    read-out alone it is the kernel of the network as a Gaussian process.

    Parameters
    ----------
    depth : int, default=1
        Number of recurrent layers, at least 1.
    activation : str, tuple of (str, float) or list of these, default="relu"
        As in `NTKernel`, for all layers; or a list of one for each.
    weight_variance : float or array-like of shape (depth + 1,), default=1.0
        Variance of the input weights U of each layer, and of the read-out, the last
        one; times their number of inputs.
    weight_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the weight variance.
    layer_weights : array-like of shape (depth + 1,) or (3 * depth + 1,), default=None
        Learning rates of the layers, the read-out last: non-negative, not all zero.
        With three numbers for each layer, they are those of W, U and b. None means ones
        for the layers.
    layer_weights_bounds : pair of floats, array of pairs or "fixed", \
            default=(1e-5, 1e5)
        Bounds of the layer weights.
    bias_variance : float or array-like of shape (depth,), default=0.0
        Variance of the biases of all layers or of each. The read-out has none.
    bias_variance_bounds : pair of floats, array of pairs or "fixed", default="fixed"
        Bounds of the bias variance.
    recurrent_variance : float or array-like of shape (depth,), default=2.0
        Variance of the recurrent weights W of all layers or of each, times their
        number of inputs.
    recurrent_variance_bounds : pair of floats, array of pairs or "fixed", \
            default="fixed"
        Bounds of the recurrent variance.
    readout : {"last", "average", "each"}, default="last"
        What the read-out sees: the last time; the mean over all times; or each time
        with weights of its own, counted from the end. The second compares all times of
        one sequence with all of the other, and takes as many times longer as a sequence
        has times.
    bidirectional : bool, default=False
        Whether a second network reads the sequences from their ends, and both outputs
        are added.
    initial_variance : float, default=0.0
        Variance of the hidden state before the first time.
    initial_state : {"shared", "independent"}, default="shared"
        Whether that state is the same for all sequences or drawn for each. With states
        of their own, a sequence and its copy are different inputs.
    n_channels : int or None, default=None
        Number of channels of sequences that are packed into rows, as
        :class:`~ntk_sklearn.SequencePacker` makes them and most estimators of
        scikit-learn need them: the length first, then the channels of each time, and
        zeros to the end. None means a list of arrays of shape (n_times, n_channels), or
        one array of shape (n, n_times, n_channels).

    See Also
    --------
    ConvolutionalNTKernel : The kernel for series of one length, seen through filters.

    References
    ----------
    .. [1] Alemohammad, Wang, Balestriero and Baraniuk, "The Recurrent Neural Tangent
       Kernel", ICLR 2021. Its code's read-out of all times is ``"each"``, and counts
       the last time twice.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import RecurrentNTKernel, SequencePacker
    >>> rng = np.random.default_rng(0)
    >>> series = [rng.standard_normal((length, 2)) for length in (5, 3, 9)]
    >>> kernel = RecurrentNTKernel(readout="average")
    >>> kernel(series).shape
    (3, 3)
    >>> rows = SequencePacker().fit_transform(series)
    >>> packed = RecurrentNTKernel(readout="average", n_channels=2)
    >>> bool(np.allclose(packed(rows), kernel(series)))
    True
    """

    depth: int = 1
    weight_variance: float | np.ndarray = 1.0
    recurrent_variance: float | np.ndarray = 2.0
    recurrent_variance_bounds: str | np.ndarray = "fixed"
    readout: str = "last"
    bidirectional: bool = False
    initial_variance: float = 0.0
    initial_state: str = "shared"
    n_channels: int | None = None

    @property
    def hyperparameter_recurrent_variance(self):
        """The recurrent variance, as scikit-learn describes it."""
        return self._hyperparameter("recurrent_variance")

    @property
    def requires_vector_input(self):
        """Whether the kernel takes rows of numbers: if `n_channels` is given."""
        return self.n_channels is not None

    def _architecture(self):
        depth = check_depth(self.depth)
        for name, known in (
            ("readout", READOUTS),
            ("initial_state", INITIAL_STATES),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, got {getattr(self, name)!r}."
                )
        initial = check_positive("initial_variance", self.initial_variance, zero=True)
        if initial.ndim:
            raise ValueError(
                f"initial_variance must be one number, got {self.initial_variance!r}."
            )
        inputs = per_layer("weight_variance", self.weight_variance, depth, zero=False)
        recurrent = _each_layer("recurrent_variance", self.recurrent_variance, depth)
        biases = _each_layer("bias_variance", self.bias_variance, depth)
        activations = get_activations(self.activation, depth)
        # The variances are those of U and the read-out, of W, and of b.
        net = Recurrence(
            [Layer(depth + 1 + l, -1, 3 * l) for l in range(depth)],
            [Layer(l, 2 * depth + 1 + l, 3 * l + 1, 3 * l + 2) for l in range(depth)],
            activations,
            float(initial),
            self.initial_state == "shared",
            READOUTS.index(self.readout),
        )
        last, both = Layer(depth, -1, 3 * depth), bool(self.bidirectional)
        tensors = [l for l in range(depth) for _ in range(3)]
        return Architecture(
            partial(_between, net, last, both),
            partial(_own, net, last, both),
            (*tensors, depth),
            {
                "weight_variance": inputs,
                "recurrent_variance": recurrent,
                "bias_variance": biases,
            },
        )

    def _inputs(self, X, name):
        check_list(X, name, "sequence")
        count = self.n_channels
        if count is not None and not is_positive_integer(count):
            raise ValueError(f"n_channels must be a positive integer, got {count!r}.")
        shape = np.shape(X) if hasattr(X, "ndim") else (len(X), *_shape(X[0]))
        if count is not None and len(shape) == 2:
            found = self._unpacked(X, name, int(count))
        else:
            found = self._listed(X, name)
        for one in found:
            check_squares(one, name)
        return Sequences.of(found)

    def _listed(self, X, name):
        """Return sequences that are given one by one."""
        if hasattr(X, "iloc") or len(_shape(X[0])) != 2:
            raise ValueError(
                f"{name} must be sequences, arrays of shape (n_times, n_channels), or "
                "packed rows with n_channels."
            )
        found, count = [], np.shape(X[0])[1]
        if self.n_channels is not None and self.n_channels != count:
            raise ValueError(
                f"n_channels={self.n_channels!r}, but the sequences of {name} have "
                f"{count} channels."
            )
        for i, one in enumerate(X):
            shape = _shape(one)
            if len(shape) != 2 or shape[0] == 0:
                raise ValueError(
                    f"{name} must be sequences of shape (n_times, n_channels) with at "
                    f"least one time, but sequence {i} has shape {shape}."
                )
            if shape[1] != count:
                raise ValueError(
                    f"{name} must be sequences of equally many channels, but sequence "
                    f"{i} has {shape[1]} and the first one {count}."
                )
            found.append(check_samples(one, name))
        return found

    def _unpacked(self, X, name, count: int):
        """Return the sequences of packed rows."""
        X = check_samples(X, name)
        longest, rest = divmod(X.shape[1] - 1, count)
        if rest or longest < 1:
            raise ValueError(
                f"{name} must have 1 + n_times * n_channels columns, the length first, "
                f"got {X.shape[1]} columns with n_channels={count}."
            )
        lengths = X[:, 0]
        bad = ~((lengths >= 1) & (lengths <= longest) & (lengths == lengths.round()))
        if bad.any():
            raise ValueError(
                f"{name} must have the lengths of sequences in its first column, whole "
                f"numbers from 1 to {longest}, got {lengths[bad][0]:g}."
            )
        times = X[:, 1:].reshape(len(X), longest, count)
        return [one[: int(n)] for one, n in zip(times, lengths, strict=True)]

    def _pair(self, X, Y):
        left, right = super()._pair(X, Y)
        if right is not None and left.rows.shape[1] != right.rows.shape[1]:
            raise ValueError(
                f"X has sequences of {left.rows.shape[1]} channels, but Y of "
                f"{right.rows.shape[1]}; both sides of a kernel need the same."
            )
        return left, right


def _shape(one) -> tuple[int, ...]:
    """Return the shape of what may be a sequence; of what has none, no sizes."""
    try:
        return np.shape(one)
    except ValueError:  # lists of different lengths
        return ()


def _each_layer(name: str, value, depth: int) -> np.ndarray:
    """Return one variance for each recurrent layer."""
    array = check_positive(name, value, zero=True)
    if array.ndim and array.size != depth:
        raise ValueError(
            f"{name} has {array.size} entries, but depth={depth} needs {depth}, one "
            "for each recurrent layer; pass one number for equal values."
        )
    return np.full(depth, array) if array.ndim == 0 else array


def _between(net, last, both, values, X, Y):
    return sequences(net, values, last, both, X, Y)


def _own(net, last, both, values, X):
    return own_kernels(net, values, last, both, X)
