"""Kernel matrices of recurrent networks, on sequences of any lengths.

The covariance of time t of one sequence and time s of another comes from that of the
times before, t - 1 and s - 1. A read-out of the last time needs no others than the
pairs that lie as far from both ends; many sequences pass them side by side, the
longest first. A read-out of the mean needs all pairs of times; one time of the first
sequence passes all times of all others at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .._utils.threads import run
from .structured import Layer, State, Values, image_row, image_variances, weigh_rows


class Recurrence(NamedTuple):
    """The layers of a recurrent network.

    Attributes
    ----------
    layers : ndarray of int, shape (n_layers, 2, 5)
        For each layer, the fields of a `Layer` of its recurrent weights, and of one of
        its input weights and biases; each row ends with the code of the activation.
    parameters : ndarray of shape (n_layers, n_parameters)
        The numbers of the activations.
    initial : float
        Variance of the state before the first time.
    shared : bool
        Whether it is the same for all sequences.
    readout : int
        0 for the last time, 1 for the mean over times, 2 for a read-out of its own for
        each time.
    """

    layers: np.ndarray
    parameters: np.ndarray
    initial: float
    shared: bool
    readout: int


class Sequences(NamedTuple):
    """Sequences one after the other, the longest first.

    Attributes
    ----------
    rows : ndarray of shape (n_times, n_channels)
        All times of all sequences.
    starts : ndarray of int, shape (n + 1,)
        The first row of each, and the number of all rows.
    order : ndarray of int, shape (n,)
        The place where each came from.
    """

    rows: np.ndarray
    starts: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, sequences: list[np.ndarray]) -> Sequences:
        """Put sequences one after the other."""
        lengths = np.array([len(s) for s in sequences])
        order = np.argsort(-lengths, kind="stable")
        rows = np.concatenate([sequences[i] for i in order])
        starts = np.concatenate([[0], np.cumsum(lengths[order])])
        return cls(np.ascontiguousarray(rows), starts, order)

    def reversed(self) -> Sequences:
        """Return each sequence from its end to its beginning."""
        at = np.arange(len(self.rows))
        place = np.searchsorted(self.starts, at, "right") - 1
        back = self.starts[place] + self.starts[place + 1] - 1 - at
        return self._replace(rows=np.ascontiguousarray(self.rows[back]))


@jit
def _variances(net, values, a, starts, out):
    """Write roots of variances, inverses, and derivatives, of each layer and time.

    `a` are the mean squares of the inputs, and their derivatives.
    """
    n_covariances, n_layers = a.shape[0], net.layers.shape[0]
    before = np.zeros((n_layers, n_covariances, 1))
    q, seen = np.empty((n_covariances, 1)), np.empty((n_covariances, 1))
    t = np.zeros((n_covariances, 1))
    for g in range(starts.size - 1):
        before[:] = 0.0
        before[:, 0] = net.initial
        for k in range(starts[g], starts[g + 1]):
            seen[:, 0] = a[:, k]
            for l in range(n_layers):
                q[:] = before[l]
                weigh_rows(q, t, 1, net.layers[l, 0], 1.0, values, True)
                weigh_rows(seen, t, 1, net.layers[l, 1], 1.0, values, True)
                q += seen
                root = np.sqrt(q[0, 0])
                out[l, 0, k] = root
                out[l, 1, k] = 1.0 / root if root > 0.0 else 0.0
                out[l, 2:, k] = q[1:, 0]
                image_variances(net.layers[l, 0, 4], net.parameters[l], q)
                before[l] = q
                seen[:] = q


class _Memory(NamedTuple):
    """Memory of one thread; the first two are the images of the time before."""

    q: np.ndarray  # (n_covariances, n_layers, m)
    t: np.ndarray  # (n_tangents, n_layers, m)
    q_row: np.ndarray
    t_row: np.ndarray
    q_below: np.ndarray
    t_below: np.ndarray
    sides: np.ndarray
    left: np.ndarray
    right: np.ndarray
    work: np.ndarray


def _memory(net: Recurrence, values: Values, m: int) -> _Memory:
    """Return memory for so many pairs side by side."""
    n_layers, n_covariances, n_tangents = (
        len(net.layers),
        values.n_covariances,
        values.n_tangents,
    )
    return _Memory(
        np.empty((n_covariances, n_layers, m)),
        np.empty((n_tangents, n_layers, m)),
        np.empty((n_covariances, m)),
        np.empty((n_tangents, m)),
        np.empty((n_covariances, m)),
        np.empty((n_tangents, m)),
        np.empty((4, m)),
        np.empty((n_covariances - 1, m)),
        np.empty((n_covariances - 1, m)),
        np.empty((6, m)),
    )


@jit
def _step(net, values, m, k, left, right, places, memory):
    """Take m pairs one time further; inputs are in ``memory.q_below[0]``.

    The first side is at row k; the second sides are at `places`.
    """
    q, t, q_below, t_below = (
        memory.q_row,
        memory.t_row,
        memory.q_below,
        memory.t_below,
    )
    q_below[1:] = 0.0
    t_below[:] = 0.0
    for l in range(net.layers.shape[0]):
        for s in range(q.shape[0]):
            q[s, :m] = memory.q[s, l, :m]
        for s in range(t.shape[0]):
            t[s, :m] = memory.t[s, l, :m]
        weigh_rows(q, t, m, net.layers[l, 0], 1.0, values, False)
        weigh_rows(q_below, t_below, m, net.layers[l, 1], 1.0, values, False)
        for s in range(q.shape[0]):
            for e in range(m):
                q[s, e] += q_below[s, e]
        for s in range(t.shape[0]):
            for e in range(m):
                t[s, e] += t_below[s, e]
        memory.sides[0, :m], memory.sides[1, :m] = left[l, 0, k], left[l, 1, k]
        for e in range(m):
            memory.sides[2, e] = right[l, 0, places[e]]
            memory.sides[3, e] = right[l, 1, places[e]]
        for s in range(q.shape[0] - 1):
            memory.left[s, :m] = left[l, 2 + s, k]
            for e in range(m):
                memory.right[s, e] = right[l, 2 + s, places[e]]
        sides = (
            memory.sides[0][:m],
            memory.sides[1][:m],
            memory.sides[2][:m],
            memory.sides[3][:m],
        )
        slots, rows, out = (memory.left, memory.right), (q, t), (memory.q, memory.t)
        activation = net.layers[l, 0, 4], net.parameters[l]
        image_row(activation, sides, slots, rows, memory.work, out, l)
        for s in range(q.shape[0]):
            q_below[s, :m] = memory.q[s, l, :m]
        for s in range(t.shape[0]):
            t_below[s, :m] = memory.t[s, l, :m]


@jit
def _along_ends(net, values, B, task, x, y, memory, out):
    """Write the read-out of one sequence with many.

    `task` are the number of that sequence, the number of the same one among the others
    (-1 for none), and that of the first of the others that is wanted. `B` are the inner
    products of its times with all times of the others; `x` and `y` hold the variances
    and the starts of both sides.
    """
    i, own, first = task
    last, top = y[1].size - 1, net.layers.shape[0] - 1
    begin, end = x[1][i], x[1][i + 1]
    m_all = last - first
    places = np.empty(m_all, np.int64)
    memory.q[:], memory.t[:] = 0.0, 0.0
    out[0][:], out[1][:] = 0.0, 0.0
    for e in range(end - begin, 0, -1):  # times that are left, this one included
        m = 0
        while m < m_all and y[1][first + m + 1] - y[1][first + m] >= e:
            j = first + m
            places[m] = y[1][j + 1] - e
            starting = e == end - begin and y[1][j + 1] - y[1][j] == e
            if starting and (net.shared or j == own):
                memory.q[0, :, m] = net.initial
            m += 1
        if m == 0:
            continue
        for c in range(m):
            memory.q_below[0, c] = B[end - e - begin, places[c]]
        _step(net, values, m, end - e, x[0], y[0], places, memory)
        if net.readout == 2:
            for c in range(m):
                j = first + c
                share = 1.0 / np.sqrt((end - begin) * (y[1][j + 1] - y[1][j]))
                for s in range(memory.q.shape[0]):
                    out[0][s, c] += share * memory.q[s, top, c]
                for s in range(memory.t.shape[0]):
                    out[1][s, c] += share * memory.t[s, top, c]
    if net.readout == 0:
        for s in range(memory.q.shape[0]):
            out[0][s, :m_all] = memory.q[s, top, :m_all]
        for s in range(memory.t.shape[0]):
            out[1][s, :m_all] = memory.t[s, top, :m_all]


@jit
def _all_times(net, values, B, task, x, y, memory, out):
    """Write the mean over all pairs of times; the arguments are as above."""
    i, own, first = task
    last, top = y[1].size - 1, net.layers.shape[0] - 1
    begin, end, origin = x[1][i], x[1][i + 1], y[1][first]
    m = y[1][last] - origin
    places = np.arange(origin, y[1][last])
    memory.q[:], memory.t[:] = 0.0, 0.0
    out[0][:], out[1][:] = 0.0, 0.0
    for k in range(begin, end):
        for l in range(top + 1):  # the time before of both: one place further
            for s in range(memory.q.shape[0]):
                row = memory.q[s, l]
                for e in range(m - 1, 0, -1):
                    row[e] = row[e - 1]
            for s in range(memory.t.shape[0]):
                row = memory.t[s, l]
                for e in range(m - 1, 0, -1):
                    row[e] = row[e - 1]
        for j in range(first, last):
            e = y[1][j] - origin
            memory.q[:, :, e], memory.t[:, :, e] = 0.0, 0.0
            if k == begin and (net.shared or j == own):
                memory.q[0, :, e] = net.initial
        for e in range(m):
            memory.q_below[0, e] = B[k - begin, places[e]]
        _step(net, values, m, k, x[0], y[0], places, memory)
        for j in range(first, last):
            length = y[1][j + 1] - y[1][j]
            share = 1.0 / ((end - begin) * length)
            for e in range(y[1][j] - origin, y[1][j + 1] - origin):
                for s in range(memory.q.shape[0]):
                    out[0][s, j - first] += share * memory.q[s, top, e]
                for s in range(memory.t.shape[0]):
                    out[1][s, j - first] += share * memory.t[s, top, e]


def _side(net: Recurrence, values: Values, X: Sequences):
    """Return the variances of all times in each layer, and the starts."""
    a = np.zeros((values.n_covariances, len(X.rows)))
    a[0] = np.einsum("ij,ij->i", X.rows, X.rows) / X.rows.shape[1]
    out = np.zeros((len(net.layers), 1 + values.n_covariances, len(X.rows)))
    _variances(net, values, a, X.starts, out)
    return out, X.starts


def _covariances(net: Recurrence, values: Values, X: Sequences, Y: Sequences | None):
    """Return covariances and tangents before the read-out's weights."""
    other = X if Y is None else Y
    x = _side(net, values, X)
    y = x if Y is None else _side(net, values, other)
    n, m = len(X.order), len(other.order)
    found = [np.zeros((s, n, m)) for s in (values.n_covariances, values.n_tangents)]
    mean = net.readout == 1
    write = _all_times if mean else _along_ends
    width = len(other.rows) if mean else m

    def make_worker():
        memory = _memory(net, values, width)

        def work(i):
            first = i if Y is None else 0
            rows = X.rows[X.starts[i] : X.starts[i + 1]]
            B = rows @ other.rows.T
            B /= rows.shape[1]
            out = tuple(np.empty((len(part), m - first)) for part in found)
            own = i if Y is None else -1
            write(net, values, B, (i, own, first), x, y, memory, out)
            for part, row in zip(found, out, strict=True):
                part[:, i, first:] = row

        return work

    times = len(X.rows) * (len(other.rows) if mean else m)
    run(range(n), make_worker, times * len(net.layers) * values.n_tangents)
    return found


def sequences(
    net: Recurrence, values: Values, last: Layer, both: bool, X, Y=None
) -> np.ndarray:
    """Return the kernel of sequences, and its derivatives: (n_tangents, n, m).

    Parameters
    ----------
    net : Recurrence
    values : Values
    last : Layer
        The read-out.
    both : bool
        Whether a second network reads the sequences from their ends.
    X, Y : Sequences
        Both sides; `Y` may be None.
    """
    q, t = _covariances(net, values, X, Y)
    if both:
        back = None if Y is None else Y.reversed()
        more = _covariances(net, values, X.reversed(), back)
        q, t = q + more[0], t + more[1]
    other = X if Y is None else Y
    a, c = (np.zeros((len(q), size)) for size in q.shape[1:])
    state = State(values, q, a, c, t)
    found = state.layer(last).kernel(symmetric=Y is None)
    out = np.empty_like(found)
    out[:, X.order[:, None], other.order] = found
    return out


def own_kernels(net: Recurrence, values: Values, last: Layer, both: bool, X):
    """Return the kernel of each sequence with itself: (n_tangents, n)."""
    out = np.empty((values.n_tangents, len(X.order)))
    for k, i in enumerate(X.order):
        rows = X.rows[X.starts[k] : X.starts[k + 1]]
        one = Sequences.of([rows])
        out[:, i] = sequences(net, values, last, both, one)[:, 0, 0]
    return out
