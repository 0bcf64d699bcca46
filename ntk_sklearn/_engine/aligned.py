"""Rows of aligned pairs through an activation, with derivatives where they are wanted.

A derivative in any number is carried forward along with the value, as a further matrix
on the same path; `linear_steps` says how the matrices are numbered.
"""

from __future__ import annotations

import numpy as np

from .._utils.jit import jit, jit_views
from ..activations._pairs import mean, pairs, slopes
from ..activations._rectified import CODE as RECTIFIED

# Variances that pass an activation at once, in the nearest cache.
PART = 512


@jit_views
def image_row(activation, sides, turns, rows, work, out, k, first):
    """Take a row of aligned pairs through an activation, into row k of `out`.

    It is written from place `first` on.

    Parameters
    ----------
    activation : tuple
        The activation; see `PairActivation`.
    sides : tuple of four ndarray of shape (m,)
        Roots of the variances of both sides, each followed by the inverses.
    turns : ndarray of shape (2, n_variance_slots, m), or None
        Derivatives of the variances of both sides. Code for None is compiled apart,
        and has nothing of derivatives of activations.
    rows : ndarray of shape (n_matrices, m)
        The matrices: a row of each.
    work : ndarray of shape (7, m)
        Memory to work in.
    out : ndarray of shape (n_matrices, n_rows, m)
        The images.
    """
    code, parameters, series = activation
    n, A, D = sides[0].size, out[0, k][first:], work[6]
    pairs(code, parameters, series, rows[0][:n], sides, A, D)
    n_variances = 0
    if turns is not None:
        n_variances = turns.shape[1]
        slopes(code, parameters, series, rows[0][:n], sides, D, work)
        last, theta = rows.shape[0] - n_variances, rows[1 + n_variances]
        for s in range(n_variances):
            dq, dt, a, c = rows[1 + s], rows[last + s], turns[0, s], turns[1, s]
            q_out, t_out = out[1 + s, k][first:], out[last + s, k][first:]
            for e in range(n):
                turn = work[2, e] * a[e] + work[3, e] * dq[e] + work[4, e] * c[e]
                t_out[e] = D[e] * dt[e] + theta[e] * turn
                q_out[e] = work[5, e] * dq[e] + work[0, e] * a[e] + work[1, e] * c[e]
    for s in range(1 + n_variances, rows.shape[0] - n_variances):
        row, t_out = rows[s], out[s, k][first:]
        for e in range(n):
            t_out[e] = row[e] * D[e]


@jit_views
def roots(variances, out):
    """Write the roots of variances, and the inverses of these; zero for zero."""
    for k in range(variances.size):
        n = np.sqrt(max(variances[k], 0.0))
        out[0, k] = n
        out[1, k] = 1.0 / n if n > 0.0 else 0.0


@jit
def image_variances(activation, a, derive):
    """Take variances, and their derivatives, through an activation, in place.

    `derive` is None if there are no derivatives, see `image_row`, or else True.
    """
    code, parameters, series = activation
    if code == RECTIFIED:  # a factor of the variance, and so of its derivatives
        for s in range(a.shape[0]):
            for k in range(a.shape[1]):
                a[s, k] *= parameters[1]
        return
    left, work = np.empty((2, PART)), np.empty((8, PART))
    for start in range(0, a.shape[1], PART):
        q = a[0, start : start + PART]
        n = q.size
        roots(q, left)
        sides = left[0, :n], left[1, :n], left[0, :n], left[1, :n]
        pairs(code, parameters, series, q, sides, work[7], work[6])
        if derive is not None:
            slopes(code, parameters, series, q, sides, work[6], work)
            for s in range(1, a.shape[0]):
                for k in range(n):
                    a[s, start + k] *= work[0, k] + work[1, k] + work[5, k]
        for k in range(n):
            q[k] = work[7, k]


@jit
def means(activation, a, out):
    """Write the mean of an activation for each variance, and its derivative."""
    code, parameters, series = activation
    for k in range(a.size):
        out[0, k], out[1, k] = mean(code, parameters, series, a[k])


@jit
def image_rows(activation, a, c, turns, q, t, start, stop):
    """Take rows of matrices of all pairs through an activation, in place.

    `a` and `c` are the variances of both sides, each followed by its derivatives;
    `turns` is None, or memory for these: (2, n_variance_slots, m).
    """
    n_covariances, m = q.shape[0], q.shape[2]
    left, right, one = np.empty((2, m)), np.empty((2, m)), np.empty((2, 1))
    rows, work = np.empty((n_covariances + t.shape[0], m)), np.empty((7, m))
    out = np.empty((rows.shape[0], 1, m))
    roots(c[0], right)
    sides = left[0], left[1], right[0], right[1]
    for i in range(start, stop):
        roots(a[0, i : i + 1], one)
        for e in range(m):
            left[0, e], left[1, e] = one[0, 0], one[1, 0]
        if turns is not None:
            for s in range(n_covariances - 1):
                for e in range(m):
                    turns[0, s, e], turns[1, s, e] = a[1 + s, i], c[1 + s, e]
        for s in range(rows.shape[0]):
            seen = q[s, i] if s < n_covariances else t[s - n_covariances, i]
            for e in range(m):
                rows[s, e] = seen[e]
        image_row(activation, sides, turns, rows, work, out, 0, 0)
        for s in range(rows.shape[0]):
            to = q[s, i] if s < n_covariances else t[s - n_covariances, i]
            for e in range(m):
                to[e] = out[s, 0, e]


@jit
def image_own(activation, a, turns, t):
    """Take each input with itself through an activation, in place; see `image_rows`."""
    n_covariances, m = a.shape
    left, work = np.empty((2, m)), np.empty((7, m))
    roots(a[0], left)
    sides = left[0], left[1], left[0], left[1]
    rows = np.empty((n_covariances + t.shape[0], m))
    out = np.empty((rows.shape[0], 1, m))
    for s in range(rows.shape[0]):
        for e in range(m):
            own = a[s, e] if s < n_covariances else t[s - n_covariances, 0, e]
            rows[s, e] = own
    if turns is not None:
        for s in range(n_covariances - 1):
            for e in range(m):
                turns[0, s, e], turns[1, s, e] = a[1 + s, e], a[1 + s, e]
    image_row(activation, sides, turns, rows, work, out, 0, 0)
    for s in range(rows.shape[0]):
        for e in range(m):
            if s < n_covariances:
                a[s, e] = out[s, 0, e]
            else:
                t[s - n_covariances, 0, e] = out[s, 0, e]
