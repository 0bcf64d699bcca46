"""The hyperparameter `layer_weights`, which kernels of several kinds have."""

from __future__ import annotations

import numpy as np

from ._theta import ThetaKernel


class LayerWeights(ThetaKernel):
    """Base class of kernels that are linear in `layer_weights`, ones by default."""

    _linear_hyperparameter = "layer_weights"
    normalize = False  # a parameter of some kernels

    @property
    def linear(self):
        """Mask of the entries of theta in whose exponentials the kernel is linear."""
        found = super().linear
        return np.zeros_like(found) if self.normalize else found

    def _normalised_diagonal(self, found: np.ndarray) -> np.ndarray:
        """Return a diagonal as `normalize` makes it: ones, and zeros where it is."""
        return (found > 0.0).astype(np.float64) if self.normalize else found

    def _n_terms(self) -> int:
        """Return the number of terms of the kernel, each of which has a weight."""
        raise NotImplementedError

    @property
    def hyperparameter_layer_weights(self):
        """The layer weights, as scikit-learn describes them."""
        free = self._free("layer_weights")
        if not (isinstance(self.layer_weights_bounds, str) or free.all()):
            zero = int(np.argmin(free))
            raise ValueError(
                f"layer_weights is zero at entry {zero + 1}, and a zero has no "
                'logarithm to be learned: pass layer_weights_bounds="fixed" or a '
                f"small positive weight, got {self.layer_weights!r} with "
                f"layer_weights_bounds={self.layer_weights_bounds!r}."
            )
        return self._hyperparameter("layer_weights")

    def value(self, name):
        """Return the value of a hyperparameter, with defaults filled in.

        Parameters
        ----------
        name : str
            Such as ``"layer_weights"``, which are ones by default.

        Returns
        -------
        float or array-like
        """
        if name == "layer_weights" and self.layer_weights is None:
            return np.ones(self._n_terms())
        return super().value(name)
