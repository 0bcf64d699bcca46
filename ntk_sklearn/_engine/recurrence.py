"""Pairs of times through the layers of a recurrent network, compiled.

Many pairs pass side by side: each step takes all of them one time further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from ..activations._base import Activation
from ..activations._pairs import PairActivation
from .aligned import image_row, image_variances
from .linear_steps import Layer, Steps, Values, take_steps


class Recurrence(NamedTuple):
    """The layers of a recurrent network.

    Attributes
    ----------
    recurrent, inputs : list of Layer
        The recurrent weights of each layer, and its input weights and biases.
    activations : sequence of Activation
        One for each layer.
    initial : float
        Variance of the state before the first time.
    shared : bool
        Whether it is the same for all sequences.
    readout : int
        0 for the last time, 1 for the mean over times, 2 for a read-out of its own for
        each time.
    """

    recurrent: list[Layer]
    inputs: list[Layer]
    activations: Sequence[Activation]
    initial: float
    shared: bool
    readout: int


class Net(NamedTuple):
    """A network for compiled code; see `Recurrence`."""

    recurrent: Steps
    inputs: Steps
    activations: PairActivation
    initial: float
    shared: bool
    readout: int

    @classmethod
    def of(cls, net: Recurrence, values: Values, steps_of) -> Net:
        """Return the steps of all layers, and the rest as it is."""
        return cls(
            Steps.stack([steps_of(values, layer) for layer in net.recurrent]),
            Steps.stack([steps_of(values, layer) for layer in net.inputs]),
            PairActivation.stack(net.activations),
            net.initial,
            net.shared,
            net.readout,
        )


@jit
def variances(net, a, starts, out, derive):
    """Write roots of variances, inverses, and derivatives, of each layer and time.

    `a` are the mean squares of the inputs, and their derivatives.
    """
    phi, n_covariances = net.activations, a.shape[0]
    n_layers = phi.code.size
    before = np.zeros((n_layers, n_covariances, 1))
    q, seen = np.empty((n_covariances, 1)), np.empty((n_covariances, 1))
    for g in range(starts.size - 1):
        for l in range(n_layers):
            for s in range(n_covariances):
                before[l, s, 0] = net.initial if s == 0 else 0.0
        for k in range(starts[g], starts[g + 1]):
            for s in range(n_covariances):
                seen[s, 0] = a[s, k]
            for l in range(n_layers):
                for s in range(n_covariances):
                    q[s, 0] = before[l, s, 0]
                take_steps(net.recurrent.places[l], net.recurrent.numbers[l], 1, q)
                take_steps(net.inputs.places[l], net.inputs.numbers[l], 1, seen)
                for s in range(n_covariances):
                    q[s, 0] += seen[s, 0]
                    out[l, 1 + s, k] = q[s, 0]
                activation = phi.code[l], phi.parameters[l], phi.series
                root = np.sqrt(q[0, 0])
                out[l, 0, k] = root
                out[l, 1, k] = 1.0 / root if root > 0.0 else 0.0
                image_variances(activation, q, derive)
                for s in range(n_covariances):
                    before[l, s, 0] = seen[s, 0] = q[s, 0]


class Memory(NamedTuple):
    """Memory of one thread: first the images of the time before."""

    z: np.ndarray  # (n_matrices, n_layers, m)
    rows: np.ndarray  # (n_matrices, m)
    below: np.ndarray  # (n_matrices, m)
    sides: np.ndarray
    work: np.ndarray


def memory_of(net: Net, n_matrices: int, m: int) -> Memory:
    """Return memory for so many pairs side by side."""
    return Memory(
        np.empty((n_matrices, len(net.activations.parameters), m)),
        np.empty((n_matrices, m)),
        np.empty((n_matrices, m)),
        np.empty((4, m)),
        np.empty((7, m)),
    )


@jit
def _step(net, m, k, left, right, places, memory, turns):
    """Take m pairs one time further; inputs are in ``memory.below[0]``.

    The first side is at row k; the second sides are at `places`. `turns` is None, or
    memory for the derivatives of variances.
    """
    z, below, sides = memory.rows, memory.below, memory.sides
    phi = net.activations
    for s in range(1, z.shape[0]):
        for e in range(m):
            below[s, e] = 0.0
    for l in range(phi.code.size):
        for s in range(z.shape[0]):
            for e in range(m):
                z[s, e] = memory.z[s, l, e]
        take_steps(net.recurrent.places[l], net.recurrent.numbers[l], m, z)
        take_steps(net.inputs.places[l], net.inputs.numbers[l], m, below)
        for s in range(z.shape[0]):
            for e in range(m):
                z[s, e] += below[s, e]
        for e in range(m):
            sides[0, e], sides[1, e] = left[l, 0, k], left[l, 1, k]
            sides[2, e] = right[l, 0, places[e]]
            sides[3, e] = right[l, 1, places[e]]
        if turns is not None:
            for s in range(turns.shape[1]):
                for e in range(m):
                    turns[0, s, e] = left[l, 2 + s, k]
                    turns[1, s, e] = right[l, 2 + s, places[e]]
        image_row(
            (phi.code[l], phi.parameters[l], phi.series),
            (sides[0][:m], sides[1][:m], sides[2][:m], sides[3][:m]),
            turns,
            z,
            memory.work,
            memory.z,
            l,
            0,
        )
        for s in range(z.shape[0]):
            for e in range(m):
                below[s, e] = memory.z[s, l, e]


@jit
def _write(z, top, column, share, out, to):
    """Add a share of every matrix, at a column of the last layer, to an entry."""
    for s in range(z.shape[0]):
        out[s, to] += share * z[s, top, column]


@jit
def _clear(array):
    for s in range(array.shape[0]):
        for e in range(array.shape[1]):
            array[s, e] = 0.0


@jit
def ends(net, B, task, x, y, memory, turns, out):
    """Write the read-out of one sequence with many.

    `task` are the number of that sequence, the number of the same one among the others
    (-1 for none), and that of the first of the others that is wanted. `B` are the inner
    products of its times with all times of the others; `x` and `y` hold the variances
    and the starts of both sides.
    """
    i, own, first = task
    last, top = y[1].size - 1, net.activations.code.size - 1
    begin, end = x[1][i], x[1][i + 1]
    places = np.empty(last - first, np.int64)
    for s in range(memory.z.shape[0]):
        _clear(memory.z[s])
    _clear(out)
    for e in range(end - begin, 0, -1):  # times that are left, this one included
        m = 0
        while m < last - first and y[1][first + m + 1] - y[1][first + m] >= e:
            j = first + m
            places[m] = y[1][j + 1] - e
            starting = e == end - begin and y[1][j + 1] - y[1][j] == e
            if starting and (net.shared or j == own):
                for l in range(top + 1):
                    memory.z[0, l, m] = net.initial
            m += 1
        if m == 0:
            continue
        for c in range(m):
            memory.below[0, c] = B[end - e - begin, places[c]]
        _step(net, m, end - e, x[0], y[0], places, memory, turns)
        if net.readout == 2 or e == 1:
            for c in range(m):
                length, share = y[1][first + c + 1] - y[1][first + c], 1.0
                if net.readout == 2:
                    share = 1.0 / np.sqrt((end - begin) * length)
                _write(memory.z, top, c, share, out, c)


@jit
def all_times(net, B, task, x, y, memory, turns, out):
    """Write the mean over all pairs of times; the arguments are as above."""
    i, own, first = task
    last, top = y[1].size - 1, net.activations.code.size - 1
    begin, end, origin = x[1][i], x[1][i + 1], y[1][first]
    m = y[1][last] - origin
    places = np.arange(origin, y[1][last])
    for s in range(memory.z.shape[0]):
        _clear(memory.z[s])
    _clear(out)
    for k in range(begin, end):
        for s in range(memory.z.shape[0]):
            for l in range(top + 1):  # the time before of both: one place further
                row = memory.z[s, l]
                for e in range(m - 1, 0, -1):
                    row[e] = row[e - 1]
                for j in range(first, last):
                    row[y[1][j] - origin] = 0.0
                    if s == 0 and k == begin and (net.shared or j == own):
                        row[y[1][j] - origin] = net.initial
        for e in range(m):
            memory.below[0, e] = B[k - begin, places[e]]
        _step(net, m, k, x[0], y[0], places, memory, turns)
        for j in range(first, last):
            share = 1.0 / ((end - begin) * (y[1][j + 1] - y[1][j]))
            for e in range(y[1][j] - origin, y[1][j + 1] - origin):
                _write(memory.z, top, e, share, out, j - first)
