"""Covariances and tangents of pairs, step by step: what all structured networks share.

Networks of images, sequences and graphs differ in how they add up covariances, of
pixels, times or nodes. What happens between two sums is the same for all: a layer
multiplies by the variance of its weights, adds the variance of its biases, starts the
term of each of its tensors, and passes an activation. A derivative in any number is
carried forward along with the value, as a further matrix on the same path.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils.jit import jit
from .._utils.threads import run
from ..activations._base import Activation
from ..activations._pairs import mean, pairs, slopes


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


@jit
def image_row(activation, sides, slots, rows, work, out, k):
    """Take a row of aligned pairs through an activation, into row k of `out`.

    Parameters
    ----------
    activation : tuple
        The code and the parameters of the activation.
    sides : tuple of four ndarray of shape (m,)
        Roots of the variances of both sides, each followed by the inverses.
    slots : tuple of two ndarray of shape (n_variance_slots, m)
        Derivatives of the variances of both sides.
    rows : tuple of two ndarray, of n_covariances and n_tangents rows
        Row 0 of the first is the covariance, then come its derivatives in variances;
        row 0 of the second is the kernel, then come its derivatives in learning rates
        and in the variances.
    work : ndarray of shape (6, m)
        Memory to work in.
    out : tuple of two ndarray of three dimensions
        The images, matrix by matrix, each with a row k.
    """
    code, parameters = activation
    (q, t), D = rows, work[5]
    n_rates = t.shape[0] - q.shape[0]
    size, theta, A = sides[0].size, t[0], out[0][0, k]
    pairs(code, parameters, q[0][:size], sides, A, D)
    if q.shape[0] > 1:
        slopes(code, parameters, q[0][:size], sides, work)
        for s in range(q.shape[0] - 1):
            dq, dt, a, c = q[1 + s], t[1 + n_rates + s], slots[0][s], slots[1][s]
            q_out, t_out = out[0][1 + s, k], out[1][1 + n_rates + s, k]
            for e in range(size):
                turn = work[2, e] * a[e] + work[3, e] * dq[e] + work[4, e] * c[e]
                t_out[e] = D[e] * dt[e] + theta[e] * turn
                q_out[e] = D[e] * dq[e] + work[0, e] * a[e] + work[1, e] * c[e]
    for s in range(1 + n_rates):
        row, t_out = t[s], out[1][s, k]
        for e in range(size):
            t_out[e] = row[e] * D[e]


@jit
def roots(variances, out):
    """Write the roots of variances, and the inverses of these; zero for zero."""
    for k in range(variances.size):
        n = np.sqrt(max(variances[k], 0.0))
        out[0, k] = n
        out[1, k] = 1.0 / n if n > 0.0 else 0.0


@jit
def _image_rows(activation, a, c, q, t, start, stop):
    """Take rows of a matrix of pairs through an activation, in place."""
    m, n_variances = q.shape[2], q.shape[0] - 1
    left, right, one = np.empty((2, m)), np.empty((2, m)), np.empty((2, 1))
    da, dc, work = np.empty((n_variances, m)), c[1:], np.empty((6, m))
    rows = np.empty((q.shape[0], m)), np.empty((t.shape[0], m))
    roots(c[0], right)
    sides = left[0], left[1], right[0], right[1]
    for i in range(start, stop):
        roots(a[0, i : i + 1], one)
        left[0, :], left[1, :] = one[0, 0], one[1, 0]
        for s in range(n_variances):
            da[s, :] = a[1 + s, i]
        for s in range(q.shape[0]):
            rows[0][s, :] = q[s, i]
        for s in range(t.shape[0]):
            rows[1][s, :] = t[s, i]
        image_row(activation, sides, (da, dc), rows, work, (q, t), i)


@jit
def image_variances(code, parameters, a):
    """Take variances, and their derivatives, through an activation, in place."""
    m = a.shape[1]
    left, work, A = np.empty((2, m)), np.empty((6, m)), np.empty(m)
    roots(a[0], left)
    sides = left[0], left[1], left[0], left[1]
    pairs(code, parameters, a[0], sides, A, work[5])
    if a.shape[0] > 1:
        slopes(code, parameters, a[0], sides, work)
    for s in range(1, a.shape[0]):
        for k in range(m):
            a[s, k] *= work[0, k] + work[1, k] + work[5, k]
    a[0, :] = A


@jit
def _image_own(activation, a, t):
    """Take each input with itself through an activation, in place."""
    m = a.shape[1]
    left = np.empty((2, m))
    roots(a[0], left)
    sides, da = (left[0], left[1], left[0], left[1]), a[1:].copy()
    rows, work = (a.copy(), t[:, 0].copy()), np.empty((6, m))
    out = a.reshape(a.shape[0], 1, m), t
    image_row(activation, sides, (da, da), rows, work, out, 0)


@jit
def weigh_rows(q, t, m, layer, share, values, fresh):
    """Pass the weights and biases of a layer, in place: what `State.layer` does.

    `layer` holds the fields of a `Layer`, `share` is a factor of the variance of its
    weights, and with `fresh` no kernel has been started yet.
    """
    weight, bias, weight_tensor, bias_tensor = layer[0], layer[1], layer[2], layer[3]
    variance, slot = values.variances[weight] * share, values.variance_slots[weight]
    rate, theta, row = values.rates[weight_tensor], t[0], q[0]
    n_rates = t.shape[0] - q.shape[0]
    shift, shift_slot, shift_rate = 0.0, -1, 0.0
    if bias >= 0:
        shift, shift_slot = values.variances[bias], values.variance_slots[bias]
        shift_rate = values.rates[bias_tensor]
    for s in range(t.shape[0]):
        part = t[s]
        if fresh:
            for e in range(m):
                part[e] = 0.0
        elif s > 0:
            for e in range(m):
                part[e] *= variance
    for s in range(1, q.shape[0]):
        part = q[s]
        for e in range(m):
            part[e] *= variance
    added = shift_rate * shift
    if t.shape[0] == 1:  # the kernel alone, in one pass
        for e in range(m):
            value = row[e] * variance
            theta[e] = (variance * theta[e] + rate * value) + added
            row[e] = value + shift
        return
    for e in range(m):
        old, value = theta[e], row[e] * variance
        theta[e] = (variance * old + rate * value) + added
        row[e] = value
    if q.shape[0] > 1:
        if slot >= 0:
            dq, dt = q[1 + slot], t[1 + n_rates + slot]
            for e in range(m):
                dq[e] += row[e]
                dt[e] += theta[e] - rate * row[e] - added
        for s in range(1, q.shape[0]):
            dq, dt = q[s], t[n_rates + s]
            for e in range(m):
                dt[e] += rate * dq[e]
        if shift_slot >= 0:
            dq, dt = q[1 + shift_slot], t[1 + n_rates + shift_slot]
            for e in range(m):
                dq[e] += shift
                dt[e] += added
    slot = values.rate_slots[weight_tensor]
    if slot >= 0:
        part = t[1 + slot]
        for e in range(m):
            part[e] += row[e]
    if bias >= 0 and values.rate_slots[bias_tensor] >= 0:
        part = t[1 + values.rate_slots[bias_tensor]]
        for e in range(m):
            part[e] += shift
    if shift != 0.0:
        for e in range(m):
            row[e] += shift


@jit
def means(code, parameters, a, out):
    """Write the mean of an activation for each variance, and its derivative."""
    for k in range(a.size):
        out[0, k], out[1, k] = mean(code, parameters, a[k])


class State:
    """The covariances and tangents of all pairs of two sets of inputs, at some layer.

    Parameters
    ----------
    values : Values
    q : ndarray of shape (n_covariances, n, m)
        Covariances, and their derivatives; changed in place.
    a : ndarray of shape (n_covariances, n)
        Variances of the first set.
    c : ndarray of shape (n_covariances, m)
        Variances of the second set.
    t : ndarray of shape (n_tangents, n, m), default=None
        The kernel so far, and its derivatives; None means zeros.

    For one input with itself, see `of_variances`.
    """

    def __init__(self, values: Values, q, a, c, t=None):
        self.values, self.q, self.a, self.c = values, q, a, c
        if t is None:
            t = np.zeros((values.n_tangents, *q.shape[1:]))
        self.t = t
        self.own = False

    @classmethod
    def of_variances(cls, values: Values, a, t=None) -> State:
        """Return the state of each input with itself: a matrix of one row."""
        state = cls(values, a[:, None], a, a, t)
        state.own = True
        return state

    def layer(self, layer: Layer) -> State:
        """Pass a layer's weights and biases, and start the terms of its tensors."""
        self.weigh(layer)
        self.shift(layer)
        return self

    def weigh(self, layer: Layer) -> None:
        """Multiply by the variance of a layer's weights, and start their term."""
        values, n_rates = self.values, self.values.n_rate_slots
        variance, slot = (
            values.variances[layer.weight],
            values.variance_slots[layer.weight],
        )
        for part in self._parts():
            np.multiply(part, variance, out=part)
            if slot >= 0:
                part[1 + slot] += part[0]
        self.t *= variance
        if slot >= 0:
            self.t[1 + n_rates + slot] += self.t[0]
        if layer.weight_tensor >= 0:
            self.start(layer.weight_tensor, self.q)

    def shift(self, layer: Layer) -> None:
        """Add the variance of a layer's biases, and start their term."""
        if layer.bias < 0:
            return
        values = self.values
        variance, slot = values.variances[layer.bias], values.variance_slots[layer.bias]
        for part in self._parts():
            part[0] += variance
            if slot >= 0:
                part[1 + slot] += variance
        if layer.bias_tensor >= 0:
            own = np.zeros((values.n_covariances, 1, 1))
            own[0] = variance
            if slot >= 0:
                own[1 + slot] = variance
            self.start(layer.bias_tensor, own)

    def start(self, tensor: int, own: np.ndarray) -> None:
        """Add a tensor's own term, times its learning rate, to the kernel."""
        values, n_rates = self.values, self.values.n_rate_slots
        rate, slot = values.rates[tensor], values.rate_slots[tensor]
        self.t[0] += rate * own[0]
        if slot >= 0:
            self.t[1 + slot] += own[0]
        for s in range(values.n_variance_slots):
            self.t[1 + n_rates + s] += rate * own[1 + s]

    def activate(self, activation: Activation) -> State:
        """Pass an activation."""
        pair = activation.code, activation.parameters
        n, m = self.q.shape[1:]
        if self.own:
            a = self.a
            _image_own(pair, self.a, self.t)
            return self
        a, c = self.a, self.c

        def make_worker():
            return lambda rows: _image_rows(pair, a, c, self.q, self.t, *rows)

        step = max(1, 20_000 // m)
        tasks = ((i, min(i + step, n)) for i in range(0, n, step))
        run(tasks, make_worker, n * m * self.values.n_tangents)
        image_variances(*pair, self.a)
        if self.c is not self.a:
            image_variances(*pair, self.c)
        return self

    def copy(self) -> State:
        """Return a state that changes on its own."""
        a = self.a.copy()
        c = a if self.c is self.a else self.c.copy()
        q = a[:, None] if self.own else self.q.copy()
        state = State(self.values, q, a, c, self.t.copy())
        state.own = self.own
        return state

    def scale(self, factor: float) -> State:
        """Multiply everything by a number, as if outputs had its root as a factor."""
        for part in (*self._parts(), self.t):
            np.multiply(part, factor, out=part)
        return self

    def add(self, other: State) -> State:
        """Add a state whose outputs are independent of these."""
        for mine, theirs in zip(self._parts(), other._parts(), strict=True):
            np.add(mine, theirs, out=mine)
        self.t += other.t
        return self

    def _parts(self) -> list[np.ndarray]:
        """Return the covariances and variances, each once."""
        if self.own:
            return [self.a]
        return [self.q, self.a] if self.c is self.a else [self.q, self.a, self.c]

    def kernel(self, symmetric: bool = False) -> np.ndarray:
        """Return the kernel and its derivatives; the copy halves of a symmetric one."""
        if symmetric:
            lower = np.tri(self.t.shape[1], k=-1, dtype=bool)
            for part in self.t:
                part[lower] = part.T[lower]
        return self.t


def first_state(values: Values, X, Y=None) -> State:
    """Return the state of rows: their inner products over the number of features."""
    scale = 1.0 / X.shape[1]
    n, m = len(X), len(X if Y is None else Y)
    q = np.zeros((values.n_covariances, n, m))
    q[0] = scale * (X @ (X if Y is None else Y).T)
    a = first_variances(values, X)
    return State(values, q, a, a if Y is None else first_variances(values, Y))


def first_variances(values: Values, X) -> np.ndarray:
    """Return the mean squares of rows, and their derivatives, which are zero."""
    a = np.zeros((values.n_covariances, len(X)))
    a[0] = np.einsum("ij,ij->i", X, X) / X.shape[1]
    return a
