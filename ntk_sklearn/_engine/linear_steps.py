"""What a layer's weights and biases do to covariances and tangents, as a list of steps.

A layer multiplies by the variance of its weights, adds that of its biases, and starts
the term of each of its tensors. With derivatives, all that is linear: each step makes
one matrix a sum of itself, of another one and of a number. The steps are found once for
each layer; what takes them knows nothing of layers.

The matrices are numbered: the covariance, its derivatives in variances, the kernel, its
derivatives in learning rates, and those in variances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit_views


class Values(NamedTuple):
    """The numbers of a network, and the derivatives that are wanted.

    A derivative is that in one learning rate, or in the logarithm of one variance, or
    in several at once: those that have the same slot.

    Attributes
    ----------
    variances : ndarray of shape (n_variances,)
        The variances of all weights and biases.
    rates : ndarray of shape (n_tensors,)
        The learning rate of each tensor.
    variance_slots : ndarray of int, shape (n_variances,)
        The derivative that each variance belongs to, from 0 on; -1 for none.
    rate_slots : ndarray of int, shape (n_tensors,)
        The derivative that each learning rate belongs to, from 0 on; -1 for none.
    """

    variances: np.ndarray
    rates: np.ndarray
    variance_slots: np.ndarray
    rate_slots: np.ndarray

    @property
    def n_variance_slots(self) -> int:
        """Number of derivatives in variances."""
        return int(self.variance_slots.max(initial=-1)) + 1

    @property
    def n_rate_slots(self) -> int:
        """Number of derivatives in learning rates."""
        return int(self.rate_slots.max(initial=-1)) + 1

    @property
    def n_covariances(self) -> int:
        """Number of matrices that follow the covariance: it and its derivatives."""
        return 1 + self.n_variance_slots

    @property
    def n_tangents(self) -> int:
        """Number of matrices that follow the kernel: it and all its derivatives."""
        return 1 + self.n_rate_slots + self.n_variance_slots


class Layer(NamedTuple):
    """Where a layer's numbers are among the `Values`; -1 where it has none.

    Attributes
    ----------
    weight, bias : int
        Its entries of the variances.
    weight_tensor, bias_tensor : int
        Its entries of the learning rates.
    """

    weight: int
    bias: int = -1
    weight_tensor: int = -1
    bias_tensor: int = -1


class Steps(NamedTuple):
    """Steps ``M[to] = scale * M[to] + factor * M[source] + shift``, in their order.

    Attributes
    ----------
    places : ndarray of int, shape (..., n_steps, 2)
        The numbers `to` and `source` of matrices.
    numbers : ndarray of shape (..., n_steps, 3)
        Scale, factor and shift.
    """

    places: np.ndarray
    numbers: np.ndarray

    @classmethod
    def stack(cls, steps: list[Steps]) -> Steps:
        """Return the steps of several layers as one record."""
        if not steps:
            return cls(np.zeros((0, 1, 2), np.int64), np.zeros((0, 1, 3)))
        places, numbers = zip(*steps, strict=True)
        return cls(np.array(places), np.array(numbers))


def steps_of(values: Values, layer: Layer, share: float = 1.0) -> Steps:
    """Return what a layer does; `share` is a factor of the variance of its weights.

    All networks of the same `values` have as many steps in each layer.
    """
    n_variances, n_rates = values.n_variance_slots, values.n_rate_slots
    variance = float(values.variances[layer.weight]) * share
    slot, rate, rate_slot = values.variance_slots[layer.weight], 0.0, -1
    if layer.weight_tensor >= 0:
        rate = float(values.rates[layer.weight_tensor])
        rate_slot = int(values.rate_slots[layer.weight_tensor])
    shift, shift_slot, added, added_slot = 0.0, -1, 0.0, -1
    if layer.bias >= 0:
        shift = float(values.variances[layer.bias])
        shift_slot = int(values.variance_slots[layer.bias])
    if layer.bias >= 0 and layer.bias_tensor >= 0:
        added = float(values.rates[layer.bias_tensor]) * shift
        added_slot = int(values.rate_slots[layer.bias_tensor])
    kernel, found = 1 + n_variances, []
    for s in range(n_variances):
        to, own = kernel + 1 + n_rates + s, slot == s
        found += [
            (to, 1 + s, variance, rate * variance, added * (shift_slot == s)),
            (to, kernel, 1.0, variance * own, 0.0),
            (to, 0, 1.0, rate * variance * own, 0.0),
        ]
    for s in range(n_rates):
        new = variance * (rate_slot == s), shift * (added_slot == s)
        found.append((kernel + 1 + s, 0, variance, *new))
    for s in range(n_variances):
        new = variance * (slot == s), shift * (shift_slot == s)
        found.append((1 + s, 0, variance, *new))
    found.append((kernel, 0, variance, rate * variance, added))
    found.append((0, kernel, variance, 0.0, shift))
    places = np.array([step[:2] for step in found], np.int64)
    return Steps(places, np.array([step[2:] for step in found]))


def covariance_steps(values: Values, layer: Layer, share: float = 1.0) -> Steps:
    """Return what a layer does to covariances, for matrices that have no kernel."""
    places, numbers = steps_of(values, layer, share)
    kept = places[:, 0] < values.n_covariances
    return Steps(places[kept] * [1, 0], numbers[kept])


@jit_views
def take_steps(places, numbers, m, rows):
    """Take the steps of a layer with the first m numbers of rows: one row a matrix."""
    for o in range(places.shape[0]):
        to, source = rows[places[o, 0]], rows[places[o, 1]]
        scale, factor, shift = numbers[o, 0], numbers[o, 1], numbers[o, 2]
        if factor != 0.0:
            for e in range(m):
                to[e] = (scale * to[e] + factor * source[e]) + shift
        elif scale != 1.0 or shift != 0.0:
            for e in range(m):
                to[e] = scale * to[e] + shift
