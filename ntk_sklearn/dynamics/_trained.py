"""A trained network of infinite width: its predictions, and their law, at any time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.gaussian_process.kernels import Kernel

from .._models.base import row_slices
from ..solvers._spectrum import Spectrum
from ._path import TrainingPath


class NetworkAtTimes(ABC):
    """A network on its training rows `X`, which learns by a `kernel`."""

    kernel: Callable[..., np.ndarray]
    X: np.ndarray | Sequence

    @abstractmethod
    def coefficients(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Return dual coefficients (n, k) and intercepts (k,) at a time."""

    def predict(self, X, time: float) -> np.ndarray:
        """Return the predictions at one time, (m, k)."""
        dual, intercept = self.coefficients(time)
        found = np.empty((len(X), dual.shape[1]))
        for part in row_slices(len(X), len(self.X)):
            found[part] = self.kernel(X[part], self.X) @ dual + intercept
        return found


@dataclass(frozen=True, eq=False)
class TrainedNetwork(NetworkAtTimes):
    """A network of infinite width on its training rows, at all times of training.

    Attributes
    ----------
    kernel : Kernel
        The kernel by which the network learns.
    X : ndarray of shape (n, n_features) or sequence
        The training rows.
    path : TrainingPath
        The fits at all times.
    mean : ndarray of shape (n,)
        The mean of the rows of the kernel matrix, weighted as the constant demands;
        zeros without a constant.
    """

    kernel: Kernel
    X: np.ndarray | Sequence
    path: TrainingPath
    mean: np.ndarray

    @classmethod
    def of(cls, kernel: Kernel, X, K: np.ndarray, path: TrainingPath) -> TrainedNetwork:
        """Return the network with the given kernel matrix of its rows."""
        weights = path.spectrum.weights
        mean = weights.weight / weights.total @ K
        return cls(kernel, X, path, mean if path.spectrum.intercept else 0.0 * mean)

    @property
    def spectrum(self) -> Spectrum:
        """The eigenvalues and eigenvectors of the kernel matrix."""
        return self.path.spectrum

    @property
    def shares(self) -> np.ndarray:
        """The weight of each row in the constant; zeros without a constant."""
        weight = self.spectrum.weights.weight
        return weight / weight.sum() * float(self.spectrum.intercept)

    def coefficients(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Return dual coefficients (n, k) and intercepts (k,) at a time."""
        dual = self.path.at(time).dual_coef(self.path.Y)
        return dual, self.shares @ self.path.Y - self.mean @ dual

    def stages(self, K: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return predictions at many times.

        Parameters
        ----------
        K : ndarray of shape (m, n)
            Kernel matrix of the rows to predict and the training rows.
        times : ndarray of shape (n_times,)
            Times, from 0 to infinity.

        Returns
        -------
        ndarray of shape (n_times, m, k)
        """
        targets = self.spectrum.coordinates(self.path.Y)
        along = self.along(K)
        gains = np.array([self.path.at(time).gain for time in times])
        # One product for all times and outputs.
        rank, k = targets.shape
        scaled = gains.reshape(len(times), rank, 1) * targets
        flat = along @ scaled.transpose(1, 0, 2).reshape(rank, len(times) * k)
        found = flat.reshape(len(K), len(times), k).transpose(1, 0, 2)
        return found + self.shares @ self.path.Y

    def along(self, K):
        """Return centred kernel values along each eigenvector, (m, r)."""
        root = np.sqrt(self.spectrum.weights.weight)
        return (K - self.mean) @ (root[:, None] * self.spectrum.vectors)

    def hat(self, K: np.ndarray, time: float) -> np.ndarray:
        """Return the matrix (m, n) by which residuals at the start move predictions."""
        spectrum = self.spectrum
        root = np.sqrt(spectrum.weights.weight)
        moved = self.along(K) * self.path.at(time).gain
        return moved @ (spectrum.vectors.T * root) + self.shares
