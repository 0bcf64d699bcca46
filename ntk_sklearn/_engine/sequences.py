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

from .._utils.threads import run
from .linear_steps import Layer, Values, covariance_steps, steps_of
from .recurrence import Net, Recurrence, all_times, ends, memory_of, variances
from .structured import State


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


def _side(net: Recurrence, values: Values, X: Sequences):
    """Return the variances of all times in each layer, and the starts."""
    a = np.zeros((values.n_covariances, len(X.rows)))
    a[0] = np.einsum("ij,ij->i", X.rows, X.rows) / X.rows.shape[1]
    out = np.zeros((len(net.activations), 1 + values.n_covariances, len(X.rows)))
    compiled = Net.of(net, values, covariance_steps)
    variances(compiled, a, X.starts, out, True if len(a) > 1 else None)
    return out, X.starts


def _covariances(net: Recurrence, values: Values, X: Sequences, Y: Sequences | None):
    """Return covariances and tangents before the read-out's weights."""
    other = X if Y is None else Y
    x = _side(net, values, X)
    y = x if Y is None else _side(net, values, other)
    n, m = len(X.order), len(other.order)
    k = values.n_covariances
    found = np.zeros((k + values.n_tangents, n, m))
    mean, compiled = net.readout == 1, Net.of(net, values, steps_of)
    write = all_times if mean else ends
    width = len(other.rows) if mean else m

    def make_worker():
        memory = memory_of(compiled, len(found), width)
        turns = np.empty((2, k - 1, width)) if k > 1 else None

        def work(i):
            first = i if Y is None else 0
            rows = X.rows[X.starts[i] : X.starts[i + 1]]
            B = rows @ other.rows.T
            B /= rows.shape[1]
            out = np.empty((len(found), m - first))
            task = (i, i if Y is None else -1, first)
            write(compiled, B, task, x, y, memory, turns, out)
            found[:, i, first:] = out

        return work

    times = len(X.rows) * (len(other.rows) if mean else m)
    run(range(n), make_worker, times * len(net.activations) * values.n_tangents)
    return found[:k], found[k:]


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
