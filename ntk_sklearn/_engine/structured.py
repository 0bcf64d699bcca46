"""Covariances and tangents of pairs, step by step: what all structured networks share.

Networks of images, sequences and graphs differ in how they add up covariances, of
pixels, times or nodes. What happens between two sums is the same for all: a layer
multiplies by the variance of its weights, adds the variance of its biases, starts the
term of each of its tensors, and passes an activation. A derivative in any number is
carried forward along with the value, as a further matrix on the same path.
"""

from __future__ import annotations

import numpy as np

from .._utils.threads import run
from ..activations._base import Activation
from ..activations._pairs import PairActivation
from .aligned import image_own, image_rows, image_variances
from .linear_steps import Layer, Steps, Values, covariance_steps, steps_of


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
        take(steps_of(self.values, layer), [*self.q, *self.t])
        for part in self._parts()[1:]:
            take(covariance_steps(self.values, layer), list(part))
        return self

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
        pair = PairActivation.of(activation)
        n, m = self.q.shape[1:]
        n_variances = self.values.n_variance_slots

        def turns():
            return np.empty((2, n_variances, m)) if n_variances else None

        if self.own:
            image_own(pair, self.a, turns(), self.t)
            return self
        a, c = self.a, self.c

        def make_worker():
            room = turns()
            return lambda rows: image_rows(pair, a, c, room, self.q, self.t, *rows)

        step = max(1, 20_000 // m)
        tasks = ((i, min(i + step, n)) for i in range(0, n, step))
        run(tasks, make_worker, n * m * self.values.n_tangents)
        derive = True if n_variances else None
        for part in self._parts()[1:]:
            image_variances(pair, part, derive)
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


def take(steps: Steps, matrices: list[np.ndarray]) -> None:
    """Take the steps of a layer, with whole matrices, in place."""
    for (to, source), (scale, factor, shift) in zip(*steps, strict=True):
        matrices[to] *= scale
        if factor:
            matrices[to] += factor * matrices[source]
        matrices[to] += shift


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
