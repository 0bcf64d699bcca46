"""A weighted sum of fixed kernel matrices, while its weights change."""

from __future__ import annotations

import numpy as np


class TermsOnRows:
    """A kernel on fixed rows that is a weighted sum of terms, for changes of theta.

    Parameters
    ----------
    terms : ndarray of shape (n_terms, n, n)
        The kernel matrices of the terms.
    weights : ndarray of shape (n_terms,)
        Their weights at the start.
    free : ndarray of int
        The terms whose weights are entries of theta, in this order.
    normalize : bool
        Whether the sum is divided by the roots of its diagonal.
    """

    def __init__(self, terms, weights, free, normalize: bool):
        self._terms, self._weights = terms, np.array(weights)
        self._free, self._normalize = free, normalize
        self._diagonals = np.einsum("kii->ki", terms)

    def set_theta(self, theta) -> None:
        """Set theta; minus infinity means a weight of zero."""
        self._weights[self._free] = np.exp(theta)

    def gram(self) -> np.ndarray:
        """Return the kernel matrix: a new array."""
        n = self._terms.shape[1]
        K = (self._weights @ self._terms.reshape(len(self._terms), -1)).reshape(n, n)
        if self._normalize:
            diagonal = np.diag(K).copy()
            K = normalised(K, diagonal, diagonal)
        return K

    def contract(self, G) -> np.ndarray:
        """Return ``sum(G * dK / dtheta)`` for a symmetric G."""
        if self._normalize:
            diagonal = self._weights @ self._diagonals
            # The kernel depends on the sum of terms itself, and on its diagonal.
            by_diagonal = -np.sum(G * self.gram(), axis=1) / _positive(diagonal)
            G = normalised(np.array(G, dtype=np.float64), diagonal, diagonal)
            np.fill_diagonal(G, np.diag(G) + by_diagonal)
        flat = np.ascontiguousarray(G).ravel()
        found = [self._terms[i].ravel() @ flat for i in self._free]
        return self._weights[self._free] * np.array(found)

    def gradient(self) -> np.ndarray:
        """Return the derivatives of the kernel matrix by theta, (n, n, n_dims)."""
        shape = (*self._terms.shape[1:], len(self._free))
        out, K = np.empty(shape), self.gram() if self._normalize else None
        for k, i in enumerate(self._free):
            term = self._weights[i] * self._terms[i]
            if K is not None:
                diagonal = self._weights @ self._diagonals
                moved = self._weights[i] * self._diagonals[i] / _positive(diagonal)
                term = normalised(term, diagonal, diagonal)
                term -= 0.5 * K * (moved[:, None] + moved)
            out[..., k] = term
        return out


def normalised(K: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Divide a kernel matrix by the roots of two diagonals, in place.

    Where a diagonal is zero, the kernel is zero too, and stays so.
    """
    left, right = np.sqrt(_positive(left)), np.sqrt(_positive(right))
    K /= np.outer(left, right)  # one division: the result is exactly symmetric
    return K


def _positive(diagonal: np.ndarray) -> np.ndarray:
    return np.where(diagonal > 0.0, diagonal, 1.0)


def normalised_tangents(found: np.ndarray, diagonals: np.ndarray) -> np.ndarray:
    """Return a kernel and its derivatives, divided by the roots of its diagonal."""
    positive = np.where(diagonals[0] > 0.0, diagonals[0], 1.0)
    out = np.stack([normalised(part, positive, positive) for part in found])
    for part, moved in zip(out[1:], diagonals[1:], strict=True):
        share = moved / positive
        np.subtract(part, 0.5 * out[0] * (share[:, None] + share), out=part)
    return out
